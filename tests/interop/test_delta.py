# SPDX-License-Identifier: Apache-2.0
"""Deltas made by xdelta3 and zip, from all kinds of sources, and their cost."""
import random
import re
import shutil
import subprocess
import zipfile

from support.delta_patch import (BLOCK, HEADER, INIT, RAW_KEYS, SOURCE, TARGET, Window, apply, changed, check_refused,
                                 check_upgraded, disk, firmware, integer, noise, put, region, vcdiff, window, xdelta)
from support.fixture import read_until
from support.process import peak_memory

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
    """Repetitive data: copies from the target, runs, all address modes."""
    r = random.Random(4)
    words = [bytes(r.choices(b"abcdefghij ", k=r.randrange(2, 9))) for _ in range(300)]
    old = b" ".join(r.choices(words, k=60_000)) + b"\0" * 10_000
    check_delta(t, old, changed(old, count=500), "-A", "-S", "-9")


def test_delta_without_a_source_in_it(t):
    """Nothing in common, so the patch is larger than the file."""
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
    """Without -A the patch contains the names of the files."""
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


def test_verify_walks_a_delta(t):
    """All of its windows and instructions; what they copy is known only to the device."""
    old = noise(200_000)
    new = changed(old) + b"compressible " * 1000
    fw = firmware(t, new)

    def verify(patch):
        return t.run([t.bin("fwpack"), "-V", "-i", put(t, fw, patch)])

    for options in (("-A", "-S", "none", "-W", "16384"), ("-A", "-S", "-n"), ("-S",)):
        patch = xdelta(t, old, new, *options)
        r = verify(patch)
        assert r.returncode == 0 and r.stdout.startswith("Valid archive"), r
    for bad, text in ((xdelta(t, old, new, "-A", "-S", "djw"), "xdelta3 -S none"),
                      (patch + b"garbage", ""), (patch[:-1], ""), (patch[:len(patch) // 2], ""), (patch[:5], ""),
                      (patch[:5] + noise(1000), ""), (patch + patch, ""),
                      (xdelta(t, old, new[:-1], "-A", "-S"), f"the delta makes {len(new) - 1} bytes, but should make"),
                      (b"neither", "neither the file nor a delta")):
        r = verify(bad)
        assert r.returncode == 1 and text in r.stdout and "new.img" in r.stdout, (len(bad), r)
    whole = Window()
    whole.add(new)
    assert verify(HEADER + b"\0" + whole.done()).returncode == 0
    assert verify(HEADER + b"\0" + whole.done()[:-1] + b"x").returncode == 1, "a checksum that needs no source"


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
    """The slot differs in one byte that is used; the checksum of the window detects it."""
    old = noise(300_000)
    new = changed(old)
    fw = put(t, firmware(t, new), xdelta(t, old, new))
    for other in (bytes([old[0] ^ 1]) + old[1:], noise(300_000, 5), b"\0" * 300_000):
        image = disk(t, other)
        check_refused(apply(t, fw, image), image, other, "made from another firmware")


def test_delta_for_another_firmware_is_refused_without_checksums(t):
    """Then the hash detects it."""
    old = noise(300_000)
    new = changed(old)
    fw = put(t, firmware(t, new), xdelta(t, old, new, "-A", "-S", "-n"))
    other = bytes([old[0] ^ 1]) + old[1:]
    image = disk(t, other)
    check_refused(apply(t, fw, image), image, other, "blake2b mismatch on 'new.img'")


def test_exit_status_tells_that_the_firmware_does_not_fit(t):
    """With a command word, and on the descriptor for the calling program."""
    old = noise(50_000)
    new = changed(old)
    for patch, source in ((xdelta(t, old, new), noise(50_000, 5)), (b"no patch", old)):
        fw = put(t, firmware(t, new), patch)
        r = t.run([t.bin("fwpack"), "apply", "-q", "-i", fw, "-t", "upgrade", "-d", disk(t, source)])
        assert r.returncode == 4 and r.stdout.startswith("fwpack: "), r


def test_entry_whose_size_is_not_known_is_no_delta(t):
    """Its sizes follow the data, as when a ZIP file is written into a pipe."""
    old = noise(50_000)
    new = changed(old)
    patch = xdelta(t, old, new)
    with zipfile.ZipFile(firmware(t, new)) as z:
        meta = z.read("meta.conf")
    for data in (new, patch):
        with open(t.dir / "piped.fw", "wb") as f, zipfile.ZipFile(Unseekable(f), "w", zipfile.ZIP_DEFLATED) as z:
            z.writestr("meta.conf", meta)
            z.writestr("data/new.img", data)
        image = disk(t, old)
        r = apply(t, t.dir / "piped.fw", image)
        if data == new:
            check_upgraded(r, image, new)
        else:
            check_refused(r, image, old, f"raw_write wrote {len(patch)} bytes for 'new.img', but should have written {len(new)}")


class Unseekable:
    """An output that zipfile treats as a pipe."""

    def __init__(self, file):
        self.write, self.flush = file.write, file.flush


def test_delta_with_checked_and_minimized_writes(t):
    old = noise(2 << 20)
    new = changed(old)
    fw = put(t, firmware(t, new), xdelta(t, old, new))
    for options in (("--verify-writes",), ("--minimize-writes",), ("--verify-writes", "--minimize-writes")):
        image = disk(t, old)
        check_upgraded(apply(t, fw, image, *options), image, new)
        check_upgraded(apply(t, fw, image, *options), image, new)


def test_progress_of_a_delta_counts_what_it_makes(t):
    old = noise(3 << 20)
    new = changed(old)
    fw = put(t, firmware(t, new), xdelta(t, old, new))
    args = [t.bin("fwpack"), "-a", "-i", fw, "-t", "upgrade", "-d", disk(t, old)]
    told = [int(line) for line in t.run([*args, "-n"]).stdout.split()]
    assert told == sorted(set(told)) and told[0] == 0 and told[-2:] == [99, 100] and len(told) > 8, told
    assert f" {(len(new) + 1024) / 1e6:.2f} MB out" in t.run(args).stdout


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
    # One byte more is beyond the slot.
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
    """raw_write writes the old firmware encrypted; another test compares those bytes."""
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
    # Without the options, or with another key, the source is something else.
    for wrong in (RAW_KEYS, keys.replace(secret, secret[::-1])):
        r = apply(t, put(t, firmware(t, new, wrong), patch), image)
        assert r.returncode == 1 and "made from another firmware" in r.stdout, r.stdout


def test_delta_from_a_slot_in_cbc(t):
    encrypted_delta(t, "aes-cbc-plain", KEY)


def test_delta_from_a_slot_in_xts(t):
    encrypted_delta(t, "aes-xts-plain64", KEY + KEY.replace("0", "c"))


def test_delta_from_an_encrypted_slot_to_another(t):
    """The result is the same as with a complete firmware."""
    old = noise(150_000 + 7)
    new = changed(old)
    options = f"cipher=aes-xts-plain64,secret={KEY}{KEY[::-1]}"
    function = f'raw_write({TARGET}, "{options}")'
    keys = f'{RAW_KEYS} delta-source-raw-options = "{options}"'
    image = disk(t, b"")
    assert apply(t, firmware(t, new, function=function), image).returncode == 0
    expected = region(image, TARGET, -(-len(new) // BLOCK) * BLOCK)
    assert new[:64] not in expected
    image = disk(t, b"")
    more = f'task encrypted {{ on-resource new.img {{ raw_write({SOURCE}, "{options}") }} }}'
    fw = firmware(t, old, more=more)
    assert t.run([t.bin("fwpack"), "-a", "-q", "-i", fw, "-t", "encrypted", "-d", image]).returncode == 0
    r = apply(t, put(t, firmware(t, new, keys, function), xdelta(t, old, new)), image)
    assert r.returncode == 0, r.stdout
    assert region(image, TARGET, len(expected)) == expected


def test_copies_of_any_alignment_from_an_encrypted_slot(t):
    """Sectors are decrypted as a whole; copies start and end anywhere."""
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


FAT = 2048  # where the file system starts, in blocks


def fat_disk(t, old, size=8 << 20, cluster=1, fragmented=False):
    """A FAT file system made by mkfs.fat, with the old firmware in dir/old.img, put there by mtools."""
    image = t.image(64 << 20, "disk.img")
    part = t.image(size, "fat.img")
    run = lambda *args: check_run(t, *args)  # noqa: E731
    run(t.need("mkfs.fat"), "-s", cluster, part)
    run("mmd", "-i", part, "::dir")
    if fragmented:
        # Every second small file is removed, and there is no other free space.
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
    """Bytes after the end of the file do not belong to it, even in its last cluster."""
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
    """Other functions, too, get the decoded bytes."""
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
    """The file is emptied before the patch is read, so this may fail, but must not succeed with wrong bytes."""
    old = noise(100_000)
    new = changed(old)
    image, _ = fat_disk(t, old)
    fw = put(t, firmware(t, new, FAT_KEYS, f'fat_write({FAT}, "dir/old.img")'), xdelta(t, old, new))
    r = apply(t, fw, image)
    assert r.returncode in (0, 1), r
    if r.returncode == 0:
        check_run(t, "mcopy", "-i", f"{image}@@{FAT * BLOCK}", "::dir/old.img", t.dir / "got")
        assert (t.dir / "got").read_bytes() == new


# Cost

def start_shaking(t, fw, image, *options):
    """Runs until the handshake, when all its work is done but the process still exists."""
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
    """xdelta3's windows of 8 MiB: almost all copied, some new, all new."""
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
        assert p.wait(20) == 0


def test_memory_for_claims_is_not_taken(t):
    """A patch of a few bytes that claims sizes of 64 MiB."""
    if t.sanitized():
        t.skip("its memory is not that of the program")
    new = b"x" * (100 << 20)
    fw = firmware(t, new)
    patch = vcdiff(window(64 << 20, code=b"\x01" + integer(64 << 20), sizes=(64 << 20, 5, 0)))
    put(t, fw, patch)
    p = t.start([t.bin("fwpack"), "-a", "-q", "--exit-handshake", "-i", fw, "-t", "upgrade", "-d", disk(t, b"")],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    text = read_until(p.stdout, b"\x1a\x01")
    used = peak_memory(p.pid)
    print(f"{used} kB")
    assert used < 12_000


def check_reads(t, header):
    """4 KiB pieces in random order, after a header of that size."""
    t.need("strace")
    if t.sanitized():
        t.skip("the leak sanitizer does not work below strace")
    r = random.Random(9)
    pieces = [r.randbytes(4096) for _ in range(2500)]
    old = noise(header) + b"".join(pieces)
    r.shuffle(pieces)
    new = b"".join(pieces)
    # -B lets xdelta3 see the whole source; there are two windows.
    patch = xdelta(t, old, new, "-A", "-S", "-B", str(16 << 20))
    assert len(patch) < len(new) // 50, "xdelta3 found too little"
    fw = put(t, firmware(t, new), patch)
    image = disk(t, old, 40 << 20)
    trace = t.dir / "trace"
    out = t.run(["strace", "-f", "-y", "-o", trace, "-e", "trace=read,pread64,preadv,preadv2,readv,mmap",
                 t.bin("fwpack"), "-a", "-q", "-i", fw, "-t", "upgrade", "-d", image])
    if "ptrace" in out.stderr:
        t.skip("strace may not trace here")
    check_upgraded(out, image, new)
    text = trace.read_text()
    reads = [int(n) for n in re.findall(rf"read\w*\(\d+<{re.escape(str(image))}>.*= (\d+)$", text, re.M)]
    assert not re.search(rf"mmap\(.*<{re.escape(str(image))}>", text)
    print(f"{sum(reads)} bytes in {len(reads)} reads for {len(new)}")
    assert len(new) * .9 < sum(reads) < len(new) * 1.2, "the source is read too often, or not counted here"
    assert len(reads) < 4000


def test_shuffled_source_is_read_once(t):
    check_reads(t, header=0)


def test_shuffled_source_between_blocks_is_read_once(t):
    check_reads(t, header=100)
