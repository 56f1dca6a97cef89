# SPDX-License-Identifier: Apache-2.0
"""Directory trees as a root file system has them, from programs of this machine: one, and what becomes of it after
changes of several kinds. No network; the same machine gives the same trees."""
import os
import random
import shutil
import stat
import subprocess
import sysconfig
from pathlib import Path

EPOCH = 1700000000
LATER = 86400
LIBRARIES = Path("/usr/lib") / sysconfig.get_config_var("MULTIARCH")
PYTHON = Path(sysconfig.get_path("stdlib"))
RELEASE = 'NAME="demo"\nVERSION="{}"\nID=demo\nBUILD_ID="{}"\n'
ADDED = """
__attribute__((used)) static unsigned added(const char *text)
{
    unsigned sum = 1;

    while (*text)
        sum = sum * 31 + (unsigned char)*text++;
    return sum;
}
"""
# What a change does to how many files; the words are those of the options.
CHANGES = ["text", "program", "dozen", "tenth", "times", "everything"]


def quiet(argv, **kw):
    subprocess.run([str(a) for a in argv], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   stdin=subprocess.DEVNULL, **kw)


def is_text(path):
    with open(path, "rb") as f:
        return b"\0" not in f.read(4096)


def files(tree):
    return sorted(p for p in tree.rglob("*") if p.is_file() and not p.is_symlink())


class Budget:
    """Files of a directory in order, from a place on and up to a sum of bytes."""

    def __init__(self, size, skip=0, largest=3_000_000):
        self.size, self.skip, self.largest = size, skip, largest

    def take(self, source, target, part=""):
        target.mkdir(parents=True, exist_ok=True)
        for path in sorted(source.iterdir()):
            if path.is_symlink() or not path.is_file() or part not in path.name:
                continue
            size = path.stat().st_size
            if size >= self.largest:
                continue
            if self.skip > 0:
                self.skip -= size
            elif size > self.size:
                return
            else:
                self.size -= size
                copy(path, target / path.name)


def copy(source, target):
    shutil.copyfile(source, target)
    target.chmod(source.stat().st_mode & 0o777)


def edit(path, rng, light=False):
    """A line more in a text; 24 other bytes at one or three places elsewhere."""
    data = bytearray(path.read_bytes())
    if is_text(path):
        at = data.find(b"\n", len(data) // 2) + 1
        data[at:at] = b"# changed in this build %d\n" % rng.randrange(10**6)
    else:
        for at in ([len(data) // 2] if light else [min(len(data) // 100, 800), len(data) // 3, 2 * len(data) // 3]):
            n = min(24, len(data) - at)
            data[at:at + n] = rng.randbytes(n)
    path.write_bytes(data)


def set_times(tree, time):
    """Of everything in a tree; time gets the number of the entry."""
    i = 0
    for directory, below, names in os.walk(tree, topdown=False):
        for name in sorted(names + below):
            os.utime(os.path.join(directory, name), (time(i), time(i)), follow_symlinks=False)
            i += 1
    os.utime(tree, (time(i), time(i)))


class Programs:
    """Two programs of this project, built from its source, and again after a change of their first file, so that
    most of their code moves: a static one of 1.7 MB; and one of 1.3 MB that uses shared libraries, whose own code is
    also compiled otherwise, as by a newer compiler."""

    NAMES = {"src/fwpack": "app", "src/fwssh": "tool"}

    def __init__(self, source, directory):
        self.directory = directory
        for i, change in enumerate([False, True]):
            if not (directory / f"{i}" / "app").exists():
                self.build(source, i, change)

    def build(self, source, i, change):
        work = self.directory / f"work{i}"
        shutil.copytree(source, work / "source", symlinks=True,
                        ignore=lambda _, names: [n for n in names if n.startswith(("build", ".git"))])
        if change:
            self.change(work / "source")
        quiet(["meson", "setup", work / "build", work / "source", "-Ddevice=disabled", "-Dinflate=zlib",
               "--buildtype=release", "-Dprefer_static=true", "-Dc_link_args=-static"])
        out = self.directory / f"{i}"
        out.mkdir()
        for program, name in self.NAMES.items():
            quiet(["ninja", "-C", work / "build", program])
            quiet(["strip", "-o", out / name, work / "build" / program])
            quiet(["meson", "configure", work / "build", "-Dc_link_args=", f"-Doptimization={2 if change else 3}"])
        shutil.rmtree(work)

    @staticmethod
    def change(source):
        for program in ("fwpack", "fwssh"):
            with open(source / f"src/{program}.c", "a", encoding="utf-8") as f:
                f.write(ADDED)
        project = source / "meson.build"
        project.write_text(project.read_text().replace("version: '0.", "version: '0.9", 1))

    def put(self, i, tree, names):
        for name in names:
            copy(self.directory / f"{i}" / name, tree / "usr/bin" / name)


class Library:
    """A library before and after an update, from two Debian packages. Without them nothing is put."""

    def __init__(self, packages, directory):
        self.packages, self.directory = packages, directory

    def put(self, i, tree):
        if not self.packages:
            return
        unpacked = self.directory / f"library{i}"
        if not unpacked.exists():
            quiet(["dpkg-deb", "-x", self.packages[i], unpacked])
        for path in sorted(unpacked.rglob("*.so.*")):
            if path.is_file() and not path.is_symlink():
                copy(path, tree / "usr/lib/shared" / path.name)


class Trees:
    """Trees below a directory; each is made when it is asked for, and kept. library: two packages, whose libraries are
    updated by the dozen in place of the second program."""

    def __init__(self, source, directory, library=None):
        self.source, self.directory = source, directory
        self.library = Library(library, directory.parent)
        self.updated = ["app"] if library else ["app", "tool"]
        directory.mkdir(parents=True, exist_ok=True)
        self.makers = {"base": self.make_base, "text": self.make_text, "program": self.make_program,
                       "dozen": self.make_dozen, "tenth": self.make_tenth, "times": self.make_times,
                       "everything": self.make_everything}

    def get(self, name):
        tree = self.directory / name
        if not tree.exists():
            work = self.directory / f"{name}.part"
            shutil.rmtree(work, ignore_errors=True)
            if name not in ("base", "everything"):
                shutil.copytree(self.get("base"), work, symlinks=True)
            self.makers[name](work)
            set_times(work, (lambda i: EPOCH + LATER + i // 40) if name == "times" else lambda i: EPOCH)
            work.rename(tree)
        return tree

    def programs(self):
        return Programs(self.source, self.directory.parent / "programs")

    def make_base(self, tree):
        Budget(62_000_000).take(Path("/usr/bin"), tree / "usr/bin")
        Budget(64_000_000, largest=8_000_000).take(LIBRARIES, tree / "usr/lib/shared", ".so")
        for source in sorted(Path("/usr/share/perl").glob("5.*.*")):
            if not source.is_symlink():
                shutil.copytree(source, tree / "usr/share/perl" / source.name, symlinks=True)
        shutil.copytree(PYTHON, tree / "usr/lib" / PYTHON.name, symlinks=True,
                        ignore=shutil.ignore_patterns("dist-packages", "test", "*.a"))
        self.programs().put(0, tree, self.updated)
        self.library.put(0, tree)
        (tree / "etc").mkdir()
        (tree / "etc/os-release").write_text(RELEASE.format("1.2.9", "2023-11-14"))

    def make_text(self, tree):
        (tree / "etc/os-release").write_text(RELEASE.format("1.2.10", "2023-11-15"))

    def make_program(self, tree):
        self.programs().put(1, tree, ["app"])

    def make_dozen(self, tree):
        """A line in seven texts, 24 bytes in three binaries, two programs built again (or one, and a library)."""
        rng = random.Random(1)
        texts = [p for p in files(tree) if is_text(p) and p.stat().st_size > 3000]
        binaries = [p for p in files(tree) if not is_text(p) and p.stat().st_size > 20000]
        for path in texts[len(texts) // 14::len(texts) // 7][:7]:
            edit(path, rng)
        for path in binaries[len(binaries) // 6::len(binaries) // 3][:3]:
            edit(path, rng, light=True)
        self.programs().put(1, tree, self.updated)
        self.library.put(1, tree)

    def make_tenth(self, tree):
        rng = random.Random(2)
        for path in files(tree)[::10]:
            if path.stat().st_size:
                edit(path, rng)

    def make_times(self, tree):
        """The same files; the times are set afterwards."""

    def make_everything(self, tree):
        """Other programs and libraries of this machine."""
        Budget(90_000_000, skip=62_000_000, largest=6_000_000).take(Path("/usr/bin"), tree / "usr/bin")
        Budget(70_000_000, skip=80_000_000, largest=12_000_000).take(LIBRARIES, tree / "usr/lib/shared", ".so")
        for path in files(tree):
            if stat.S_IMODE(path.stat().st_mode) & stat.S_ISUID:
                path.chmod(0o755)
