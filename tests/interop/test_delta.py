"""Deltas: made by xdelta3 and zip, or by hand, where xdelta3 says what they mean."""
import hashlib
import random
import re
import shutil
import subprocess
import zipfile
import zlib

from fixture import peak_memory

BLOCK = 512
SOURCE = 256     # where the slot that runs begins, in blocks
TARGET = 32768   # where the new firmware goes
INIT, SWITCH = 16, 8  # what on-init and on-finish write
RAW_KEYS = f'delta-source-raw-offset = {SOURCE} delta-source-raw-count = {TARGET - SOURCE}'
CONF = """
file-resource new.img {{ host-path = "new.img" }}
task upgrade {{
  on-init {{ raw_memset({init}, 1, 0x11) }}
  on-resource new.img {{
    {keys}
    {function}
  }}
  on-finish {{ raw_memset({switch}, 1, 0x22) }}
}}
task old {{ on-resource new.img {{ raw_write({source}) }} }}
{more}
"""
DAMAGED = "the delta (xdelta3 patch) is damaged"


def noise(size, seed=1):
    return random.Random(seed).randbytes(size)


def changed(data, seed=1, count=30):
    """The next version of a firmware: bytes changed, put in, taken out and moved."""
    r = random.Random(seed)
    new = bytearray(data)
    for _ in range(count):
        at, size = r.randrange(len(new)), r.randrange(1, 700)
        kind = r.randrange(4)
        if kind == 0:
            new[at:at] = r.randbytes(size)
        elif kind == 1:
            del new[at:at + size]
        elif kind == 2:
            new[at:at + size] = bytes([r.randrange(256)]) * size
        else:
            new[at:at] = new[:size]
    return bytes(new)


def firmware(t, new, keys=RAW_KEYS, function=f"raw_write({TARGET})", more="", name="x.fw"):
    """An archive with the whole of the new firmware."""
    (t.dir / "new.img").write_bytes(new)
    (t.dir / "x.conf").write_text(CONF.format(keys=keys, function=function, more=more, init=INIT,
                                              switch=SWITCH, source=SOURCE))
    r = t.run([t.bin("fwpack"), "-c", "-1", "-f", "x.conf", "-o", name])
    assert r.returncode == 0, r.stdout + r.stderr
    return t.dir / name


def xdelta(t, old, new, *options):
    (t.dir / "old.bin").write_bytes(old)
    (t.dir / "new.bin").write_bytes(new)
    options = options or ("-A", "-S")
    r = t.run([t.need("xdelta3"), "-e", *options, "-f", "-s", "old.bin", "new.bin", "patch"])
    assert r.returncode == 0, r.stderr
    return (t.dir / "patch").read_bytes()


def put(t, fw, data, entry="new.img"):
    """Replaces a resource, as those who make deltas do it."""
    (t.dir / "data").mkdir(exist_ok=True)
    (t.dir / "data" / entry).write_bytes(data)
    r = t.run([t.need("zip"), "-q", fw, f"data/{entry}"])
    assert r.returncode == 0, r.stdout + r.stderr
    return fw


def disk(t, old, size=32 << 20, at=SOURCE, name="disk.img"):
    """A device with the old firmware in its slot."""
    path = t.image(size, name)
    with open(path, "r+b") as f:
        f.seek(at * BLOCK)
        f.write(old)
    return path


def apply(t, fw, image, *options, **kw):
    return t.run([t.bin("fwpack"), "-a", "-q", "-i", fw, "-t", "upgrade", "-d", image, *options], **kw)


def region(image, offset, size):
    with open(image, "rb") as f:
        f.seek(offset * BLOCK)
        return f.read(size)


def is_upgraded(image, new, at=TARGET):
    return (region(image, at, len(new)) == new and region(image, INIT, BLOCK) == b"\x11" * BLOCK
            and region(image, SWITCH, BLOCK) == b"\x22" * BLOCK)


def check_upgraded(r, image, new, at=TARGET):
    assert r.returncode == 0, r.stdout + r.stderr
    assert is_upgraded(image, new, at)
    tail = region(image, at, -(-len(new) // BLOCK) * BLOCK)[len(new):]
    assert not any(tail), "the last block is not filled up with zeros"


def check_refused(r, image, old, text=None):
    """Fails, and neither the slot that runs nor the switch have changed."""
    assert r.returncode == 1, r
    assert region(image, SOURCE, len(old)) == old, "the slot that runs was touched"
    assert not any(region(image, SWITCH, BLOCK)), "switched in spite of the error"
    if text:
        assert text in r.stdout, r.stdout


# What xdelta3 makes

def check_delta(t, old, new, *options, image_size=32 << 20):
    fw = firmware(t, new)
    put(t, fw, xdelta(t, old, new, *options))
    r = t.run([t.bin("fwpack"), "-V", "-i", fw])
    assert r.returncode == 0, r.stdout
    image = disk(t, old, image_size)
    check_upgraded(apply(t, fw, image), image, new)
    assert region(image, SOURCE, len(old)) == old


def test_delta_from_a_raw_slot(t):
    old = noise(700_001)
    check_delta(t, old, changed(old))


def test_delta_of_several_windows(t):
    old = noise(5 << 20)
    check_delta(t, old, changed(old, count=300), "-A", "-S", "-W", str(1 << 18))


def test_delta_with_small_windows(t):
    old = noise(200_000)
    check_delta(t, old, changed(old), "-A", "-S", "-W", str(1 << 14))


def test_delta_of_more_than_one_default_window(t):
    old = noise(9 << 20)
    check_delta(t, old, changed(old, count=200))


def test_delta_of_text(t):
    """Much that repeats itself: copies from the target, runs, all address modes."""
    r = random.Random(4)
    words = [bytes(r.choices(b"abcdefghij ", k=r.randrange(2, 9))) for _ in range(300)]
    old = b" ".join(r.choices(words, k=60_000)) + b"\0" * 10_000
    check_delta(t, old, changed(old, count=500), "-A", "-S", "-9")


def test_delta_without_a_source_in_it(t):
    """Nothing is alike, so the patch is larger than the file."""
    new = noise(300_000, 2)
    fw = firmware(t, new)
    patch = xdelta(t, noise(1000), new)
    assert len(patch) > len(new)
    image = disk(t, b"")
    check_upgraded(apply(t, put(t, fw, patch), image), image, new)


def test_delta_between_tiny_and_empty_files(t):
    cases = [(b"a", b"b"), (b"", b"hello"), (b"x" * 5000, b"x"), (b"abc", b"abc" * 4000),
             (noise(4096), noise(4096)[:511]), (noise(513), noise(513) + b"!")]
    for old, new in cases:
        fw = firmware(t, new)
        image = disk(t, old)
        check_upgraded(apply(t, put(t, fw, xdelta(t, old, new)), image), image, new)


def test_delta_that_makes_an_empty_file(t):
    fw = firmware(t, b"")
    image = disk(t, b"old")
    patch = xdelta(t, b"old", b"")
    assert patch
    check_upgraded(apply(t, put(t, fw, patch), image), image, b"")


def test_delta_of_identical_files(t):
    old = noise(1 << 20)
    check_delta(t, old, old)


def test_delta_with_application_header(t):
    """Without -A the names of the files are in it."""
    old = noise(100_000)
    new = changed(old)
    patch = xdelta(t, old, new, "-S")
    assert patch[4] == 4 and b"new.bin" in patch[:30]
    check_delta(t, old, new, "-S")
    check_delta(t, old, new, "-S", "-A=" + "h" * 5000)


def test_delta_without_checksums(t):
    old = noise(100_000)
    check_delta(t, old, changed(old), "-A", "-S", "-n")


def test_delta_with_secondary_compression_is_refused(t):
    old = noise(50_000)
    new = changed(old) + b"compressible " * 1000
    fw = firmware(t, new)
    for kind in ("djw", "fgk", "lzma"):
        patch = xdelta(t, old, new, "-A", "-S", kind)
        assert patch[4] & 1
        image = disk(t, old)
        check_refused(apply(t, put(t, fw, patch), image), image, old, "xdelta3 -S none")


def test_the_command_that_the_message_names_works(t):
    """-S none and -A as two words."""
    old = noise(50_000)
    check_delta(t, old, changed(old), "-S", "none", "-A")


def test_entry_of_the_right_size_is_no_delta(t):
    """With and without a source; a patch that happens to have the file's size is not decoded."""
    new = noise(60_000)
    image = disk(t, b"other")
    check_upgraded(apply(t, put(t, firmware(t, new), new), image), image, new)
    old = noise(60_000, 2)
    patch = xdelta(t, old, new)
    new = noise(len(patch), 3)
    image = disk(t, old)
    fw = put(t, firmware(t, new), patch)
    check_refused(apply(t, fw, image), image, old, "blake2b mismatch")


def test_entry_of_another_size_without_a_source_is_refused(t):
    old = noise(50_000)
    new = changed(old)
    patch = xdelta(t, old, new)
    halves = ["", "delta-source-raw-count = 1000", "delta-source-fat-offset = 5", 'delta-source-fat-path = "x"',
              "delta-source-raw-offset = 0 delta-source-raw-count = 0"]
    for keys in halves:
        fw = put(t, firmware(t, new, keys), patch)
        image = disk(t, old)
        check_refused(apply(t, fw, image), image, old,
                      f"File 'new.img' isn't expected size ({len(patch)} vs {len(new)}) and xdelta3 patch support "
                      "not enabled on it. (Add delta-source-raw-offset and delta-source-raw-count at least)")


def test_entry_that_is_neither_file_nor_patch_is_refused(t):
    old = noise(50_000)
    new = changed(old)
    fw = firmware(t, new)
    for data in (new[:-1], new + b"x", b"", b"\xd6\xc3\xc4", b"\xd6\xc3\xc4S\0" + new[:1000]):
        image = disk(t, old)
        check_refused(apply(t, put(t, fw, data), image), image, old)
        assert t.run([t.bin("fwpack"), "-V", "-i", fw]).returncode == 1, data[:5]


def test_delta_for_another_firmware_is_refused(t):
    """What is in the slot differs in one byte that is used, so the checksum of the window tells."""
    old = noise(300_000)
    new = changed(old)
    fw = put(t, firmware(t, new), xdelta(t, old, new))
    for other in (bytes([old[0] ^ 1]) + old[1:], noise(300_000, 5), b"\0" * 300_000):
        image = disk(t, other)
        check_refused(apply(t, fw, image), image, other, "made from another firmware")


def test_delta_for_another_firmware_is_refused_without_checksums(t):
    """Then the hash tells."""
    old = noise(300_000)
    new = changed(old)
    fw = put(t, firmware(t, new), xdelta(t, old, new, "-A", "-S", "-n"))
    other = bytes([old[0] ^ 1]) + old[1:]
    image = disk(t, other)
    check_refused(apply(t, fw, image), image, other, "blake2b mismatch on 'new.img'")


def test_source_shorter_than_the_old_file_is_refused(t):
    old = noise(100 * BLOCK)
    patch = xdelta(t, old, old + b"more")
    for count, good in ((100, True), (99, False), (1, False)):
        keys = f"delta-source-raw-offset = {SOURCE} delta-source-raw-count = {count}"
        fw = put(t, firmware(t, old + b"more", keys), patch)
        image = disk(t, old)
        if good:
            check_upgraded(apply(t, fw, image), image, old + b"more")
        else:
            check_refused(apply(t, fw, image), image, old, "copies from outside of its source")


def test_source_behind_the_end_of_the_device_is_refused(t):
    old = noise(100_000)
    new = changed(old)
    fw = put(t, firmware(t, new, "delta-source-raw-offset = 100000 delta-source-raw-count = 1000"), xdelta(t, old, new))
    image = disk(t, old)
    check_refused(apply(t, fw, image, "--max-size", 65536), image, old, "past end of media")
    fw = put(t, firmware(t, new, "delta-source-raw-offset = 100000 delta-source-raw-count = 1000"), xdelta(t, old, new))
    check_refused(apply(t, fw, image), image, old, "made from another firmware")


def test_source_may_be_huge_or_have_no_count(t):
    """4194304 blocks are 2 GiB, which the reference counts with an int; the default is more."""
    old = noise(100_000)
    new = changed(old)
    patch = xdelta(t, old, new)
    for count in ("", "delta-source-raw-count = 4194304", "delta-source-raw-count = 8388608",
                  "delta-source-raw-count = 0x7fffffff", "delta-source-raw-count = 1000000000000"):
        fw = put(t, firmware(t, new, f"delta-source-raw-offset = {SOURCE} {count}"), patch)
        image = disk(t, old)
        check_upgraded(apply(t, fw, image), image, new)


def test_source_beyond_4_gib_of_a_huge_slot(t):
    """A slot of more than 2 GiB whose last bytes are used."""
    far, count = 9_000_000, 4_500_000
    new = changed(noise(100_000))
    fw = firmware(t, new, f"delta-source-raw-offset = {far} delta-source-raw-count = {count}")
    # Everything comes from the end of the slot; xdelta3 would have to read all of it.
    at = count * BLOCK - len(new)
    data = vcdiff(window(len(new), code=b"\x13" + integer(len(new)), address=integer(0), source=(len(new), at)))
    image = disk(t, new[:0])
    with open(image, "r+b") as f:
        f.seek(far * BLOCK + at)
        f.write(new)
    r = apply(t, put(t, fw, data), image)
    check_upgraded(r, image, new)
    # One byte more is behind the slot.
    data = vcdiff(window(len(new), code=b"\x13" + integer(len(new)), address=integer(0), source=(len(new), at + 1)))
    r = apply(t, put(t, fw, data), image)
    assert r.returncode == 1 and "copies from outside of its source" in r.stdout, r.stdout


def test_wrong_keys_are_refused_before_anything_is_written(t):
    old = noise(10_000)
    cases = ["delta-source-raw-offset = x", "delta-source-raw-offset = -1", "delta-source-raw-offset = 36028797018963968",
             'delta-source-fat-offset = "y" delta-source-fat-path = "a"',
             f'{RAW_KEYS} delta-source-raw-options = "cipher=rot13,secret=ab"']
    for keys in cases:
        fw = firmware(t, old + b"x", keys)
        image = disk(t, old)
        check_refused(apply(t, fw, image), image, old)
        assert not any(region(image, INIT, BLOCK)), f"{keys}: on-init was run"


# Other sources

KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"


def encrypted_delta(t, cipher, secret):
    """The old firmware is written encrypted by raw_write, whose bytes another test compares."""
    old = noise(150_000 + 7)
    new = changed(old)
    options = f"cipher={cipher},secret={secret}"
    more = f'task encrypted {{ on-resource new.img {{ raw_write({SOURCE}, "{options}") }} }}'
    fw = firmware(t, old, more=more)
    image = disk(t, b"")
    r = t.run([t.bin("fwpack"), "-a", "-q", "-i", fw, "-t", "encrypted", "-d", image])
    assert r.returncode == 0, r.stdout
    stored = region(image, SOURCE, 294 * BLOCK)
    assert old[:64] not in stored
    keys = f'{RAW_KEYS} delta-source-raw-options = "{options}"'
    patch = xdelta(t, old, new)
    check_upgraded(apply(t, put(t, firmware(t, new, keys), patch), image), image, new)
    assert region(image, SOURCE, len(stored)) == stored
    # Without the options, or with another key, it is another firmware.
    for wrong in (RAW_KEYS, keys.replace(secret, secret[::-1])):
        r = apply(t, put(t, firmware(t, new, wrong), patch), image)
        assert r.returncode == 1 and "made from another firmware" in r.stdout, r.stdout


def test_delta_from_a_slot_in_cbc(t):
    encrypted_delta(t, "aes-cbc-plain", KEY)


def test_delta_from_a_slot_in_xts(t):
    encrypted_delta(t, "aes-xts-plain64", KEY + KEY.replace("0", "c"))


def test_copies_of_any_alignment_from_an_encrypted_slot(t):
    """Sectors are decrypted whole, copies begin and end anywhere."""
    old = noise(40 * BLOCK)
    more = f'task encrypted {{ on-resource new.img {{ raw_write({SOURCE}, "cipher=aes-cbc-plain", "secret={KEY}") }} }}'
    image = disk(t, b"")
    r = t.run([t.bin("fwpack"), "-a", "-q", "-i", firmware(t, old, more=more), "-t", "encrypted", "-d", image])
    assert r.returncode == 0, r.stdout
    r = random.Random(3)
    w = Window(old, 0, len(old))
    for size in (1, 2, 511, 512, 513, 1023, 1024, 1025, 5000):
        for _ in range(6):
            w.copy(r.randrange(0, len(old) - size), size)
        w.copy(len(old) - size, size)
        w.copy(BLOCK * r.randrange(0, 30), size)
    new = bytes(w.out)
    keys = f'{RAW_KEYS} delta-source-raw-options = "cipher=aes-cbc-plain,secret={KEY}"'
    r = apply(t, put(t, firmware(t, new, keys), vcdiff(w.done())), image)
    check_upgraded(r, image, new)


FAT = 2048  # where the file system begins, in blocks


def fat_disk(t, old, size=8 << 20, cluster=1, fragmented=False):
    """A FAT file system of mkfs.fat with the old firmware in dir/old.img, which mtools put there."""
    image = t.image(64 << 20, "disk.img")
    part = t.image(size, "fat.img")
    run = lambda *args: check_run(t, *args)  # noqa: E731
    run(t.need("mkfs.fat"), "-s", cluster, part)
    run("mmd", "-i", part, "::dir")
    if fragmented:
        # Every second small file goes, and there is no room elsewhere.
        piece = t.dir / "piece"
        piece.write_bytes(b"p" * 3 * cluster * BLOCK)
        count = (size - (1 << 19)) // piece.stat().st_size
        names = [f"::dir/f{i}" for i in range(count)]
        for i in range(0, count, 100):
            for name in names[i:i + 100]:
                shutil.copy(piece, t.dir / name[6:])
            run(t.need("mcopy"), "-i", part, *(t.dir / n[6:] for n in names[i:i + 100]), "::dir")
        run("mcopy", "-i", part, piece, "::rest0")
        for i in range(0, count - 2, 200):
            run("mdel", "-i", part, *names[i:i + 200:2])
    (t.dir / "old.img").write_bytes(old)
    run(t.need("mcopy"), "-i", part, t.dir / "old.img", "::dir")
    with open(image, "r+b") as f:
        f.seek(FAT * BLOCK)
        f.write(part.read_bytes())
    return image, part


def check_run(t, *args):
    r = t.run(args)
    assert r.returncode == 0, (args, r.stdout, r.stderr)
    return r.stdout


FAT_KEYS = f'delta-source-fat-offset = {FAT} delta-source-fat-path = "dir/old.img"'


def check_fat(t, cluster=1, fragmented=False):
    old = noise(400_000 + 13)
    new = changed(old)
    image, part = fat_disk(t, old, 2 << 20 if fragmented else 8 << 20, cluster, fragmented)
    if fragmented:
        text = check_run(t, "mshowfat", "-i", part, "::dir/old.img")
        assert text.count("<") > 50, f"not in pieces: {text}"
    before = region(image, FAT, part.stat().st_size)
    fw = put(t, firmware(t, new, FAT_KEYS), xdelta(t, old, new))
    check_upgraded(apply(t, fw, image), image, new)
    assert region(image, FAT, len(before)) == before
    # Another path, a directory, another place.
    for keys in (FAT_KEYS.replace("old.img", "new.img"), FAT_KEYS.replace("dir/old.img", "dir"),
                 FAT_KEYS.replace(str(FAT), str(FAT + 1))):
        r = apply(t, put(t, firmware(t, new, keys), xdelta(t, old, new)), image)
        assert r.returncode == 1 and "the delta's source, " in r.stdout, r.stdout


def test_delta_from_a_fat_file(t):
    check_fat(t)


def test_delta_from_a_fat_file_in_large_clusters(t):
    check_fat(t, cluster=8)


def test_delta_from_a_fat_file_in_pieces(t):
    check_fat(t, fragmented=True)


def test_fat_file_that_is_shorter_than_its_clusters_ends_where_it_ends(t):
    """Bytes behind the file's end are not its own, though they are in its last cluster."""
    old = noise(1000)
    image, _ = fat_disk(t, old, cluster=4)
    fw = firmware(t, old + b"\0", FAT_KEYS)
    w = window(1001, code=b"\x13" + integer(1001), address=integer(0), source=(1001, 0))
    r = apply(t, put(t, fw, vcdiff(w)), image)
    assert r.returncode == 1 and "copies from outside of its source (byte 1001 of 1000)" in r.stdout, r.stdout


def test_raw_source_comes_before_the_fat_file(t):
    old = noise(100_000)
    new = changed(old)
    image, _ = fat_disk(t, noise(100_000, 9))
    with open(image, "r+b") as f:
        f.seek(65536 * BLOCK)
        f.write(old)
    raw = "delta-source-raw-offset = 65536 delta-source-raw-count = 1000"
    fw = put(t, firmware(t, new, f"{FAT_KEYS} {raw}"), xdelta(t, old, new))
    check_upgraded(apply(t, fw, image), image, new)


def test_delta_into_a_fat_file_and_a_command(t):
    """Other functions get the decoded bytes, too."""
    old = noise(100_000)
    new = changed(old)
    patch = xdelta(t, old, new)
    image, _ = fat_disk(t, old)
    fw = put(t, firmware(t, new, FAT_KEYS, f'fat_write({FAT}, "dir/new.img")'), patch)
    r = apply(t, fw, image)
    assert r.returncode == 0, r.stdout
    check_run(t, "mcopy", "-i", f"{image}@@{FAT * BLOCK}", "::dir/new.img", t.dir / "got")
    assert (t.dir / "got").read_bytes() == new
    fw = put(t, firmware(t, new, FAT_KEYS, f'path_write("{t.dir}/got2")'), patch)
    assert apply(t, fw, image, "--unsafe").returncode == 0
    assert (t.dir / "got2").read_bytes() == new
    fw = put(t, firmware(t, new, FAT_KEYS, f'pipe_write("cat > {t.dir}/got3")'), patch)
    assert apply(t, fw, image, "--unsafe").returncode == 0
    assert (t.dir / "got3").read_bytes() == new


def test_fat_file_that_is_its_own_source_is_no_crash(t):
    """The file is emptied before the patch is read, so this may fail, but not succeed with other bytes."""
    old = noise(100_000)
    new = changed(old)
    image, _ = fat_disk(t, old)
    fw = put(t, firmware(t, new, FAT_KEYS, f'fat_write({FAT}, "dir/old.img")'), xdelta(t, old, new))
    r = apply(t, fw, image)
    assert r.returncode in (0, 1), r
    if r.returncode == 0:
        check_run(t, "mcopy", "-i", f"{image}@@{FAT * BLOCK}", "::dir/old.img", t.dir / "got")
        assert (t.dir / "got").read_bytes() == new


# Patches made by hand (RFC 3284)

HEADER = b"\xd6\xc3\xc4\0"


def integer(n):
    out = [n & 0x7f]
    while n := n >> 7:
        out.append(0x80 | n & 0x7f)
    return bytes(reversed(out))


def vcdiff(*windows, header=HEADER + b"\0"):
    return header + b"".join(windows)


def window(target, data=b"", code=b"", address=b"", source=None, indicator=None, adler=None, length=None, compressed=0,
           sizes=None):
    """A window (RFC 3284, 4.3); what is not given is right."""
    if indicator is None:
        indicator = (1 if source else 0) | (4 if adler is not None else 0)
    sizes = sizes or (len(data), len(code), len(address))
    body = integer(target) + bytes([compressed]) + b"".join(integer(s) for s in sizes)
    if adler is not None:
        body += adler.to_bytes(4, "big")
    body += data + code + address
    head = bytes([indicator])
    if source:
        head += integer(source[0]) + integer(source[1])
    return head + integer(len(body) if length is None else length) + body


class Window:
    """A window that is built instruction by instruction, and what it makes."""

    def __init__(self, source=b"", at=0, size=0):
        self.segment = source[at:at + size]
        self.source = (size, at) if size else None
        self.out = bytearray()
        self.data, self.code, self.address = bytearray(), bytearray(), bytearray()
        self.near, self.next, self.same = [0] * 4, 0, [0] * 768
        self.codes = set()

    def put(self, code, size=b""):
        self.codes.add(code)
        self.code += bytes([code]) + size

    def add(self, data, short=True):
        self.put(1 + len(data)) if short and 0 < len(data) < 18 else self.put(1, integer(len(data)))
        self.data += data
        self.out += data

    def run(self, byte, size):
        self.put(0, integer(size))
        self.data.append(byte)
        self.out += bytes([byte]) * size

    def modes(self, address):
        """All modes that can tell this address."""
        good = [0, 1]
        good += [2 + i for i in range(4) if self.near[i] <= address]
        return good + ([6 + address % 768 // 256] if self.same[address % 768] == address else [])

    def encode(self, address, mode):
        if mode < 6:
            here = len(self.segment) + len(self.out)
            base = (0, here, *self.near)[mode]
            self.address += integer(here - address if mode == 1 else address - base)
        else:
            assert self.same[address % 768] == address and mode == 6 + address % 768 // 256
            self.address.append(address % 256)
        self.near[self.next] = address
        self.next = (self.next + 1) % 4
        self.same[address % 768] = address

    def take(self, address, size):
        for i in range(address, address + size):
            self.out.append(self.segment[i] if i < len(self.segment) else self.out[i - len(self.segment)])

    def copy(self, address, size, mode=0, short=True):
        self.encode(address, mode)
        short = short and 4 <= size <= 18
        self.put(19 + 16 * mode + (size - 3 if short else 0), b"" if short else integer(size))
        self.take(address, size)

    def add_copy(self, data, address, size, mode):
        """One code for both: ADD of 1 to 4, COPY of 4 to 6 (of 4 for the last modes)."""
        first = 163 + 12 * mode + 3 * (len(data) - 1) + size - 4 if mode < 6 else 235 + 4 * (mode - 6) + len(data) - 1
        self.put(first)
        self.data += data
        self.out += data
        self.encode(address, mode)
        self.take(address, size)

    def copy_add(self, address, byte, mode):
        self.put(247 + mode)
        self.encode(address, mode)
        self.take(address, 4)
        self.data += byte
        self.out += byte

    def done(self, adler=True, **kw):
        return window(len(self.out), bytes(self.data), bytes(self.code), bytes(self.address), self.source,
                      adler=zlib.adler32(self.out) if adler else None, **kw)


def random_window(r, source, crossing=False):
    """
    Uses every kind of instruction, every code and every address mode that applies. crossing: also copies that begin in
    the source and end in the target, which the RFC has and xdelta3 has not.
    """
    at = r.randrange(len(source))
    w = Window(source, at, r.randrange(len(source) - at) if r.random() < .8 else 0)
    for _ in range(r.randrange(1, 400)):
        here = len(w.segment) + len(w.out)
        kind = r.randrange(6) if here else r.randrange(2)
        # Often an address that has been used before, for the caches.
        used = [a for a in (*w.near, *r.choices(w.same, k=3)) if a < here]
        address = r.choice(used) + r.randrange(3) if used and r.random() < .6 else r.randrange(max(here, 1))
        address = min(address, here - 1)
        most = len(w.segment) - address if address < len(w.segment) and not crossing else 1000
        if kind == 0 or most < 6 and kind > 1:
            w.add(r.randbytes(r.choice((*range(20), 200))), r.random() < .8)
        elif kind == 1:
            w.run(r.randrange(256), r.choice((0, 1, 5, 127, 128, 300)))
        elif kind in (2, 3):
            size = min(r.choice((*range(20), 300)), most)
            w.copy(address, size, r.choice(w.modes(address)), r.random() < .8)
        elif kind == 4:
            data = r.randbytes(r.randrange(1, 5))
            before, w.out = w.out, w.out + data  # the copy's "here" is behind the ADD
            modes = w.modes(address)
            w.out = before
            mode = r.choice(modes)
            w.add_copy(data, address, r.randrange(4, 7) if mode < 6 else 4, mode)
        else:
            w.copy_add(address, r.randbytes(1), r.choice(w.modes(address)))
    return w


def hand_made(t, new, patch, old=b"", keys=RAW_KEYS, image=None, name="hand.fw"):
    """An archive written by Python's zipfile: what is in it is exactly this."""
    meta = (f'file-resource new.img {{\nlength={len(new)}\nblake2b-256='
            f'{hashlib.blake2b(new, digest_size=32).hexdigest()}\n}}\ntask upgrade {{\n'
            f'on-init {{\nfunlist={{4,raw_memset,{INIT},1,0x11}}\n}}\non-resource new.img {{\n{keys}\n'
            f'funlist={{2,raw_write,{TARGET}}}\n}}\non-finish {{\nfunlist={{4,raw_memset,{SWITCH},1,0x22}}\n}}\n}}\n')
    with zipfile.ZipFile(t.dir / name, "w") as z:
        z.writestr("meta.conf", meta)
        z.writestr("data/new.img", patch)
    image = image or disk(t, old)
    return apply(t, t.dir / name, image, timeout=20), image


def judge(t, old, patch):
    """What xdelta3 makes of it, None if it refuses."""
    (t.dir / "judge.old").write_bytes(old)
    (t.dir / "judge.patch").write_bytes(patch)
    r = t.run([t.need("xdelta3"), "-d", "-f", "-s", "judge.old", "judge.patch", "judge.out"])
    return (t.dir / "judge.out").read_bytes() if r.returncode == 0 else None


def test_hand_made_windows_mean_what_xdelta3_says(t):
    r = random.Random(11)
    old = noise(20_000)
    for n in range(12 if t.sanitized() else 40):
        crossing = n % 4 == 3
        windows = [random_window(r, old, crossing) for _ in range(r.randrange(1, 4))]
        new = b"".join(bytes(w.out) for w in windows)
        patch = vcdiff(*(w.done(adler=r.random() < .7) for w in windows))
        assert crossing or judge(t, old, patch) == new, f"the test's patch {n} is wrong"
        if len(patch) == len(new):
            continue
        result, image = hand_made(t, new, patch, old)
        check_upgraded(result, image, new)


def test_every_code_of_the_table(t):
    old = noise(1000)
    w = Window(old, 0, 1000)

    def address(mode):
        """One that can be told in this mode."""
        if mode < 6:
            return (5, 900, *w.near)[mode]
        address = (10, 300, 600)[mode - 6]
        w.copy(address, 4)
        return address
    for mode in range(9):
        for size in (1, *range(4, 20)):
            w.copy(address(mode), size, mode)
        for count in range(1, 5):
            for size in (4, 5, 6) if mode < 6 else (4,):
                w.add_copy(noise(count, size), address(mode), size, mode)
        w.copy_add(address(mode), b"+", mode)
    for size in range(20):
        w.add(noise(size))
        w.run(size, size)
    assert w.codes == set(range(256))
    new, patch = bytes(w.out), vcdiff(w.done())
    assert judge(t, old, patch) == new and len(patch) != len(new)
    result, image = hand_made(t, new, patch, old)
    check_upgraded(result, image, new)



def test_copy_that_repeats_itself(t):
    """Addresses one, two and more before its place, down to the source's last byte."""
    old = noise(1000)
    for distance in (1, 2, 3, 7, 100):
        w = Window(old, 100, 50)
        w.add(noise(100, 2))
        w.copy(150 - distance, 5000)
        new, patch = bytes(w.out), vcdiff(w.done())
        assert judge(t, old, patch) == new
        result, image = hand_made(t, new, patch, old)
        check_upgraded(result, image, new)


def test_copies_from_the_source_into_the_target(t):
    """They begin in the source segment and go on at the target's beginning, over any length."""
    old = noise(3000)
    w = Window(old, 1000, 1000)
    w.add(b"0123456789")
    for address, size in ((999, 2), (990, 20), (999, 500), (1, 2000), (0, 5000), (500, 700)):
        w.copy(address, size)
        w.copy(address, 4)
    new, patch = bytes(w.out), vcdiff(w.done())
    result, image = hand_made(t, new, patch, old)
    check_upgraded(result, image, new)


def test_copies_over_the_whole_source_in_any_order(t):
    """More than are gathered at a time; many lie over each other."""
    r = random.Random(5)
    old = noise(1 << 20)
    w = Window(old, 0, len(old))
    for i in range(40_000):
        size = r.randrange(4, 19)
        w.copy(r.randrange(len(old) - size), size)
    w.copy(0, 1 << 20)
    w.copy(BLOCK // 2, (1 << 20) - BLOCK)
    new, patch = bytes(w.out), vcdiff(w.done())
    assert judge(t, old, patch) == new
    result, image = hand_made(t, new, patch, old)
    check_upgraded(result, image, new)


def test_windows_of_nothing(t):
    """Windows without target bytes, instructions of no size, a patch with no window but a header."""
    old = noise(1000)
    nothing = window(0, code=b"\x01\0" + b"\0\0" + b"\x13\0", data=b"x", address=integer(0), source=(10, 0))
    w = Window(old, 0, 100)
    w.copy(0, 100)
    new, patch = bytes(w.out), vcdiff(window(0), nothing, w.done(), nothing, window(0))
    result, image = hand_made(t, new, patch, old)
    check_upgraded(result, image, new)
    result, image = hand_made(t, b"", vcdiff(window(0), nothing), old)
    check_upgraded(result, image, b"")


HUGE = (2**64, 2**64 - 1, 2**63, 2**63 - 1, 2**57, 2**32, 2**32 - 1, 2**31)


def bad_patches():
    """(name, patch): each is wrong for a source of 1000 bytes and a target of 100."""
    copy = b"\x13" + integer(100)
    good = {"code": copy, "address": integer(0), "source": (1000, 0)}
    for n in HUGE:
        yield f"target of {n}", vcdiff(window(n, **good))
        yield f"source of {n}", vcdiff(window(100, **{**good, "source": (n, 0), "address": integer(n - 100)}))
        yield f"source at {n}", vcdiff(window(100, **{**good, "source": (1000, n)}))
        yield f"source of and at {n}", vcdiff(window(100, **{**good, "source": (n, n)}))
        yield f"source up to the end of numbers, {n}", vcdiff(window(100, **{**good, "source": (2**63 - 1, n)}))
        yield f"source from there on, {n}", vcdiff(window(100, **{**good, "source": (1000, 2**63 - n % 2**63)}))
        for i, what in enumerate(("data", "code", "addresses")):
            sizes = [0, len(copy), 1]
            sizes[i] = n
            yield f"{what} of {n}", vcdiff(window(100, **good, sizes=sizes))
        yield f"all sections of {n}", vcdiff(window(100, **good, sizes=(n, n, n)))
        yield f"copy of {n}", vcdiff(window(100, **{**good, "code": b"\x13" + integer(n)}))
        yield f"add of {n}", vcdiff(window(100, code=b"\x01" + integer(n), data=b"x" * 100))
        yield f"run of {n}", vcdiff(window(100, code=b"\0" + integer(n), data=b"x"))
        yield f"copy from {n}", vcdiff(window(100, **{**good, "address": integer(n)}))
        yield f"copy from {n} before", vcdiff(window(100, **{**good, "code": b"\x23" + integer(100), "address": integer(n)}))
        yield f"copy near and {n}", vcdiff(window(100, **{
            **good, "code": b"\x13" + integer(50) + b"\x33" + integer(50), "address": integer(900) + integer(n)}))
        yield f"application header of {n}", vcdiff(window(100, **good), header=HEADER + b"\x04" + integer(n))
    yield "target above 64 MiB", vcdiff(window((64 << 20) + 1, **good))
    yield "more than the file", vcdiff(window(101, code=b"\x13" + integer(101), address=b"\0", source=(1000, 0)))
    yield "two windows, too much", vcdiff(window(100, **good), window(1, code=b"\x02", data=b"x"))
    yield "less than the file", vcdiff(window(99, code=b"\x13" + integer(99), address=b"\0", source=(1000, 0)))
    yield "no window", vcdiff()
    yield "instructions end early", vcdiff(window(100, code=b"\x13" + integer(99), address=b"\0", source=(1000, 0)))
    yield "instructions go too far", vcdiff(window(100, code=b"\x13" + integer(101), address=b"\0", source=(1000, 0)))
    yield "half an instruction", vcdiff(window(100, code=b"\x13\x80", address=b"\0", source=(1000, 0)))
    yield "an integer without end", vcdiff(window(100, code=b"\x13" + b"\x80" * 40, address=b"\0", source=(1000, 0)))
    yield "an integer without end in the header", HEADER + b"\x04" + b"\x80" * 100
    yield "an integer without end in a window", vcdiff(b"\x01" + b"\xff" * 100)
    yield "no address", vcdiff(window(100, code=copy, source=(1000, 0)))
    yield "no address for same", vcdiff(window(100, code=b"\x73" + integer(100), source=(1000, 0)))
    yield "no data for add", vcdiff(window(100, code=b"\x01" + integer(100)))
    yield "too little data for add", vcdiff(window(100, code=b"\x01" + integer(100), data=b"x" * 99))
    yield "no data for run", vcdiff(window(100, code=b"\0" + integer(100)))
    yield "copy from here", vcdiff(window(100, **{**good, "address": integer(1000)}))
    yield "copy from 0 before", vcdiff(window(100, **{**good, "code": b"\x23" + integer(100)}))
    yield "copy from before the beginning", vcdiff(window(
        100, **{**good, "code": b"\x23" + integer(100), "address": integer(1001)}))
    yield "copy without a source", vcdiff(window(100, code=copy, address=b"\0"))
    yield "copy of the source at its end", vcdiff(window(100, **{**good, "source": (1000, TARGET * BLOCK)}))
    yield "VCD_TARGET", vcdiff(window(50, code=b"\x01" + integer(50), data=b"x" * 50),
                               window(50, code=b"\x13" + integer(50), address=b"\0", source=(50, 0), indicator=2))
    yield "both kinds of source", vcdiff(window(100, **good, indicator=3))
    for bit in (8, 16, 32, 64, 128):
        yield f"window indicator {bit}", vcdiff(window(100, **good, indicator=1 | bit))
    for n in (1, 2, 4, 7, 255):
        yield f"compressed sections {n}", vcdiff(window(100, **good, compressed=n))
    yield "secondary compressor", vcdiff(window(100, **good), header=HEADER + b"\x01\x10")
    yield "code table", vcdiff(window(100, **good), header=HEADER + b"\x02\x05\x04\x03abc")
    yield "another version", vcdiff(window(100, **good), header=b"\xd6\xc3\xc4\x01\0")
    yield "wrong checksum", vcdiff(window(100, **good, adler=1))


def test_bad_patches_are_refused(t):
    old = noise(1000)
    new = old[:100]
    result, image = hand_made(t, new, vcdiff(window(100, code=b"\x13" + integer(100), address=b"\0",
                                                    source=(1000, 0))), old)
    check_upgraded(result, image, new)
    for name, patch in bad_patches():
        result, image = hand_made(t, new, patch, old)
        print(name, result.stdout.strip())
        check_refused(result, image, old)


def test_what_cannot_be_decoded_says_so(t):
    old = noise(1000)
    new = old[:100]
    texts = {"VCD_TARGET": "not supported", "code table": "code table", "secondary compressor": "secondary compression",
             "another version": "neither the file nor a delta", "wrong checksum": "made from another firmware",
             "copy of the source at its end": "outside of its source", "two windows, too much": DAMAGED}
    patches = dict(bad_patches())
    for name, text in texts.items():
        result, image = hand_made(t, new, patches[name], old)
        check_refused(result, image, old, text)


def mutate(t, old, new, patches):
    """Applies patches that may be wrong: a right result or exit 1, never anything else."""
    image = disk(t, old)
    refused = 0
    for name, patch in patches:
        if len(patch) == len(new):
            continue
        with open(image, "r+b") as f:
            f.seek(INIT * BLOCK // 2)
            f.write(b"\0" * BLOCK * INIT)
            f.seek(TARGET * BLOCK)
            f.write(b"\0" * (len(new) + BLOCK))
        result, _ = hand_made(t, new, patch, image=image)
        if result.returncode == 0:
            check_upgraded(result, image, new)
        else:
            print(name, result.stdout.strip())
            check_refused(result, image, old)
            refused += 1
    return refused


def test_truncated_patches_are_refused(t):
    old = noise(60_000)
    new = changed(old, count=20)
    patch = xdelta(t, old, new, "-S", "-W", str(1 << 14))
    assert len(patch) > 300
    ends = sorted({*range(0, 60), *range(60, len(patch), len(patch) // 60)})
    ends = ends[::4] if t.sanitized() else ends
    assert mutate(t, old, new, ((f"first {n}", patch[:n]) for n in ends)) == len(ends)
    # And something behind its end.
    assert mutate(t, old, new, [("more", patch + b"\x05")]) == 1


def flips(patch, seed, count):
    r = random.Random(seed)
    for n in range(count):
        damaged = bytearray(patch)
        for _ in range(r.choice((1, 1, 1, 2, 8))):
            # Half of them where sizes and instructions are.
            at = r.randrange(min(40, len(patch))) if r.random() < .3 else r.randrange(len(patch))
            damaged[at] ^= 1 << r.randrange(8)
        yield f"flip {n}", bytes(damaged)


def check_flips(t, options, seed):
    old = noise(60_000)
    new = changed(old, count=60)
    patch = xdelta(t, old, new, *options)
    count = 60 if t.sanitized() else 250
    assert mutate(t, old, new, flips(patch, seed, count)) > count * 2 // 3


def test_flipped_bits_with_checksums(t):
    check_flips(t, ("-S", "-W", str(1 << 14)), 21)


def test_flipped_bits_without_checksums(t):
    check_flips(t, ("-A", "-S", "-n"), 22)


def test_flipped_bits_in_hand_made_windows(t):
    """Dense in instructions of all kinds."""
    r = random.Random(6)
    old = noise(20_000)
    w = [random_window(r, old) for _ in range(2)]
    new = b"".join(bytes(x.out) for x in w)
    count = 60 if t.sanitized() else 250
    patch = vcdiff(*(x.done(adler=False) for x in w))
    assert mutate(t, old, new, flips(patch, 23, count)) > count // 2


def test_random_instructions(t):
    """Sections full of noise, that is not even close to a patch."""
    r = random.Random(8)
    old = noise(20_000)
    count = 50 if t.sanitized() else 200

    def patches():
        for n in range(count):
            data, code, address = (r.randbytes(r.randrange(200)) for _ in range(3))
            yield f"noise {n}", vcdiff(window(r.randrange(5000), data, code, address, (r.randrange(1, 20_000), 0)))
    assert mutate(t, old, noise(5000, 3), patches()) == count


# Cost

def start_shaking(t, fw, image, *options):
    """Runs until the handshake and is then still there: all of its work is done."""
    p = t.start([t.bin("fwpack"), "-a", "-q", "--exit-handshake", "-i", fw, "-t", "upgrade", "-d", image, *options],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    text = b""
    while not text.endswith(b"\x1a\0"):
        more = p.stdout.read1()
        assert more, text
        text += more
        assert b"\x1a\x01" not in text, text
    return p


def test_memory_is_bounded(t):
    """xdelta3's windows of 8 MiB: nearly all of it copied, some new, all new."""
    if t.sanitized():
        t.skip("its memory is not that of the program")
    old = noise(20 << 20)
    mixed = b"".join(old[i:i + 40_000] + noise(6000, i) for i in range(0, 16 << 20, 46_000))
    for new in (changed(old, count=500), mixed, noise(9 << 20, 7)):
        image = disk(t, old, at=SOURCE)
        keys = f"delta-source-raw-offset = {SOURCE} delta-source-raw-count = 50000"
        fw = put(t, firmware(t, new, keys, "raw_write(65536)"), xdelta(t, old, new))
        p = start_shaking(t, fw, image)
        used = peak_memory(p.pid)
        print(f"{used} kB")
        assert region(image, 65536, len(new)) == new
        assert used < 24 << 10
        p.stdin.close()
        assert p.wait(10) == 0


def test_memory_for_claims_is_not_taken(t):
    """Sizes of 64 MiB in a patch of a few bytes."""
    if t.sanitized():
        t.skip("its memory is not that of the program")
    new = b"x" * (100 << 20)
    fw = firmware(t, new)
    patch = vcdiff(window(64 << 20, code=b"\x01" + integer(64 << 20), sizes=(64 << 20, 5, 0)))
    put(t, fw, patch)
    p = t.start([t.bin("fwpack"), "-a", "-q", "--exit-handshake", "-i", fw, "-t", "upgrade", "-d", disk(t, b"")],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    text = b""
    while not text.endswith(b"\x1a\x01"):
        more = p.stdout.read1()
        assert more, text
        text += more
    used = peak_memory(p.pid)
    print(f"{used} kB")
    assert used < 12_000


def test_shuffled_source_is_read_once(t):
    """4 KiB pieces in any order: the reads of the device are hardly more than what is copied."""
    t.need("strace")
    if t.sanitized():
        t.skip("the leak sanitizer does not work below strace")
    r = random.Random(9)
    pieces = [r.randbytes(4096) for _ in range(2500)]
    old = b"".join(pieces)
    r.shuffle(pieces)
    new = b"".join(pieces)
    # -B lets xdelta3 see all of the source, -W makes two windows of it.
    fw = put(t, firmware(t, new), xdelta(t, old, new, "-A", "-S", "-B", str(16 << 20)))
    assert (t.dir / "patch").stat().st_size < len(new) // 50, "xdelta3 found too little"
    image = disk(t, old, 40 << 20)
    trace = t.dir / "trace"
    out = t.run(["strace", "-f", "-y", "-o", trace, "-e", "trace=read,pread64,preadv,preadv2,readv,mmap", t.bin("fwpack"),
                 "-a", "-q", "-i", fw, "-t", "upgrade", "-d", image])
    if "ptrace" in out.stderr:
        t.skip("strace may not trace here")
    check_upgraded(out, image, new)
    reads = [int(n) for n in re.findall(rf"read\w*\(\d+<{re.escape(str(image))}>.*= (\d+)$", trace.read_text(), re.M)]
    mapped = re.search(rf"mmap\(.*<{re.escape(str(image))}>", trace.read_text())
    print(f"{sum(reads)} bytes in {len(reads)} reads for {len(new)}")
    assert not mapped
    assert len(new) * .9 < sum(reads) < len(new) * 1.2, "the source is read too much, or not counted here"
    assert len(reads) < 5000
