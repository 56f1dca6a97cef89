#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a push to many devices costs the host: fleet.py BUILD [COUNT]. Pushes to COUNT (100) daemons on loopback, 16 at
a time."""
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(SOURCE / "tests"))
from support.fixture import Fixture  # noqa: E402

SIZE = 4 << 20
JOBS = 16


def family(pid):
    """A process and all its descendants."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(") ", 1)[1].split()[1])
        except OSError:
            pass
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def memory(pid):
    """Total in kB; shared pages are divided among the processes that share them."""
    total = 0
    for one in family(pid):
        try:
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
            total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        except (OSError, StopIteration):
            pass
    return total


def firmware(t):
    (t.dir / "payload").write_bytes(os.urandom(SIZE))
    (t.dir / "fw.conf").write_text('meta-version = "1"\nfile-resource p { host-path = "payload" }\n'
                                   "task upgrade { on-resource p { raw_write(0) } }\n")
    assert t.run([t.bin("fwpack"), "-c", "-f", "fw.conf", "-o", "fw.fw"]).returncode == 0
    return t.dir / "fw.fw"


def boards(t, count):
    updater = t.updater("cat > /dev/null; exit 0", version="0.17.0")
    text = ""
    for i in range(count):
        d = t.daemon(updater=updater, log_level="error", wait=False)
        with open(d.log_path, "ab") as log:
            d.process = t.start([t.bin("fwsshd"), "-f", d.conf, "-o", "log-level=info"], stdout=log, stderr=log)
        text += f"Host b{i}\n HostName 127.0.0.1\n Port {d.port}\n"
    for d in t.daemons:
        d.wait_log("listening on", 60)
    (t.dir / "ssh_config").write_text(text + f"Host *\n IdentityFile {t.daemons[0].key}\n IdentitiesOnly yes\n"
                                      f" UserKnownHostsFile /dev/null\n StrictHostKeyChecking no\n LogLevel ERROR\n")


def push(t, fw, count):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.monotonic()
    p = subprocess.Popen([t.bin("fwssh"), "push", *(f"b{i}" for i in range(count)), "--firmware", str(fw), "--jobs",
                          str(JOBS), "--quiet", "--ssh", f"ssh -F {t.dir}/ssh_config"], env=t.env)
    peak = 0
    while p.poll() is None:
        peak = max(peak, memory(p.pid))
        time.sleep(0.05)
    assert p.returncode == 0, p.returncode
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{count} devices, {SIZE >> 20} MiB each, {JOBS} at a time: {time.monotonic() - begun:.1f} s, "
          f"{1000 * cpu / count:.0f} ms of CPU per device, at most {peak / 1024:.0f} MB of memory in total, "
          f"{peak / 1024 / min(JOBS, count):.1f} MB per device in progress")


def main():
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    with tempfile.TemporaryDirectory() as directory:
        t = Fixture(SOURCE, Path(sys.argv[1]).resolve(), directory)
        fw = firmware(t)
        boards(t, count)
        push(t, fw, 1)
        push(t, fw, count)
        t.close()


main()
