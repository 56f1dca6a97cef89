# SPDX-License-Identifier: Apache-2.0
"""The Debian packages of the committed sources, and roots to install them in."""
import fcntl


def packages(t):
    """A directory with the packages. They are built once for each commit."""
    commit = t.run(["git", "-C", t.src, "rev-parse", "HEAD"]).stdout.strip()
    place = t.build / "debs" / commit
    place.mkdir(parents=True, exist_ok=True)
    with open(place / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not list(place.glob("*.changes")):
            source = t.dir / "committed"
            r = t.run(["git", "clone", "-q", t.src, source])
            assert r.returncode == 0, r.stderr
            r = t.run([source / "packaging/deb.sh", place], timeout=600)
            assert r.returncode == 0, r.stderr
    return place


def sources(t):
    """The machine's own, so that its mirror is used."""
    return t.run(["sh", "-c", "cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources "
                              "2>/dev/null || true"]).stdout
