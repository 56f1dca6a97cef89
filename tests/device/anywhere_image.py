# SPDX-License-Identifier: Apache-2.0
"""The device of anywhere.py, in BUILD/anywhere: two slots with BusyBox, Dropbear and 150 MB of this machine's programs, and
nothing of fwssh; and two versions of it that differ in a dozen files. What is there already is kept, but for images that were
made otherwise."""
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parent.parent
sys.path[:0] = [str(SOURCE / "bench"), str(HERE.parent)]
from adaptive_images import EXT4_SIZE, MIB, Images  # noqa: E402
from adaptive_trees import Trees, quiet  # noqa: E402

VERSIONS = {"1.0.0": "base", "2.0.0": "dozen"}
SLOT_SIZE = EXT4_SIZE
# As in examples/slots/fwup.conf.
SLOTS = {"a": 18 * MIB, "b": 18 * MIB + SLOT_SIZE}
BOOT = 2 * MIB
DATA_SIZE = 64 * MIB
DISK_SIZE = SLOTS["b"] + SLOT_SIZE + DATA_SIZE + MIB
MODULES = "virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci failover net_failover virtio_net".split()
DEVICE = "/dev/nvme0n1"
# What decides how the images look, beside the trees.
INPUTS = [*(HERE / name for name in ("anywhere_image.py", "anywhere-inittab", "anywhere-packages.txt", "anywhere-rcS",
                                     "board.cmd", "flash.sh", "uboot-env.txt")),
          SOURCE / "bench/adaptive_images.py", SOURCE / "examples/slots/boot.cmd", SOURCE / "examples/slots/fwup.conf"]
FW_ENV = f"{DEVICE} 0x100000 0x4000\n{DEVICE} 0x140000 0x4000\n"


class Image:
    """disk, firmware(version), slot(version) and key are there once build() has returned."""

    def __init__(self, build):
        self.build_directory = Path(build).resolve()
        self.out = self.build_directory / "anywhere"
        self.guest = self.out / "guest"
        self.disk, self.key = self.out / "disk.img", self.out / "id_ed25519"
        self.fwpack = self.build_directory / "src/fwpack"

    def slot(self, version):
        return self.out / f"slots/{version}.img"

    def firmware(self, version):
        return self.out / f"firmware/{version}.fw"

    def forget_others(self):
        """Images of other inputs."""
        digest = hashlib.sha256(b"".join(path.read_bytes() for path in INPUTS)).hexdigest()
        stamp = self.out / "inputs"
        if not stamp.exists() or stamp.read_text() != digest:
            for path in [self.disk, *map(self.firmware, VERSIONS)]:
                path.unlink(missing_ok=True)
            stamp.write_text(digest)

    def build(self):
        for name in ("slots", "firmware"):
            (self.out / name).mkdir(parents=True, exist_ok=True)
        self.forget_others()
        quiet([SOURCE / "packaging/static/extract.sh", HERE / "anywhere-packages.txt", self.guest])
        if not self.key.exists():
            quiet(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "you@desk", "-f", self.key])
        quiet([HERE / "flash.sh", self.out])
        for version in VERSIONS:
            if not self.firmware(version).exists():
                self.make_firmware(version)
        if not self.disk.exists():
            self.make_disk()

    def make_firmware(self, version):
        tree = self.out / "root"
        shutil.rmtree(tree, ignore_errors=True)
        shutil.copytree(self.trees().get(VERSIONS[version]), tree, symlinks=True)
        Root(self.guest, tree).make(self.key.with_suffix(".pub").read_text(), version)
        tools = self.out / "tools"
        tools.mkdir(exist_ok=True)
        quiet(["cc", "-O2", "-shared", "-fPIC", "-o", tools / "flat_times.so", SOURCE / "bench/flat_times.c", "-ldl"])
        image = self.slot(version)
        image.unlink(missing_ok=True)
        Images(None, self.out / "slots", tools, self.fwpack).make_ext4(tree, image)
        shutil.rmtree(tree)
        part = self.firmware(version).with_suffix(".part")
        quiet([self.fwpack, "create", "-f", SOURCE / "examples/slots/fwup.conf", "-o", part], env=self.definitions(version))
        part.rename(self.firmware(version))

    def trees(self):
        return Trees(SOURCE, self.out / "trees")

    def definitions(self, version):
        data = self.out / "data.img"
        if not data.exists():
            quiet(["mke2fs", "-q", "-t", "ext4", data, f"{DATA_SIZE // MIB}M"], env=tool_path())
        return {**os.environ, "VERSION": version, "SLOT": str(self.slot(version)), "DATA": str(data), "DEVICE": DEVICE,
                "SLOT_COUNT": str(SLOT_SIZE // 512)}

    def make_disk(self):
        part = self.out / "disk.part"
        part.unlink(missing_ok=True)
        with open(part, "wb") as f:
            f.truncate(DISK_SIZE)
        quiet([self.fwpack, "apply", "-q", "-t", "complete", "-d", part, self.firmware("1.0.0")])
        quiet(["mcopy", "-i", f"{part}@@{BOOT}", self.out / "boot.scr", "::boot.scr"])
        part.rename(self.disk)


def tool_path():
    return {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}


class Root:
    """What makes a tree the root file system of a device."""

    def __init__(self, guest, tree):
        self.guest, self.tree = guest, tree

    def make(self, public_key, version):
        for name in "bin boot data dev etc lib/modules proc root/.ssh run sbin sys tmp usr/sbin var".split():
            (self.tree / name).mkdir(parents=True, exist_ok=True)
        (self.tree / "var/lock").symlink_to("/run")
        self.put_busybox()
        self.put_kernel()
        self.put_dropbear()
        for name, text in {"etc/passwd": "root:x:0:0:root:/root:/bin/sh\n", "etc/version": f"{version}\n",
                           "etc/fw_env.config": FW_ENV, "root/.ssh/authorized_keys": public_key}.items():
            (self.tree / name).write_text(text)
        for name, mode in {"root": 0o700, "root/.ssh": 0o700, "root/.ssh/authorized_keys": 0o600}.items():
            (self.tree / name).chmod(mode)
        shutil.copy(HERE / "anywhere-inittab", self.tree / "etc/inittab")
        shutil.copy(HERE / "anywhere-rcS", self.tree / "etc/rcS")
        (self.tree / "etc/rcS").chmod(0o755)

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

    def put_dropbear(self):
        for name in ("sbin/dropbear", "bin/dropbearkey"):
            shutil.copy(self.guest / "usr" / name, self.tree / "usr" / name)
            self.put_libraries(self.guest / "usr" / name)
        shutil.copy(next(self.guest.glob("lib/**/ld-linux-aarch64.so.1")).resolve(), self.tree / "lib/ld-linux-aarch64.so.1")

    def put_libraries(self, program):
        dynamic = subprocess.run(["readelf", "-d", program], stdout=subprocess.PIPE, text=True, check=True).stdout
        for name in re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic):
            target = self.tree / "lib" / name
            if not target.exists():
                found = next(iter([*self.guest.glob(f"usr/lib/aarch64-linux-gnu/{name}"),
                                   *self.guest.glob(f"lib/aarch64-linux-gnu/{name}")]))
                shutil.copy(found, target)
                self.put_libraries(found)


if __name__ == "__main__":
    Image(sys.argv[1]).build()
