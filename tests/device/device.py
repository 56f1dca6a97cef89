# SPDX-License-Identifier: Apache-2.0
"""The virtual device: QEMU with U-Boot and its own disk (build.sh, qemu.sh), its console, and its disk seen from outside."""
import os
import subprocess
import threading
import time
import zlib
from pathlib import Path

from device.disk import Disk

PROGRAMS = ("qemu-system-aarch64", "mkimage", "mke2fs", "mmdebstrap", "aarch64-linux-gnu-gcc",
            "qemu-aarch64-static")
UBOOT = Path("/usr/lib/u-boot/qemu_arm64/u-boot.bin")

# As in fwup.conf, in bytes.
ENVIRONMENTS = (0x100000, 0x140000)
ENVIRONMENT_SIZE = 0x4000
SLOT_SIZE = 40 << 20
SLOTS = {"a": 6 << 20, "b": 46 << 20}
DATA = 86 << 20


def long_check(t):
    """Each of these layouts takes a minute or more: only make check-long has the time."""
    if int(os.environ.get("FWSSH_DEVICE_CUTS", "2")) < 20:
        t.skip("in the long check")


def artefacts(t):
    """The directory with disk, slots and firmware; built by the first test that needs it."""
    for program in PROGRAMS:
        t.need(program)
    if not UBOOT.exists():
        t.skip("u-boot-qemu is not installed")
    r = t.run([t.src / "tests/device/build.sh", t.build], timeout=200)
    assert r.returncode == 0, r.stdout + r.stderr
    return t.build / "device"


def expect(result, status, *texts):
    """What fwssh returned, and said."""
    assert result.returncode == status, (result.returncode, result.stdout, result.stderr)
    for text in texts:
        assert text in result.stdout + result.stderr, (text, result.stdout, result.stderr)


class Console:
    """The lines of a serial console, as they arrive."""

    def __init__(self, stream):
        self.lines = []
        self.seen = 0
        self.ended = False
        self.changed = threading.Condition()
        threading.Thread(target=self.collect, args=(stream,), daemon=True).start()

    def collect(self, stream):
        for line in stream:
            with self.changed:
                self.lines.append(line.decode(errors="replace").rstrip())
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def find(self, text):
        while self.seen < len(self.lines):
            line = self.lines[self.seen]
            self.seen += 1
            if text in line:
                return line
        return None

    def wait(self, text, timeout=240):
        """The next line with this text, after the one that the last call returned."""
        end = time.monotonic() + timeout
        with self.changed:
            while True:
                line = self.find(text)
                if line:
                    return line
                left = end - time.monotonic()
                assert left > 0, f"waited {timeout} s in vain for '{text}' on the console"
                assert not self.ended, f"the device was switched off before '{text}' came on the console"
                self.changed.wait(left)


class VirtualDevice:
    machine = "tests/device/qemu.sh"

    def __init__(self, t, directory=None):
        """directory: where the disk, slots and firmware of a layout are."""
        self.t = t
        self.host = t.bin("fwssh")
        self.artefacts = directory or artefacts(t)
        self.path = t.dir / "disk.img"
        t.run(["cp", "--reflink=auto", "--sparse=always", self.artefacts / "disk.img", self.path])
        self.port = t.port()
        self.known_hosts = t.dir / "known_hosts"
        self.process = self.console = self.disk = None
        t.daemons.append(self)  # stopped with the test, and its console is shown if that failed

    def start(self, listener=None):
        """Switches on. With a listener, called with ("Write" or "Flush", offset, count), power_cut() loses what was not
        flushed."""
        self.disk = Disk(self.t, self.path, listener) if listener else None
        self.process = self.t.start([self.t.src / self.machine, self.artefacts,
                                     self.disk.uri if self.disk else self.path, self.port],
                                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.console = Console(self.process.stdout)
        return self

    def power_cut(self):
        """The device goes first: with a dead disk it would live on for a moment, and report that to the host."""
        if self.disk:
            self.disk.is_on = False
        self.process.kill()
        self.process.wait()
        if self.disk:
            self.disk.kill()

    def stop(self):
        """Without a listener nothing is lost: the file has everything that QEMU was given."""
        if self.process and self.process.poll() is None:
            self.power_cut()

    def log(self):
        return "\n".join(self.console.lines) if self.console else ""

    def wait(self, text, timeout=240):
        return self.console.wait(text, timeout)

    def wait_running(self, slot, version):
        """Waits until the slot has booted and confirmed itself."""
        line = self.wait(" runs version ")
        assert f"slot {slot} runs version {version}" in line, line

    def firmware(self, name):
        return self.artefacts / "firmware" / f"{name}.fw"

    def ssh_options(self):
        return ["-o", f"UserKnownHostsFile={self.known_hosts}", "-o", "StrictHostKeyChecking=accept-new"]

    def ssh_args(self, subsystem):
        """An OpenSSH client's command line that asks for the subsystem."""
        return ["ssh", "-F", "none", "-T", "-p", str(self.port), "-i", self.artefacts / "id_ed25519",
                "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", *self.ssh_options(), "-s", "any@127.0.0.1", subsystem]

    def fwssh_args(self, word, *options):
        ssh_options = ["--ssh-option" if word == "-o" else word for word in self.ssh_options()]
        return [self.host, word, "127.0.0.1", "--port", self.port, "--user-dir", self.artefacts, *ssh_options,
                *options]

    def fwssh(self, word, *options, timeout=240):
        """Runs one of fwssh's commands: returns the CompletedProcess."""
        return self.t.run(self.fwssh_args(word, *options), timeout=timeout)

    def push(self, firmware, *options):
        """The UUID of one of build.sh's firmwares, or of a path."""
        path = firmware if isinstance(firmware, Path) else self.firmware(firmware)
        return self.fwssh("push", "--firmware", path, *options)

    def status(self):
        """What the device says about itself."""
        r = self.t.run(self.ssh_args("fwssh"), input="fwssh/1 status\n")
        first, *lines = r.stdout.splitlines()
        assert first == "fwssh/1 ok", r.stdout + r.stderr
        return dict(line.split("=", 1) for line in lines)

    def read(self, offset, size):
        with open(self.path, "rb") as f:
            f.seek(offset)
            return f.read(size)

    def environment(self):
        """The variables in effect: those of the newer valid copy."""
        copies = [self.read(offset, ENVIRONMENT_SIZE) for offset in ENVIRONMENTS]
        good = [c for c in copies if zlib.crc32(c[5:]) == int.from_bytes(c[:4], "little")]
        assert good, "neither copy of the environment is good"
        newest = good[0]
        if len(good) == 2 and 0 < (good[1][4] - good[0][4]) % 256 < 128:
            newest = good[1]
        items = newest[5:].split(b"\0\0")[0].split(b"\0")
        return dict(item.decode().split("=", 1) for item in items if item)

    def write_environment(self, copy, counter, variables, good=True):
        """Puts variables into copy 0 or 1."""
        text = "".join(f"{name}={value}\0" for name, value in variables.items()) + "\0"
        data = text.encode().ljust(ENVIRONMENT_SIZE - 5, b"\xff")
        crc = zlib.crc32(data) ^ (not good)
        with open(self.path, "r+b") as disk:
            disk.seek(ENVIRONMENTS[copy])
            disk.write(crc.to_bytes(4, "little") + bytes([counter]) + data)

    def forget(self):
        """The data partition, with the host key, is made anew."""
        with open(self.path, "r+b") as disk:
            disk.seek(DATA)
            disk.write((self.artefacts / "data.img").read_bytes())

    def holds(self, slot, name):
        """Whether a slot has, byte for byte, the image of this name."""
        image = (self.artefacts / "slots" / f"{name}.img").read_bytes()
        return self.read(SLOTS[slot], SLOT_SIZE) == image
