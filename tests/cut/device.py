# SPDX-License-Identifier: Apache-2.0
"""A device with two slots that loses its connection, a process or its medium, and what must be true afterwards."""
import fcntl
import os
import random
import re
import signal

from power import test_power as power
from support.process import alive, at_home, children, is_asleep, name_of, unread
from support.receiver import Receiver

GOOD_TEXT = b"Running fwup...\nSuccess!\nRebooting...\n"
SIZE = (power.SLOTS["b"][1] + power.ROOT_BLOCKS) * power.BLOCK
LOST = "the connection to the client was lost"


def processes(t, name=None):
    """All processes of the test."""
    return [(pid, comm) for pid, comm in at_home(t.dir) if name is None or comm == name]


def find(t, name):
    """The only process of that name, once there is one."""
    if name == "fwssh-session" and os.geteuid():
        t.skip("only root sees whose process a session is: it lets nobody look into it")
    return t.wait_for(lambda: processes(t, name), name)[0][0]


def wait_clean(t, *keep):
    """Nothing is left but these."""
    left = []

    def clean():
        left[:] = [p for p in processes(t) if p[0] not in keep]
        return not left
    try:
        t.wait_for(clean)
    except AssertionError:
        raise AssertionError(f"these are left: {left}") from None


class Device:
    """An image with version 1 in slot a, the running slot, and archives of versions 1 and 2. The slots and the checker
    are those of tests/power."""
    push_options = ("--adaptive=never",)

    def __init__(self, t, size=40_000, conf=power.CONF):
        self.t = t
        self.conf = conf
        self.image = t.image(size=SIZE, name="two-slots.img")
        self.lock = t.dir / "two-slots.lock"
        self.pack(size)
        self.apply("1.fw", "complete")
        self.before = self.image.read_bytes()
        self.apply("2.fw", "upgrade")
        after = self.image.read_bytes()
        assert (power.chosen(self.before)["slot"], power.chosen(after)["slot"]) == ("a", "b")
        self.good = {"a": power.slot(self.before, "a"), "b": power.slot(after, "b")}
        self.archive = (t.dir / "2.fw").read_bytes()
        self.header = b"fwup:%d,reboot\n" % len(self.archive)
        self.config = {"device": self.image, "lock_file": self.lock, "updater": t.bin("fwpack")}
        self.reset()

    def pack(self, size):
        r = random.Random(9)
        (self.t.dir / "x.conf").write_text(self.conf)
        for version in ("1", "2"):
            (self.t.dir / f"kernel-{version}").write_bytes(r.randbytes(size // 2 + 1))
            (self.t.dir / f"root-{version}").write_bytes(r.randbytes(size + int(version)))
            made = self.t.run([self.t.bin("fwpack"), "-c", "-f", "x.conf", "-o", f"{version}.fw"],
                              env={"VERSION": version})
            assert made.returncode == 0, made

    def apply(self, fw, task):
        r = self.t.run([self.t.bin("fwpack"), "-a", "-i", fw, "-t", task, "-d", self.image, "-q"])
        assert r.returncode == 0, r

    def reset(self):
        self.image.write_bytes(self.before)

    def directory(self):
        """Where the archive's central directory starts; an updater needs nothing from there on."""
        return self.archive.index(b"PK\x01\x02")

    def state(self):
        """"old" or "new": the slot that would boot, which must be whole. The slot that runs is never touched."""
        image = self.image.read_bytes()
        name = power.chosen(image)["slot"]
        assert power.slot(image, "a") == self.good["a"], "the slot that runs has been written to"
        assert image[:512] == self.before[:512], "the partition table has changed"
        assert power.slot(image, name) == self.good[name], f"slot {name} is chosen, but it is not whole"
        return {"a": "old", "b": "new"}[name]

    def wait_free(self):
        """The lock is free; a dying process may still hold it for a moment."""
        def free():
            with open(self.lock, "a") as f:
                try:
                    fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return False
                return True
        self.t.wait_for(free, "the lock")

    def faulty(self, at="", kind="", name="fwpack"):
        """The real updater on a medium with a fault (fault_shim.c). After the fault the medium works."""
        if self.t.sanitized():
            self.t.skip("a preloaded library does not mix with the address sanitizer")
        (self.t.dir / "bin").mkdir(exist_ok=True)
        shim = self.t.build / "tests/libfault_shim.so"
        assert shim.exists(), shim
        # Named fwpack, because only then fwssh-receive uses the handshake without asking for --version.
        return self.t.script(f"bin/{name}", f"""#!/bin/sh
export FAULT_DEVICE='{self.image}' FAULT_LOG='{self.t.dir}/fault.log' FAULT_AT='{at}' FAULT_KIND='{kind}'
LD_PRELOAD='{shim}' exec '{self.t.bin("fwpack")}' "$@"
""")

    def calls(self, letter):
        """How many reads, writes or flushes a successful update makes."""
        log = self.t.dir / "fault.log"
        log.unlink(missing_ok=True)
        status, _, out, _ = self.receive(self.archive, updater=self.faulty())
        assert status == 0, out
        self.reset()
        count = log.read_text().count(letter)
        log.unlink()
        return count

    # Without SSH: fwssh-receive alone

    def receiver(self, subsystem="nerves_firmware_ssh", **config):
        return Receiver(self.t, subsystem, **{**self.config, **config})

    def receive(self, body, **config):
        """Sends header and body, and ends the input: returns status, result, text and error text."""
        r = self.receiver(**config)
        try:
            r.send(self.header + body)
        except BrokenPipeError:  # an updater that has failed reads no further
            pass
        status, out, err = r.end()
        return status, r.result(), out, err

    def assert_works(self):
        """Right after a cut the lock is free, no process is left, and a complete push succeeds."""
        wait_clean(self.t)
        self.wait_free()
        self.reset()
        status, result, out, err = self.receive(self.archive)
        assert (status, result["reboot"], err) == (0, 1, b""), (status, result, out, err)
        assert out.startswith(b"Running fwup...\n") and out.endswith(b"Rebooting...\n")
        assert self.state() == "new"
        self.reset()

    # With a daemon

    def daemon(self, **config):
        return self.t.daemon(**{**self.config, **config})

    def assert_daemon_works(self, d, *keep):
        wait_clean(self.t, d.process.pid, *keep)
        self.wait_free()
        self.reset()
        reboots = d.reboots()
        r = d.push(self.header + self.archive)
        assert r.returncode == 0 and r.stdout.endswith(b"Rebooting...\n"), r
        d.wait_reboot(reboots + 1)
        self.wait_free()
        assert (self.state(), d.reboots()) == ("new", reboots + 1)
        self.reset()


def lose(receiver, seed):
    """A session that dies: the listener's message and the closing of the pipes may come in any order."""
    def word():
        try:
            receiver.socket.send(b"L")
        except OSError:  # it has ended already
            pass
    steps = [word, receiver.process.stdin.close, receiver.process.stdout.close, receiver.process.stderr.close]
    random.Random(seed).shuffle(steps)
    for step in steps:
        step()


def times_run(pid):
    """How often it has given up the processor."""
    try:
        with open(f"/proc/{pid}/status") as f:
            return re.findall(r"ctxt_switches:\t(\d+)", f.read())
    except OSError:
        return []


def wait_settled(t, receiver):
    """All bytes have gone as far as they go: fwssh-receive has none left, and its updater waits for more, or they
    have ended. They wake each other, so none may have run between two looks."""
    before = None

    def settled():
        nonlocal before
        receive = receiver.process.pid
        if not alive(receive):
            return True
        updaters = [child for child in children(receive) if name_of(child) not in ("fwssh-guard", "fwssh-receive")]
        rests = receiver.unread() == 0 and is_asleep(receive) and all(
            unread(u) == 0 and is_asleep(u) for u in updaters) and receiver.unread() == 0
        now = [(pid, times_run(pid)) for pid in (receive, *updaters)]
        before, same = now, now == before
        return rests and same
    t.wait_for(settled, "the updater to have all")


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def short_by(count):
    """What the device says about an input that ended too early."""
    return b"input ended %d byte%s short" % (count, b"" if count == 1 else b"s")
