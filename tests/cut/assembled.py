# SPDX-License-Identifier: Apache-2.0
"""An update that is put together on the device (PROTOCOL.md, "assemble"), by an honest client of another make."""
import random

from cut import device
from support.assembly import CREDIT, Host, frames, record, stream_of

REQUEST = b"fwssh/1 assemble reboot=yes\n"
PIECE = 30_000


class Assembled(device.Device):
    """Version 2 has much in common with version 1, which runs."""
    push_options = ("--adaptive=always", "--no-cache")

    def __init__(self, t):
        super().__init__(t, size=500_000)
        self.stream = stream_of(t.dir / "2.fw")
        self.said, self.needed = self.rehearse()

    def pack(self, size):
        r = random.Random(9)
        for name in ("kernel", "root"):
            old = r.randbytes(size // (2 if name == "kernel" else 1))
            (self.t.dir / f"{name}-1").write_bytes(old)
            (self.t.dir / f"{name}-2").write_bytes(old[:-50_000] + r.randbytes(100) + old[-50_000:])
        (self.t.dir / "x.conf").write_text(self.conf)
        for version in ("1", "2"):
            made = self.t.run([self.t.bin("fwpack"), "-c", "-f", "x.conf", "-o", f"{version}.fw"],
                              env={"VERSION": version})
            assert made.returncode == 0, made

    def host(self, **config):
        return Host(self.t, request=REQUEST, **{**self.config, **config})

    def converse(self, host):
        """An update as it should be. Returns the bytes that were missing, and what was said: whole records."""
        assert host.await_ok(), host.text
        said = [record("L", self.stream.list())]
        host.send_bytes(said[0])
        yes = host.answer("L")
        missing = b"".join(self.stream.piece(i) for i, held in enumerate(yes) if not held)
        said += [record("G"), *(record("d", f) for f in frames(missing, PIECE)), record("Z")]
        host.send_bytes(b"".join(said[1:]))
        host.hear()  # a client that ends its input before the last group is lost
        status, err = host.end()
        assert (status, host.result["reboot"]) == (0, 1), (status, err, host.text)
        return len(missing), said

    def rehearse(self):
        """What is said to a device that runs version 1, and how many bytes of it the device needs."""
        self.missing, said = self.converse(self.host())
        assert self.state() == "new"
        device.wait_clean(self.t)
        self.reset()
        assert 4 * PIECE < self.missing < min(CREDIT, len(self.stream.data) * 3 // 4), (self.missing, len(self.stream.data))
        return said, sum(map(len, said[:-1]))

    def places(self, count):
        """Cuts at the ends of each record and around them, and anywhere."""
        all_said, at, found = b"".join(self.said), 0, set()
        for piece in self.said:
            found.update((at, at + 1, at + 4, at + 5))
            at += len(piece)
            found.update((at - 1, at))
        found -= {p for p in found if p > len(all_said)}
        r = random.Random(19)
        while len(found) < count:
            found.add(r.randrange(len(all_said)))
        return sorted(found)

    def start(self, at, **config):
        """A host that has said so many bytes."""
        host = self.host(**config)
        assert host.await_ok(), host.text
        assert host.send_bytes(b"".join(self.said)[:at])
        return host

    def assert_goes_on(self):
        """Right after a cut another push succeeds, from what there is now, and sends no more than the first one had to."""
        device.wait_clean(self.t)
        self.wait_free()
        missing, _ = self.converse(self.host())
        assert missing <= self.missing, (missing, self.missing)
        assert self.state() == "new"
        device.wait_clean(self.t)
        self.reset()
