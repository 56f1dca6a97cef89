# SPDX-License-Identifier: Apache-2.0
"""A stand-in for ssh and the device behind it, that answers an update which is put together as it likes: run by
tests/scenario/test_assembly_host.py with a script of steps (JSON) as its first argument."""
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support.assembly import Reader, number, record  # noqa: E402


def read(count):
    data = b""
    while len(data) < count:
        more = os.read(0, count - len(data))
        if not more:
            sys.exit(1)
        data += more
    return data


def await_record(kinds):
    """The next record of one of these kinds."""
    while True:
        head = read(4)
        body = read(int.from_bytes(head[1:], "big"))
        with open(sys.argv[2], "ab") as log:
            log.write(head + body)
        if chr(head[0]) in kinds:
            return chr(head[0]), body


def groups_of(body):
    """How many groups a list has."""
    r = Reader(body)
    r.number()
    r.number()
    for _ in range(r.number()):
        r.number()
        r.number()
        r.skip(r.number())
    r.number()
    r.skip(r.number())
    return r.number()


def say(data):
    while data:
        data = data[os.write(1, data):]


class Device:
    def __init__(self):
        self.groups = 0

    def ok(self, facts="uuid=1\ncan=assemble\n"):
        while read(1) != b"\n":
            pass
        say(b"fwssh/1 ok\n" + (record("I", facts.encode()) if facts is not None else b""))

    def question(self, kinds="L"):
        kind, body = await_record(kinds)
        if kind == "L":
            self.groups = groups_of(body)

    def hold_all(self):
        """Lies: all groups of the list are held."""
        say(record("A", b"L" + number(0) + number(self.groups)))

    def hold_none(self):
        """No group of the list, and none of the chunks that are asked for then."""
        say(record("A", b"L" + number(0) + number(0) + number(self.groups)))
        kind, body = await_record("23")
        r, chunks = Reader(body), 0
        size = r.number()
        r.number()
        while r.at < len(body):
            run = r.number()
            chunks += run
            for _ in range(run):
                r.number()
                r.skip(size)
        say(record("A", kind.encode() + number(0) + number(0) + number(chunks)))

    def late_all(self, times=1):
        for _ in range(times):
            for group in range(self.groups):
                say(record("N", number(group)))

    def raw(self, text):
        say(text.encode("latin-1"))

    def endless(self, text):
        data = text.encode("latin-1") * (1 + 100_000 // len(text))
        while True:
            say(data)

    def filled(self):
        """Waits for each group."""
        for _ in range(self.groups):
            await_record("F")

    def stay(self):
        """Silent to the end of its input, as ssh would be: the shell before it is all that the host can kill."""
        while os.read(0, 65536):
            pass

    def lose(self):
        """As ssh does it."""
        os.write(2, b"Connection to board closed by remote host.\r\n")
        os._exit(255)

    def end(self, status):
        sys.exit(status)


def main():
    device = Device()
    for name, *args in json.loads(sys.argv[1]):
        getattr(device, name)(*args)


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:
        os._exit(1)
