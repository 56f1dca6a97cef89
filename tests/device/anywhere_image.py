# SPDX-License-Identifier: Apache-2.0
"""The device of anywhere.py, in BUILD/anywhere: two slots with BusyBox, Dropbear, RAUC and 150 MB of this machine's programs,
and nothing of fwssh; and two versions of it that differ in a dozen files. What is there already is kept, but for images that were
made otherwise."""
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parent.parent
sys.path[:0] = [str(SOURCE / "bench"), str(HERE.parent)]
from adaptive_images import EXT4_SIZE, MIB, Images  # noqa: E402
from adaptive_trees import Trees, quiet  # noqa: E402
from anywhere_root import Root  # noqa: E402

VERSIONS = {"1.0.0": "base", "2.0.0": "dozen"}
SLOT_SIZE = EXT4_SIZE
# As in examples/slots/fwup.conf.
SLOTS = {"a": 18 * MIB, "b": 18 * MIB + SLOT_SIZE}
BOOT = 2 * MIB
DATA_SIZE = 128 * MIB
DISK_SIZE = SLOTS["b"] + SLOT_SIZE + DATA_SIZE + MIB
DEVICE = "/dev/nvme0n1"
# What decides how the images look, beside the trees.
INPUTS = [*sorted(path for path in HERE.glob("anywhere[-_]*")),
          *(HERE / name for name in ("board.cmd", "flash.sh", "uboot-env.txt")),
          SOURCE / "bench/adaptive_images.py", SOURCE / "examples/slots/boot.cmd", SOURCE / "examples/slots/fwup.conf"]
MANIFEST = """[update]
compatible=board
version={version}
[bundle]
format=verity
[image.rootfs]
filename=root.ext4
"""


class Image:
    """disk, firmware(version), slot(version) and key are there once build() has returned."""

    def __init__(self, build):
        self.build_directory = Path(build).resolve()
        self.out = self.build_directory / "anywhere"
        self.guest = self.out / "guest"
        self.disk, self.key = self.out / "disk.img", self.out / "id_ed25519"
        self.signer = self.out / "signer.key", self.out / "signer.pem"
        self.fwpack = self.build_directory / "src/fwpack"

    def slot(self, version):
        return self.out / f"slots/{version}.img"

    def firmware(self, version):
        return self.out / f"firmware/{version}.fw"

    def bundle(self, version):
        return self.out / f"firmware/{version}.raucb"

    def forget_others(self):
        """Images of other inputs."""
        digest = hashlib.sha256(b"".join(path.read_bytes() for path in INPUTS)).hexdigest()
        stamp = self.out / "inputs"
        if not stamp.exists() or stamp.read_text() != digest:
            for path in [self.disk, *map(self.firmware, VERSIONS), *map(self.bundle, VERSIONS)]:
                path.unlink(missing_ok=True)
            stamp.write_text(digest)

    def build(self):
        for name in ("slots", "firmware"):
            (self.out / name).mkdir(parents=True, exist_ok=True)
        self.forget_others()
        quiet([SOURCE / "packaging/static/extract.sh", HERE / "anywhere-packages.txt", self.guest])
        if not self.key.exists():
            quiet(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "you@desk", "-f", self.key])
        if not self.signer[0].exists():
            self.make_signer()
        quiet([HERE / "flash.sh", self.out])
        for version in VERSIONS:
            if not self.firmware(version).exists():
                self.make_firmware(version)
            if not self.bundle(version).exists():
                self.make_bundle(version)
        if not self.disk.exists():
            self.make_disk()

    def make_firmware(self, version):
        tree = self.out / "root"
        shutil.rmtree(tree, ignore_errors=True)
        shutil.copytree(self.trees().get(VERSIONS[version]), tree, symlinks=True)
        Root(self.guest, tree).make(self.key.with_suffix(".pub").read_text(), self.signer[1].read_text(), version)
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

    def make_signer(self):
        key, certificate = self.signer
        quiet(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", 3650,
               "-subj", "/CN=signer", "-addext", "extendedKeyUsage=emailProtection"])

    def make_bundle(self, version):
        content = self.out / "content"
        shutil.rmtree(content, ignore_errors=True)
        content.mkdir()
        os.link(self.slot(version), content / "root.ext4")
        (content / "manifest.raucm").write_text(MANIFEST.format(version=version))
        key, certificate = self.signer
        quiet(["rauc", f"--cert={certificate}", f"--key={key}", f"--keyring={certificate}", "bundle", content, self.bundle(version)])
        shutil.rmtree(content)

    def trees(self):
        return Trees(SOURCE, self.out / "trees")

    def definitions(self, version):
        data = self.out / "data.img"
        if not data.exists():
            quiet(["mke2fs", "-q", "-t", "ext4", data, f"{DATA_SIZE // MIB}M"], env=tool_path())
        return {**os.environ, "VERSION": version, "SLOT": str(self.slot(version)), "DATA": str(data), "DEVICE": DEVICE,
                "SLOT_COUNT": str(SLOT_SIZE // 512), "DATA_COUNT": str(DATA_SIZE // 512)}

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


if __name__ == "__main__":
    Image(sys.argv[1]).build()
