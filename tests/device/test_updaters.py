# SPDX-License-Identifier: Apache-2.0
"""Debian's own RAUC and SWUpdate behind the packaged unit, under a systemd that boots in QEMU: what they install boots next, and
the unit's sandbox does not stand in their way."""
import subprocess

from device.device import expect, long_check
from device.pc import PROGRAMS, VirtualPC
from support.fixture import seconds

GRUBENV = "grub/grubenv"
PLACE = {"a": 6 << 20, "b": 166 << 20}  # as updaters.sh has them, in bytes


class UpdaterPC(VirtualPC):
    builder, directory = "updaters.sh", "device-updaters"
    programs = (*PROGRAMS, "rauc", "mksquashfs", "cpio", "openssl")

    def __init__(self, t, layout):
        long_check(t)
        super().__init__(t, layout)
        self.start()
        self.wait_up("p2", "1.0.0")
        self.wait("device-start: fwsshd -t has ended", 300)
        assert "fwsshd -t: FAIL" not in self.log(), self.log()
        check = self.fwssh("check")
        assert check.returncode == 0 and "FAIL" not in check.stdout, check

    def wait_up(self, partition, version):
        self.wait(f"device-start: /dev/nvme0n1{partition} runs version {version}", 600)
        self.wait("listening on 0.0.0.0 port 8989", 600)

    def status(self):
        """Where the emulated machine is too slow for the time that an adapter has, it is asked again."""
        answers = []

        def answered():
            r = self.t.run(self.ssh_args("fwssh"), input="fwssh/1 status\n", timeout=120)
            answers[:] = r.stdout.splitlines()
            return answers[:1] == ["fwssh/1 ok"]
        self.t.wait_for(answered, "the device's status", 600)
        return dict(line.split("=", 1) for line in answers[1:])

    def facts(self):
        facts = self.status()
        return tuple(facts.get(name) for name in ("active", "next", "pending", "confirmed", "version"))

    def slot(self, name):
        """The bytes of a slot."""
        size = (self.artefacts / "slots/1.0.0.img").stat().st_size
        return self.read(PLACE[name], size)

    def image(self, version):
        return (self.artefacts / f"slots/{version}.img").read_bytes()


def damaged(d, name):
    """A copy with one bit flipped in the middle."""
    data = bytearray((d.artefacts / "firmware" / name).read_bytes())
    data[len(data) // 2] ^= 1
    (d.t.dir / name).write_bytes(data)
    return d.t.dir / name


def cut_off(d, name):
    """A client that sends all but the last byte, and is lost."""
    data = (d.artefacts / "firmware" / name).read_bytes()
    client = d.t.start(d.ssh_args("fwssh"), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    client.stdin.write(b"fwssh/1 update size=%d\n" % len(data) + data[:-1])
    client.stdin.flush()
    client.kill()
    d.wait("the connection to the client was lost")


def pushed(d, name, partition, version):
    """A push that waits: the device is back, and nobody has said yet that the new firmware works."""
    push = d.t.start(d.fwssh_args("push", "--wait=1000", "--firmware", d.artefacts / "firmware" / name),
                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    d.wait_up(partition, version)
    return push


def confirm(d, push, *texts):
    expect(d.fwssh("confirm"), 0)
    text = push.communicate(timeout=400)[0]
    assert push.returncode == 0 and "and it is confirmed" in text, text
    for wanted in texts:
        assert wanted in text, text


@seconds(1800)
def test_rauc(t):
    """A bundle in the format verity, which RAUC's service mounts through a loop device and the device mapper."""
    d = UpdaterPC(t, "rauc")
    untouched = d.slot("b")
    # GRUB has tried slot A once, and nothing has said yet that it works.
    assert d.facts() == ("A", None, None, "no", None), d.status()
    expect(d.fwssh("confirm"), 0)
    assert d.facts() == ("A", "A", "no", "yes", None), d.status()
    before = d.boot_file(GRUBENV)
    cut_off(d, "small.raucb")
    assert d.slot("b") == untouched and d.boot_file(GRUBENV) == before
    expect(d.push(damaged(d, "small.raucb")), 4, "rauc cannot read the bundle, which is damaged")
    assert d.boot_file(GRUBENV) == before and d.facts()[:4] == ("A", "A", "no", "yes"), d.status()

    push = pushed(d, "2.0.0.raucb", "p3", "2.0.0")
    assert d.facts() == ("B", "A", "fallback", "no", "2.0.0"), d.status()
    assert d.slot("a") == d.image("1.0.0") and d.slot("b") == d.image("2.0.0")
    expect(d.push(d.artefacts / "firmware/small.raucb"), 3, "slot B is on trial")
    confirm(d, push, "(slot B, version 2.0.0)")
    assert d.facts() == ("B", "B", "no", "yes", "2.0.0"), d.status()
    expect(d.fwssh("revert"), 0)
    d.wait_up("p2", "1.0.0")
    assert d.facts()[:1] == ("A",), d.status()
    assert "type=1326" not in d.log() and "Operation not permitted" not in d.log()


@seconds(1800)
def test_swupdate(t):
    """As a child of the adapter, and then by its daemon, which only the firmware that was installed has."""
    d = UpdaterPC(t, "swupdate")
    before = d.boot_file(GRUBENV)
    assert d.facts()[:4] == ("a", "a", "no", "yes"), d.status()
    cut_off(d, "small.swu")
    assert d.boot_file(GRUBENV) == before
    expect(d.push(damaged(d, "small.swu")), 4, "swupdate refuses the archive")
    assert d.boot_file(GRUBENV) == before and d.facts()[:4] == ("a", "a", "no", "yes"), d.status()

    push = pushed(d, "2.0.0.swu", "p3", "2.0.0")
    assert d.facts()[:4] == ("b", "a", "fallback", "no"), d.status()
    assert d.slot("a") == d.image("1.0.0") and d.slot("b") == d.image("2.0.0")
    expect(d.push(d.artefacts / "firmware/small.swu"), 3, "slot b is on trial")
    confirm(d, push)
    assert d.facts()[:4] == ("b", "b", "no", "yes"), d.status()

    before = d.boot_file(GRUBENV)
    # The daemon's client may lose the cause, which its log has.
    r = d.push(damaged(d, "small.swu"))
    assert r.returncode in (1, 4) and "swupdate" in r.stderr.lower(), r
    assert d.boot_file(GRUBENV) == before
    push = pushed(d, "1.0.0.swu", "p2", "1.0.0")
    assert d.facts()[:4] == ("a", "b", "fallback", "no"), d.status()
    # A reboot is all that it needs to go back.
    expect(d.fwssh("revert"), 0)
    d.wait_up("p3", "2.0.0")
    assert d.facts()[:4] == ("b", "b", "no", "yes"), d.status()
    assert push.wait(200) != 0
