# SPDX-License-Identifier: Apache-2.0
"""The packaged unit under a real systemd (Debian's, booted in QEMU): what it takes away, and what it must leave to fwsshd."""
import subprocess

from device.device import Console, artefacts
from support.fixture import seconds


class SystemdDevice:
    """Debian's kernel and systemd with fwsshd.service; the rest of its system is systemd.sh's."""

    def __init__(self, t):
        self.t = t
        self.artefacts = artefacts(t)
        r = t.run([t.src / "tests/device/systemd.sh", t.build], timeout=200)
        assert r.returncode == 0, r.stdout + r.stderr
        self.path = t.dir / "systemd.img"
        t.run(["cp", "--reflink=auto", "--sparse=always", self.artefacts / "systemd.img", self.path])
        self.port = t.port()
        kernel, = (self.artefacts / "guest/boot").glob("vmlinuz-*")
        process = t.start(
            ["qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a53", "-m", "512", "-accel", "tcg,tb-size=128",
             "-nodefaults", "-display", "none", "-monitor", "none", "-serial", "stdio", "-kernel", kernel,
             "-append", "root=/dev/nvme0n1 rw init=/lib/systemd/systemd console=ttyAMA0",
             "-drive", f"id=disk,if=none,format=raw,cache=unsafe,file={self.path}", "-device", "nvme,serial=disk,drive=disk",
             "-netdev", f"user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{self.port}-:8989",
             "-device", "virtio-net-pci,netdev=net,romfile="],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.console = Console(process.stdout)
        self.process = process
        t.daemons.append(self)  # its console is shown if the test fails

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def log(self):
        return "\n".join(self.console.lines)

    def push(self, data):
        return self.t.run(["ssh", "-F", "none", "-T", "-p", str(self.port), "-i", self.artefacts / "id_ed25519",
                           "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no",
                           "-o", f"UserKnownHostsFile={self.t.dir}/known_hosts", "-o", "LogLevel=ERROR",
                           "-s", "any@127.0.0.1", "nerves_firmware_ssh"], input=data)


@seconds(300)
def test_updater_under_the_packaged_unit(t):
    """An updater that names the network interfaces it sees, and where it may write. Without RestrictNamespaces=net it sees
    the device's, too; with ProtectSystem=full there is no switch in /boot."""
    d = SystemdDevice(t)
    d.console.wait("device-network: up", 120)
    d.console.wait("listening on 0.0.0.0 port 8989", 120)
    # There is no /bin/kill, as in a small Debian.
    d.console.wait("reloaded configuration and keys", 60)
    r = d.push("fwup:3\nabc")
    assert r.returncode == 0, r
    assert r.stdout.splitlines()[1:] == ["interfaces: lo", "new privileges: 1", "boot: writable", "usr: read-only",
                                         "etc: read-only"], r.stdout
    log = d.log()
    # fwsshd says so itself if it cannot isolate updaters, or if a session lacks a part of its sandbox.
    assert "updaters keep network access" not in log, log
    assert "session sandbox is missing" not in log, log
    assert "type=1326" not in log and "Bad system call" not in log, log
