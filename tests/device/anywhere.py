#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""make demo-anywhere: updates a device on which nothing of fwssh is, in QEMU, with the plug pulled in the middle; records what
it prints: anywhere.py BUILD AGENT CAST."""
import argparse
import hashlib
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE)]
from anywhere_image import DEVICE, SLOTS, Image  # noqa: E402
from cast import Cast  # noqa: E402
from wire import Wire  # noqa: E402

BOOT_SECONDS = 300
BLOCK = 4096


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Power:
    """The device: QEMU with a copy of the disk."""

    def __init__(self, image, directory):
        self.image, self.directory = image, directory
        self.disk, self.console = directory / "disk.img", directory / "console.log"
        self.port = free_port()
        self.process = None
        self.boots = 0
        self.renew()

    def renew(self):
        """As it left the factory."""
        subprocess.run(["cp", "--reflink=auto", "--sparse=always", self.image.disk, self.disk], check=True)

    def on(self):
        with open(self.console, "ab") as log:
            self.process = subprocess.Popen([HERE / "qemu.sh", self.image.out, self.disk, str(self.port), "22"],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def off(self):
        """As when the plug is pulled: the kernel writes nothing more."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def wait_boot(self):
        """What the next boot says that it runs, once its SSH server answers."""
        self.boots += 1
        self.wait(lambda: len(self.said()) >= self.boots, BOOT_SECONDS, "a boot")
        self.wait(self.answers, 60, "its SSH server")
        return self.said()[self.boots - 1]

    def said(self):
        return [line.strip() for line in self.console.read_text(errors="replace").splitlines() if line.startswith("rcS: ")]

    def answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as s:
                return s.recv(4) == b"SSH-"
        except OSError:
            return False

    def wait(self, condition, seconds, what):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end or self.process.poll() is not None:
                raise SystemExit(f"waited in vain for {what}; see {self.console}")
            time.sleep(0.1)

    def read(self, slot, offset, size):
        with open(self.disk, "rb") as f:
            f.seek(SLOTS[slot] + offset)
            return f.read(size)

    def digest(self, slot, size):
        return hashlib.sha256(self.read(slot, 0, size)).hexdigest()


class Demo:
    def __init__(self, build, agent, link, cast):
        self.agent, self.link, self.cast = Path(agent).resolve(), link, cast
        self.image = Image(build)
        self.directory = Path("demo-anywhere").resolve()
        self.power = self.wire = None
        self.rows = []

    def prepare(self):
        self.cast.say("1. The device: version 1 on its disk, and a version 2 that differs in a dozen files")
        self.image.build()
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir()
        self.power = Power(self.image, self.directory)
        self.wire = Wire(self.power.port)
        # The old version stays away: with it on the desk, even less is sent.
        (self.directory / "board-2.0.0.fw").symlink_to(self.image.firmware("2.0.0"))
        (self.directory / "board-2.0.0.raucb").symlink_to(self.image.bundle("2.0.0"))
        for name in ("board-2.0.0.fw", "board-2.0.0.raucb"):
            self.cast.write(f"{name}: {megabytes((self.directory / name).stat().st_size)}\n")
        self.cast.write("Both hold the same image; version 1 is on the device only\n")
        (self.directory / "agents/arm64").mkdir(parents=True)
        (self.directory / "agents/arm64/fwssh-agent").symlink_to(self.agent)
        (self.directory / "fwssh").mkdir()
        (self.directory / "fwssh/config").write_text(self.configuration())
        self.env = {**os.environ, "XDG_CONFIG_HOME": str(self.directory), "XDG_CACHE_HOME": str(self.directory / "cache")}

    def configuration(self):
        """Where everything is here; a device of yours needs none of this."""
        return f"""host "127.0.0.1" {{
  port = {self.wire.port}
  user-dir = "{self.image.out}"
  agent-dir = "{self.directory}/agents"
  ssh-option = {{"UserKnownHostsFile={self.directory}/known_hosts", "StrictHostKeyChecking=accept-new", "LogLevel=ERROR"}}
}}
"""

    def fwssh(self, command, *options):
        words = [command, "--agentless", "--agent-option", f"device={DEVICE}", *options, "root@127.0.0.1"]
        return self.cast.begin(" ".join(["fwssh", *words]), [self.image.build_directory / "src/fwssh", *words], self.env,
                               self.directory)

    def command(self, command):
        got = self.cast.follow(self.fwssh(command))
        if got:
            raise SystemExit(f"fwssh {command} exited with status {got}")

    def on_device(self, command, before=""):
        """By the SSH server that the device has; before is what its input comes from."""
        options = ["-F", "none", "-p", str(self.wire.port), "-i", str(self.image.key), "-o", "IdentitiesOnly=yes", "-o",
                   f"UserKnownHostsFile={self.directory}/known_hosts", "-o", "StrictHostKeyChecking=accept-new", "-o",
                   "LogLevel=ERROR"]
        shown = f"{before}ssh {{}}root@127.0.0.1 {shlex.quote(command)}"
        argv = ["sh", "-c", shown.format(shlex.join(options) + " ")]
        if self.cast.follow(self.cast.begin(shown.format(""), argv, self.env, self.directory)):
            raise SystemExit(f"failed on the device: {command}")

    def boot(self):
        self.power.on()
        self.booted("slot a runs version 1.0.0")

    def booted(self, wanted):
        said = self.power.wait_boot()
        self.cast.write(f"    console | {said}\n")
        if wanted not in said:
            raise SystemExit(f"not what should run: {wanted}")

    def push(self, row, *options, until=None, statuses=(0,)):
        """Measured; until is a condition on which the plug is pulled."""
        self.wire.take()
        start = time.monotonic()
        process = self.fwssh("push", "--firmware", "board-2.0.0.fw", "--bwlimit", self.link, *options)
        hand = threading.Thread(target=self.pull, args=(process, until)) if until else None
        if hand:
            hand.start()
        got = self.cast.follow(process)
        if hand:
            hand.join()
        if got not in statuses:
            raise SystemExit(f"fwssh push exited with status {got}, not {statuses}")
        self.rows.append((row, time.monotonic() - start, *self.wire.take()))

    def pull(self, process, until):
        while process.poll() is None:
            if until():
                self.cast.write("    (the plug is pulled)\n")
                self.power.off()
                return
            time.sleep(0.05)

    def written(self, eighths):
        """A condition: slot b holds so much of version 2."""
        with open(self.image.slot("2.0.0"), "rb") as f:
            offset = self.image.slot("2.0.0").stat().st_size * eighths // 8 // BLOCK * BLOCK
            f.seek(offset)
            while not any(wanted := f.read(BLOCK)):
                offset += BLOCK
        return lambda: self.power.read("b", offset, BLOCK) == wanted

    def run(self):
        self.prepare()
        self.cast.say("2. Power on: U-Boot, Debian's kernel, BusyBox, Dropbear, RAUC; nothing of fwssh")
        self.boot()
        self.on_device("uname -m; busybox | head -n 1; find / /data -xdev -name \"*fwssh*\" | wc -l")
        self.cast.say("3. Push version 2, and pull the plug when part of it is written")
        self.push("cut off in the middle", until=self.written(1), statuses=(6, 9))
        self.cast.say("4. Power on again: still version 1. The second push goes on where the first one stopped")
        self.boot()
        self.push("the second push")
        self.booted("slot b runs version 2.0.0")
        self.cast.say("5. What is true now: it runs version 2 on trial, until you confirm it")
        self.command("status")
        self.command("confirm")
        self.command("status")
        self.truth()
        self.cast.say("6. For comparison, the whole bundle to another such device, by its RAUC")
        self.power.off()
        self.power.renew()
        (self.directory / "known_hosts").unlink()
        self.boot()
        self.rauc_install()
        self.on_device("reboot")
        self.booted("slot b runs version 2.0.0")
        self.summary()

    def rauc_install(self):
        self.wire.take()
        start = time.monotonic()
        self.on_device("cat >/data/x.raucb && rauc install /data/x.raucb", f"pv -qL {self.link} board-2.0.0.raucb | ")
        self.rows.append(("rauc install", time.monotonic() - start, *self.wire.take()))

    def truth(self):
        self.on_device("find / /data -xdev -name \"*fwssh*\" | wc -l")
        size = self.image.slot("2.0.0").stat().st_size
        with open(self.image.slot("2.0.0"), "rb") as f:
            if hashlib.sha256(f.read()).hexdigest() != self.power.digest("b", size):
                raise SystemExit("slot b does not hold version 2")
        self.cast.write("slot b of the disk and version 2: the same SHA-256\n")

    def summary(self):
        self.cast.say(f"On the wire at {self.link} bytes per second: with all that SSH adds, and with fwssh's program for the "
                      f"device ({megabytes(self.agent.stat().st_size)}), which comes each time")
        cut, second, whole = self.rows
        both = "the two together", *(a + b for a, b in zip(cut[1:], second[1:]))
        for name, seconds, there, back in (cut, second, both, whole):
            self.cast.write(f"{name:22} {megabytes(there):>9} there {megabytes(back):>8} back {seconds:6.0f} s\n")
        self.cast.say("Done. Everything is in demo-anywhere/; nothing is left running.")


def megabytes(size):
    return f"{size / 1e6:.1f} MB"


def main():
    p = argparse.ArgumentParser()
    p.add_argument("build")
    p.add_argument("agent")
    p.add_argument("cast")
    p.add_argument("--link", default="250k", help="bytes per second that may be sent, as --bwlimit and pv take it")
    a = p.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    cast = Cast(a.cast, "fwssh: an update of a device on which nothing of fwssh is")
    demo = Demo(a.build, a.agent, a.link, cast)
    try:
        demo.run()
    except subprocess.CalledProcessError as e:
        raise SystemExit(f"a command that the device is built with failed, with status {e.returncode}: {' '.join(e.cmd)}") from e
    finally:
        if demo.power:
            demo.power.off()
        cast.close()


if __name__ == "__main__":
    main()
