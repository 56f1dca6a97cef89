#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Compares a plain push of this version with one of an older version: versions.py BUILD COMMIT (see README.md). The older
one is built in a directory of its own. Host and device are of one version each; they take turns."""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]
sys.dont_write_bytecode = True
import servers  # noqa: E402
from support.fixture import Fixture  # noqa: E402

MB = 10**6
KEYS_OF_LATER_VERSIONS = ("hold-program",)
median = statistics.median


def build(commit, directory):
    """The programs of a commit."""
    source = directory / "source"
    source.mkdir()
    archive = subprocess.Popen(["git", "-C", HERE.parent, "archive", commit], stdout=subprocess.PIPE)
    subprocess.run(["tar", "-x", "-C", source], stdin=archive.stdout, check=True)
    if archive.wait():
        sys.exit(f"bench: git knows no {commit}")
    for argv in (["meson", "setup", directory / "build", source], ["ninja", "-C", directory / "build"]):
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    return directory / "build"


class Version:
    """fwsshd of a build, and its fwssh."""

    def __init__(self, name, build, directory, options=()):
        directory.mkdir()
        self.name, self.options, self.took = name, options, []
        self.t = Fixture(HERE.parent, build, directory)
        updater = self.t.script("sink", "#!/bin/sh\n[ \"$1\" != --version ] || { echo 0.16.0; exit; }\ncat > /dev/null\necho 'Success!'\n")
        self.daemon = self.t.daemon(wait=False, updater=updater, log_level="info")
        for key in () if options else KEYS_OF_LATER_VERSIONS:
            self.daemon.config.pop(key, None)
        self.daemon.write_config()
        self.daemon.start()
        self.device = servers.Server(self.t, self.daemon.process, self.daemon.port, "")

    def push(self, firmware):
        """Seconds, CPU seconds of the host, and of the device with its updater."""
        before, begun = self.device.cpu(), time.monotonic()
        argv = [self.t.bin("fwssh"), "push", "--no-reboot", "--firmware", firmware, "--port", self.daemon.port, "--user-dir",
                self.daemon.key.parent, "--ssh-option", "StrictHostKeyChecking=no", "--ssh-option",
                f"UserKnownHostsFile={self.t.dir}/known_hosts", *self.options, "127.0.0.1"]
        p = subprocess.Popen([str(a) for a in argv], env=self.t.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(p.pid, 0)
        seconds = time.monotonic() - begun
        p.returncode = os.waitstatus_to_exitcode(status)
        if p.returncode:
            raise RuntimeError(f"{self.name}: fwssh exited with status {p.returncode}\n{self.daemon.log()}")
        return seconds, used.ru_utime + used.ru_stime, self.device.cpu() - before


def spread(values):
    return f"{median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def firmware(t, size):
    """Bytes that do not compress."""
    with open(t.dir / "data", "wb") as f:
        for _ in range(size // MB):
            f.write(os.urandom(MB))
    (t.dir / "x.conf").write_text('meta-product = "x"\nfile-resource data { host-path = "data" }\n'
                                  'task upgrade { on-resource data { raw_write(0) } }\n')
    r = t.run([t.bin("fwpack"), "create", "-1", "-f", "x.conf", "-o", "x.fw"])
    if r.returncode:
        raise RuntimeError(r.stderr)
    return t.dir / "x.fw"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=lambda text: Path(text).resolve())
    parser.add_argument("commit")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--size", type=int, default=256, help="of the firmware, in MB")
    a = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="fwssh-bench-"))
    try:
        versions = [Version(a.commit, build(a.commit, directory), directory / "old"),
                    Version("this version", a.build, directory / "new", ["--adaptive=never"])]
        fw = firmware(versions[1].t, a.size * MB)
        for i in range(a.rounds + 1):
            for v in versions if i % 2 else reversed(versions):
                took = v.push(fw)
                if i:  # the first one fills caches
                    v.took.append(took)
        print(f"| plain push of {a.size} MB | seconds | CPU s, host | CPU s, device |\n| --- | --- | --- | --- |")
        for v in versions:
            print(f"| {v.name} | " + " | ".join(spread(column) for column in zip(*v.took)) + " |")
        for v in versions:
            v.t.close()
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
