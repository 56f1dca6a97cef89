#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the seeds of the targets hold, hold_frame and adaptive: hold_seeds.py DIRECTORY."""
import struct
import sys
import zlib
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(SOURCE))
from support.assembly import Stream, frame, frames, hash64, low, number, record, signed  # noqa: E402


def noise(count):
    """What the device of hold_fuzz.c has from byte 4096 on."""
    x, out = 1, bytearray()
    for _ in range(count):
        x = (x * 1664525 + 1013904223) & 0xffffffff
        out.append(x >> 24)
    return bytes(out)


def meta(size):
    conf = (f'meta-product=x\nfile-resource "r" {{\nlength={size}\nblake2b-256="{"0" * 64}"\n}}\n'
            'task "upgrade" {\non-resource "r" {\nfuncs={"2","raw_write","2048"}\n}\n}\n'
            'task "other" {\non-resource "r" {\nfuncs={"2","raw_write","8"}\n}\n}\n').encode()
    return struct.pack("<IHHHHHIIIHH", 0x04034b50, 10, 0, 0, 0, 0x21, zlib.crc32(conf), len(conf), len(conf), 9,
                       0) + b"meta.conf" + conf


def main():
    to = Path(sys.argv[1])
    old = noise(65536)
    new = old[:30000] + b"something else" * 100 + old[30500:]
    start = meta(len(new))
    s = Stream(start + new, len(start), [(len(start), len(new), b"data/r")]).cut()
    base = Stream(start + old, len(start), [(len(start), len(old), b"data/r")]).cut()
    sent = b"".join(record("d", f) for f in frames(s.data[len(start):], 20000))
    step = number(1000) + number(10) + signed(5)
    steps = b"".join(number(len(x)) + (number(len(frame(x))) + frame(x) if x else b"\0")
                     for x in (step, bytes(1000), b"0123456789"))
    with_base = number(1010) + number(100) + number(500) + steps
    question = number(4) + number(12) + number(2) + number(100) + low(5, 4) + number(200) + low(hash64(old[:200]), 4)
    seeds = {
        "hold/list": b"\1" + record("L", s.list()) + record("Z"),
        "hold/update": b"\1" + record("L", s.list()) + record("G") + sent + record("Z"),
        "hold/base": b"\1" + record("L", s.list(bases=1)) + record("B", base.base()) + record("G") +
                     record("D", with_base) + record("Z"),
        "hold/question": b"\1" + record("L", s.list()) + record("2", question) + record("3", question) + record("G"),
        "hold/whole": b"\0" + record("W", number(100)),
        "hold/small": b"\0" + record("L", Stream(b"abc", 0, [], [(0, 3)]).list()) + record("G") +
                      record("d", number(0) + number(3) + frame(b"abc")) + record("Z"),
        "hold/fill": b"\0" + record("L", Stream(b"abc", 0, [], [(0, 3)]).list()) + record("G") +
                     record("d", number(0) + number(3) + frame(b"abd")) + record("F", number(0) + number(3) + frame(b"abc")),
        "hold_frame/plain": record("d", number(0) + number(100) + frame(bytes(100))) + record(
            "d", number(50) + number(200) + frame(bytes(200))),
        "hold_frame/base": record("D", with_base) * 2,
        "adaptive/answers": b"\x10\x05fwssh/1 ok\n" + record("I", b"uuid=1\ncan=assemble\n") + record("P", b"\5") +
                            record("A", b"L\0\2\3") + record("A", b"B\0\0\5") + record("T", b"Success!\n") + record("C", b"\5") +
                            record("N", b"\1"),
        "adaptive/refused": b"\xff\1fwssh/1 error 2 no\n",
    }
    for name, data in seeds.items():
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        (to / name).write_bytes(data)


if __name__ == "__main__":
    main()
