# SPDX-License-Identifier: Apache-2.0
"""VCDIFF patches made by hand or damaged: a correct result or an error; xdelta3 decides what is correct."""
import random

from support.delta_patch import (BLOCK, HEADER, INIT, TARGET, Window, changed, check_refused, check_upgraded, disk,
                                 hand_made, integer, noise, random_window, vcdiff, window, xdelta)

DAMAGED = "the delta (xdelta3 patch) is damaged"


def judge(t, old, patch):
    """xdelta3's result, None if it refuses the patch."""
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
        """An address that this mode can express."""
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
    """Addresses one, two and more bytes back, down to the last byte of the source."""
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
    """Copies that start in the source segment and continue at the start of the target, of any length."""
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
    """More copies than are collected at a time; many overlap."""
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
    """Windows without target bytes, instructions of size zero, a patch that is only a header."""
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
    """(name, patch): each is invalid for a source of 1000 bytes and a target of 100."""
    copy = b"\x13" + integer(100)
    good = {"code": copy, "address": integer(0), "source": (1000, 0)}
    for n in HUGE:
        yield f"target of {n}", vcdiff(window(n, **good))
        yield f"source of {n}", vcdiff(window(100, **{**good, "source": (n, 0), "address": integer(n - 100)}))
        yield f"source at {n}", vcdiff(window(100, **{**good, "source": (1000, n)}))
        yield f"source of and at {n}", vcdiff(window(100, **{**good, "source": (n, n)}))
        yield f"source up to the end of numbers, {n}", vcdiff(window(100, **{**good, "source": (2**63 - 1, n)}))
        if n < 2**62:
            yield f"source that ends there, {n}", vcdiff(window(100, **{**good, "source": (1000, 2**63 - n)}))
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


OUTSIDE = "copies from outside of its source"
WINDOWS = "uses an unsupported type of window"
SECONDARY = "uses secondary compression or a custom code table"
# Messages other than "the patch is damaged", by the start of the name.
OTHER_CAUSES = {
    **{f"{what} {n}": OUTSIDE for what in ("source of", "source at", "source of and at", "source that ends there,")
       for n in (2**57, 2**32, 2**32 - 1, 2**31)},
    f"source of {2**63 - 1}": OUTSIDE,
    # An address that wraps around at 2^64 to a valid one: the hash may detect it.
    f"copy near and {2**64 - 1}": "fwup: ",
    "less than the file": "wrote 99 bytes for 'new.img', but should have written 100",
    "no window": "wrote 0 bytes for 'new.img', but should have written 100",
    "copy of the source at its end": OUTSIDE,
    "VCD_TARGET": WINDOWS,
    "both kinds of source": WINDOWS,
    "window indicator": WINDOWS,
    "secondary compressor": SECONDARY,
    "code table": SECONDARY,
    "another version": "neither the file nor a delta",
    "wrong checksum": "made from another firmware",
}


def test_bad_patches_are_refused_with_their_cause(t):
    old = noise(1000)
    new = old[:100]
    result, image = hand_made(t, new, vcdiff(window(100, code=b"\x13" + integer(100), address=b"\0",
                                                    source=(1000, 0))), old)
    check_upgraded(result, image, new)
    for name, patch in bad_patches():
        result, image = hand_made(t, new, patch, old)
        text = next((text for start, text in OTHER_CAUSES.items() if name.startswith(start)), DAMAGED)
        assert text in result.stdout, f"{name}: {result.stdout}"
        check_refused(result, image, old)


def mutate(t, old, new, patches):
    """Applies patches that may be invalid: a correct result or exit status 1, never anything else."""
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
    # And with something after its end.
    assert mutate(t, old, new, [("more", patch + b"\x05")]) == 1


def flips(patch, seed, count):
    r = random.Random(seed)
    for n in range(count):
        damaged = bytearray(patch)
        for _ in range(r.choice((1, 1, 1, 2, 8))):
            # Half of them in sizes and instructions.
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
    """Many instructions of all kinds."""
    r = random.Random(6)
    old = noise(20_000)
    w = [random_window(r, old) for _ in range(2)]
    new = b"".join(bytes(x.out) for x in w)
    count = 60 if t.sanitized() else 250
    patch = vcdiff(*(x.done(adler=False) for x in w))
    assert mutate(t, old, new, flips(patch, 23, count)) > count // 2


def test_random_instructions(t):
    """Sections full of noise, not even close to a patch."""
    r = random.Random(8)
    old = noise(20_000)
    count = 50 if t.sanitized() else 200

    def patches():
        for n in range(count):
            data, code, address = (r.randbytes(r.randrange(200)) for _ in range(3))
            yield f"noise {n}", vcdiff(window(r.randrange(5000), data, code, address, (r.randrange(1, 20_000), 0)))
    assert mutate(t, old, noise(5000, 3), patches()) == count
