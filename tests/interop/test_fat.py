# SPDX-License-Identifier: Apache-2.0
"""The FAT functions, judged by dosfstools and mtools, by a reader of the raw volume, and by a model
(support/fat_volume.py)."""
import itertools
import os
import random
import re
import struct

from support.fat_volume import BLOCK, SEGMENT, Model, Volume, apply, foreign, name_of, pack, pattern, quote_call

# Some block counts of each FAT type.
FAT12, FAT16, FAT32 = 2048, 8192, 66600
PARAMETER_ERROR = "f_mkfs() aborted due to a parameter error. Try adjusting the partition size."


# --- fat_mkfs


def expected_volume(n):
    """Every byte of an empty volume of n blocks (except its data area), from the rules of the format."""
    bits = 12 if n <= 4085 else 16
    size = ((3 * n + 1) // 2 + 3 if bits == 12 else 2 * n + 4) + BLOCK - 1
    if n - 1 - 2 * (size // BLOCK) - 32 > 65525:
        bits, size = 32, 4 * n + 8 + BLOCK - 1
    table, reserved, root = size // BLOCK, 32 if bits == 32 else 1, 0 if bits == 32 else 512
    boot = struct.pack("<3s8sHBHBHHBHHHII", b"\xeb\xfe\x90", b"MSDOS5.0", BLOCK, 1, reserved, 2, root,
                       n if n < 65536 else 0, 0xf8, 0 if bits == 32 else table, 63, 255, 0, n if n >= 65536 else 0)
    if bits == 32:
        boot += struct.pack("<IHHIHH12x", table, 0, 0, 2, 1, 6)
    boot += struct.pack("<BBBI11s8s", 0x80, 0, 0x29, (n + 0x210000) & 0xffffffff, b"NO NAME    ", b"FAT%d   " % bits)
    boot = boot.ljust(510, b"\0") + b"\x55\xaa"
    start = {12: b"\xf8\xff\xff", 16: b"\xf8\xff\xff\xff",
             32: struct.pack("<III", 0xfffffff8, 0xffffffff, 0x0fffffff)}[bits]
    clusters = n - reserved - 2 * table - root // 16
    data = bytearray(n * BLOCK)
    data[:BLOCK] = boot
    if bits == 32:
        info = b"RRaA".ljust(484, b"\0") + struct.pack("<4sII", b"rrAa", clusters - 1, 2)
        info = info.ljust(510, b"\0") + b"\x55\xaa"
        data[BLOCK:2 * BLOCK] = info
        data[6 * BLOCK:8 * BLOCK] = boot + info
    for i in range(2):
        at = (reserved + i * table) * BLOCK
        data[at:at + len(start)] = start
    data[-BLOCK:] = b"\xff" * BLOCK
    return data


def check_mkfs(t, blocks, offset):
    v = Volume(t, blocks, offset, name=f"{blocks}.img")
    data = v.image.read_bytes()
    end = (offset + blocks) * BLOCK
    assert data[offset * BLOCK:end] == expected_volume(blocks)
    assert not any(data[:offset * BLOCK]) and not any(data[end:])
    assert len(data) % SEGMENT == 0 and len(data) - end < SEGMENT
    again = Volume(t, blocks, offset, name=f"again{blocks}.img")
    assert again.image.read_bytes() == data
    # Neither fsck.fat nor mtools accepts 65525 clusters as FAT16, but the reference creates them.
    if blocks != 66076:
        v.check()
        assert v.tree() == {}
        v.do(("fat_touch", "a")).check()
        assert v.tree() == {"a": b""}


def test_mkfs_fat12(t):
    for blocks in (128, 129, 300, 1001, 2880, 4084, 4085):
        check_mkfs(t, blocks, 63)


def test_mkfs_fat16(t):
    for blocks in (4153, 4154, 10000, 65535, 65536, 66075, 66076):
        check_mkfs(t, blocks, 0)


def test_mkfs_fat32(t):
    for blocks in (66600, 66601, 131072):
        check_mkfs(t, blocks, 0)


def test_mkfs_refuses_what_no_kind_fits(t):
    v = Volume(t)
    v.image.write_bytes(b"\xee" * (1 << 20))
    for blocks in (1, 127, 4086, 4100, 4151, 4152, 66077, 66300, 66598, 66599, 1 << 32, (1 << 32) + 128):
        assert PARAMETER_ERROR in v.fails(("fat_mkfs", blocks)), blocks
    for blocks in (1 << 55, (1 << 64) - 1):
        v.fails(("fat_mkfs", blocks))
    for count in (0, "x"):
        (t.dir / "x.conf").write_bytes(b"task t { on-init {" + quote_call("fat_mkfs", 0, count) + b"} }")
        r = t.run([t.bin("fwpack"), "-c", "-f", "x.conf", "-o", "y.fw"])
        assert r.returncode == 1 and "fat_mkfs requires a block offset and block count" in r.stdout + r.stderr


def test_mkfs_makes_no_volume_with_more_clusters_than_fat32_has(t):
    """FAT32 has at most 0x0ffffff5 clusters; a volume with more cannot be mounted, here or elsewhere."""
    fw = pack(t, {"t": ([], [("fat_mkfs", 0, 0x10800000)], [], [])})
    status, text = apply(t, "/dev/null", fw)
    assert status == 1 and PARAMETER_ERROR in text, (status, text)


def test_mkfs_over_an_old_volume_leaves_nothing_of_it(t):
    for blocks in (FAT12, FAT16):
        v = Volume(t, name=f"{blocks}.img")
        v.image.write_bytes(b"\xee" * ((blocks + 600) * BLOCK // SEGMENT * SEGMENT))
        v.offset = 300
        v.do(("fat_mkfs", blocks), ("fat_mkdir", "d"), *(("fat_touch", f"d/{i} file") for i in range(40)))
        v.check()
        assert v.tree() == {"d": None, **{f"d/{i} file": b"" for i in range(40)}}
        data = v.image.read_bytes()
        assert set(data[:300 * BLOCK]) == {0xee} == set(data[(300 + blocks) * BLOCK:])
        v.do(("fat_mkfs", blocks)).check()
        assert v.tree() == {}


def test_mkfs_does_not_leave_the_device(t):
    v = Volume(t)
    v.image.write_bytes(b"\xee" * SEGMENT)
    fw = pack(t, {"t": ([], [("fat_mkfs", 0, 257)], [], [])})
    status, text = apply(t, v.image, fw, "--max-size", "256")
    assert status == 1 and "nothing was written" in text, text
    assert set(v.image.read_bytes()) == {0xee}


# --- fat_write: sizes


def boundary_sizes(cluster):
    sizes = {0, 1, 511, 512, 513, 1023, 1024, 1025, 4095, 4096, 65535, 65536, 65537}
    for n in (cluster, 2 * cluster, SEGMENT):
        sizes |= {n - 1, n, n + 1}
    return sorted(sizes)


def check_sizes(t, v):
    """Files of all sizes, then each one with the size of the next, so that they grow and shrink."""
    sizes = boundary_sizes(v.raw().cluster_size)
    for turn in range(3):
        order = sizes if turn == 0 else sizes[5 * turn:] + sizes[:5 * turn]
        files = {f"f{i}": pattern(size, turn) for i, size in enumerate(order)}
        v.do(files=[(data, name) for name, data in files.items()])
        v.check()
        assert v.tree() == files
        raw = v.raw()
        for name, data in files.items():
            e = raw.find(name)
            assert e.size == len(data) and raw.content(e) == data
            assert len(raw.chain(e.cluster)) == -(-len(data) // raw.cluster_size), (name, "clusters left over")
            assert e.attributes == 0x20
            assert raw.data[e.place + 14:e.place + 20] == b"\0\0\x21\0\0\0"  # created 1980-01-01, not accessed
            assert raw.data[e.place + 22:e.place + 26] == b"\0\0\x21\0"


def test_sizes_fat12(t):
    check_sizes(t, Volume(t, 4000, 8))


def test_sizes_fat16(t):
    check_sizes(t, Volume(t, FAT16, 1))


def test_sizes_fat32(t):
    check_sizes(t, Volume(t, FAT32))


def test_sizes_on_volumes_of_mkfs_fat_12(t):
    for n, options in enumerate((("-s", 1, "-f", 1), ("-s", 8), ("-s", 2, "-r", 48))):
        check_sizes(t, foreign(t, 4000, "-F", 12, *options, name=f"{n}.img"))


def test_sizes_on_volumes_of_mkfs_fat_16(t):
    for n, (blocks, *options) in enumerate(((16384, "-s", 2), (20000, "-s", 4, "-f", 1), (65534, "-s", 8))):
        check_sizes(t, foreign(t, blocks, "-F", 16, *options, name=f"{n}.img"))


def test_sizes_on_volumes_of_mkfs_fat_32(t):
    for n, (blocks, *options) in enumerate(((67000, "-s", 1, "-f", 1), (134000, "-s", 2), (530000, "-s", 8))):
        check_sizes(t, foreign(t, blocks, "-F", 32, *options, name=f"{n}.img"))


def test_sizes_on_volumes_of_mformat(t):
    t.need("mformat")
    geometry = ("-h", 16, "-s", 63)
    for n, (size, *options) in enumerate((
            (5760, "-f", 2880), (2880, "-f", 1440), (140032, "-T", 16384, "-c", 4, "-d", 1, *geometry),
            (140032, "-T", 65520, "-c", 16, *geometry), (140032, "-T", 40960, "-c", 8, "-d", 1, *geometry),
            (140032, "-F", "-T", 140000, "-c", 2, "-d", 1, *geometry))):
        image = t.image(size=size * BLOCK, name=f"{n}.img")
        r = t.run(["mformat", "-i", image, *options, "::"])
        assert r.returncode == 0, r.stderr
        check_sizes(t, Volume(t, name=image.name))


def test_name_is_the_resources_where_none_is_given(t):
    v = Volume(t, FAT12)
    v.do(("fat_mkdir", "dir"))
    (t.dir / "a").write_bytes(b"hello")
    (t.dir / "x.conf").write_text('file-resource "dir/A file" { host-path = "a" }\n'
                                  'task t { on-resource "dir/A file" { fat_write(0) } }\n')
    assert t.run([t.bin("fwpack"), "-c", "-f", "x.conf", "-o", "x.fw"]).returncode == 0
    assert apply(t, v.image, t.dir / "x.fw") == (0, "")
    assert v.check().tree() == {"dir": None, "dir/A file": b"hello"}


def test_holes_of_a_resource_are_zeros_in_the_file(t):
    v = Volume(t, FAT12)
    with open(t.dir / "a", "wb") as f:
        f.write(b"begin" * 100)
        f.seek(100000)
        f.write(b"middle" * 100)
        f.truncate(300001)
    (t.dir / "x.conf").write_text('file-resource a { host-path = "a" skip-holes = true }\n'
                                  'task t { on-resource a { fat_write(0, "a") } }\n')
    assert t.run([t.bin("fwpack"), "-c", "-f", "x.conf", "-o", "x.fw"]).returncode == 0
    assert apply(t, v.image, t.dir / "x.fw") == (0, "")
    assert v.check().tree() == {"a": (t.dir / "a").read_bytes()}


def test_same_path_on_two_volumes_in_a_row(t):
    """Section 24, 2 of the reference's known faults: its second file went to the first volume."""
    a, b = Volume(t, FAT12, 0), Volume(t, FAT12, FAT12)
    fw = pack(t, {"t": ([], [], [(b"first", ("fat_write", 0, "same")), (b"second!", ("fat_write", FAT12, "same"))],
                        [])})
    assert apply(t, a.image, fw) == (0, "")
    assert (a.check().tree(), b.check().tree()) == ({"same": b"first"}, {"same": b"second!"})


def test_same_calls_make_the_same_bytes(t):
    images = []
    for name in ("1.img", "2.img"):
        v = Volume(t, name=name)
        v.do(("fat_mkfs", FAT12), ("fat_mkdir", "d"), ("fat_setlabel", "label"), ("fat_touch", "d/A long name"),
             files=[(pattern(70000), "d/x"), (pattern(100), "y")],
             finish=[("fat_mv", "y", "d/z"), ("fat_cp", "d/x", "copy"), ("fat_rm", "d/x")])
        images.append(v.image.read_bytes())
    assert images[0] == images[1]


# --- A full disk


def room_on(v):
    raw = v.raw()
    return sum(raw.get(c) == 0 for c in range(2, raw.clusters + 2)) * raw.cluster_size


def check_full(t, blocks):
    v = Volume(t, blocks)
    room = room_on(v)
    for size in (room + 1, room + 100000):
        assert "Error writing file to FAT: dir file, expected" in v.fails(files=[(bytes(size), "dir file")])
    data = bytes(room)
    v.do(files=[(data, "all")]).check()
    assert v.raw().find("all").size == room
    v.fails(files=[(b"x", "more")])
    # A file being overwritten may be lost on an error, but the volume stays consistent.
    status, text = v.run(files=[(data + b"x", "all")])
    assert status == 1 and "maybe the disk is full?" in text, text
    v.check().do(files=[(data, "all")])
    for call in (("fat_mkdir", "d"), ("fat_cp", "all", "b")):
        assert "FATFS: The file system is full" in v.fails(call)
    v.do(("fat_touch", "empty")).check()
    v.do(files=[(data[:-BLOCK], "all")]).check()
    v.do(("fat_mkdir", "d")).check()
    v.fails(files=[(b"x", "d/x")])
    v.do(("fat_rm", "all"), files=[(data[:-BLOCK], "d/x")]).check()


def test_full_fat12(t):
    for blocks in (128, 1000):
        check_full(t, blocks)


def test_full_fat16(t):
    check_full(t, 4153)


def test_full_fat32(t):
    check_full(t, FAT32)


def test_full_disk_is_told_with_what_was_written(t):
    v = Volume(t, 1000)
    room = room_on(v)
    for size in (room + 1, room + 100, room + BLOCK, room + 100000, 3 << 20):
        text = v.fails(files=[(bytes(size), "dir file")])
        found = re.fullmatch(r"fwup: Error writing file to FAT: dir file, expected (\d+) bytes written, got (\d+) "
                             r"\(maybe the disk is full\?\)\n", text)
        assert found, text
        expected, got = map(int, found.groups())
        assert expected == size and got <= room, f"there is room for {room}: {text}"


def test_fat32_goes_round_to_find_free_clusters(t):
    v = Volume(t, FAT32)
    raw = v.raw(change=True)
    struct.pack_into("<I", raw.data, BLOCK + 492, raw.clusters)  # the search starts near the end
    v.do(files=[(pattern(20000), "a")]).check()
    assert v.tree() == {"a": pattern(20000)}


def check_hint(t, hint):
    v = Volume(t, FAT32)
    raw = v.raw(change=True)
    struct.pack_into("<II", raw.data, BLOCK + 488, hint, 0xffffffff)
    v.do(("fat_mkdir", "d"), files=[(pattern(5000), "d/a")])
    assert v.tree() == {"d": None, "d/a": pattern(5000)}, hex(hint)
    return v


def test_fat32_count_of_free_clusters_may_be_unknown(t):
    for hint in (0xffffffff, 0xfffffff0):
        assert check_hint(t, hint).raw().data[BLOCK + 488:BLOCK + 492] == b"\xff" * 4


def test_fat32_count_of_free_clusters_is_only_a_hint(t):
    """After a loss of power it is out of date, so it must not be relied on."""
    for hint in (0, 3):
        check_hint(t, hint)


# --- Names

NAMES = {
    # name: the short one, the bits for small letters, whether it needs a long one
    "README": ("README     ", 0, False),
    "README.TXT": ("README  TXT", 0, False),
    "readme2.txt": ("README2 TXT", 0x18, False),
    "readme3.TXT": ("README3 TXT", 0x08, False),
    "README4.txt": ("README4 TXT", 0x10, False),
    "Readme5.txt": ("README5 TXT", 0, True),
    "README6.Txt": ("README6 TXT", 0, True),
    "12345678.901": ("12345678901", 0, False),
    "a": ("A          ", 0x08, False),
    "a.b": ("A       B  ", 0x18, False),
    "1.c": ("1       C  ", 0x10, False),
    "d.2": ("D       2  ", 0x08, False),
    "~!@#$%^&": ("~!@#$%^&   ", 0, False),
    "()-_{}'`": ("()-_{}'`   ", 0, False),
    "123456789": ("123456~1   ", 0, True),
    "long.name.text": ("LONGNA~1TEX", 0, True),
    "x.four": ("X~1     FOU", 0, True),
    "two words": ("TWOWOR~1   ", 0, True),
    "p+q": ("P_Q~1      ", 0, True),
    "p,q": ("P_Q~2      ", 0, True),
    "p;q": ("P_Q~3      ", 0, True),
    "p=q": ("P_Q~4      ", 0, True),
    "p[q": ("P_Q~5      ", 0, True),
    "two..dots": ("TWO~1   DOT", 0, True),
}


def check_names(v, names, directory=0):
    v.check()
    assert sorted(v.raw().names(directory)) == sorted(names)
    briefs = [e.brief for e in v.raw().files(directory)]
    assert len(set(briefs)) == len(briefs), "a short name twice"


def test_short_and_long_names(t):
    for blocks in (FAT12, FAT32):
        v = Volume(t, blocks, name=f"{blocks}.img").do(*(("fat_touch", n) for n in NAMES))
        check_names(v, NAMES)
        for e in v.raw().files():
            assert (e.brief.decode("cp850"), e.case, e.long is not None) == NAMES[name_of(e)], name_of(e)
        # Again, in different cases and by the short name: they all exist.
        for change in (str.upper, str.lower, str.swapcase, str.title):
            v.do(*(("fat_touch", change(n)) for n in NAMES))
        v.do(("fat_touch", "p_q~3"), ("fat_touch", "TWO~1.dot"))
        check_names(v, NAMES)
        v.do(*(("fat_rm!", change(n)) for n in NAMES)).check()
        assert v.raw().names() == []


def test_odd_names(t):
    """A leading dot and blanks, trailing ones, all lengths about a part of a long name (13), the longest."""
    names = [".hidden", "..two", ". dot", " blank", ".a.b", "a b.c d", "a.", "b..", "c ", "d. .", "e.txt ",
             "+", "[", ".,;", *("n" * i for i in (9, 12, 13, 14, 25, 26, 27, 39, 254)), "m" * 255, "x" * 251 + ".txt"]
    v = Volume(t, FAT12).do(*(("fat_touch", n) for n in names))
    check_names(v, [n.rstrip(" .") for n in names])
    assert set(v.tree()) == {n.rstrip(" .") for n in names}
    v.do(*(("fat_rm!", n) for n in names)).check()
    assert v.raw().names() == []


def test_names_that_are_alike(t):
    names = [f"some long name {i}.text" for i in range(60)]
    v = Volume(t, FAT12).do(("fat_mkdir", "d"), *(("fat_touch", "d/" + n) for n in names))
    directory = v.raw().find("d").cluster
    check_names(v, names, directory)
    briefs = [e.brief.decode() for e in v.raw().files(directory)]
    assert briefs[:5] == [f"SOMELO~{i}TEX" for i in range(1, 6)]
    assert all(re.fullmatch(r"(?=.{8}TEX)[A-Z]+~[0-9A-F]+ *TEX", b) for b in briefs[5:]), briefs
    # A short name that exists is that file; one that does not is a new file.
    v.do(("fat_touch", "d/somelo~1.tex"), ("fat_touch", "d/somelo~9.tex"))
    check_names(v, [*names, "somelo~9.tex"], directory)
    others = [f"some long name x{i}.text" for i in range(20)]
    v.do(*(("fat_rm!", "d/" + n) for n in names[::2]), *(("fat_touch", "d/" + n) for n in others))
    check_names(v, [*names[1::2], "somelo~9.tex", *others], directory)


def test_too_many_names_that_are_alike_are_an_error_or_fit(t):
    v = Volume(t, FAT12).do(("fat_mkdir", "d"))
    for start in (0, 120):
        status, text = v.run(*(("fat_touch", f"d/some long name {i}.text") for i in range(start, start + 120)))
        assert (status, text) == (0, "") or status == 1 and "Too many similar names" in text, text
        v.check()


def test_names_in_code_page_850(t):
    names = [b"%02X-%c" % (c, c) for c in range(0x80, 0x100)] + [b"\xe5first"]
    v = Volume(t, FAT12).do(*(("fat_touch", n) for n in names))
    check_names(v, [n.decode("cp850") for n in names])
    assert all(e.long for e in v.raw().files()), "what is stored in the short name depends on the code page"
    assert {n.decode("cp850") for n in names} == set(v.tree())
    for upper, lower in zip("ÄÖÜÇÉÅÆÑÁÍÓÚÂÊÎÔÛÀÈÌÒÙËÏÃÕÐØÞÝ", "äöüçéåæñáíóúâêîôûàèìòùëïãõðøþý"):
        v.do(("fat_touch", "case " + upper))
        count = len(v.raw().names())
        v.do(("fat_touch", "CASE " + lower))
        assert len(v.raw().names()) == count, f"{upper} and {lower} are two names"
        v.do(("fat_rm!", "case " + lower))
    check_names(v, [n.decode("cp850") for n in names])


def test_invalid_names_are_refused(t):
    v = Volume(t, FAT12).do(("fat_touch", "a"))
    bad = [*(f"x{c}y" for c in "\"*:<>?|\\\x7f\x01\x1f\n\t"), "n" * 256, ".", "..", " ", ". .", "a/../b", "", "/", "//"]
    for name in bad:
        for call in (("fat_touch", name), ("fat_mv", "a", name), ("fat_cp", "a", name), ("fat_rm!", name)):
            assert "FATFS: " in v.fails(call), (call, name)
        assert "FATFS: " in v.fails(files=[(b"x", name)]), name
    for path in (f"no/{'n' * 256}", "no/way", "a/b"):
        assert "FATFS: " in v.fails(("fat_touch", path))


def test_slashes_do_not_matter(t):
    v = Volume(t, FAT12)
    v.do(("fat_mkdir", "/d"), ("fat_mkdir", "d//e/"), ("fat_mkdir", "d/e"), ("fat_touch", "//D//f///"),
         ("fat_mv", "/d/f", "d//e//g"), ("fat_cp", "//d/E/G", "/h"), files=[(b"x", "/d//e/i"), (b"y", "j/")])
    assert v.check().tree() == {"d": None, "d/e": None, "d/e/g": b"", "h": b"", "d/e/i": b"x", "j": b"y"}


def test_root_is_a_directory_that_exists(t):
    """The reference's mkdir accepts an existing directory."""
    v = Volume(t, FAT12)
    v.do(("fat_mkdir", "/"))
    for call in (("fat_rm!", "/"), ("fat_touch", "/"), ("fat_attrib", "/", "R"), ("fat_mv", "/", "x"),
                 ("fat_cp", "/", "x")):
        v.fails(call)


def test_names_of_others_are_found(t):
    """Files made by mtools, with characters that code page 850 lacks, and with short names only."""
    v = Volume(t, FAT12)
    for name in ("Long file name", "Łódź", "ΑΒΓ file", "SHORT.TXT", "lower.txt", "Ünicode"):
        path = t.dir / "put"
        path.write_bytes(name.encode())
        v.mtools("mcopy", path, "::" + name)
    v.do(("fat_cp", "LONG FILE NAME", "1"), ("fat_cp", "short.txt", "2"), ("fat_cp", "LOWER.TXT", "3"),
         ("fat_cp", "üNICODE", "4"))
    tree = v.check().tree()
    assert [tree[n].decode() for n in "1234"] == ["Long file name", "SHORT.TXT", "lower.txt", "Ünicode"]
    # A name that code page 850 cannot express still has a short name.
    for e in v.raw().files():
        v.do(("fat_rm!", name_of(e._replace(long=None))))
    assert v.check().tree() == {}


# --- Directories


def test_directories_grow_and_shrink(t):
    for blocks, options in ((FAT12, None), (20000, ("-F", 16, "-s", 4)), (67000, ("-F", 32, "-s", 1, "-f", 1))):
        v = foreign(t, blocks, *options, name=f"{blocks}.img", garbage=True) if options else Volume(t, blocks)
        deep = ["/".join(["deep"] * n) for n in range(1, 41)]
        names = [f"many/file {i}" for i in range(150)]
        v.do(("fat_mkdir", "many"), *(("fat_mkdir", d) for d in deep), *(("fat_touch", n) for n in names),
             files=[(b"down there", deep[-1] + "/file")])
        everything = {"many": None, **dict.fromkeys(deep), **dict.fromkeys(names, b""),
                      deep[-1] + "/file": b"down there"}
        assert v.check().tree() == everything
        # Removed entries make room for others.
        used = len(v.raw().chain(v.raw().find("many").cluster))
        v.do(*(("fat_rm!", n) for n in names), *(("fat_touch", n + "x") for n in names))
        assert len(v.raw().chain(v.raw().find("many").cluster)) == used
        assert sorted(v.check().tree()) == sorted(["many", *deep, deep[-1] + "/file", *(n + "x" for n in names)])
        for d in (deep[-1], "deep", "many"):
            assert "The directory is not empty" in v.fails(("fat_rm", d))
        v.do(("fat_rm", deep[-1] + "/file"), *(("fat_rm!", d) for d in reversed(deep)),
             *(("fat_rm", n + "x") for n in names), ("fat_rm", "many"))
        assert v.check().tree() == {}


def test_root_of_fat12_and_fat16_is_full_at_512_entries(t):
    for blocks in (FAT12, FAT16):
        v = Volume(t, blocks, name=f"{blocks}.img")
        names = [f"F{i}" for i in range(510)]
        v.do(("fat_mkdir", "D"), *(("fat_touch", n) for n in names))
        assert "FATFS: The directory is full" in v.fails(("fat_touch", "two entries"))
        v.do(("fat_touch", "F510")).check()
        for call in (("fat_touch", "X"), ("fat_mkdir", "X"), ("fat_setlabel", "X"), ("fat_cp", "F1", "X"),
                     ("fat_mv", "F1", "a long name")):
            assert "FATFS: The directory is full" in v.fails(call), call
        v.fails(files=[(b"x", "X")])
        assert len(v.check().tree()) == 512
        v.do(("fat_mv", "F1", "D/a long name"), ("fat_touch", "F0"), ("fat_mv", "F2", "X")).check()
        assert len(v.raw().files()) == 511


def test_root_of_fat32_grows(t):
    v = Volume(t, FAT32)
    names = [f"some file {i}" for i in range(700)]
    v.do(*(("fat_touch", n) for n in names)).check()
    assert sorted(v.tree()) == sorted(names)
    assert len(v.raw().chain(2)) == 2 * 700 // 16 + 1


def test_directory_has_at_most_65536_entries(t):
    v = foreign(t, 65000, "-F", 16, "-s", 8)
    v.do(("fat_mkdir", "d"))
    raw = v.raw(change=True)
    d = raw.find("d").cluster
    first = raw.chain(d)[0]
    # 65535 entries: all of 512 clusters but the last.
    for c in range(first, first + 511):
        raw.put(c, c + 1)
    raw.put(first + 511, 0xffff)
    for n, at in enumerate(raw.places(d)[2:-1]):
        raw.data[at:at + 32] = (b"%08d   " % n + b"\x20").ljust(32, b"\0")
    v.do(("fat_touch", "d/LAST"))
    assert "FATFS: The directory is full" in v.fails(("fat_touch", "d/MORE"))
    assert v.raw().places(d) == raw.places(d)


def parents_are_right(raw, directory=0, parent=0):
    for e in raw.files(directory):
        if e.attributes & 0x10:
            dot, dots = raw.entries(e.cluster)[:2]
            assert (dot.brief, dots.brief) == (b".          ", b"..         ")
            assert (dot.cluster, dots.cluster) == (e.cluster, directory), name_of(e)
            parents_are_right(raw, e.cluster, directory)


def test_directories_move(t):
    for blocks in (FAT12, FAT32):
        v = Volume(t, blocks, name=f"{blocks}.img")
        v.do(*(("fat_mkdir", d) for d in ("a", "a/b", "a/b/c", "x", "y", "y/full")), ("fat_touch", "y/full/file"),
             files=[(pattern(3000), "a/b/c/file")])
        for to in ("a/d", "a/b/d", "a/b/c/d", "A/B/C/a"):
            for name in ("fat_mv", "fat_mv!"):
                assert "into itself" in v.fails((name, "a", to))
        v.fails(("fat_mv", "a/b", "x"))
        v.fails(("fat_mv!", "a/b", "y"))
        v.fails(("fat_mv!", "a/b", "a"))
        v.fails(("fat_mv!", "a/b", "y/full"))
        v.do(("fat_mv", "a/b", "x/new name"), ("fat_mv", "x/new name/c", "c"))
        parents_are_right(v.raw())
        assert v.check().tree() == {"a": None, "x": None, "x/new name": None, "c": None, "c/file": pattern(3000),
                                    "y": None, "y/full": None, "y/full/file": b""}
        v.do(("fat_mv!", "c", "a"), ("fat_mv", "x", "X"), ("fat_mv", "a", "y/full/A"),
             ("fat_mv!", "y/full/A", "y/full/a"), ("fat_rm", "c"))
        parents_are_right(v.raw())
        assert v.check().tree() == {"y": None, "y/full": None, "y/full/a": None, "y/full/file": b"",
                                    "y/full/a/file": pattern(3000), "X": None, "X/new name": None}


def test_files_move(t):
    v = Volume(t, FAT12)
    v.do(("fat_mkdir", "d"), files=[(b"1", "one"), (b"2", "two"), (b"3", "d/three")])
    for call in (("fat_mv", "one", "two"), ("fat_mv", "one", "d"), ("fat_mv!", "one", "d"), ("fat_mv", "no", "x"),
                 ("fat_mv!", "no", "two"), ("fat_mv", "one", "no/x"), ("fat_mv", "one", "two/x"),
                 ("fat_mv", "no/x", "x")):
        assert "FATFS: " in v.fails(call), call
    v.do(("fat_mv!", "one", "two"), ("fat_mv", "two", "TWO"), ("fat_mv!", "TWO", "two"), ("fat_mv", "d/three", "Three"),
         ("fat_mv", "Three", "d/3"))
    assert v.check().tree() == {"d": None, "two": b"1", "d/3": b"3"}


def test_removing(t):
    v = Volume(t, FAT12)
    v.do(("fat_mkdir", "d"), files=[(b"1", "one"), (b"2", "d/two")])
    v.do(("fat_rm", "no"), ("fat_rm", "no/file"), ("fat_rm", "one/file"))
    for path in ("no", "no/file", "one/file"):
        assert f"fat_rm!({path}): FATFS: Could not find the file" in v.fails(("fat_rm!", path))
    for name in ("fat_rm", "fat_rm!"):
        assert f"{name}(d): FATFS: " in v.fails((name, "d"))
    assert v.tree() == {"d": None, "one": b"1", "d/two": b"2"}
    v.do(("fat_rm", "one"), ("fat_rm!", "D/TWO"), ("fat_rm!", "d/")).check()
    assert v.tree() == {}


def test_read_only_is_respected(t):
    v = Volume(t, FAT12)
    v.do(("fat_mkdir", "d"), ("fat_touch", "other"), files=[(b"1", "one")])
    v.do(("fat_attrib", "one", "r"), ("fat_attrib", "d", "R"))
    for call in (("fat_rm", "one"), ("fat_rm!", "one"), ("fat_rm", "d"), ("fat_mv!", "other", "one"),
                 ("fat_mv!", "other", "d"), ("fat_cp", "other", "one")):
        assert "FATFS: " in v.fails(call), call
    v.fails(files=[(b"2", "one")])
    v.do(("fat_touch", "one"), ("fat_touch", "d/x"), ("fat_cp", "one", "copy"), ("fat_mv", "one", "two"))
    assert v.attributes()["two"] == "AR"
    v.do(("fat_attrib", "two", ""), ("fat_attrib", "d", ""), ("fat_rm!", "two"), ("fat_rm!", "d/x"), ("fat_rm!", "d"))
    assert v.check().tree() == {"other": b"", "copy": b"1"}
    assert v.attributes()["copy"] == "A"


def test_attributes(t):
    v = Volume(t, FAT12)
    v.do(("fat_touch", "f"), ("fat_mkdir", "d"), ("fat_touch", "d/a long name"))
    for path in ("f", "d", "d/a long name"):
        for letters in ("R", "h", "S", "rH", "SHR", "rrhs", "S", ""):
            v.do(("fat_attrib", path, letters))
            wanted = "".join(sorted(set(letters.upper()) | set("" if path == "d" else "A")))
            assert v.attributes()[path] == wanted
    v.check()
    # mtools set them, fwpack clears them.
    v.mtools("mattrib", "+r", "+h", "+s", "-a", "::f")
    v.do(("fat_attrib", "F", "s"))
    assert v.attributes()["f"] == "S"


def test_attributes_that_cannot_be_set_are_an_error(t):
    """Section 24, 3 of the reference's known faults: it reports nothing."""
    v = Volume(t, FAT12).do(("fat_touch", "f"))
    for path in ("no", "no/f", "f/f", "", "x*"):
        assert f"fat_attrib({path}): FATFS: " in v.fails(("fat_attrib", path, "R"))
    (t.dir / "x.conf").write_text('task t { on-init { fat_attrib(0, "f", "A") } }')
    r = t.run([t.bin("fwpack"), "-c", "-f", "x.conf", "-o", "x.fw"])
    assert r.returncode == 1 and "attributes of R, H, S" in r.stdout + r.stderr


def test_labels(t):
    for blocks in (FAT12, FAT32):
        v = Volume(t, blocks, name=f"{blocks}.img")

        def label():
            found = re.fullmatch(rb" ?Volume label is (.*?) *(\(abbr=.*\))?\n", v.mtools("mlabel", "-s", "::"))
            return found and found.group(1).decode()
        v.do(("fat_setlabel", "")).check()
        assert label() is None
        for text in ("boot", "A B", "elevenchars", "x-y_z!", "twelve char ", "BOOT"):
            v.do(("fat_setlabel", text)).check()
            assert label() == text.strip().upper() and len(v.raw().label()) == 1, text
        v.do(("fat_setlabel", "größe"))
        assert v.raw().label() == ["GRÖßE".encode("cp850").ljust(11)]
        for text in ("twelve chars", *(f"a{c}b" for c in "+.,;=[]/*:<>\\|\"?\x7f\n")):
            assert "FATFS: " in v.fails(("fat_setlabel", text)), text
        # The label is not a file, and a file of the same name is independent of it.
        v.do(("fat_setlabel", "name"), ("fat_touch", "NAME"), ("fat_rm!", "NAME"))
        assert v.fails(("fat_rm!", "NAME")) and v.fails(("fat_attrib", "NAME", "R"))
        assert label() == "NAME"
        v.do(("fat_setlabel", "")).check()
        assert label() is None and v.raw().label() == []
        v.mtools("mlabel", "::THEIRS")
        v.do(("fat_setlabel", "ours"))
        assert v.raw().label() == [b"OURS       "]


def test_label_has_no_date(t):
    """Neither a new one nor one that replaces another: FatFs writes none. That of another program stays."""
    v = Volume(t, FAT12)

    def date():
        raw = v.raw()
        at = next(e.place for e in raw.entries() if e.attributes & 8)
        return bytes(raw.data[at + 12:at + 32])
    assert v.do(("fat_setlabel", "one")) and date() == bytes(20)
    assert v.do(("fat_setlabel", "two")) and date() == bytes(20)
    v.mtools("mlabel", "::THEIRS")
    theirs = date()
    assert v.do(("fat_setlabel", "three")) and date() == theirs and any(theirs)


def test_place_of_what_was_removed_is_not_used_next(t):
    """Only a file that is written again starts where it was."""
    for blocks in (FAT12, FAT32):
        v = Volume(t, blocks, name=f"{blocks}.img")
        v.do(*(("fat_mkdir", name) for name in "ab"), ("fat_rm", "a"), ("fat_mkdir", "c"),
             ("fat_mkdir", "d")).check()
        b, c, d = (v.raw().find(name).cluster for name in "bcd")
        assert (c, d) == (b + 1, b + 2), (b, c, d)
        v.do(files=[(b"x" * 512, "f"), (b"y" * 512, "g")])
        was = v.raw().find("f").cluster
        v.do(files=[(b"z" * 512, "f")]).check()
        assert v.raw().find("f").cluster == was


def test_label_that_begins_with_a_blank_does_not_remove_the_old_one(t):
    v = Volume(t, FAT12).do(("fat_setlabel", "old"))
    status, _ = v.run(("fat_setlabel", " new"))
    assert v.raw().label() == ([b" NEW       "] if status == 0 else [b"OLD        "])


# --- fat_cp


def test_copying_between_volumes(t):
    volumes = [Volume(t, FAT12, 3), Volume(t, FAT16, 3 + FAT12), Volume(t, FAT32, 3 + FAT12 + FAT16)]
    for n, a in enumerate(volumes):
        b = volumes[(n + 1) % 3]
        a.do(("fat_mkdir", "d"), files=[(pattern(100000, n), "d/from"), (b"x", "d/small")])
        before, count = a.bytes(), len(b.tree())
        a.do(("fat_cp", "d/from", b.offset, "to"), ("fat_cp", "d/small", b.offset, "D2") if n else
             ("fat_cp", "d/small", b.offset, "d2"))
        assert a.bytes() == before, "the source has changed"
        b.check()
        assert (b.read("to"), b.read("d2")) == (pattern(100000, n), b"x") and len(b.tree()) == count + 2
        a.do(("fat_cp", "d/small", b.offset, "to"), ("fat_cp", "d/from", a.offset, "here")).check()
        b.check()
        assert b.read("to") == b"x" and a.read("here") == pattern(100000, n)
        # If the source is missing, the target stays as it is.
        for call in (("fat_cp", "no", b.offset, "to"), ("fat_cp", "d", b.offset, "to"),
                     ("fat_cp", "d/from", b.offset, "no/x"), ("fat_cp", "d/from", 1, "x"),
                     ("fat_cp", "d/from", 1 << 40, "x")):
            assert "FATFS: " in a.fails(call), call


def test_copying_onto_itself_changes_nothing(t):
    v = Volume(t, FAT12)
    v.do(("fat_mkdir", "d"), files=[(pattern(5000), "d/A long name")])
    before = v.bytes()
    for call in (("d/A long name", "d/A long name"), ("d/A long name", "/D//a LONG NAME/"),
                 ("d/alongn~1", "d/A long name"), ("d/A long name", 0, "d/alongn~1")):
        v.do(("fat_cp", *call))
        assert v.bytes() == before, call


def test_directory_is_not_copied_onto_itself_either(t):
    v = Volume(t, FAT12).do(("fat_mkdir", "d"))
    assert "FATFS: It is a directory" in v.fails(("fat_cp", "d", "x"))
    assert "FATFS: It is a directory" in v.fails(("fat_cp", "d", "D"))


def test_copies_overwrite(t):
    v = Volume(t, FAT12)
    v.do(("fat_mkdir", "d"), files=[(pattern(5000), "long"), (b"s", "short"), (b"", "empty")])
    for source, target in (("long", "short"), ("empty", "long"), ("short", "empty"), ("long", "d/new"),
                           ("short", "d/NEW")):
        content = v.read(source)
        v.do(("fat_cp", source, target)).check()
        assert v.read(target) == content == v.read(source)
    v.fails(("fat_cp", "short", "d"))


# --- A model in memory

RANDOM_NAMES = ["a", "B", "file.txt", "Mixed Case.dat", "long file name number one", "long file name number two",
                "long file name number three", ".hidden", "x+y=z", "über", "n" * 60]


def random_call(rng, model):
    directories = [""] + [p + "/" for p, n in model.nodes() if n.children is not None and p.count("/") < 4]
    known = [p for p, _ in model.nodes()] or ["a"]

    def some():
        path = rng.choice(known) if rng.random() < 0.6 else rng.choice(directories) + rng.choice(RANDOM_NAMES)
        return rng.choice((str, str.upper, str.lower))(path) if rng.random() < 0.3 else path
    kind = rng.choice(("write", "write", "write", "mkdir", "mkdir", "mv", "mv", "mv!", "rm", "rm!", "cp", "touch",
                       "attrib", "label"))
    if kind == "write":
        size = rng.choice((0, 1, 511, 512, 513, rng.randrange(6000), rng.randrange(40000)))
        return ("fat_write", some(), rng.randbytes(size))
    if kind in ("mv", "mv!", "cp"):
        return ("fat_" + kind, some(), some())
    if kind == "attrib":
        return ("fat_attrib", some(), rng.choice(("", "", "H", "s", "R", "rhs")))
    if kind == "label":
        return ("fat_setlabel", rng.choice(("", "one", "LABEL 2")))
    return ("fat_" + kind, some())


def check_random(t, v, seed, rounds, calls=25):
    """Calls that succeed go into one task; each call that fails is tried alone and must change nothing."""
    rng, model = random.Random(seed), Model()
    for _ in range(rounds):
        batch, failing = [], None
        while len(batch) < calls and not failing:
            call = random_call(rng, model)
            (batch if model.do(*call) else (failing := [])).append(call)
        # fat_write runs between on-init and on-finish.
        while batch:
            init = list(itertools.takewhile(lambda c: c[0] != "fat_write", batch))
            files = list(itertools.takewhile(lambda c: c[0] == "fat_write", batch[len(init):]))
            batch = batch[len(init) + len(files):]
            v.do(*init, files=[(data, path) for _, path, data in files])
        for name, *args in failing or ():
            v.fails(files=[(args[1], args[0])]) if name == "fat_write" else v.fails((name, *args))
        v.check()
        nodes = dict(model.nodes())
        assert v.tree() == {p: n.data if n.children is None else None for p, n in nodes.items()}
        found = v.attributes() if nodes else {}
        assert {p: found[p] for p in nodes} == {p: "".join(sorted(n.attributes)) for p, n in nodes.items()}
        assert v.raw().label() == ([model.label.upper().encode().ljust(11)] if model.label else [])
        parents_are_right(v.raw())


def test_random_calls_on_fat12(t):
    v = Volume(t)
    v.image.write_bytes(b"\xee" * (2 << 20))
    check_random(t, v.do(("fat_mkfs", FAT12)), 1, 25)


def test_random_calls_on_fat16(t):
    check_random(t, Volume(t, FAT16, 77), 2, 25)


def test_random_calls_on_fat32(t):
    check_random(t, Volume(t, FAT32), 3, 15)


def test_random_calls_on_volumes_of_mkfs_fat(t):
    check_random(t, foreign(t, 3000, "-F", 12, "-s", 2, "-f", 1, name="1.img", garbage=True), 4, 15)
    check_random(t, foreign(t, 20000, "-F", 16, "-s", 4, "-f", 1, name="2.img", garbage=True), 5, 15)
    check_random(t, foreign(t, 134000, "-F", 32, "-s", 2, name="3.img"), 6, 8)


# --- Requirements


def met(v, *require):
    """Whether a task with these requirements is found."""
    here = [(name, v.offset, *args) for name, *args in require]
    status, text = apply(v.t, v.image, pack(v.t, {"t": (here, [("info", "met")], [], [])}))
    assert (status, text) == (0, "fwup: met\n") or status == 1 and "Couldn't find applicable task" in text, text
    return status == 0


def match_files(needle):
    """Files with the bytes at every position around a boundary between pieces, or at the end."""
    for border in (4096, 8192, 65536):
        for at in {border + d for d in (-len(needle) - 1, -len(needle), -len(needle) + 1, -1, 0, 1)}:
            for behind in (0, 1, 5000):
                yield b"\xee" * at + needle + b"\xee" * behind


def test_match_is_found_at_every_position(t):
    """Section 24, 5 of the reference's known faults."""
    for needle in (b"\x01", b"ab", b"needle", b"aaaaaaab", b"0123456789" * 50):
        v = Volume(t, 40000)
        files = {f"f{i}": data for i, data in enumerate(match_files(needle))}
        v.do(files=[(data, name) for name, data in files.items()])
        assert met(v, *(("require-fat-file-match", name, needle) for name in files)), needle
        for i, name in enumerate(files):
            if i % 9 == 0:
                assert not met(v, ("require-fat-file-match", name, needle + b"x"))


def test_match_of_beginnings_that_look_alike(t):
    """The part of a pattern before a boundary must not be lost, nor counted twice."""
    needle = b"aab"
    v = Volume(t, FAT12)
    files = {f"f{at}": b"a" * at + b"ab" for at in range(4090, 4100)}
    files |= {f"g{at}": b"\xee" * at + b"aa" for at in range(4090, 4100)}
    v.do(files=[(data, name) for name, data in files.items()])
    for name in files:
        assert met(v, ("require-fat-file-match", name, needle)) == (name[0] == "f"), name


def test_match_ends_where_the_file_ends(t):
    v = Volume(t, FAT12)
    v.do(files=[(b"x" * 600 + b"needle", "f")])
    v.do(files=[(b"x" * 600 + b"nee", "f"), (b"short", "g"), (b"", "empty")])
    assert not met(v, ("require-fat-file-match", "f", "needle")), "bytes behind the end were looked at"
    assert met(v, ("require-fat-file-match", "f", "xnee"), ("require-fat-file-match", "g", "short"),
               ("require-fat-file-match", "g", ""), ("require-fat-file-match", "empty", ""))
    assert not met(v, ("require-fat-file-match", "g", "shorter"))
    assert not met(v, ("require-fat-file-match", "empty", "x"))


def test_match_of_long_patterns(t):
    v = Volume(t, FAT12)
    data = bytes(random.Random(5).choices(b"abcdefgh", k=30000))
    v.do(files=[(data, "f")])
    for length in (4094, 4095):
        for at in (0, 1, 4096 - 7, 8191, 8192, 8193, 30000 - length):
            assert met(v, ("require-fat-file-match", "f", data[at:at + length])), (length, at)
        assert not met(v, ("require-fat-file-match", "f", data[100:99 + length] + b"x"))
        assert not met(v, ("require-fat-file-match", "f", data[30001 - length:] + b"a"))


def test_requirements_of_files(t):
    v = Volume(t, FAT16, 9)
    v.do(("fat_mkdir", "d"), files=[(b"hello", "d/A long name"), (b"", "empty")])
    for path in ("d/A long name", "/D//a long NAME", "d/alongn~1", "empty"):
        assert met(v, ("require-fat-file-exists", path)), path
        assert path == "empty" or met(v, ("require-fat-file-match", path, "ell"))
    for path in ("no", "no/no", "d/no", "empty/x", "d", "", "/", "x*"):
        assert not met(v, ("require-fat-file-exists", path)), path
        assert not met(v, ("require-fat-file-match", path, "x")), path
    # No file system there, or nothing at all
    for offset in (0, 10, 100000, (1 << 55) - 1, 1 << 55, (1 << 64) - 1):
        for require in (("require-fat-file-exists", offset, "empty"), ("require-fat-file-match", offset, "empty", "x")):
            fw = pack(t, {"t": ([require], [("info", "was met")], [], [])})
            status, text = apply(t, v.image, fw)
            assert status == 1 and "Couldn't find applicable task" in text, (require, text)


def test_requirements_choose_a_task_and_are_told(t):
    v = Volume(t, FAT12).do(files=[(b"slot=b", "state")])
    fw = pack(t, {"up.a": ([("require-fat-file-match", 0, "state", "slot=a")], [("info", "a")], [], []),
                  "up.b": ([("require-fat-file-exists", 0, "state"), ("require-fat-file-match", 0, "state", "slot=b")],
                           [("info", "b")], [], [])})
    assert apply(t, v.image, fw, "-v", task="up") == (0, """\
fwup: require-fat-file-match(0, state, slot=a) -> not met
fwup: require-fat-file-exists(0, state) -> met
fwup: require-fat-file-match(0, state, slot=b) -> met
fwup: b
""")


# --- What an interrupted update leaves


def test_move_that_is_cut_short_does_not_lose_the_file(t):
    """The device fails where the new entry would go: the file must still have its old name."""
    v = Volume(t, 5000)
    v.do(("fat_mkdir", "low"), files=[(pattern(5000), "low/file"), (bytes(1 << 20), "filler")])
    v.do(finish=[("fat_mkdir", "high")], files=[(bytes(1 << 20), "filler 2")])
    limit = v.raw().at(v.raw().find("high").cluster) // SEGMENT * SEGMENT
    assert v.raw().at(v.raw().find("low").cluster) + BLOCK < limit
    status, text = v.run(("fat_mv", "low/file", "high/file"), shell=f"trap '' XFSZ; ulimit -f {limit // BLOCK}")
    assert status == 1 and "writing" in text, text
    raw = v.raw()
    there = [p for p in ("low", "high") for n in raw.names(raw.find(p).cluster) if n == "file"]
    assert there, "the file is in neither directory"
    assert all(v.read(p + "/file") == pattern(5000) for p in there)


def test_file_has_its_clusters_before_its_entry(t):
    """The entry makes a copy visible; when it is written, the table on the medium must be correct already."""
    v = Volume(t, 50000)
    v.do(files=[(b"new" * 500, "new"), (bytes(3 << 20), "filler")])
    v.do(("fat_mkdir", "high"), ("fat_rm", "filler"))
    raw = v.raw()
    limit = raw.at(raw.find("high").cluster) // SEGMENT * SEGMENT
    assert raw.data_at + 4 * BLOCK < limit
    before = [raw.get(c) for c in range(2, 100)]
    status, text = v.run(finish=[("fat_cp", "new", "high/now")], shell=f"trap '' XFSZ; ulimit -f {limit // BLOCK}")
    assert status == 1 and "writing" in text, text
    raw = v.raw()
    assert raw.names(raw.find("high").cluster) == []
    assert [raw.get(c) for c in range(2, 100)] != before, "the entry would have been written before the table"


def test_write_that_fails_leaves_no_mixture(t):
    """A truncated archive: the existing file is unchanged or empty, but not half of each."""
    v = Volume(t, 20000)
    old, new = pattern(3 << 20, 1), pattern(3 << 20, 2)
    v.do(files=[(bytes(1 << 20), "filler"), (old, "file")])
    fw = pack(t, {"t": ([], [], [(new, ("fat_write", 0, "file"))], [])})
    (t.dir / "cut.fw").write_bytes(fw.read_bytes()[:2 << 20])
    status, text = apply(t, v.image, t.dir / "cut.fw")
    assert status == 1, text
    v.check()
    assert v.read("file") in (old, b""), "a file of the old size with parts of the new one"


# --- Large offsets


def test_volumes_at_large_offsets(t):
    image = t.dir / "disk.img"
    data = bytes(random.Random(4).choices(range(1, 256), k=200000))
    for offset in ((1 << 31) - 100, (1 << 32) + 1, (1 << 32) + 300000 * 8, (1 << 33) - 40000):
        try:
            t.image(size=(offset + 70000) * BLOCK, name="disk.img")
        except OSError:
            t.skip("no sparse files of 4 TiB here")
        for blocks in (FAT12, FAT16, FAT32):
            v = Volume(t, blocks, offset)
            v.do(("fat_mkdir", "d"), ("fat_setlabel", "far"), files=[(data, "d/A far file")],
                 finish=[("fat_cp", "d/A far file", "copy"), ("fat_mv", "copy", "d/moved")])
            v.check()
            assert v.read("d/moved") == v.read("d/A far file") == data
            assert met(v, ("require-fat-file-match", "d/moved", data[70000:70100]))
        os.unlink(image)


def test_offsets_that_cannot_be(t):
    v = Volume(t, FAT12)
    before = v.image.read_bytes()
    for offset in ((1 << 54) - 1, (1 << 55) - 1, 1 << 55, (1 << 64) - 1):
        for call in (("fat_mkfs", offset, 300), ("fat_touch", offset, "x"), ("fat_cp", 0, "x", offset, "y"),
                     ("fat_cp", offset, "x", 0, "y")):
            status, text = apply(t, v.image, pack(t, {"t": ([], [call], [], [])}))
            assert status == 1 and text.startswith("fwup: "), (call, text)
            assert v.image.read_bytes() == before
