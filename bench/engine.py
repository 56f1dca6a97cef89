# SPDX-License-Identifier: Apache-2.0
"""Compares fwpack with the sum of its parts: engine.py BUILD PARTS DIRECTORY, which bench/engine.sh prepares."""
import hashlib
import os
import random
import re
import resource
import shutil
import statistics
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

build, parts, directory = Path(sys.argv[1]).resolve(), sys.argv[2], Path(sys.argv[3])
fwpack = build / "src/fwpack"
quick = os.environ.get("FWSSH_BENCH_QUICK") == "1"
size = (32 if quick else 256) << 20
rounds = 2 if quick else 5
one_cpu = {min(os.sched_getaffinity(0))}


def run(argv, cpus=None):
    """Wall time and CPU time in seconds, and peak memory in MB, of a command."""
    p = subprocess.run([parts, "measure", *(str(a) for a in argv)], cwd=directory, stdout=subprocess.DEVNULL,
                       stderr=subprocess.PIPE, text=True,
                       preexec_fn=(lambda: os.sched_setaffinity(0, cpus)) if cpus else None)
    assert p.returncode == 0, (argv, p.stderr)
    wall, cpu, memory = p.stderr.split()[-3:]
    return float(wall), float(cpu), float(memory) / 1024


def alternate(*commands):
    """The medians for each command. Rounds alternate, so that noise affects all of them equally."""
    results = [[] for _ in commands]
    for _ in range(rounds):
        for result, command in zip(results, commands):
            for name in ("out.img", "out.bin"):
                (directory / name).unlink(missing_ok=True)
            result.append(command())
    return [[statistics.median(column) for column in zip(*result)] for result in results]


def row(what, value, target="", met=None):
    print(f"| {what:<62} | {value:<22} | {target:<8} | {'' if met is None else 'yes' if met else 'no':<3} |", flush=True)


def make_data():
    r = random.Random(1)
    with open(directory / "rand.bin", "wb") as out:
        for _ in range(size >> 20):
            out.write(r.randbytes(1 << 20))
    limit = size
    with open(directory / "mix.bin", "wb") as out:
        p = subprocess.Popen(["tar", "cf", "-", "--sort=name", "-C", "/usr", "lib"], stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL)
        while limit:
            piece = p.stdout.read(min(limit, 1 << 20))
            if not piece:
                break
            out.write(piece)
            limit -= len(piece)
        p.kill()
        p.wait()
    for name in ("mix", "rand"):
        (directory / f"{name}.conf").write_text(
            f'file-resource x {{ host-path = "{name}.bin" }}\ntask t {{ on-resource x {{ raw_write(63) }} }}\n')


def deflated(fw, out):
    """Extracts the deflated entry, so that both sides inflate the same stream."""
    with zipfile.ZipFile(directory / fw) as z:
        info = z.getinfo("data/x")
        with open(directory / fw, "rb") as f:
            f.seek(info.header_offset)
            head = f.read(30)
            f.seek(sum(struct.unpack("<HH", head[26:30])), 1)
            (directory / out).write_bytes(f.read(info.compress_size))


def creating(name):
    ours = lambda: run([fwpack, "-c", "-f", f"{name}.conf", "-o", f"{name}.fw"])
    zlib = lambda: run([parts, "create", f"{name}.bin", "out.bin"])
    a, b = [run_once() for run_once in (ours, zlib)]
    sizes = (directory / f"{name}.fw").stat().st_size, (directory / "out.bin").stat().st_size
    row(f"create {name}: seconds, zlib -9 in brackets", f"{a[0]:.2f} ({b[0]:.2f})")
    row(f"create {name}: time relative to zlib -9", f"{a[0] / b[0]:.2f}", "<= 0.25", a[0] <= 0.25 * b[0])
    row(f"create {name}: size relative to zlib -9", f"{sizes[0] / sizes[1]:.4f}", "<= 1", sizes[0] <= sizes[1] + 1024)


def applying(name, target):
    deflated(f"{name}.fw", f"{name}.deflated")
    ours = [fwpack, "-a", "-q", "-i", f"{name}.fw", "-t", "t", "-d", "out.img"]
    theirs = [parts, "apply", f"{name}.deflated", "out.bin"]
    a, b = alternate(lambda: run(ours), lambda: run(theirs))
    row(f"apply {name}: seconds, sum of the parts in brackets", f"{a[0]:.3f} ({b[0]:.3f})")
    row(f"apply {name}: time relative to that sum, two cores", f"{a[0] / b[0]:.2f}", f"<= {target}", a[0] <= target * b[0])
    row(f"apply {name}: CPU seconds", f"{a[1]:.2f} ({b[1]:.2f})")
    row(f"apply {name}: peak memory, MB", f"{a[2]:.1f}", "<= 16", a[2] <= 16)
    a, b = alternate(lambda: run(ours, one_cpu), lambda: run(theirs, one_cpu))
    row(f"apply {name}: the same, one core", f"{a[0] / b[0]:.2f}", "<= 1", a[0] <= b[0])


def metadata():
    lines = "".join(f'    uboot_setenv(env, "variable_number_{i}", "value of the variable {i}")\n' for i in range(480))
    (directory / "big.conf").write_text("uboot-environment env { block-offset = 16 block-count = 256 }\n"
                                        'meta-product = "x"\ntask t { on-init {\n' + lines + "} }\n")
    run([fwpack, "-c", "-f", "big.conf", "-o", "big.fw"])
    with zipfile.ZipFile(directory / "big.fw") as z:
        length = z.getinfo("meta.conf").file_size
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(50):
        subprocess.run([fwpack, "-m", "-i", "big.fw"], cwd=directory, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    ms = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000 / 50
    row(f"-m on a meta.conf of {length // 1000} KB: CPU ms", f"{ms:.1f}", "< 5", ms < 5)


def delta():
    """A new file made of the old one's pieces, in a different order."""
    if not shutil.which("xdelta3"):
        return row("delta", "skipped: no xdelta3")
    length = (16 if quick else 64) << 20
    r = random.Random(3)
    old = r.randbytes(length)
    pieces = list(range(length // 4096))
    r.shuffle(pieces)
    new = b"".join(old[i * 4096:i * 4096 + 4096] for i in pieces)
    (directory / "old.img").write_bytes(old)
    (directory / "new.bin").write_bytes(new)
    (directory / "d.conf").write_text(
        'file-resource x { host-path = "new.bin" }\ntask t { on-resource x {\n'
        f'delta-source-raw-offset = 0 delta-source-raw-count = {length // 512}\nraw_write({2 * length // 512}) }} }}\n')
    run([fwpack, "-c", "-f", "d.conf", "-o", "d.fw", "-1"])
    (directory / "data").mkdir(exist_ok=True)
    run(["xdelta3", "-A", "-S", "none", "-e", "-f", "-B", length, "-s", "old.img", "new.bin", "data/x"])
    run(["zip", "-q", "d.fw", "data/x"])
    command = [fwpack, "-a", "-q", "-i", "d.fw", "-t", "t", "-d", "old.img"]
    used = run(command)
    image = (directory / "old.img").read_bytes()
    assert hashlib.sha256(image[2 * length:3 * length]).digest() == hashlib.sha256(new).digest()
    row(f"delta of shuffled pieces, {length >> 20} MiB: seconds", f"{used[0]:.2f}")
    row("delta: peak memory, MB", f"{used[2]:.1f}", "<= 24", used[2] <= 24)
    if not shutil.which("strace"):
        return row("delta: bytes read relative to bytes needed", "skipped: no strace")
    run(["strace", "-f", "-e", "trace=pread64", "-o", "trace", *command])
    read = sum(int(n) for n in re.findall(r"pread64\(.*= (\d+)$", (directory / "trace").read_text(), re.M))
    row("delta: bytes read relative to bytes needed", f"{read / length:.2f}", "<= 1.2", read <= 1.2 * length)


make_data()
print(f"| {'':<62} | {'fwpack':<22} | {'target':<8} | met |\n|{'-' * 64}|{'-' * 24}|{'-' * 10}|-----|")
for name, target in (("mix", 0.5), ("rand", 0.65)):
    creating(name)
    applying(name, target)
metadata()
delta()
