# SPDX-License-Identifier: Apache-2.0
"""What others need for the same change: those that have the old file at hand (floors), and those that compare with
what lies in place or with an index that was made before (rivals). Bytes of one push, in both directions."""
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from adaptive_trees import quiet


def size(path):
    return path.stat().st_size


def xdelta3(old, new, work):
    quiet(["xdelta3", "-e", "-9", "-S", "lzma", "-B", 1 << 29, "-f", "-s", old, new, work / "patch"])
    return size(work / "patch")


def bsdiff(old, new, work):
    quiet(["bsdiff", old, new, work / "patch"])
    return size(work / "patch")


def zstd(old, new, work):
    quiet(["zstd", "-q", "-19", "-T1", "--long=31", f"--patch-from={old}", new, "-o", work / "patch", "-f"])
    return size(work / "patch")


def zchunk(old, new, work):
    """Its header, and the chunks that the old file does not have."""
    for name, image in (("old", old), ("new", new)):
        quiet(["zck", "-o", work / f"{name}.zck", image])
    said = subprocess.run(["zck_delta_size", work / "old.zck", work / "new.zck"], check=True, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout
    return int(re.search(r"Would download (\d+) of", said)[1])


def casync(chunk):
    def run(old, new, work):
        """Chunks that the old image's store does not have, and the index."""
        stores = []
        for name, image in (("old", old), ("new", new)):
            quiet(["casync", "make", f"--chunk-size={chunk}", f"--store={work / name}", work / f"{name}.caibx", image])
            stores.append({p.relative_to(work / name): size(p) for p in (work / name).rglob("*") if p.is_file()})
        return sum(n for path, n in stores[1].items() if path not in stores[0]) + size(work / "new.caibx")
    return run


def rsync(old, new, work):
    """As --write-devices does it: onto the old bytes, in place."""
    shutil.copyfile(old, work / "device")
    said = subprocess.run(["rsync", "--inplace", "--no-whole-file", "--checksum", "--ignore-times", "-z", "--stats", new,
                           work / "device"], check=True, text=True, stdout=subprocess.PIPE).stdout
    return sum(int(n.replace(",", "")) for n in re.findall(r"Total bytes (?:sent|received): ([\d,]+)", said))


FLOORS = {"xdelta3 -9": xdelta3, "bsdiff": bsdiff, "zstd --patch-from": zstd}
RIVALS = {"zchunk": zchunk, "casync 64 KiB": casync(65536), "casync 16 KiB": casync(16384), "rsync in place": rsync}


def measure(name, old, new, directory):
    """Bytes, from a file if it has been measured before."""
    directory.mkdir(parents=True, exist_ok=True)
    known = directory / f"{new.name} {name}".replace(" ", "_")
    if not known.exists():
        with tempfile.TemporaryDirectory(dir=directory) as work:
            known.write_text(str({**FLOORS, **RIVALS}[name](old, new, Path(work))))
    return int(known.read_text())
