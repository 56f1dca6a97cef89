# SPDX-License-Identifier: Apache-2.0
"""File systems of the trees, and firmwares with them. The same tree gives the same image."""
import os

from adaptive_trees import EPOCH, LATER, quiet
from support.slots import CONF, identity

MIB = 1 << 20
UUID = "11111111-2222-3333-4444-555555555555"
FILE_SYSTEMS = {"squashfs-gzip": "squashfs gzip", "squashfs-zstd": "squashfs zstd", "erofs-lz4": "EROFS lz4",
                "erofs-lz4hc": "EROFS lz4hc", "ext4": "ext4"}
EXT4_SIZE = 240 * MIB
SLOT_A, SLOT_SIZE = 1 * MIB, 256 * MIB


def squashfs(tree, image, epoch, *options):
    quiet(["mksquashfs", tree, image, "-noappend", "-all-root", "-mkfs-time", epoch, "-quiet", "-no-progress", *options])


def erofs(tree, image, times, *options):
    quiet(["mkfs.erofs", *options, *times, "--all-root", "-U", UUID, image, tree])


class Images:
    """Made when they are asked for, and kept, below a directory."""

    def __init__(self, trees, directory, tools, fwpack):
        self.trees, self.directory, self.tools, self.fwpack = trees, directory, tools, fwpack
        directory.mkdir(parents=True, exist_ok=True)

    def get(self, system, change):
        image = self.directory / f"{system}.{change}"
        if not image.exists():
            work = self.directory / f"{image.name}.part"
            work.unlink(missing_ok=True)
            self.make(system, self.trees.get(change), work, change == "times")
            work.rename(image)
        return image

    def make(self, system, tree, image, is_later):
        epoch = EPOCH + (LATER if is_later else 0)
        times = ["--preserve-mtime"] if is_later else [f"-T{epoch}"]
        if system == "squashfs-gzip":
            squashfs(tree, image, epoch, "-comp", "gzip")
        elif system == "squashfs-zstd":
            squashfs(tree, image, epoch, "-comp", "zstd", "-Xcompression-level", 7)
        elif system == "erofs-lz4":
            erofs(tree, image, times, "-zlz4")
        elif system == "erofs-lz4hc":
            erofs(tree, image, times, "-zlz4hc,9", "-C65536")
        else:
            self.make_ext4(tree, image)

    def make_ext4(self, tree, image):
        with open(image, "wb") as f:
            f.truncate(EXT4_SIZE)
        quiet(["mke2fs", "-q", "-t", "ext4", "-d", tree, "-U", UUID, "-E", f"hash_seed={UUID},root_owner=0:0", "-m", 0,
               "-N", 16384, image],
              env={**os.environ, "LD_PRELOAD": self.tools / "flat_times.so", "E2FSPROGS_FAKE_TIME": str(EPOCH)})

    def firmware(self, system, change):
        """A firmware with this image as its root file system."""
        version = "1.0.0" if change == "base" else "2.0.0"
        path = self.directory / f"{system}.{change}.d/firmware.fw"
        if not path.exists():
            pack(self.fwpack, self.get(system, change), version, SLOT_SIZE, path)
        return path


def pack(fwpack, image, version, slot_size, path):
    """A firmware in a directory of its own: fwssh would take an older one beside it for what the device runs."""
    path.parent.mkdir(exist_ok=True)
    resources = f'file-resource root {{ host-path = "{image}" }}'
    conf = path.with_suffix(".conf")
    conf.write_text(CONF.format(version=version, resources=resources, a=SLOT_A // 512, b=(SLOT_A + slot_size) // 512,
                                identity_a=identity("a", version), identity_b=identity("b", version)))
    quiet([fwpack, "create", "-f", conf, "-o", path], env={**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH)})
