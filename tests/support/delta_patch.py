# SPDX-License-Identifier: Apache-2.0
"""Deltas in the tests: archives with deltas, disks to apply them to, and hand-made VCDIFF patches."""
import hashlib
import random
import zipfile
import zlib

BLOCK = 512
SOURCE = 256     # where the running slot starts, in blocks
TARGET = 32768   # where the new firmware goes
INIT, SWITCH = 16, 8  # what on-init and on-finish write to
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


def noise(size, seed=1):
    return random.Random(seed).randbytes(size)


def changed(data, seed=1, count=30):
    """The next version of a firmware: bytes changed, inserted, deleted and moved."""
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
    """An archive with the complete new firmware."""
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
    """Replaces a resource the way deltas are usually made."""
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
    """The update fails, and neither the running slot nor the switch has changed."""
    assert r.returncode == 1, r
    assert region(image, SOURCE, len(old)) == old, "the slot that runs was touched"
    assert not any(region(image, SWITCH, BLOCK)), "switched in spite of the error"
    if text:
        assert text in r.stdout, r.stdout


# VCDIFF (RFC 3284)

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
    """A window (RFC 3284, 4.3); fields that are not given are correct."""
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
    """A window built instruction by instruction, and its result."""

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
        """All modes that can express this address."""
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
    Uses every kind of instruction, every code and every address mode that applies. crossing: also copies that start in
    the source and end in the target, which the RFC allows and xdelta3 does not support.
    """
    at = r.randrange(len(source))
    w = Window(source, at, r.randrange(len(source) - at) if r.random() < .8 else 0)
    for _ in range(r.randrange(1, 400)):
        here = len(w.segment) + len(w.out)
        kind = r.randrange(6) if here else r.randrange(2)
        # Often an address used before, for the caches.
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
            before, w.out = w.out, w.out + data  # the copy's "here" is after the ADD
            modes = w.modes(address)
            w.out = before
            mode = r.choice(modes)
            w.add_copy(data, address, r.randrange(4, 7) if mode < 6 else 4, mode)
        else:
            w.copy_add(address, r.randbytes(1), r.choice(w.modes(address)))
    return w


def hand_made(t, new, patch, old=b"", keys=RAW_KEYS, image=None, name="hand.fw"):
    """An archive written by Python's zipfile, with exactly this content."""
    meta = (f'file-resource new.img {{\nlength={len(new)}\nblake2b-256='
            f'{hashlib.blake2b(new, digest_size=32).hexdigest()}\n}}\ntask upgrade {{\n'
            f'on-init {{\nfunlist={{4,raw_memset,{INIT},1,0x11}}\n}}\non-resource new.img {{\n{keys}\n'
            f'funlist={{2,raw_write,{TARGET}}}\n}}\non-finish {{\nfunlist={{4,raw_memset,{SWITCH},1,0x22}}\n}}\n}}\n')
    with zipfile.ZipFile(t.dir / name, "w") as z:
        z.writestr("meta.conf", meta)
        z.writestr("data/new.img", patch)
    image = image or disk(t, old)
    return apply(t, t.dir / name, image), image
