# SPDX-License-Identifier: Apache-2.0
"""GUID partition tables, checked by sgdisk and sfdisk."""
import re
import struct
import zipfile
import zlib

BLOCK = 512
DISK = "b443fbeb-2c93-481b-88b3-0ecb0aeba911"
LINUX = "0fc63daf-8483-4772-8e79-3d69d8477de4"
EFI = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"


def guid(n):
    return f"5278721d-0089-4768-85df-b8f1b97e66{int(n) % 256 if str(n).isdigit() else 255:02x}"


def partition(n, offset, count, extra="", kind=LINUX):
    return (f'  partition {n} {{ block-offset = {offset} block-count = {count} type = "{kind}" guid = "{guid(n)}" '
            f'{extra} }}\n')


THREE = (partition(0, 64, 128, 'name = "efi system" boot = true', EFI) + partition(1, 192, 1000, 'name = "a"')
         + partition(5, 2048, 3000, 'name = "b" flags = "0x8000000000000001"'))


def conf(partitions, disk=DISK):
    return f'gpt table {{\n  guid = "{disk}"\n{partitions}}}\ntask complete {{ on-init {{ gpt_write(table) }} }}\n'


def create(t, text):
    (t.dir / "x.conf").write_text(text)
    return t.run([t.bin("fwpack"), "-c", "-f", "x.conf", "-o", "x.fw"])


def make(t, text):
    r = create(t, text)
    assert r.returncode == 0, r.stdout + r.stderr


def apply(t, *options, image="disk.img", task="complete"):
    return t.run([t.bin("fwpack"), "-a", "-q", "-i", "x.fw", "-t", task, "-d", image, *options])


def applied(t, *options):
    r = apply(t, *options)
    assert r.returncode == 0, r.stdout + r.stderr
    return t.dir / "disk.img"


def check_tools(t, image):
    """No tool finds a problem."""
    r = t.run([t.need("sgdisk"), "-v", image])
    assert r.returncode == 0 and "No problems found" in r.stdout, r.stdout + r.stderr
    # It may say that a partition is not aligned.
    other = re.sub(r"Caution: Partition \d+ doesn't (begin|end) on a", "", r.stdout + r.stderr)
    assert not re.search("warning|caution|problem:", other, re.I), r.stdout + r.stderr
    r = t.run([t.need("sfdisk"), "--verify", image])
    assert r.returncode == 0 and "No errors detected" in r.stdout, r.stdout + r.stderr
    assert not r.stderr, r.stderr


def sfdisk(t, image):
    """{number: (start, size, type, guid, name, attributes)}"""
    r = t.run([t.need("sfdisk"), "-d", image])
    assert r.returncode == 0 and "label: gpt" in r.stdout and f"label-id: {DISK.upper()}" in r.stdout, r.stdout + r.stderr
    found = {}
    for line in r.stdout.splitlines():
        m = re.match(r".*\.img(\d+) : start= *(\d+), size= *(\d+), type=([\w-]+), uuid=([\w-]+)(.*)", line)
        if m:
            name, attrs = (re.search(f'{key}="(.*?)"', m[6]) for key in ("name", "attrs"))
            found[int(m[1])] = (int(m[2]), int(m[3]), m[4].lower(), m[5].lower(), name[1] if name else "",
                                attrs[1] if attrs else "")
    return found


def sgdisk(t, image, number):
    """The same for one partition, by the other program."""
    text = t.run([t.need("sgdisk"), "-i", number, image]).stdout
    get = lambda key: re.search(f"{key}: '?([^ '\n]*)", text)[1]  # noqa: E731
    return (int(get("First sector")), int(get("Partition size")), get("Partition GUID code").lower(),
            get("Partition unique GUID").lower(), re.search("Partition name: '(.*)'", text)[1],
            int(get("Attribute flags"), 16))


def headers(data):
    """(current, backup, first usable, last usable, table) of both headers, whose checksums must be correct."""
    found = []
    last = len(data) // BLOCK - 1
    for block in (1, last):
        h = data[block * BLOCK:(block + 1) * BLOCK]
        assert h[:8] == b"EFI PART" and not any(h[92:]), block
        crc, current, backup, first, end = struct.unpack_from("<I4xQQQQ", h, 16)
        assert crc == zlib.crc32(h[:16] + bytes(4) + h[20:92])
        table, count, size, table_crc = struct.unpack_from("<QIII", h, 72)
        assert (count, size) == (128, 128)
        assert table_crc == zlib.crc32(data[table * BLOCK:table * BLOCK + 16384])
        found.append((current, backup, first, end, table))
    return found


def test_tools_find_no_fault_in_an_image_of_the_right_size(t):
    make(t, conf(THREE))
    for blocks in (8192, 5083, 8191, 5082, 100_001):
        image = t.dir / "disk.img"
        image.unlink(missing_ok=True)
        applied(t, "--max-size", blocks)
        with open(image, "r+b") as f:
            f.truncate(blocks * BLOCK)  # fwpack wrote up to the end, or left only zeros there
        check_tools(t, image)
        last = blocks - 34
        assert headers(image.read_bytes()) == [(1, blocks - 1, 34, last, 2), (blocks - 1, 1, 34, last, blocks - 33)]
        assert sfdisk(t, image) == {
            1: (64, 128, EFI, guid(0), "efi system", "LegacyBIOSBootable"),
            2: (192, 1000, LINUX, guid(1), "a", ""),
            6: (2048, 3000, LINUX, guid(5), "b", "RequiredPartition GUID:63"),
        }
        assert sgdisk(t, image, 1) == (64, 128, EFI, guid(0), "efi system", 4)
        assert sgdisk(t, image, 6) == (2048, 3000, LINUX, guid(5), "b", 0x8000000000000001)


def test_image_is_as_long_as_max_size_says(t):
    """Otherwise the backup would not be where tools look for it."""
    make(t, conf(THREE))
    image = applied(t, "--max-size", 8191)
    assert image.stat().st_size == 8191 * BLOCK


def test_new_image_without_a_size_ends_34_blocks_behind_the_last_partition(t):
    """Not at its end, because an image has a whole number of segments; sgdisk can move the backup there."""
    make(t, conf(THREE))
    image = applied(t)
    data = image.read_bytes()
    needed = 2048 + 3000 + 34
    assert len(data) % 131072 == 0 and len(data) >= needed * BLOCK
    assert headers(data[:needed * BLOCK]) == [(1, needed - 1, 34, needed - 34, 2), (needed - 1, 1, 34, needed - 34, needed - 33)]
    assert not any(data[needed * BLOCK:])
    with open(image, "r+b") as f:
        f.truncate(needed * BLOCK)
    check_tools(t, image)


def expanded(blocks, offset):
    """Up to the block before the last usable one, as in the reference."""
    return blocks - 34 - offset


def test_expand_reaches_to_the_end(t):
    parts = partition(0, 64, 128) + partition(3, 4096, 100, "expand = true")
    make(t, conf(parts))
    for blocks in (4096 + 100 + 33, 4096 + 100 + 34, 4096 + 100 + 35, 8192, 1_000_000):
        (t.dir / "disk.img").unlink(missing_ok=True)
        image = applied(t, "--max-size", blocks)
        check_tools(t, image)
        assert sfdisk(t, image)[4][:2] == (4096, max(expanded(blocks, 4096), 100)), blocks


def test_expand_without_a_size_changes_nothing(t):
    make(t, conf(partition(3, 4096, 100, "expand = true")))
    image = applied(t)
    with open(image, "r+b") as f:
        f.truncate((4096 + 100 + 34) * BLOCK)
    check_tools(t, image)
    assert sfdisk(t, image)[4][:2] == (4096, 100)


def test_existing_image_gives_the_size(t):
    """Longer and shorter than required."""
    make(t, conf(partition(0, 64, 1000) + partition(1, 2048, 2048, "expand = true")))
    needed = 2048 + 2048 + 34
    for blocks in (256, needed - 2, needed - 1, needed, 8192, 65536):
        image = t.dir / "disk.img"
        image.write_bytes(b"\xee" * blocks * BLOCK)
        applied(t)
        size = max(blocks, needed) if blocks + 1 < needed else blocks
        data = image.read_bytes()
        assert len(data) >= size * BLOCK
        assert set(data[34 * BLOCK:(min(blocks, size - 33)) * BLOCK]) <= {0xee}, "what is between the tables was touched"
        with open(image, "r+b") as f:
            f.truncate(size * BLOCK)
        check_tools(t, image)
        assert sfdisk(t, image)[2][:2] == (2048, max(expanded(size, 2048), 2048)), blocks
        (t.dir / "disk.img").unlink()


def test_image_that_was_larger_keeps_its_length(t):
    make(t, conf(THREE))
    image = t.image(16 << 20, "disk.img")
    applied(t)
    assert image.stat().st_size == 16 << 20
    check_tools(t, image)
    # When written again with another table, the old backup is removed.
    make(t, conf(partition(7, 100, 100)))
    applied(t)
    check_tools(t, image)
    assert list(sfdisk(t, image)) == [8]


def test_sixteen_partitions(t):
    parts = "".join(partition(n, 64 + 100 * (15 - n), 100, f'name = "number {n}"') for n in range(16))
    make(t, conf(parts))
    image = applied(t, "--max-size", 4096)
    check_tools(t, image)
    assert sfdisk(t, image) == {n + 1: (64 + 100 * (15 - n), 100, LINUX, guid(n), f"number {n}", "") for n in range(16)}


def test_flags_and_boot(t):
    flags = {0: ("", True, 4), 1: ('flags = "0x10"', True, 0x14), 2: ("flags = 4", True, 4), 3: ("flags = 010", False, 8),
             4: ('flags = "0xffffffffffffffff"', False, 2**64 - 1), 5: ('flags = "0x7000000000000000"', True, 0x7000000000000004),
             6: ("flags = 18446744073709551615", False, 2**64 - 1)}
    make(t, conf("".join(partition(n, 64 + 100 * n, 100, f"{text} boot = {str(boot).lower()}")
                         for n, (text, boot, _) in flags.items())))
    image = applied(t, "--max-size", 4096)
    check_tools(t, image)
    for n, (_, _, expected) in flags.items():
        assert sgdisk(t, image, n + 1)[5] == expected, n


def test_names_are_cut_at_36_characters(t):
    for size in (35, 36, 37, 100):
        name = ("0123456789" * 10)[:size]
        make(t, conf(partition(0, 64, 100, f'name = "{name}"')))
        image = applied(t, "--max-size", 4096)
        check_tools(t, image)
        assert sgdisk(t, image, 1)[4] == name[:36] == sfdisk(t, image)[1][4]


def test_guids_in_any_case(t):
    make(t, conf(partition(0, 64, 100).upper().replace("PARTITION", "partition").replace("BLOCK-", "block-")
                 .replace("OFFSET", "offset").replace("COUNT", "count").replace("TYPE", "type").replace("GUID", "guid"),
                 DISK.upper()))
    image = applied(t, "--max-size", 4096)
    assert sfdisk(t, image)[1][2:4] == (LINUX, guid(0))


def test_partition_at_the_end_of_32_bits(t):
    """block-offset and block-count are as large as allowed: nearly 3 TiB, in an image that is one hole."""
    offset, count = 2**32 - 2, 2**31 - 2
    blocks = offset + count + 34
    make(t, conf(partition(0, offset, count)))
    image = t.dir / "disk.img"
    with open(image, "wb") as f:
        try:
            f.truncate(blocks * BLOCK + (1 << 20))
        except OSError:
            t.skip("no files of 3 TiB here")
        f.truncate(blocks * BLOCK)
    applied(t, "--max-size", blocks)
    assert image.stat().st_size == blocks * BLOCK
    assert image.stat().st_blocks < 4096
    check_tools(t, image)
    assert sfdisk(t, image)[1][:2] == (offset, count)
    with open(image, "rb") as f:
        # The protective partition ends at the 32-bit limit.
        assert struct.unpack_from("<II", f.read(BLOCK), 454) == (1, 2**32 - 1)


BAD = [
    (conf(""), "at least one partition"),
    (conf(THREE, "b443fbeb-2c93-481b-88b3-0ecb0aeba91"), "guid must be a UUID"),
    (conf(THREE, "b443fbeb-2c93-481b-88b3-0ecb0aeba9111"), "guid must be a UUID"),
    (conf(THREE, "b443fbeb02c93-481b-88b3-0ecb0aeba911"), "guid must be a UUID"),
    (conf(THREE, "{443fbeb-2c93-481b-88b3-0ecb0aeba911"), "guid must be a UUID"),
    (f'gpt table {{\n{THREE}}}', "guid must be a UUID"),
    (conf(partition(16, 64, 10)), "0 through 15"),
    (conf(partition(-1, 64, 10)), "0 through 15"),
    (conf(partition("x", 64, 10)), "0 through 15"),
    (conf(partition(1, 64, 10) + partition("01", 640, 10)), "each once"),
    (conf(partition(0, 64, 10) + partition(1, 73, 10)), "overlap"),
    (conf(partition(0, 64, 10) + partition(1, 60, 5)), "overlap"),
    (conf(partition(0, 64, 10) + partition(1, 60, 50)), "overlap"),
    (conf(partition(0, 64, 10) + partition(1, 66, 2)), "overlap"),
    (conf(partition(0, 64, 10) + partition(1, 64, 10)), "overlap"),
    (conf(partition(0, 64, 10, "expand = true") + partition(1, 640, 10)), "expand"),
    (conf(partition(1, 64, 10, "expand = true") + partition(0, 640, 10)), "expand"),
    (conf(partition(0, 64, 10, "expand = true") + partition(1, 640, 10, "expand = true")), "expand"),
    (conf(partition(0, 2**32 - 1, 10)), "block-offset"),
    (conf(partition(0, 2**64, 10)), "block-offset"),
    (conf(partition(0, -1, 10)), "block-offset"),
    (conf(partition(0, "x", 10)), "block-offset"),
    (conf(partition(0, 64, 10).replace("block-offset = 64", "")), "block-offset"),
    (conf(partition(0, 64, 2**31 - 1)), "block-count"),
    (conf(partition(0, 64, 2**33)), "block-count"),
    (conf(partition(0, 64, -5)), "block-count"),
    (conf(partition(0, 64, 10).replace("block-count = 10", "")), "block-count"),
    (conf(partition(0, 64, 10).replace(guid(0), "")), "UUID"),
    (conf(partition(0, 64, 10).replace(guid(0), guid(0)[:-1])), "UUID"),
    (conf(partition(0, 64, 10).replace(LINUX, "83")), "UUID"),
    (conf(partition(0, 64, 10, 'flags = "x"')), "flags"),
    (conf(partition(0, 64, 10, 'flags = "0x10000000000000000"')), "flags"),
    (conf(partition(0, 64, 10, 'flags = "5 "')), "flags"),
    (conf(partition(0, 64, 10, 'flags = "x" boot = true')), "flags"),
    (conf(THREE).replace("gpt_write(table)", "gpt_write(other)"), "there is no gpt section named 'other'"),
]


def test_wrong_tables_are_refused_at_creation(t):
    for text, message in BAD:
        r = create(t, text)
        assert r.returncode == 1, text
        assert message in r.stdout + r.stderr, f"{text}\n{r.stdout}{r.stderr}"
        assert not (t.dir / "x.fw").exists(), text


def test_neighbours_do_not_overlap(t):
    make(t, conf(partition(0, 64, 10) + partition(1, 74, 10) + partition(2, 84, 10, "expand = true")))


def test_partitions_may_not_lie_over_the_table(t):
    """The table is in blocks 0 to 33; a write to such a partition would destroy it."""
    for offset in (0, 1, 2, 33):
        r = create(t, conf(partition(0, offset, 100)))
        assert r.returncode == 1, f"a partition at block {offset} was accepted"
    make(t, conf(partition(0, 34, 100)))
    check_tools(t, applied(t, "--max-size", 4096))


def test_partition_without_blocks_is_refused(t):
    """Its last block would precede its first."""
    r = create(t, conf(partition(0, 64, 0)))
    assert r.returncode == 1, "accepted"


def test_table_in_an_archive_is_checked_again(t):
    """Written by another program, or with variables that have wrong values now."""
    good = ('gpt table {\nguid="%s"\npartition 0 {\nblock-offset=64\nblock-count=100\ntype="%s"\nguid="%s"\n}\npartition 1 {\n'
            'block-offset=%s\nblock-count=100\ntype="%s"\nguid="%s"\n%s\n}\n}\n'
            'task complete {\non-init {\nfunlist={4,raw_memset,8,1,1,2,gpt_write,%s}\n}\n}\n')
    cases = [(164, "", "table", None), (100, "", "table", "overlap"), (164, "flags=x", "table", "flags"),
             (164, "", "other", "no gpt section"), ("${NOTHING}", "", "table", "block-offset"),
             (164, "boot=true", "table", None)]
    for offset, extra, name, message in cases:
        text = good % (DISK, LINUX, guid(0), offset, LINUX, guid(1), extra, name)
        archive(t, text)
        image = t.image(4 << 20, "disk.img")
        r = apply(t)
        if message:
            assert r.returncode == 1 and message in r.stdout, (text, r.stdout)
            assert not any(image.read_bytes()), "something was written"
        else:
            assert r.returncode == 0, r.stdout
            check_tools(t, image)
            assert sgdisk(t, image, 2)[5] == (4 if extra else 0)


def archive(t, meta):
    with zipfile.ZipFile(t.dir / "x.fw", "w") as z:
        z.writestr("meta.conf", meta)


def test_device_that_is_too_small_is_refused_before_the_first_write(t):
    make(t, conf(THREE).replace("gpt_write(table)", "raw_memset(10, 1, 1) gpt_write(table)"))
    needed = 2048 + 3000 + 33  # the last partition and the backup after it
    for blocks in (1, 10, 34, 35, 67, 68, 2048, needed - 1):
        image = t.image(8 << 20, "disk.img")
        r = apply(t, "--max-size", blocks)
        assert r.returncode == 1 and "nothing was written" in r.stdout, (blocks, r.stdout)
        assert not any(image.read_bytes())
    image = t.image(needed * BLOCK, "disk.img")
    applied(t, "--max-size", needed)
    check_tools(t, image)
    assert image.stat().st_size == needed * BLOCK


def test_the_switch_is_the_last_write(t):
    """gpt_write in on-finish: both copies are written after the data."""
    text = conf(THREE).replace("on-init", "on-finish").replace(
        "task complete {", 'file-resource a { contents = "data" }\ntask complete { on-resource a { raw_write(200) }')
    make(t, text)
    image = applied(t, "--max-size", 8192)
    check_tools(t, image)
    assert image.read_bytes()[200 * BLOCK:][:4] == b"data"


def test_progress_counts_33792(t):
    make(t, conf(THREE).replace("gpt_write(table)", "gpt_write(table) gpt_write(table)"))
    r = t.run([t.bin("fwpack"), "-a", "-i", "x.fw", "-t", "complete", "-d", "disk.img"])
    assert r.returncode == 0 and "67.58 KB out" in r.stdout, r.stdout
