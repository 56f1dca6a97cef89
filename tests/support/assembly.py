# SPDX-License-Identifier: Apache-2.0
"""Both sides of an update that is put together on the device, in Python: written from PROTOCOL.md ("assemble"), not from
the program."""
import re
import struct
import zipfile
import zlib
from dataclasses import dataclass, field

from support.fixture import Skipped
from support.receiver import Receiver

try:
    import xxhash
except ImportError:
    xxhash = None

KIB = 1024
BODY_MAX = 2048 * KIB
GROUP_MAX = 512 * KIB
CREDIT = 512 * KIB


def number(n):
    """An int of the protocol."""
    out = bytearray()
    while n > 0x7f:
        out.append(n & 0x7f | 0x80)
        n >>= 7
    return bytes([*out, n])


def signed(n):
    return number(-2 * n - 1 if n < 0 else 2 * n)


def hash64(data):
    if not xxhash:
        raise Skipped("python3-xxhash is not installed")
    return xxhash.xxh3_64_intdigest(data)


def low(value, count):
    """The low bytes of a hash."""
    return (value & ((1 << 8 * count) - 1)).to_bytes(count, "little")


def record(kind, body=b""):
    return kind.encode() + len(body).to_bytes(3, "big") + body


def frame(data):
    """A zstd frame of stored blocks (RFC 8878), without the magic number."""
    out = bytearray(b"\xa0" + struct.pack("<I", len(data)))
    for at in range(0, len(data) or 1, 128 * KIB):
        piece = data[at:at + 128 * KIB]
        last = at + 128 * KIB >= len(data)
        out += (len(piece) << 3 | last).to_bytes(3, "little") + piece
    return bytes(out)


class Reader:
    """What is left of a body."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def number(self):
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return value

    def skip(self, count):
        self.at += count

    def runs(self):
        """The runs of yes and no as a list of booleans."""
        found, current = [], True
        while self.at < len(self.data):
            found += [current] * self.number()
            current = not current
        return found


def gear():
    x, table, mask = 0x6677737368, [], (1 << 64) - 1
    for _ in range(256):
        x = (x + 0x9e3779b97f4a7c15) & mask
        z = ((x ^ x >> 30) * 0xbf58476d1ce4e5b9) & mask
        z = ((z ^ z >> 27) * 0x94d049bb133111eb) & mask
        table.append(z ^ z >> 31)
    return table


GEAR = gear()


def cut(data, k):
    """The lengths of the chunks."""
    average, lengths, at = 1 << k, [], 0
    bits = lambda n: ((1 << n) - 1) << (6 if k < 9 else 64 - n)  # noqa: E731
    hard, easy, full = bits(k + 1), bits(k - 1), (1 << 64) - 1
    while at < len(data):
        end, least, h = min(len(data), at + 4 * average), average // 4, 0
        for i in range(at + max(0, least - 64), end):
            h = (2 * h + GEAR[data[i]]) & full
            n = i + 1 - at
            if n > least and h & (hard if n <= average else easy) == 0:
                end = i + 1
                break
        lengths.append(end - at)
        at = end
    return lengths


def group(data):
    """The lengths of the groups of what is cut by itself."""
    groups, length, chunks, last, at = [], 0, 0, 1, 0
    for n in cut(data, 12):
        if chunks and (length + n > GROUP_MAX or chunks >= 8 and last >> 40 & 31 == 0):
            groups.append(length)
            length = chunks = 0
        last = hash64(data[at:at + n])
        length, chunks, at = length + n, chunks + 1, at + n
    return [*groups, length] if length else groups


@dataclass
class Stream:
    """What the updater will read, with its parts and groups."""
    data: bytes
    start: int = 0
    parts: list = field(default_factory=list)  # (place, length, name)
    groups: list = field(default_factory=list)  # (place, length)

    def cut(self):
        edges = sorted({0, len(self.data), *(p[0] for p in self.parts), *(p[0] + p[1] for p in self.parts)})
        at = 0
        for begin, end in zip(edges, edges[1:]):
            for n in group(self.data[begin:end]):
                self.groups.append((at, n))
                at += n
        return self

    def piece(self, index):
        at, n = self.groups[index]
        return self.data[at:at + n]

    def print_parts(self):
        return number(len(self.parts)) + b"".join(
            number(at) + number(n) + number(len(name)) + name for at, n, name in self.parts)

    def print_groups(self):
        return number(len(self.groups)) + b"".join(
            number(n) + low(hash64(self.data[at:at + n]), 8) for at, n in self.groups)

    def list(self, bases=0, size=None, parts=None, start=None, groups=None):
        """The body of a list, of which some pieces may be others."""
        if start is None:
            packed = frame(self.data[:self.start])
            start = number(self.start) + (number(len(packed)) + packed if self.start else number(0))
        return (number(bases) + number(len(self.data) if size is None else size) +
                (self.print_parts() if parts is None else parts) + start +
                (self.print_groups() if groups is None else groups))

    def base(self):
        """The body of a base whose groups are all its own."""
        return self.print_parts() + number(len(self.groups)) + b"".join(
            number(0) + number(n) + low(hash64(self.data[at:at + n]), 8) for at, n in self.groups)


def stream_of(firmware):
    """The stream that stands for an archive."""
    data, parts, start = bytearray(), [], 0
    with zipfile.ZipFile(firmware) as z:
        for info in z.infolist():
            content, name = z.read(info), info.filename.encode()
            data += struct.pack("<IHHHHHIIIHH", 0x04034b50, 10, 0, 0, 0, 0x21, zlib.crc32(content), len(content),
                                len(content), len(name), 0) + name
            parts.append((len(data), len(content), name))
            data += content
            if name == b"meta.conf":
                start = len(data)
    data += struct.pack("<IHHHHIIH", 0x06054b50, 0, 0, 0, 0, 0, 0, 0)
    return Stream(bytes(data), start, parts).cut()


class Host:
    """A client of fwssh-receive that may say anything."""

    def __init__(self, t, request=b"fwssh/1 assemble reboot=no\n", ahead=b"", **config):
        self.t = t
        self.receiver = Receiver(t, "fwssh", **config)
        self.process = self.receiver.process
        self.text = b""
        self.got = b""
        self.late = []
        self.credit = 0
        self.records = True
        self.send_bytes(request + ahead)

    def send_bytes(self, data):
        """False once nobody reads any more."""
        try:
            view = memoryview(data)
            while view:
                view = view[self.process.stdin.write(view):]
        except BrokenPipeError:
            return False
        return True

    def send(self, kind, body=b""):
        return self.send_bytes(record(kind, body))

    def read(self, count):
        """So many bytes, fewer at the end."""
        while len(self.got) < count:
            more = self.process.stdout.read(65536)
            if not more:
                break
            self.got += more
        taken, self.got = self.got[:count], self.got[count:]
        return taken

    def await_ok(self):
        """The answer and the record of facts: whether there are any."""
        line = b""
        while not line.endswith(b"\n"):
            byte = self.read(1)
            if not byte:
                break
            line += byte
        if line != b"fwssh/1 ok\n":
            self.text += line
            return False
        kind, self.facts = self.record()
        assert kind == "I", kind
        return True

    def record(self):
        """The next record, text and progress aside; ("", b"") at the end."""
        while True:
            head = self.read(4)
            if len(head) < 4:
                self.text += head
                return "", b""
            kind, body = chr(head[0]), self.read(int.from_bytes(head[1:], "big"))
            assert kind in "IPACNT", (head, body)
            if kind == "T":
                self.text += body
            elif kind != "P":
                return kind, body

    def answer(self, level):
        """The answer to a question: yes or no for each."""
        kind, body = self.record()
        assert kind == "A" and body[:1] == level.encode(), (kind, body[:20], self.text)
        r = Reader(body[1:])
        self.candidates = r.number()
        return r.runs()

    def hear(self):
        """Reads up to the end: groups that the device misses, and bytes that it has used up."""
        if not self.records:
            self.text += self.got + self.process.stdout.read()
            return
        while True:
            kind, body = self.record()
            if not kind:
                return
            if kind == "N":
                self.late.append(Reader(body).number())
            elif kind == "C":
                self.credit += Reader(body).number()

    def await_late(self):
        """The next group that the device misses."""
        while True:
            kind, body = self.record()
            assert kind, self.text
            if kind == "N":
                self.late.append(Reader(body).number())
                return self.late[-1]

    def end(self):
        """The exit status, and the message on standard error."""
        if not self.process.stdin.closed:
            try:
                self.receiver.socket.send(b"E")
            except OSError:  # it has ended already
                pass
            self.process.stdin.close()
        self.hear()
        err = self.process.stderr.read().decode()
        status = self.process.wait(20)
        assert "ERROR: AddressSanitizer" not in err, err
        self.result = self.receiver.result()
        assert self.result["status"] == status, (self.result, status)
        return status, re.sub("^fwssh: ", "", err.strip())


def frames(data, size=GROUP_MAX):
    """The frames without a prefix that stand for these bytes."""
    for at in range(0, len(data), size):
        piece = data[at:at + size]
        yield number(0) + number(len(piece)) + frame(piece)
