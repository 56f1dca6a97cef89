# SPDX-License-Identifier: Apache-2.0
"""The virtual PC: QEMU's x86_64 with GRUB, or with systemd-boot, and its own disk (pc.sh, pc-qemu.sh)."""
from device.device import VirtualDevice

PROGRAMS = ("qemu-system-x86_64", "grub-mkimage", "grub-editenv", "mke2fs", "mmdebstrap", "mcopy")


class VirtualPC(VirtualDevice):
    machine = "tests/device/pc-qemu.sh"
    builder, directory = "pc.sh", "device-pc"
    programs = PROGRAMS
    boot = 4096 * 512  # the FAT volume

    def __init__(self, t, layout):
        for program in self.programs:
            t.need(program)
        r = t.run([t.src / "tests/device" / self.builder, t.build], timeout=400)
        assert r.returncode == 0, r.stdout + r.stderr
        super().__init__(t, t.build / self.directory / layout)

    def slots(self):
        facts = self.status()
        return tuple(facts.get(name) for name in ("active", "next", "pending", "confirmed"))

    def boot_file(self, name):
        """A file of the boot partition, as it is on the disk."""
        self.t.run(["mcopy", "-n", "-o", "-i", f"{self.path}@@{self.boot}", f"::{name}", self.t.dir / "boot-file"])
        return (self.t.dir / "boot-file").read_bytes()

    def write_boot_file(self, name, data):
        """The PC must be off."""
        (self.t.dir / "boot-file").write_bytes(data)
        r = self.t.run(["mcopy", "-n", "-o", "-i", f"{self.path}@@{self.boot}", self.t.dir / "boot-file", f"::{name}"])
        assert r.returncode == 0, r
