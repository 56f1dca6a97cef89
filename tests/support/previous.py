# SPDX-License-Identifier: Apache-2.0
"""Programs of the versions before this one (VERSIONING.md), built once from the repository's history."""
import contextlib
import fcntl
import re
import subprocess

from support.fixture import Fixture

# Where no release is there yet: the end of 0.1, and a state of it that knew no differential pushes.
BEFORE_RELEASES = ("72d9644e11a2d2bc99e2d6afcd6b29fc6eb97540", "1db472f00c73c4199ccfd7c1d865d25d1f51798c")
PROGRAMS = ("fwssh", "fwsshd", "fwssh-session", "fwssh-receive", "fwssh-hold", "fwpack")


def git(t, *words):
    return t.run(["git", "-C", t.src, *words])


def series(tag):
    """0.2 of v0.2.1"""
    return re.match(r"v(\d+\.\d+)\.", tag).group(1)


def commits(t):
    """The last release of each of the two minor versions before."""
    ours = "v" + re.search(r"^  version: '(.*)',$", (t.src / "meson.build").read_text(), re.M).group(1)
    last = {}
    for tag in git(t, "tag", "--merged", "HEAD", "--list", "v[0-9]*.*.*", "--sort=-v:refname").stdout.split():
        if series(tag) != series(ours):
            last.setdefault(series(tag), tag)
    return [*last.values(), *BEFORE_RELEASES][:2]


def build(t, commit):
    """A directory with its programs in src/."""
    place = t.build / "previous" / commit
    place.mkdir(parents=True, exist_ok=True)
    with open(place / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "done").exists():
            (place / "source").mkdir(exist_ok=True)
            archive = subprocess.run(["git", "-C", t.src, "archive", commit], stdout=subprocess.PIPE, check=True)
            subprocess.run(["tar", "-x", "-C", place / "source"], input=archive.stdout, check=True)
            r = t.run(["meson", "setup", "-Doptimization=1", place / "build", place / "source"], env={"CC": "gcc"})
            assert r.returncode == 0, r.stdout[-3000:]
            known = (place / "build/build.ninja").read_text()
            r = t.run(["ninja", "-C", place / "build", *(f"src/{p}" for p in PROGRAMS if f"build src/{p}:" in known)], timeout=400)
            assert r.returncode == 0, r.stdout[-3000:]
            (place / "done").touch()
    return place / "build"


def builds(t):
    """One for each version before, the newest first."""
    wanted = commits(t)
    for commit in wanted:
        if git(t, "cat-file", "-e", commit + "^{commit}").returncode:
            t.skip(f"the history is not here: no commit {commit}")
    return [build(t, commit) for commit in wanted]


class Mixed(Fixture):
    """Programs of the host from one build, those of the device from another one."""

    def __init__(self, t, directory, host, device):
        super().__init__(t.src, t.build, directory)
        self.host, self.device = host, device

    def bin(self, name):
        return str((self.host if name == "fwssh" else self.device) / "src" / name)


@contextlib.contextmanager
def mixed(t, name, host, device):
    directory = t.dir / name
    directory.mkdir()
    inside = Mixed(t, directory, host, device)
    failed = True
    try:
        yield inside
        failed = False
    finally:
        inside.close(failed)
