#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How a flood of connections from strangers affects a push: flood.py BUILD. 1,000 connections from 127.0.1.0/24
(tests/load/flood.py) come and go while a client pushes from 127.0.0.1."""
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(SOURCE / "tests"))
from support.fixture import Fixture  # noqa: E402

COUNT = 1000


def private_memory(pid):
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


def push(d, data):
    begun = time.monotonic()
    assert d.push(data).returncode == 0
    return time.monotonic() - begun


def measure(t, d, size):
    data = b"fwup:%d\n" % size + os.urandom(size)
    alone = [push(d, data) for _ in range(5)]
    begun = len(d.log())
    flood = subprocess.Popen([sys.executable, SOURCE / "tests/load/flood.py", str(d.port), str(COUNT)],
                             stdout=subprocess.DEVNULL)
    t.wait_for(lambda: d.log().count("from=\"127.0.1.", begun) > 20, "the flood to start")
    flooded = []
    while flood.poll() is None:
        flooded.append(push(d, data))
    middle = statistics.median(alone)
    print(f"{size >> 20:5d} MiB: alone {middle:.2f} s; started in the flood {flooded[0] / middle:.2f} x, "
          f"worst {max(flooded) / middle:.2f} x, median {statistics.median(flooded) / middle:.2f} x")


def main():
    with tempfile.TemporaryDirectory() as directory:
        t = Fixture(SOURCE, Path(sys.argv[1]).resolve(), directory)
        updater = t.updater("cat > /dev/null; exit 0", version="0.17.0")
        d = t.daemon(log_level="info", max_penalty=60, updater=updater)
        before = private_memory(d.process.pid)
        for size in (1 << 20, 64 << 20, 256 << 20):
            measure(t, d, size)
        print(f"listener's private memory: {before} kB before, {private_memory(d.process.pid)} kB after")
        t.close()


main()
