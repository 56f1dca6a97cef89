# SPDX-License-Identifier: Apache-2.0
"""The root file system of anywhere.py's device."""
import re
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
# In the order of their dependencies. RAUC needs those from loop on, and nothing here loads any by itself.
MODULES = """virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci failover net_failover virtio_net
    loop squashfs dax dm-mod dm-bufio reed_solomon dm-verity""".split()
PROGRAMS = ["sbin/dropbear", "bin/dropbearkey", "bin/dbus-daemon", "bin/rauc", "bin/fw_printenv", "bin/fw_setenv"]
USERS = "root:x:0:0:root:/root:/bin/sh\nmessagebus:x:100:100:bus:/:/bin/false\n"
GROUPS = "root:x:0:\nmessagebus:x:100:\n"
FW_ENV = "/dev/nvme0n1 0x100000 0x4000\n/dev/nvme0n1 0x140000 0x4000\n"


class Root:
    """What makes a tree the root file system of a device."""

    def __init__(self, guest, tree):
        self.guest, self.tree = guest, tree

    def make(self, public_key, certificate, version):
        for name in "bin boot data dev etc/rauc lib/modules proc root/.ssh run sbin sys tmp usr/bin usr/sbin var".split():
            (self.tree / name).mkdir(parents=True, exist_ok=True)
        for name in ("lock", "run"):
            (self.tree / "var" / name).symlink_to("/run")
        self.put_busybox()
        self.put_kernel()
        self.put_programs()
        self.put_bus()
        for name, text in {"etc/passwd": USERS, "etc/group": GROUPS, "etc/version": f"{version}\n", "etc/fw_env.config": FW_ENV,
                           "etc/rauc/signer.pem": certificate, "root/.ssh/authorized_keys": public_key}.items():
            (self.tree / name).write_text(text)
        for name, mode in {"root": 0o700, "root/.ssh": 0o700, "root/.ssh/authorized_keys": 0o600}.items():
            (self.tree / name).chmod(mode)
        for name, place in {"inittab": "inittab", "rcS": "rcS", "rauc.conf": "rauc/system.conf", "rauc-boot": "rauc/boot"}.items():
            shutil.copy(HERE / f"anywhere-{name}", self.tree / "etc" / place)

    def put_busybox(self):
        shutil.copy(self.guest / "bin/busybox", self.tree / "bin/busybox")
        # This machine's has the same applets, and can be run.
        for name in subprocess.run(["busybox", "--list"], stdout=subprocess.PIPE, text=True, check=True).stdout.split():
            place = self.tree / ("sbin" if name in ("init", "reboot") else "bin") / name
            if name != "busybox":
                place.symlink_to("/bin/busybox")
        (self.tree / "init").symlink_to("/bin/busybox")

    def put_kernel(self):
        kernel, = (self.guest / "boot").glob("vmlinuz-*")
        shutil.copy(kernel, self.tree / "boot/Image")
        for number, name in enumerate(MODULES, 10):
            module, = self.guest.glob(f"lib/modules/**/{name}.ko")
            shutil.copy(module, self.tree / f"lib/modules/{number}-{name}.ko")

    def put_programs(self):
        for name in PROGRAMS:
            shutil.copy(self.guest / "usr" / name, self.tree / "usr" / name)
            self.put_libraries(self.guest / "usr" / name)
        shutil.copy(next(self.guest.glob("lib/**/ld-linux-aarch64.so.1")).resolve(), self.tree / "lib/ld-linux-aarch64.so.1")

    def put_bus(self):
        """The bus that RAUC's service is called by."""
        for name in ("system.conf", "system.d/de.pengutronix.rauc.conf"):
            place = self.tree / "usr/share/dbus-1" / name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.guest / "usr/share/dbus-1" / name, place)

    def put_libraries(self, program):
        dynamic = subprocess.run(["readelf", "-d", program], stdout=subprocess.PIPE, text=True, check=True).stdout
        for name in re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic):
            target = self.tree / "lib" / name
            if not target.exists():
                found = next(iter([*self.guest.glob(f"usr/lib/aarch64-linux-gnu/{name}"),
                                   *self.guest.glob(f"lib/aarch64-linux-gnu/{name}")]))
                shutil.copy(found, target)
                self.put_libraries(found)
