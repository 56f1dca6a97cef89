# SPDX-License-Identifier: Apache-2.0
"""Resources with holes: the length list says where the data belongs, and the archive has only the data."""
import hashlib
import os
import random
import re
import subprocess
import zipfile

BLOCK = 512
SEGMENT = 131072
OFFSET = 256  # where raw_write puts it, in blocks
FAT = 2048
PLAIN = "raw_write(256)"
CONF = """
file-resource a {{ host-path = "a" }}
file-resource b {{ contents = "next" }}
task complete {{
  on-init {{ raw_memset(8, 1, 0x11) {init} }}
  on-resource a {{ {function} }}
  on-resource b {{ raw_write(16) }}
}}
"""


def noise(size, seed=1):
    return random.Random(seed).randbytes(size)


def make(t, lengths, function=PLAIN, data=None, init="", declared=None):
    """
    fwpack creates an archive of the data; then zipfile rewrites it with the list in its meta.conf. declared: a list that
    differs from lengths.
    """
    if data is None:
        data = noise(sum(lengths[::2]))
    (t.dir / "a").write_bytes(data)
    (t.dir / "x.conf").write_text(CONF.format(function=function, init=init))
    r = t.run([t.bin("fwpack"), "-c", "-f", "x.conf", "-o", "whole.fw"])
    assert r.returncode == 0, r.stdout + r.stderr
    with zipfile.ZipFile(t.dir / "whole.fw") as old, zipfile.ZipFile(t.dir / "x.fw", "w", zipfile.ZIP_DEFLATED) as new:
        meta = old.read("meta.conf").decode()
        assert hashlib.blake2b(data, digest_size=32).hexdigest() in meta
        pieces = declared or "length={" + ",".join(map(str, lengths)) + "}"
        meta, count = re.subn(r'(file-resource "?a"? \{\n)(length=\d+\n)?', rf"\g<1>{pieces}\n", meta)
        assert count == 1, meta
        new.writestr("meta.conf", meta)
        for name in old.namelist()[1:]:
            new.writestr(name, old.read(name))
    return data


def apply(t, *options, image="disk.img", **kw):
    return t.run([t.bin("fwpack"), "-a", "-q", "-i", "x.fw", "-t", "complete", "-d", image, *options], **kw)


def applied(t, *options):
    r = apply(t, *options)
    assert r.returncode == 0, r.stdout + r.stderr


def placed(lengths, data):
    """[(position in the file, bytes)], and the size of the file."""
    at, used, pieces = 0, 0, []
    for i, size in enumerate(lengths):
        if i % 2 == 0:
            pieces.append((at, data[used:used + size]))
            used += size
        at += size
    assert used == len(data)
    return pieces, at


def with_zeros(lengths, data):
    pieces, size = placed(lengths, data)
    out = bytearray(size)
    for at, bytes_ in pieces:
        out[at:at + len(bytes_)] = bytes_
    return bytes(out)


def on_image(lengths, data, before):
    """The slot afterwards: blocks within holes are unchanged, holes in other blocks are zeros, as are the blocks of the
    last 512 bytes of a hole at the end."""
    pieces, size = placed(lengths, data)
    full = with_zeros(lengths, data) + bytes(-size % BLOCK)
    touched = set()
    for at, bytes_ in pieces:
        if bytes_:
            touched.update(range(at // BLOCK, (at + len(bytes_) - 1) // BLOCK + 1))
    last = max((i for i, n in enumerate(lengths) if n), default=0)
    if last % 2:
        touched.update(range((size - min(lengths[last], BLOCK)) // BLOCK, (size - 1) // BLOCK + 1))
    out = bytearray(before.ljust(len(full), b"\0"))
    for block in touched:
        out[block * BLOCK:(block + 1) * BLOCK] = full[block * BLOCK:(block + 1) * BLOCK]
    return bytes(out)


def check_raw(t, lengths, seed=1):
    data = make(t, lengths, data=noise(sum(lengths[::2]), seed))
    before = b"\xee" * (OFFSET * BLOCK + sum(lengths) + 2 * SEGMENT)
    (t.dir / "disk.img").write_bytes(before)
    applied(t)
    image = (t.dir / "disk.img").read_bytes()
    slot = before[OFFSET * BLOCK:]
    expected = on_image(lengths, data, slot)
    assert image[OFFSET * BLOCK:][:len(expected)] == expected, lengths
    assert image[16 * BLOCK:][:4] == b"next"
    assert set(image[17 * BLOCK:OFFSET * BLOCK]) == {0xee}
    # A new image: holes are zeros, and it is long enough for the whole file.
    (t.dir / "disk.img").unlink()
    applied(t)
    image = (t.dir / "disk.img").read_bytes()
    whole = with_zeros(lengths, data)
    assert image[OFFSET * BLOCK:][:len(whole)] == whole, lengths
    assert len(image) >= OFFSET * BLOCK + len(whole) and len(image) % SEGMENT == 0, lengths
    assert not any(image[OFFSET * BLOCK + len(whole):])
    r = t.run([t.bin("fwpack"), "-V", "-i", "x.fw"])
    assert r.returncode == 0, r.stdout


LISTS = [
    (0, 4096, 512), (512, 4096), (0, 4096), (0, 1), (0, 511), (0, 512), (0, 513), (1, 1), (1, 0), (0, 0, 5), (5, 0, 5),
    # Holes that do not start or end at block boundaries: data in the same block must survive.
    (100, 200, 300), (100, 200, 300, 100, 400), (511, 1, 1), (511, 2, 1), (512, 1, 511), (1, 510, 1), (1, 511, 1), (1, 1022, 1),
    (500, 600, 500), (500, 1000, 700, 5, 9, 4000, 1), (10, 10, 10, 10, 10, 10, 10, 10, 10), (1, 1, 1, 0, 1, 1, 1, 0, 1),
    (100, 1000), (100, 10), (100, 412), (100, 413), (1000, 24), (512, 512), (512, 1), (1024, 511),
    # Across segments and read sizes.
    (SEGMENT, SEGMENT, SEGMENT), (SEGMENT - 1, 2, SEGMENT), (300_000, 1_000_000, 300_001, 77), (0, 3 * SEGMENT, 1),
    (262_144 + 7, 505, 262_144), (65_536, 1, 65_535, 1, 65_535),
]
# Resources with 1 MiB of data or more are hashed and written by threads.
LARGE = [
    (1_500_000, 600_000, 1_500_001, 77), (2 << 20, 100, 5, 507, 1 << 20), (1 << 20, 512, 1 << 20, 512), (1 << 20, 1),
    (3, 1 << 20, 1 << 20, 5, 700_001, 1000, 9), (0, 1, (1 << 20) - 1, 1, 1, 1, 1 << 20),
]


def test_raw_write_leaves_holes_and_keeps_all_data(t):
    for lengths in LISTS + LARGE:
        check_raw(t, lengths)


def test_raw_write_of_any_list(t):
    r = random.Random(3)
    for n in range(15 if t.sanitized() else 40):
        sizes = (0, 1, 7, 100, 411, 511, 512, 513, 1024, 4096, 5000, 70_000, 300_000)
        lengths = [r.choice(sizes) for _ in range(r.randrange(1, 12))]
        check_raw(t, lengths, n)


def test_no_data_but_a_hole(t):
    """Only the blocks of its last 512 bytes are written."""
    for size, first in ((10_000, 18), (10_240, 19), (9_729, 18), (200, 0)):
        make(t, (0, size))
        (t.dir / "disk.img").write_bytes(b"\xee" * 512 * BLOCK)
        applied(t)
        slot = (t.dir / "disk.img").read_bytes()[OFFSET * BLOCK:]
        end = (size - 1) // BLOCK * BLOCK + BLOCK
        assert slot[:end] == b"\xee" * first * BLOCK + bytes(end - first * BLOCK) and set(slot[end:]) == {0xee}, size


def test_last_hole_makes_the_image_long_enough(t):
    make(t, (512, 5_000_000))
    applied(t)
    size = (t.dir / "disk.img").stat().st_size
    end = OFFSET * BLOCK + 512 + 5_000_000
    assert size == -(-end // SEGMENT) * SEGMENT
    assert (t.dir / "disk.img").stat().st_blocks * 512 < 1_000_000, "holes take room"


def test_a_device_must_have_room_for_the_holes(t):
    """Detected before the first write, even if the end is a hole."""
    for lengths in ((512, 500_000), (512, 500_000, 512), (0, 600_000)):
        make(t, lengths)
        end = OFFSET + -(-sum(lengths) // BLOCK)
        image = t.image(4 << 20, "disk.img")
        r = apply(t, "--max-size", end - 1)
        assert r.returncode == 1 and "nothing was written" in r.stdout, r.stdout
        assert not any(image.read_bytes())
        r = apply(t, "--max-size", end)
        assert r.returncode == 0, r.stdout


def test_a_huge_hole_is_skipped(t):
    """A hole of more than 4 GiB, of which nothing is written."""
    lengths = (100, 6 << 30, 100)
    data = make(t, lengths)
    applied(t)
    image = t.dir / "disk.img"
    assert image.stat().st_blocks * 512 < 1_000_000
    with open(image, "rb") as f:
        f.seek(OFFSET * BLOCK)
        assert f.read(200) == data[:100] + bytes(100)
        f.seek(OFFSET * BLOCK + 100 + (6 << 30))
        assert f.read(100) == data[100:]


def test_fat_write_makes_zeros(t):
    t.need("mcopy")
    for lengths in LISTS + LARGE:
        data = make(t, lengths, f'fat_write({FAT}, "f.bin")', init=f"fat_mkfs({FAT}, 10000)")
        (t.dir / "disk.img").write_bytes(b"\xee" * (8 << 20))
        applied(t)
        r = t.run(["mcopy", "-n", "-o", "-i", f"disk.img@@{FAT * BLOCK}", "::f.bin", "got"])
        assert r.returncode == 0, r.stderr
        assert (t.dir / "got").read_bytes() == with_zeros(lengths, data), lengths


def test_fat_write_of_a_hole_that_does_not_fit(t):
    make(t, (100, 40 << 20, 100), f'fat_write({FAT}, "f.bin")', init=f"fat_mkfs({FAT}, 8192)")
    r = apply(t)
    assert r.returncode == 1 and "maybe the disk is full?" in r.stdout, r.stdout


def test_path_write_makes_zeros(t):
    for lengths in LISTS + LARGE:
        (t.dir / "got").write_bytes(b"old " * 100_000)
        data = make(t, lengths, f'path_write("{t.dir}/got")')
        applied(t, "--unsafe")
        assert (t.dir / "got").read_bytes() == with_zeros(lengths, data), lengths


def test_path_write_keeps_holes(t):
    make(t, (100, 1 << 30, 100, 1 << 30), f'path_write("{t.dir}/got")')
    applied(t, "--unsafe")
    stat = (t.dir / "got").stat()
    assert stat.st_size == 200 + (2 << 30) and stat.st_blocks * 512 < 1_000_000


def test_path_write_to_what_has_no_holes_makes_zeros(t):
    """A FIFO, a character device and a block device cannot be made longer, or have holes."""
    lengths = (100, 4000, 5000, 3000, 100, 70_000)
    data = make(t, lengths, 'path_write("/dev/null")')
    applied(t, "--unsafe")
    fifo = t.dir / "fifo"
    os.mkfifo(fifo)
    data = make(t, lengths, f'path_write("{fifo}")')
    p = t.start([t.bin("fwpack"), "-a", "-q", "-i", "x.fw", "-t", "complete", "-d", "disk.img", "--unsafe"])
    assert fifo.read_bytes() == with_zeros(lengths, data)
    assert p.wait(20) == 0


def test_path_write_to_a_block_device_makes_zeros(t):
    if os.getuid() or t.run(["sh", "-c", "command -v losetup"]).returncode:
        t.skip("loop devices need root and losetup")
    image = t.dir / "loop.img"
    image.write_bytes(b"\xee" * (1 << 20))
    r = t.run(["losetup", "--show", "-f", image])
    if r.returncode:
        t.skip("there is no loop device to be had")
    device = r.stdout.strip()
    try:
        lengths = (100, 4000, 5000, 3000, 100, 70_000)
        data = make(t, lengths, f'path_write("{device}")')
        applied(t, "--unsafe")
        expected = with_zeros(lengths, data)
        assert image.read_bytes() == expected + b"\xee" * ((1 << 20) - len(expected))
        make(t, (100, 1 << 20), f'path_write("{device}")')
        r = apply(t, "--unsafe")
        assert r.returncode == 1 and f"cannot write to '{device}': No space left" in r.stdout, r.stdout
    finally:
        t.run(["losetup", "-d", device])


def test_pipe_write_sends_zeros(t):
    for lengths in LISTS + LARGE:
        data = make(t, lengths, f'pipe_write("cat > {t.dir}/got")')
        applied(t, "--unsafe")
        assert (t.dir / "got").read_bytes() == with_zeros(lengths, data), lengths


def test_progress_counts_data_or_all(t):
    """raw_write and path_write: only the data; fat_write and pipe_write: holes, too."""
    for function, init, units in ((PLAIN, "", 3_000_000), (f'path_write("{t.dir}/got")', "", 3_000_000),
                                  ('pipe_write("cat > /dev/null")', "", 4_000_000),
                                  (f"fat_write({FAT})", f"fat_mkfs({FAT}, 16384)", 4_000_512)):
        make(t, (1_500_000, 600_000, 1_500_000, 400_000), function, init=init)
        total = units + 512 + 4  # what else CONF has
        args = [t.bin("fwpack"), "-a", "-i", "x.fw", "-t", "complete", "-d", "disk.img", "--unsafe"]
        r = t.run(args)
        assert r.returncode == 0, r.stdout
        assert f"{total / 1e6:.2f} MB out" in r.stdout, (function, r.stdout[-200:])
        r = t.run([*args, "-n"])
        told = [int(line) for line in r.stdout.split()]
        assert told == sorted(set(told)) and told[0] == 0 and told[-2:] == [99, 100], told


def test_wrong_lists_are_refused_before_anything_is_written(t):
    big = 2**63 - 1
    cases = ["length={-1}", "length=-1", "length={100,-200,300}", "length={100,200,-300}", "length={-100,200,500}",
             f"length={{{big},1}}", f"length={{1,{big}}}", f"length={{{big},{big}}}", f"length={{100,{big},300}}",
             f"length={{{big},{big},2}}", f"length={{{2**62},{2**62}}}", f"length={{{2**63}}}", f"length={{100,{2**64}}}",
             "length={" + ",".join(["1"] * 257) + "}", "length={" + ",".join(["0"] * 257) + "}",
             "length={" + ",".join(["1"] * 10_000) + "}", "length={100,x}", "length={100,1.5}", "length={100,}x",
             f"length={{100,{big - 100}}}"]
    for text in cases:
        make(t, (400,), declared=text)
        image = t.image(1 << 20, "disk.img")
        r = apply(t)
        assert r.returncode == 1, text
        assert not any(image.read_bytes()), f"{text[:60]}: something was written"
        assert r.stdout.startswith("fwup: "), (text, r.stdout)


def test_the_list_is_judged_also_where_it_is_not_applied(t):
    """-V, -m, -l and tasks that do not use the resource."""
    make(t, (400,), declared="length={5,-5}")
    for command in ("-V", "-m", "-l"):
        assert t.run([t.bin("fwpack"), command, "-i", "x.fw"]).returncode == 1, command


def test_256_pieces_are_fine(t):
    lengths = [200, 700] * 128
    check_raw(t, lengths)


def test_holes_that_no_file_can_have(t):
    """The list is valid, but nothing is that large: an error, no crash."""
    for hole in (1 << 62, 1 << 55, 2**63 - 2000):
        for function in (PLAIN, f'path_write("{t.dir}/got")', f"fat_write({FAT})"):
            make(t, (100, hole, 300), function, init=f"fat_mkfs({FAT}, 200)" if "fat" in function else "")
            r = apply(t, "--unsafe")
            assert r.returncode == 1 or "path" in function, (hole, function)
    make(t, (100, 1 << 62, 300))
    image = t.image(1 << 20, "disk.img")
    image.write_bytes(bytes(1 << 20))
    r = apply(t, "--max-size", 2048)
    assert r.returncode == 1 and "nothing was written" in r.stdout
    assert not any(image.read_bytes())


def test_data_that_do_not_fit_the_list(t):
    """More and less; a list of several pieces is never a delta."""
    keys = "delta-source-raw-offset = 256 delta-source-raw-count = 100 "
    for text in ("length={100,200,299}", "length={100,200,301}", "length={0,200}", "length={399,1}", "length={401,1}"):
        for function in (PLAIN, keys + PLAIN):
            make(t, (400,), function, declared=text)
            r = apply(t)
            assert r.returncode == 1 and "isn't expected size" in r.stdout, (text, r.stdout)


def test_wrong_data_between_holes_are_found(t):
    data = make(t, (100, 200, 300), data=noise(400))
    with zipfile.ZipFile(t.dir / "x.fw") as z:
        entries = {n: z.read(n) for n in z.namelist()}
    entries["data/a"] = data[:200] + b"!" + data[201:]
    with zipfile.ZipFile(t.dir / "x.fw", "w") as z:
        for name, content in entries.items():
            z.writestr(name, content)
    r = apply(t)
    assert r.returncode == 1 and "raw_write detected blake2b mismatch on 'a'" in r.stdout
    assert t.run([t.bin("fwpack"), "-V", "-i", "x.fw"]).returncode == 1


def test_data_are_read_once(t):
    """The second function is refused before the first one writes, except where there is no data."""
    make(t, (100, 200, 300), f'info("before") raw_write(256) path_write("{t.dir}/out")')
    (t.dir / "disk.img").write_bytes(b"\xee" * 1024 * BLOCK)
    r = apply(t, "--unsafe")
    assert r.returncode == 1
    assert r.stdout == ("fwup: path_write didn't write anything and was likely called twice in an on-resource for 'a'. "
                        'Try a "cp" function. Nothing was written.\n'), r.stdout
    assert (t.dir / "disk.img").read_bytes() == b"\xee" * 1024 * BLOCK and not (t.dir / "out").exists()
    for lengths in ((0, 2000), (0,)):
        make(t, lengths, "raw_write(256) raw_write(512)")
        (t.dir / "disk.img").write_bytes(b"\xee" * 1024 * BLOCK)
        r = apply(t)
        assert r.returncode == 0, (lengths, r.stdout)
        image = (t.dir / "disk.img").read_bytes()
        for offset in (256, 512):
            assert image[offset * BLOCK:][:2000] == on_image(lengths, b"", b"\xee" * 2048)[:2000].ljust(2000, b"\xee"), offset


def test_sparse_archive_may_come_in_single_bytes(t):
    lengths = (700, 3000, 10, 5, 600, 9)
    data = make(t, lengths)
    p = t.start([t.bin("fwpack"), "-a", "-q", "-t", "complete", "-d", "disk.img"], stdin=subprocess.PIPE)
    for byte in (t.dir / "x.fw").read_bytes():
        p.stdin.write(bytes([byte]))
        p.stdin.flush()
        if p.poll() is not None:
            break
    p.stdin.close()
    assert p.wait(20) == 0
    assert (t.dir / "disk.img").read_bytes()[OFFSET * BLOCK:][:sum(lengths)] == with_zeros(lengths, data)


# skip-holes, when an archive is created

def holes(t, pieces, name="a"):
    """A file of alternating data and holes; the file system decides where they really are."""
    with open(t.dir / name, "wb") as f:
        at = 0
        for i, size in enumerate(pieces):
            if i % 2 == 0:
                f.seek(at)
                f.write(noise(size, i + len(name)))
            at += size
        f.truncate(at)
    return (t.dir / name).read_bytes()


def created(t, host_path, more=""):
    """The archive's length list and data."""
    (t.dir / "x.conf").write_text(f'file-resource a {{ host-path = "{host_path}" skip-holes = true {more} }}\n'
                                  f"task complete {{ on-resource a {{ raw_write({OFFSET}) }} }}\n")
    r = t.run([t.bin("fwpack"), "-c", "-f", "x.conf", "-o", "x.fw"])
    assert r.returncode == 0, r.stdout + r.stderr
    with zipfile.ZipFile(t.dir / "x.fw") as z:
        assert z.testzip() is None
        meta = z.read("meta.conf").decode()
        data = z.read("data/a")
        sizes = z.getinfo("data/a").file_size
    assert hashlib.blake2b(data, digest_size=32).hexdigest() in meta
    m = re.search(r"^length=(.*)$", meta, re.M)
    lengths = [int(n) for n in m[1].strip("{}").split(",")] if m else [0]
    assert sum(lengths[::2]) == len(data) == sizes
    return lengths, data


def need_holes(t):
    holes(t, (4096, 1 << 20), "probe")
    if (t.dir / "probe").stat().st_blocks * 512 > 1 << 19:
        t.skip("this file system makes no holes")


def test_skip_holes_finds_them(t):
    need_holes(t)
    for pieces in ((65536, 1 << 20, 65536), (0, 1 << 20, 65536), (65536, 1 << 20), (0, 1 << 20), (65536, 1 << 20, 100), (100,),
                   (65536, 1 << 20, 65536, 1 << 20, 1)):
        whole = holes(t, pieces)
        lengths, data = created(t, "a")
        assert with_zeros(lengths, data) == whole, pieces
        assert len(data) < sum(pieces[::2]) + 70_000 * len(pieces), f"{pieces}: holes became data"
        (t.dir / "disk.img").unlink(missing_ok=True)
        applied(t)
        assert (t.dir / "disk.img").read_bytes()[OFFSET * BLOCK:][:len(whole)] == whole, pieces


def test_skip_holes_of_files_that_are_joined(t):
    need_holes(t)
    whole = b""
    for name, pieces in (("a", (65536, 1 << 20)), ("b", (0, 1 << 20, 65536)), ("c", (1000,)), ("d", ()), ("e", (0, 1 << 20)),
                         ("f", (333,))):
        whole += holes(t, pieces, name)
    lengths, data = created(t, "a;b;c;d;e;f")
    assert with_zeros(lengths, data) == whole
    assert lengths == [65536, 2 << 20, 66536, 1 << 20, 333], "pieces of the same kind that meet are one"


def test_skip_holes_makes_no_more_pieces_than_can_be_read(t):
    need_holes(t)
    for count in (126, 127, 128, 200):
        for first in (0, 4096):
            whole = holes(t, (first, 8192, *(4096, 8192) * count))
            lengths, data = created(t, "a")
            assert len(lengths) <= 256
            assert with_zeros(lengths, data) == whole, count
            assert t.run([t.bin("fwpack"), "-V", "-i", "x.fw"]).returncode == 0


def test_skip_holes_of_special_and_empty_files(t):
    (t.dir / "a").write_bytes(b"")
    assert created(t, "a") == ([0], b"")
    assert created(t, "/dev/null") == ([0], b"")


def test_assertions_of_size_count_holes(t):
    need_holes(t)
    holes(t, (65536, 1 << 20))
    created(t, "a", f"assert-size-lte = {(65536 + (1 << 20)) // BLOCK} assert-size-gte = {(65536 + (1 << 20)) // BLOCK}")


def test_without_skip_holes_there_are_none(t):
    whole = holes(t, (65536, 1 << 20, 65536))
    (t.dir / "x.conf").write_text('file-resource a { host-path = "a" }\ntask complete { on-resource a { raw_write(1) } }')
    t.run([t.bin("fwpack"), "-c", "-f", "x.conf", "-o", "x.fw"])
    with zipfile.ZipFile(t.dir / "x.fw") as z:
        assert z.read("data/a") == whole and f"length={len(whole)}\n" in z.read("meta.conf").decode()
