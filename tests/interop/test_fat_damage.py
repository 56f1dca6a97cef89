# SPDX-License-Identifier: Apache-2.0
"""FAT functions on something that is not a volume, or a damaged one: an error or a sensible result, and no other change."""
import random
import struct

from support.fat_volume import BLOCK, Volume, apply, pack, pattern

FAT12, FAT32 = 2048, 66600
AT, BLOCKS, IMAGE_BLOCKS = 100, 300, 512
FILES = {"file": 1300, "d/A long file name": 2000, "d/e/deeper": 700}
CALLS = [
    [("fat_mkdir", "new")], [("fat_mkdir", "d/A new directory with a long name")], [("fat_mkdir", "d/e/new")],
    [("fat_touch", "d/e/Touched by us")], [("fat_rm", "file")], [("fat_rm!", "d/A long file name")],
    [("fat_rm", "d/e/deeper"), ("fat_rm", "d/e")], [("fat_rm", "d/e")], [("fat_mv", "d/e", "e")],
    [("fat_mv!", "d/e/deeper", "file")], [("fat_mv", "d", "d/e/d")], [("fat_mv!", "file", "d/a long FILE name")],
    [("fat_cp", "file", "d/e/copy")], [("fat_cp", "d/A long file name", "file")], [("fat_cp", "d/e/deeper", "x")],
    [("fat_attrib", "d/e/deeper", "RHS")], [("fat_setlabel", "other")], [("fat_setlabel", "")],
    [("fat_touch", f"d/some more names {i}") for i in range(20)],
]
DATA = pattern(3000)


def hostile_archive(t, offset=AT):
    """Tasks of one function each, named after what they do, and their names."""
    def here(calls):
        return [(name, offset, *args) for name, *args in calls]
    tasks = {f"t{i:02}": ([], here(calls), [], []) for i, calls in enumerate(CALLS)}
    for i, path in enumerate(("file", "d/new", "d/e/deeper")):
        tasks[f"w{i}"] = ([], [], [(DATA, ("fat_write", offset, path))], [])
    for i, path in enumerate(("file", "d/A long file name", "d/e/deeper")):
        tasks[f"r{i}"] = (here([("require-fat-file-match", path, "not there")]), [], [], [])
    return pack(t, tasks, "hostile.fw"), list(tasks)


def hostile_volume(t):
    v = Volume(t, name="good.img", offset=AT)
    v.image.write_bytes(b"\xee" * (IMAGE_BLOCKS * BLOCK))
    v.do(("fat_mkfs", BLOCKS), ("fat_setlabel", "label"), ("fat_mkdir", "d"), ("fat_mkdir", "d/e"),
         files=[(pattern(size), path) for path, size in FILES.items()])
    return v


def assert_told(task, status, text):
    """Success prints nothing, failure the reason; r0 ... have a requirement that nothing meets."""
    assert status == (1 if text else 0), (task, status, text)
    assert not text or text.startswith("fwup: "), (task, text)
    assert (task[0] == "r") == ("Couldn't find applicable task" in text), (task, text)


def survives(t, fw, tasks, image, outside=True):
    """Each task on its own copy of an image: {task: (status, text)}."""
    results, path = {}, t.dir / "disk.img"
    begin, end = AT * BLOCK, (AT + BLOCKS) * BLOCK
    for task in tasks:
        path.write_bytes(image)
        status, text = results[task] = apply(t, path, fw, task=task)
        assert_told(task, status, text)
        if outside:
            data = path.read_bytes()
            assert data[:begin] == image[:begin] and data[end:] == image[end:], (task, "outside of the volume")
        if status == 1:
            assert path.read_bytes() == image, (task, "failed, but something was written")
    return results


def check_damage(t, damages, tasks, count):
    """damage(raw) damages a volume; these tasks and count others are tried on it: yields {task: (status, text)}."""
    (fw, names), v, rng = hostile_archive(t), hostile_volume(t), random.Random(3)
    good = v.image.read_bytes()
    for damage in damages:
        v.image.write_bytes(good)
        damage(v.raw(change=True))
        others = rng.sample([n for n in names if n not in tasks], count)
        yield survives(t, fw, [*tasks, *others], v.image.read_bytes())


def test_hostile_calls_succeed_on_a_sound_volume(t):
    """Otherwise the tests below would show nothing."""
    results, = check_damage(t, [lambda raw: None], [], 25)
    fail = {name for name, (status, _) in results.items() if status}
    assert fail == {"t07", "t10", "r0", "r1", "r2"}, fail


def test_no_volume_at_all(t):
    fw, tasks = hostile_archive(t)
    zeros = bytes(IMAGE_BLOCKS * BLOCK)
    noise = random.Random(1).randbytes(len(zeros))
    signed = bytearray(noise)
    signed[AT * BLOCK + 510:AT * BLOCK + 512] = b"\x55\xaa"
    for image in (zeros, noise, bytes(signed), b"\xff" * len(zeros)):
        for task, (status, text) in survives(t, fw, tasks, image).items():
            assert status == 1
            assert task[0] == "r" or "FATFS: There is no valid FAT volume" in text, text
    # Nothing there: an image shorter than the offset, or empty.
    for image in (b"", zeros[:AT * BLOCK // 2]):
        survives(t, fw, tasks, image, outside=False)


def test_boot_sectors_with_wild_fields(t):
    fw, names = hostile_archive(t)
    good = hostile_volume(t).image.read_bytes()
    rng = random.Random(7)
    for at, size in ((11, 2), (13, 1), (14, 2), (16, 1), (17, 2), (19, 2), (22, 2), (32, 4), (36, 4), (44, 4)):
        for value in (0, 1, 2, 3, 16, 128, 255, 256, 512, 4096, 32767, 65535, 0x7fffffff, 0xfffffff7, 0xffffffff):
            if value >= 1 << 8 * size:
                continue
            image = bytearray(good)
            image[AT * BLOCK + at:AT * BLOCK + at + size] = value.to_bytes(size, "little")
            if at == 32:
                image[AT * BLOCK + 19:AT * BLOCK + 21] = b"\0\0"
            # A volume that claims to be larger may use what it claims.
            survives(t, fw, rng.sample(names, 2), bytes(image), outside=at not in (19, 32))


def test_boot_sectors_of_huge_volumes(t):
    """4 Gi blocks in a short image, of each kind, with the fields that would wrap in 32 bits."""
    fw, names = hostile_archive(t)
    rng = random.Random(8)
    for boot in ((1, 65535, 2, 512, 0xffffffff, 0xffff, 0, 0), (128, 65535, 2, 0, 0xffffffff, 0, 0x7fffffff, 2),
                 (1, 65535, 2, 0, 0xffffffff, 0, 0x7fffffff, 2), (1, 65535, 2, 0, 0xffffffff, 0, 0xffffffff, 2),
                 (64, 32, 2, 0, 0xffffffff, 0, 0x00100000, 0x03f00000),
                 (16, 32, 1, 0, 0xffffffff, 0, 0x00200000, 0x0ff00000),
                 (128, 1, 1, 65520, 0x80000000, 0xffff, 0, 0), (128, 1, 1, 0, 0xffffffff, 0, 0x00200000, 2)):
        clusters, reserved, fats, root, total, size, size32, first = boot
        sector = struct.pack("<11xHBHBHHBHHHIIIIIHH", BLOCK, clusters, reserved, fats, root, 0, 0xf8, size, 63, 255, 0,
                             total, size32, 0, first, 1, 6).ljust(510, b"\0") + b"\x55\xaa"
        image = bytes(AT * BLOCK) + sector + bytes(100 * BLOCK)
        survives(t, fw, rng.sample(names, 6), image, outside=False)


def test_chains_of_files_that_lead_astray(t):
    def chain(change, size=None):
        def damage(raw):
            for path in FILES:
                e = raw.find(path)
                change(raw, raw.chain(e.cluster), e)
                if size is not None:
                    struct.pack_into("<I", raw.data, e.place + 28, size)
        return damage

    def first(value):
        return chain(lambda raw, c, e: struct.pack_into("<H", raw.data, e.place + 26, value))
    damages = (
        (chain(lambda raw, c, e: raw.put(c[0], c[0])), None), (chain(lambda raw, c, e: raw.put(c[-1], c[0])), None),
        (chain(lambda raw, c, e: raw.put(c[1], c[0])), None), (chain(lambda raw, c, e: raw.put(c[-1], 0)), None),
        (chain(lambda raw, c, e: raw.put(c[0], 0)), False), (chain(lambda raw, c, e: raw.put(c[0], 1)), False),
        (chain(lambda raw, c, e: raw.put(c[0], 0xff6)), False), (chain(lambda raw, c, e: raw.put(c[0], 0xff7)), False),
        (chain(lambda raw, c, e: raw.put(c[0], 0xfff)), False),
        (chain(lambda raw, c, e: raw.put(c[0], raw.clusters + 2)), False),
        (chain(lambda raw, c, e: None, 100000), False), (chain(lambda raw, c, e: None, 0xffffffff), False),
        (chain(lambda raw, c, e: None, 0), True), (chain(lambda raw, c, e: None, 513), True),
        (first(0), False), (first(1), False), (first(BLOCKS), False), (first(0xffff), False), (first(2), None))
    reads = ["t12", "t13", "t14"]
    for (_, sound), results in zip(damages, check_damage(t, [d for d, _ in damages], reads, 6), strict=True):
        if sound is not None:
            assert {results[task][0] for task in reads} == {0 if sound else 1}, results
        if sound is False:
            assert "FATFS: The file system is damaged" in results["t12"][1], results["t12"]


def test_chains_of_directories_that_lead_astray(t):
    def d(raw):
        return raw.find("d")

    def e(raw):
        return raw.find("d/e")

    def cluster(which, value):
        return lambda raw: struct.pack_into("<H", raw.data, which(raw).place + 26, value)

    def put(which, value):
        return lambda raw: raw.put(which(raw).cluster, value(raw) if callable(value) else value)

    def full(raw):
        """No end mark, and the chain is circular."""
        for at in raw.places(d(raw).cluster):
            if raw.data[at] == 0:
                raw.data[at:at + 32] = b"OTHER   FIL\x20".ljust(32, b"\0")
        raw.put(d(raw).cluster, d(raw).cluster)

    def parent(which, value):
        return lambda raw: struct.pack_into("<H", raw.data, raw.at(which(raw).cluster) + 32 + 26, value(raw))

    def both(raw):
        parent(d, lambda raw: e(raw).cluster)(raw)
        parent(e, lambda raw: d(raw).cluster)(raw)

    def no_dots(raw):
        for which in (d, e):
            at = raw.at(which(raw).cluster)
            raw.data[at:at + 64] = b"\xe5" * 64

    damages = [
        put(d, lambda raw: d(raw).cluster), put(e, lambda raw: d(raw).cluster), put(d, lambda raw: e(raw).cluster),
        full, put(d, 0), put(d, 1), put(d, 0xff7), put(d, 0xff6), put(e, 0), cluster(d, 0), cluster(d, 1),
        cluster(d, 0xffff),
        cluster(e, 0), cluster(e, BLOCKS), lambda raw: cluster(e, d(raw).cluster)(raw),
        lambda raw: cluster(d, raw.find("file").cluster)(raw), parent(e, lambda raw: e(raw).cluster),
        parent(d, lambda raw: d(raw).cluster), both, parent(e, lambda raw: 1), parent(e, lambda raw: 0xffff), no_dots]
    for n, results in enumerate(check_damage(t, damages, ["t01", "t08", "t10"], 7)):
        # With a wrong ".." there is no telling whether a directory would move into itself.
        assert n < 16 or results["t10"][0] == 1, (n, results)


def long_parts(*parts, brief=b"LONGNA~1   ", checksum=None):
    """Raw entries: (first byte, 13 letters) each, and the short one."""
    total = 0
    for c in brief:
        total = ((total >> 1 | total << 7) + c) & 0xff
    total = total if checksum is None else checksum
    out = b""
    for number, text in parts:
        u = text.encode("utf-16-le")
        out += bytes([number]) + u[:10] + b"\x0f\0" + bytes([total]) + u[10:22] + b"\0\0" + u[22:]
    return out + (brief + b"\x20").ljust(32, b"\0")


def test_long_names_that_make_no_sense(t):
    filler = "\0" + "\uffff" * 12
    letters = "abcdefghijklm"
    cases = [
        long_parts((0x41, letters), checksum=1), long_parts((0x42, letters)), long_parts((1, letters)),
        long_parts((0x42, letters), (2, letters)), long_parts((0x42, letters), (3, letters)),
        long_parts((0x41, filler)),
        long_parts((0x41, letters), (0x3f, letters)), long_parts((0x40, letters)), long_parts((0x7f, letters)),
        long_parts((0x55, letters), *((i, letters) for i in range(20, 0, -1))),
        long_parts((0x54, letters), *((i, letters) for i in range(19, 0, -1))),
        long_parts((0x43, letters), (2, letters), (0x41, letters)),
        long_parts((0x41, "../../e\0\uffff\uffff\uffff\uffff\uffff")),
        long_parts((0x41, letters))[:32], long_parts((0x41, letters))[:32] + b"\xe5" * 32 + long_parts((1, letters)),
        long_parts((0x41, letters), brief=b"           "), long_parts((0x41, letters), brief=b"..         "),
        long_parts((0x41, letters), brief=b"\x05BC        "), b"LABEL      \x18".ljust(32, b"\0"),
        b"".join(long_parts((0x41, letters))[:32] for _ in range(14)),
    ]
    fw, tasks = hostile_archive(t)
    good, rng = hostile_volume(t), random.Random(6)
    clean, raw = good.image.read_bytes(), good.raw()
    for case in cases:
        for directory in ("d", None):
            image = bytearray(clean)
            # Before the existing entries, which move up.
            places = raw.places(raw.find("d").cluster)[2:] if directory else raw.places()
            first = AT * BLOCK + places[0]
            space = (len(places) if directory else 80) * 32
            image[first:first + space] = (case + bytes(image[first:first + space]))[:space]
            results = survives(t, fw, ["t01", "t12", *rng.sample(tasks, 5)], bytes(image))
            if not directory:
                assert results["t12"][0] == 0, (case, results["t12"])


def test_file_with_a_damaged_long_name_is_found_by_its_short_one(t):
    v = Volume(t, FAT12)
    v.do(files=[(b"content", "A long name"), (b"other", "Another name")])
    raw = v.raw(change=True)
    at = raw.find("A long name").place - 32
    raw.data[at + 13] ^= 1
    v.do(("fat_cp", "alongn~1", "copy"), ("fat_rm!", "alongn~1"))
    v.fails(("fat_rm!", "A long name"))
    assert v.read("copy") == b"content" and v.read("Another name") == b"other"


def test_long_name_part_number_zero(t):
    """A part that claims to be number 0, after number 1."""
    fw, _ = hostile_archive(t)
    v = hostile_volume(t)
    for number in (0x40, 0x80, 0xc0):
        raw = v.raw(change=True)
        at = raw.places()[3]  # after label, file and directory
        raw.data[at:at + 96] = long_parts((0x41, "abcdefghijklm"), (number, "abcdefghijklm"))
        survives(t, fw, ["t00", "t14", "t17"], v.image.read_bytes())


def test_bytes_behind_the_end_of_a_directory_are_not_entries(t):
    """Other programs write just the end mark; what follows it is not read, so nothing may be put there."""
    for names in (("SHORT",), ("A long name",), ("A name of more than two entries, as long as this",),
                  ("a b", "c d", "e f")):
        v = Volume(t, FAT12)
        v.do(("fat_touch", "first"))
        raw = v.raw(change=True)
        for n, at in enumerate(raw.places()[2:40]):
            raw.data[at:at + 32] = (b"GARB%03d    " % n + b"\x20").ljust(32, b"\xaa")
        assert raw.names() == ["first"]
        v.do(*(("fat_touch", n) for n in names))
        assert sorted(v.raw().names()) == sorted(["first", *names])
        assert sorted(v.tree()) == sorted(["first", *names])


def check_noise(t, seed, count, blocks=0):
    """Random bytes in boot sector, tables and directories of a valid volume."""
    rng = random.Random(seed)
    fw, tasks = hostile_archive(t)
    v = hostile_volume(t)
    good, raw = v.image.read_bytes(), v.raw()
    begin = AT * BLOCK
    areas = [(11, 79), (raw.reserved * BLOCK, raw.reserved * BLOCK + 60), (raw.root_at, raw.root_at + 200),
             *((raw.at(raw.find(d).cluster), raw.at(raw.find(d).cluster) + 200) for d in ("d", "d/e"))]
    for _ in range(count):
        image = bytearray(good)
        chosen = rng.choices(areas, weights=(1, 5, 5, 5, 5), k=rng.choice((1, 1, 2, 8)))
        for low, high in chosen:
            at = begin + rng.randrange(low, high)
            image[at] = rng.choice((0, 1, 2, 0xe5, 0x0f, 0x10, 0x41, 0xff, image[at] ^ 1 << rng.randrange(8),
                                    rng.randrange(256)))
        survives(t, fw, [rng.choice(tasks)], bytes(image), outside=areas[0] not in chosen)


def test_noise_in_a_volume(t):
    check_noise(t, 1, 150)


def test_noise_in_a_fat32_volume(t):
    v = Volume(t, FAT32)
    v.do(("fat_mkdir", "d"), ("fat_mkdir", "d/e"), files=[(pattern(size), path) for path, size in FILES.items()])
    good = v.raw()
    places = (0, BLOCK, good.reserved * BLOCK, good.at(2), good.at(good.find("d").cluster))
    areas = [(at, bytes(good.data[at:at + BLOCK])) for at in places]
    fw, tasks = hostile_archive(t, 0)
    rng, raw = random.Random(2), v.raw(change=True)
    for _ in range(80):
        for at, data in areas:
            raw.data[at:at + BLOCK] = data
            for _ in range(rng.choice((0, 0, 1, 3))):
                where = at + (rng.randrange(11, 64) if at == 0 else rng.randrange(200))
                raw.data[where] = rng.choice((0, 0xff, rng.randrange(256)))
        if rng.random() < 0.8:
            raw.data[:BLOCK] = areas[0][1]
        task = rng.choice(tasks)
        assert_told(task, *apply(t, v.image, fw, task=task))
