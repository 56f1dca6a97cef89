# SPDX-License-Identifier: Apache-2.0
"""Where the reference fails (docs/fw-format.md, "Differences from the reference"), fwpack must not."""
import os
import re
import struct
import zipfile

BLOCK = 512


def make(t, text, name="x.fw"):
    (t.dir / "x.conf").write_text(text)
    r = t.run([t.bin("fwpack"), "-c", "-f", "x.conf", "-o", name])
    assert r.returncode == 0, r.stdout + r.stderr


def apply(t, *options, device="disk.img", **kw):
    return t.run([t.bin("fwpack"), "-a", "-i", "x.fw", "-t", "complete", "-d", device, *options], **kw)


def need_large_files(t, size):
    with open(t.dir / "disk.img", "wb") as f:
        try:
            f.truncate(size)
        except OSError:
            t.skip("no files of that size here")
    (t.dir / "disk.img").unlink()


def read(t, offset, size=BLOCK):
    with open(t.dir / "disk.img", "rb") as f:
        f.seek(offset * BLOCK)
        return f.read(size)


def test_max_size_of_4_gib_and_more(t):
    """8388608 blocks are 2^32 bytes. The last block is within the range, the next one is not."""
    need_large_files(t, 3 << 40)
    for blocks in (8388607, 8388608, 8388609, 16777216, 4294967296, 5_000_000_000):
        make(t, f"task complete {{ on-init {{ raw_memset({blocks - 1}, 1, 0x5a) }} }}")
        (t.dir / "disk.img").unlink(missing_ok=True)
        r = apply(t, "-q", "--max-size", blocks)
        assert r.returncode == 0, (blocks, r.stdout)
        assert (t.dir / "disk.img").stat().st_size == blocks * BLOCK
        assert read(t, blocks - 1) == b"\x5a" * BLOCK
        make(t, f"task complete {{ on-init {{ raw_memset({blocks}, 1, 0x5a) }} }}")
        r = apply(t, "-q", "--max-size", blocks)
        assert r.returncode == 1 and f"the device ends at {blocks * BLOCK}; nothing was written" in r.stdout, r.stdout


def test_tables_fill_what_max_size_gives(t):
    """The last partition of an MBR and of a GPT, on a disk of more than 4 GiB."""
    need_large_files(t, 3 << 40)
    blocks = 2 * 8388608 + 5
    guid = "5278721d-0089-4768-85df-b8f1b97e6684"
    make(t, "mbr m { partition 0 { block-offset = 64 block-count = 10 type = 0x83 expand = true } }\n"
         f'gpt g {{ guid = "{guid}" partition 0 {{ block-offset = 64 block-count = 10 type = "{guid}" guid = "{guid}" '
         'expand = true } }\ntask complete { on-init { mbr_write(m) } }\ntask gpt { on-init { gpt_write(g) } }')
    assert apply(t, "-q", "--max-size", blocks).returncode == 0
    assert struct.unpack_from("<II", read(t, 0), 454) == (64, blocks - 64)
    assert apply(t, "-q", "--max-size", blocks, "-t", "gpt").returncode == 0
    assert struct.unpack_from("<QQ", read(t, 2), 32) == (64, blocks - 35)


def test_mbr_on_more_than_32_bits_of_blocks(t):
    """As much as the format can express, not the remainder of a division."""
    need_large_files(t, 3 << 40)
    make(t, "mbr m { partition 0 { block-offset = 64 block-count = 10 type = 0x83 expand = true } }\n"
         "task complete { on-init { mbr_write(m) } }")
    for blocks, count in ((2**32, 2**32 - 64), (2**32 + 63, 2**32 - 1), (2**32 + 64, 2**32 - 1), (2**32 + 100, 2**32 - 1),
                          (5_000_000_000, 2**32 - 1)):
        (t.dir / "disk.img").unlink(missing_ok=True)
        assert apply(t, "-q", "--max-size", blocks).returncode == 0
        assert struct.unpack_from("<II", read(t, 0), 454) == (64, count), blocks


def test_raw_memset_of_more_than_2_gib_is_counted(t):
    """To /dev/null, which costs little."""
    blocks = 5_000_000  # 2.56 GB
    make(t, f"task complete {{ on-init {{ raw_memset(0, {blocks}, 0) }} }}")
    r = apply(t, "-n", device="/dev/null")
    assert r.returncode == 0, r.stdout
    told = [int(line) for line in r.stdout.split()]
    assert told == list(range(101)), told
    r = apply(t, device="/dev/null")
    assert r.returncode == 0 and " 2.56 GB out" in r.stdout, r.stdout[-200:]


def test_huge_counts_are_counted_in_64_bits(t):
    """Ranges beyond any device are refused instead of being truncated to something that fits."""
    for call in ("raw_memset(0, 36028797018963968, 0)", "raw_memset(36028797018963968, 1, 0)", "raw_memset(8, 18446744073709551615, 0)",
                 "raw_memset(18446744073709551615, 1, 0)", "raw_memset(18014398509481984, 1, 0)",
                 "fat_mkfs(36028797018963968, 1000)", "fat_mkfs(8, 36028797018963968)"):
        make(t, f"task complete {{ on-init {{ raw_memset(0, 1, 1) {call} }} }}")
        image = t.image(1 << 20, "disk.img")
        r = apply(t, "-q")
        assert r.returncode == 1, call
        assert not any(image.read_bytes()), f"{call}: something was written"
    # More than 64 bits is not a number.
    (t.dir / "x.conf").write_text("task complete { on-init { raw_memset(0, 18446744073709551616, 0) } }")
    assert t.run([t.bin("fwpack"), "-c", "-f", "x.conf", "-o", "x.fw"]).returncode == 1


def test_trim_of_anything_is_harmless(t):
    """On an image, trim only makes later reads return zeros; ranges may have any size."""
    for offset, count in ((0, 18446744073709551615), (18446744073709551615, 1), (1, 18446744073709551615), (255, 1), (300, 400), (513, 1000), (0, 767),
                          (36028797018963967, 36028797018963967), (512, 1 << 40)):
        make(t, f"task complete {{ on-init {{ trim({offset}, {count}) raw_memset(600, 1, 0x5a) }} }}")
        (t.dir / "disk.img").write_bytes(b"\xee" * (1 << 20))
        r = apply(t, "-q")
        assert r.returncode == 0, (offset, count, r.stdout)
        image = (t.dir / "disk.img").read_bytes()
        # Complete segments of 256 blocks; the third is partly written.
        trimmed = offset <= 512 and offset + count >= 768
        rest = {0} if trimmed else {0xee}
        assert image[600 * BLOCK:601 * BLOCK] == b"\x5a" * BLOCK
        assert set(image[512 * BLOCK:600 * BLOCK] + image[601 * BLOCK:768 * BLOCK]) == rest, (offset, count)
        assert set(image[:512 * BLOCK]) == {0xee}


LARGE_MBR = """mbr m {
  partition 0 { block-offset = 64 block-count = 16434432 type = 0x83 }
  partition 1 { block-offset = 16434496 block-count = 1000 type = 0x83 }
  partition 2 { block-offset = 20000000 block-count = 2147483646 type = 0xc boot = true }
  partition 3 { block-offset = 4294967294 block-count = 1 type = 0x83 }
}
task complete { on-init { mbr_write(m) } }
"""


def test_chs_beyond_8_gb_is_fixed(t):
    """The first partition ends with the last block that CHS can express (63 * 255 * 1023)."""
    make(t, LARGE_MBR)
    seen = set()
    for fill in (b"\0", b"\xff", b"\x5a"):
        # If memory were not initialised, it would have other contents after having been used.
        (t.dir / "disk.img").write_bytes(fill * (1 << 17))
        assert apply(t, "-q", env={"MALLOC_PERTURB_": str(fill[0])}).returncode == 0
        seen.add(read(t, 0))
    assert len(seen) == 1, "the table is not reproducible"
    table = seen.pop()[446:510]
    entries = [table[i:i + 16] for i in range(0, 64, 16)]
    # Cylinder 1023, head 0, sector 1: the highest cylinder of 10 bits.
    assert entries[0][1:4] == bytes((1, 2, 0)) and entries[0][5:8] == bytes((0, 0xc1, 0xff))
    for entry in entries[1:]:
        assert entry[1:4] == entry[5:8] == b"\xfe\xff\xff", entry.hex()
    assert entries[2][0] == 0x80
    r = t.run([t.need("sfdisk"), "-d", "disk.img"])
    found = re.findall(r"img\d : start= *(\d+), size= *(\d+)", r.stdout)
    assert found == [("64", "16434432"), ("16434496", "1000"), ("20000000", "2147483646"), ("4294967294", "1")], r.stdout


def test_mbr_that_is_wrong_is_an_error_when_it_is_applied(t):
    """The reference reports success, and writes nothing. Here nothing is written either, but it is reported."""
    make(t, 'mbr m { partition 0 { block-offset = 64 block-count = 100 type = 0x83 } partition 1 { block-offset = 164 '
         'block-count = 100 type = 0x83 } }\ntask complete { on-init { raw_memset(8, 1, 1) mbr_write(m) } }')
    with zipfile.ZipFile(t.dir / "x.fw") as z:
        meta = z.read("meta.conf").decode()
    changes = [("block-offset=164", "block-offset=100", "overlap"), ("block-offset=164", "block-offset=4294967295", "block-offset"),
               ("block-offset=164", "", "block-offset"), ("type=131", "type=300", "type"), ("type=131", "", "type"),
               ("block-count=100", "block-count=2147483647", "block-count"), ("block-count=100", "block-count=-1", "block-count"),
               ('partition "1"', 'partition "12"', "numbered"), ('partition "1"', 'partition "4"', "extended"),
               ("block-offset=164", 'signature=1\nblock-offset="${X}"', "block-offset")]
    meta = meta.replace("partition 0 {", 'partition "0" {').replace("partition 1 {", 'partition "1" {')
    for old, new, message in changes:
        assert old in meta, meta
        with zipfile.ZipFile(t.dir / "x.fw", "w") as z:
            z.writestr("meta.conf", meta.replace(old, new))
        image = t.image(1 << 20, "disk.img")
        r = apply(t, "-q")
        assert r.returncode == 1 and message in r.stdout, (old, new, r.stdout)
        assert not any(image.read_bytes()), (old, new)
    with zipfile.ZipFile(t.dir / "x.fw", "w") as z:
        z.writestr("meta.conf", meta)
    assert apply(t, "-q").returncode == 0


def test_nothing_is_left_of_a_failed_creation(t):
    """Neither a new file nor part of one, and an existing file stays."""
    (t.dir / "a").write_bytes(os.urandom(1 << 20))
    (t.dir / "secret.priv").write_text("x")
    texts = ["syntax error {", "task t { on-init { raw_write(1) } }", 'file-resource x { host-path = "none" }',
             'file-resource a { host-path = "a" } file-resource b { host-path = "a;none" }',
             'file-resource a { host-path = "a" assert-size-lte = 5 }', 'file-resource x { host-path = "." }']
    for text in texts:
        (t.dir / "x.conf").write_text(text)
        for before in (None, b"mine"):
            if before:
                (t.dir / "out.fw").write_bytes(before)
            r = t.run([t.bin("fwpack"), "-c", "-f", "x.conf", "-o", "out.fw"])
            assert r.returncode == 1, text
            assert sorted(p.name for p in t.dir.glob("out*")) == (["out.fw"] if before else []), text
            if before:
                assert (t.dir / "out.fw").read_bytes() == before, text
        (t.dir / "out.fw").unlink()


def test_nothing_is_left_of_a_failed_signing(t):
    (t.dir / "in.fw").write_bytes(b"no archive")
    assert t.run([t.bin("fwpack"), "-g", "-o", "key"]).returncode == 0
    r = t.run([t.bin("fwpack"), "-S", "-i", "in.fw", "-o", "out.fw", "-s", "key.priv"])
    assert r.returncode == 1 and not list(t.dir.glob("out*")) and sorted(p.name for p in t.dir.glob("in*")) == ["in.fw"]


def test_public_key_may_be_read_by_others(t):
    """The public key is meant to be given away; the private one is not."""
    old = os.umask(0o022)
    try:
        assert t.run([t.bin("fwpack"), "-g", "-o", "key"]).returncode == 0
    finally:
        os.umask(old)
    assert (t.dir / "key.priv").stat().st_mode & 0o777 == 0o600
    assert (t.dir / "key.pub").stat().st_mode & 0o777 == 0o644


def test_signing_across_file_systems(t):
    """The temporary file is next to the output, not the input."""
    if os.getuid():
        t.skip("needs root, to mount a tmpfs")
    other = t.dir / "other"
    other.mkdir()
    if t.run(["mount", "-t", "tmpfs", "none", other]).returncode:
        t.skip("nothing can be mounted here")
    try:
        (t.dir / "s.conf").write_text('file-resource a { contents = "x" }\ntask t { on-resource a { raw_write(0) } }\n')
        assert t.run([t.bin("fwpack"), "-c", "-f", "s.conf", "-o", "s.fw"]).returncode == 0
        assert t.run([t.bin("fwpack"), "-g", "-o", "s"]).returncode == 0
        r = t.run([t.bin("fwpack"), "-S", "-i", "s.fw", "-o", other / "signed.fw", "-s", "s.priv"])
        assert r.returncode == 0, r.stdout
        r = t.run([t.bin("fwpack"), "-V", "-i", other / "signed.fw", "-p", "s.pub"])
        assert r.returncode == 0 and [p.name for p in other.iterdir()] == ["signed.fw"]
    finally:
        t.run(["umount", other])


def test_offsets_beyond_2_and_4_gib(t):
    """Files with holes, so that they cost nothing."""
    path = t.dir / "holes"
    with open(path, "wb") as f:
        for at, text in ((0, b"begin"), ((2 << 30) + 4096, b"past 2 GiB"), ((5 << 30) + 4096, b"past 4 GiB")):
            f.seek(at)
            f.write(text)
    (t.dir / "h.conf").write_text('file-resource a { host-path = "holes" skip-holes = true }\n'
                                  'task path { on-resource a { path_write("copy") } }\n'
                                  'task raw { on-resource a { raw_write(8) } }\n')
    assert t.run([t.bin("fwpack"), "-c", "-f", "h.conf", "-o", "h.fw"]).returncode == 0
    if (t.dir / "h.fw").stat().st_size > 1 << 20:
        t.skip("this file system knows no holes")
    for task, name, offset in (("path", "copy", 0), ("raw", "disk.img", 4096)):
        r = t.run([t.bin("fwpack"), "-a", "-q", "--unsafe", "-i", "h.fw", "-t", task, "-d", "disk.img"])
        assert r.returncode == 0, r.stdout
        with open(t.dir / name, "rb") as f:
            for at, text in ((0, b"begin"), ((2 << 30) + 4096, b"past 2 GiB"), ((5 << 30) + 4096, b"past 4 GiB")):
                f.seek(at + offset)
                assert f.read(len(text)) == text, (task, at)


def test_unmount_takes_only_the_device_that_was_named(t):
    """/dev/loop20 is not a partition of /dev/loop203, nor vice versa."""
    t.need("mkfs.ext2")
    if os.getuid():
        t.skip("loop devices need root")
    names = {name: t.image(4 << 20, name) for name in ("loop20", "loop203")}
    mount = t.dir / "mnt"
    mount.mkdir()
    attached = []
    try:
        for name, image in names.items():
            if t.run(["losetup", f"/dev/{name}", image]).returncode:
                t.skip("these loop devices cannot be had here")
            attached.append(f"/dev/{name}")
        assert t.run(["mkfs.ext2", "-q", "-F", "/dev/loop203"]).returncode == 0
        if t.run(["mount", "-t", "ext2", "/dev/loop203", mount]).returncode:
            t.skip("nothing can be mounted here")
        (t.dir / "u.conf").write_text("task t { on-init { raw_memset(0, 8, 1) } }\n")
        assert t.run([t.bin("fwpack"), "-c", "-f", "u.conf", "-o", "u.fw"]).returncode == 0
        r = t.run([t.bin("fwpack"), "-a", "-q", "-i", "u.fw", "-t", "t", "-d", "/dev/loop20"])
        assert r.returncode == 0 and mount.is_mount(), r.stdout
        r = t.run([t.bin("fwpack"), "-a", "-q", "-i", "u.fw", "-t", "t", "-d", "/dev/loop203"])
        assert r.returncode == 0 and not mount.is_mount(), r.stdout
    finally:
        t.run(["umount", mount])
        for device in attached:
            t.run(["losetup", "-d", device])
