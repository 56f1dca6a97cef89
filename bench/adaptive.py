#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What differential pushes send, compared with programs that make differences: adaptive.py BUILD (see README.md)."""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]
sys.dont_write_bytecode = True
import adaptive_link  # noqa: E402
import adaptive_rivals as rivals  # noqa: E402
import servers  # noqa: E402
from adaptive_device import Device  # noqa: E402
from adaptive_images import FILE_SYSTEMS, MIB, SLOT_A, SLOT_SIZE, Images, pack  # noqa: E402
from adaptive_trees import CHANGES, Trees, quiet  # noqa: E402

MB = 10**6
GIB = 1 << 30
# The dozen files: bytes relative to the floor, with nothing known and with the old file known to the host.
RATIOS = {"squashfs-gzip": (1.08, 1.0), "squashfs-zstd": (1.08, 1.0), "erofs-lz4": (5.5, 1.15),
          "erofs-lz4hc": (3.4, 0.75), "ext4": (2.4, 0.4)}
# The bounds of these two were set without bsdiff, which does better there.
WITHOUT_BSDIFF = {"erofs-lz4hc", "ext4"}
# Bytes with nothing known.
LIMITS = {"text": {"squashfs-gzip": 130_000, "squashfs-zstd": 130_000, "erofs-lz4": 35_000, "erofs-lz4hc": 35_000,
                   "ext4": 35_000},
          "times": {"squashfs-gzip": 110_000, "squashfs-zstd": 110_000, "ext4": 120_000}}
WHOLE = 1.01  # everything changed: relative to the whole archive
SOONER = 25
INDEX_SPEED = 400  # MB/s
INDEX_MEMORY = 24  # MB
TOOLS = {"count": ["-pthread"], "meter": [], "tunnel": ["-pthread"], "flat_times.so": ["-shared", "-fPIC", "-ldl"]}


class Bench:
    def __init__(self, a):
        self.systems, self.changes, self.all = a.systems, a.changes, a.all
        self.directory = a.directory
        self.directory.mkdir(parents=True, exist_ok=True)
        self.tools = self.directory / "tools"
        self.compile()
        self.run = tempfile.mkdtemp(prefix="run-", dir=self.directory)
        self.device = Device(HERE.parent, a.build, self.tools, self.run)
        self.images = Images(Trees(HERE.parent, self.directory / "trees", a.library), self.directory / "images", self.tools,
                             self.device.t.bin("fwpack"))
        self.rows = []

    def compile(self):
        self.tools.mkdir(exist_ok=True)
        for tool, options in TOOLS.items():
            source = HERE / f"{tool.split('.')[0]}.c"
            quiet([os.environ.get("CC", "cc"), "-O2", "-o", self.tools / tool, source, *options])

    def close(self, keep):
        self.device.close()
        shutil.rmtree(self.run if keep else self.directory)

    def row(self, *cells):
        self.rows.append(cells)
        print("  " + "  ".join(cell for cell in cells if cell), flush=True)

    def push(self, system, change, base):
        """A push of a changed firmware to a device that holds the one before."""
        old, new = (self.images.firmware(system, name) for name in ("base", change))
        self.device.install(old, SLOT_A + 2 * SLOT_SIZE + MIB)
        result = self.device.push(new, *(["--base", old] if base else []))
        if not self.device.holds(self.images.get(system, change), SLOT_A + SLOT_SIZE):
            raise RuntimeError(f"{system}, {change}: slot B does not hold what was pushed")
        return result


def met(value, bound):
    return f"<= {bound:g}", "yes" if value <= bound else "**no**"


def others(b):
    """What the other programs need, by file system, change and program; several at a time."""
    jobs = [(system, change, name) for name in [*rivals.FLOORS, *rivals.RIVALS] for change in b.changes
            for system in b.systems if change == "dozen" or b.all and change != "everything"]
    if not b.all:  # bsdiff takes long
        jobs = [job for job in jobs if job[0] not in WITHOUT_BSDIFF or job[2] != "bsdiff"]
    pairs = {(s, c): (b.images.get(s, "base"), b.images.get(s, c)) for s, c, _ in jobs}

    def run(job):
        return rivals.measure(job[2], *pairs[job[:2]], b.directory / "figures")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(jobs, pool.map(run, jobs)))


def smallest(known, system, change, names):
    found = [(known[system, change, n], n) for n in names if (system, change, n) in known]
    return min(found, default=(0, ""))


def bound(b, system, change, base, bytes_, floor):
    """What a push is compared with, the bound, and whether it was met."""
    if change == "dozen":
        return f"{bytes_ / floor:.2f} x", *met(bytes_ / floor, RATIOS[system][base])
    if change == "everything":
        ratio = bytes_ / b.images.firmware(system, change).stat().st_size
        return f"{ratio:.3f} x archive", *met(ratio, WHOLE)
    limit = LIMITS.get(change, {}).get(system)
    if limit and not base:
        return "", *met(bytes_ / MB, limit / MB)
    return f"{bytes_ / floor:.2f} x" if floor else "", "", ""


def measure_bytes(b):
    """Bytes of each change on each file system."""
    known = others(b)
    for change in b.changes:
        for system in b.systems:
            floors = [n for n in rivals.FLOORS if n != "bsdiff" or system not in WITHOUT_BSDIFF]
            floor, tool = smallest(known, system, change, floors)
            rival, rival_name = smallest(known, system, change, rivals.RIVALS)
            for base in [False] if change == "everything" else [False, True]:
                r = b.push(system, change, base)
                ratio, wanted, good = bound(b, system, change, base, r.bytes, floor)
                if rival and r.bytes > rival:
                    good = "**no**"
                b.row(f"{FILE_SYSTEMS[system]}, {change}, {'old file known' if base else 'nothing known'}",
                      f"{r.bytes / MB:.3f}", f"{floor / MB:.3f} {tool}" if floor else "", ratio, wanted, good,
                      f"{rival / MB:.3f} {rival_name}" if rival else "",
                      f"{r.host_cpu:.1f} {r.hold_cpu:.1f}")
    return known


def show_others(known):
    """All figures of the other programs."""
    names = [*rivals.FLOORS, *rivals.RIVALS]
    rows = [[f"{FILE_SYSTEMS[s]}, {c}", *(f"{known[s, c, n] / MB:.3f}" if (s, c, n) in known else "" for n in names)]
            for s, c in sorted({key[:2] for key in known})]
    show(["", *names], rows)


def measure_index(b):
    """A slot of 1 GiB of random bytes, every chunk of which is unlike every other one."""
    image = b.directory / "images/random"
    firmwares = [b.directory / f"images/random.{n}.d/firmware.fw" for n in (0, 1)]
    if not firmwares[1].exists():
        with open(image, "wb") as f:
            write_random(f, GIB)
        pack(b.device.t.bin("fwpack"), image, "1.0.0", GIB + MIB, firmwares[0])
        with open(image, "r+b") as f:
            for i in range(12):
                f.seek(GIB // 13 * i)
                f.write(bytes(24))
        pack(b.device.t.bin("fwpack"), image, "2.0.0", GIB + MIB, firmwares[1])
    b.device.install(firmwares[0], SLOT_A + 2 * (GIB + MIB) + MIB)
    results = [b.device.push(firmwares[1], "--dry-run") for _ in range(3)]
    speed = GIB / MB / statistics.median(r.hold_cpu for r in results)
    b.row("index of a slot of 1 GiB, MB/s of a core", f"{speed:.0f}", "", "", f">= {INDEX_SPEED}",
          "yes" if speed >= INDEX_SPEED else "**no**")
    r = b.device.push(firmwares[1])
    if not b.device.holds(image, SLOT_A + GIB + MIB):
        raise RuntimeError("the slot of 1 GiB does not hold what was pushed")
    memory = max(x.hold_memory for x in [*results, r]) * 1024 / MB
    b.row("memory of fwssh-hold for it, MB", f"{memory:.1f}", "", "", *met(round(memory, 1), INDEX_MEMORY))
    b.row("a dozen places of 1 GiB, nothing known", f"{r.bytes / MB:.3f}", "", "", "", "", "",
          f"{r.host_cpu:.1f} {r.hold_cpu:.1f}")
    b.device.install(b.images.firmware("squashfs-gzip", "base"), SLOT_A + 2 * SLOT_SIZE + MIB)


def write_random(f, size):
    """Bytes that do not compress, the same in each run."""
    p = subprocess.Popen(["openssl", "enc", "-aes-128-ctr", "-nosalt", "-K", "0" * 32, "-iv", "0" * 32, "-in", "/dev/zero"],
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    while size:
        size -= f.write(p.stdout.read(min(size, MIB)))
    p.stdout.close()
    p.wait()


LINK_ROUNDS = 5


def measure_link(b):
    """The dozen files over a slow link, in its own network name spaces, to a device that was pushed to before: "nothing
    known" is said of its firmware."""
    old, new = (b.images.firmware("squashfs-gzip", name) for name in ("base", "dozen"))
    took = {}
    with adaptive_link.Link(b.tools, 10, 50) as link:
        b.device.link = link
        for name, options, rounds in (("first", [], 1), ("plain", ["--adaptive=never"], 1),
                                      ("nothing known", [], LINK_ROUNDS), ("old file known", ["--base", old], LINK_ROUNDS)):
            seconds = []
            for _ in range(rounds):
                b.device.install(old, SLOT_A + 2 * SLOT_SIZE + MIB)
                seconds.append(b.device.push(new, *options).seconds)
            took[name] = statistics.median(seconds)
        b.device.link = None
    for name, seconds in took.items():
        if name == "first":
            continue
        ratio = took["plain"] / seconds
        b.row(f"squashfs gzip, dozen, 10 Mbit/s, RTT 50 ms, {name}: seconds", f"{seconds:.2f}", "",
              "" if name == "plain" else f"{ratio:.1f} x sooner", *(("", "") if name == "plain" else (
                  f">= {SOONER}", "yes" if ratio >= SOONER else "**no**")))


PLAIN_ROUNDS = 5


def measure_plain(b):
    """A push of the whole, by fwssh and by OpenSSH's client alone."""
    old, new = (b.images.firmware("squashfs-gzip", name) for name in ("base", "dozen"))
    took = {"fwssh --adaptive=never": [], "ssh": []}
    for i in range(PLAIN_ROUNDS):
        for name in took:
            b.device.install(old, SLOT_A + 2 * SLOT_SIZE + MIB)
            took[name].append(b.device.push(new, "--adaptive=never").seconds if name != "ssh" else push_by_ssh(b, new))
    for name, seconds in took.items():
        b.row(f"plain push of {new.stat().st_size / MB:.0f} MB by {name}: seconds",
              f"{statistics.median(seconds):.2f} ({min(seconds):.2f}-{max(seconds):.2f})")


def push_by_ssh(b, firmware):
    daemon = b.device.daemon()
    size = firmware.stat().st_size
    took = servers.push(daemon.ssh_args(), firmware, size, b"fwup:%d\n" % size)
    daemon.stop()
    return took


HEADS = ["", "MB", "smallest floor", "ratio", "bound", "met", "smallest rival", "CPU s: host, fwssh-hold"]


def show(heads, rows):
    rows = [[*row, *[""] * (len(heads) - len(row))] for row in rows]
    width = [max(len(r[i]) for r in [heads, *rows]) for i in range(len(heads))]
    for row in [heads, ["-" * w for w in width], *rows]:
        print("| " + " | ".join(cell.ljust(w) for cell, w in zip(row, width)) + " |")
    print(flush=True)


PARTS = {"bytes": measure_bytes, "index": measure_index, "link": measure_link, "plain": measure_plain}


def words(choices):
    def parse(text):
        for word in text.split(","):
            if word not in choices:
                raise argparse.ArgumentTypeError(f"'{word}' is none of {', '.join(choices)}")
        return text.split(",")
    return parse


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=lambda text: Path(text).resolve())
    parser.add_argument("--only", choices=PARTS, action="append", help="one part (may be repeated)")
    parser.add_argument("--systems", type=words(FILE_SYSTEMS), default=list(FILE_SYSTEMS), metavar="NAME,...")
    parser.add_argument("--changes", type=words(CHANGES), default=CHANGES, metavar="NAME,...")
    parser.add_argument("--all", action="store_true", help="floors and rivals of every change, not only of the dozen")
    parser.add_argument("--directory", type=Path, default=Path("/var/tmp/fwssh-bench-adaptive"),
                        help="for 5 GB of data (default: %(default)s)")
    parser.add_argument("--library", type=lambda text: Path(text).resolve(), nargs=2, metavar=("OLD.deb", "NEW.deb"),
                        help="the dozen files have a real update of this library (with a --directory of its own)")
    parser.add_argument("--keep", action="store_true", help="keep the data for the next run")
    return parser.parse_args()


def main():
    a = arguments()
    begun = time.monotonic()
    b = Bench(a)
    try:
        if b.device.t.sanitized():
            sys.exit("bench: a build with sanitizers says nothing about speed; use another one")
        known = {}
        for name in a.only or PARTS:
            known = PARTS[name](b) or known
        print(f"{time.monotonic() - begun:.0f} s\n")
        show(HEADS, b.rows)
        show_others(known)
    finally:
        b.close(a.keep)


if __name__ == "__main__":
    main()
