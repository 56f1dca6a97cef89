# SPDX-License-Identifier: Apache-2.0
"""The tarball has the same bytes wherever and whenever it is made from a commit."""
import hashlib
import os
import tarfile

from support.fixture import seconds


def clone(t, name):
    """The last commit, without what has been changed in the tree since."""
    where = t.dir / name
    r = t.run(["git", "clone", "-q", t.src, where])
    assert r.returncode == 0, r.stderr
    return where


def other_clone(t, name):
    """One whose user, clock and configuration are other ones."""
    where = clone(t, name)
    for key, value in (("core.autocrlf", "true"), ("tar.umask", "077")):
        assert t.run(["git", "-C", where, "config", key, value]).returncode == 0
    for path in where.rglob("*"):
        if path.is_file() and not path.is_symlink() and ".git" not in path.parts:
            os.utime(path, (10**9, 10**9))
    return where


def make(t, program, source, out, umask="022", zone="UTC"):
    out.mkdir(parents=True)
    r = t.run(["sh", "-c", 'umask "$1" && shift && exec "$@"', "sh", umask, source / "packaging" / program, out],
              env={"TZ": zone}, timeout=600)
    assert r.returncode == 0, r.stdout + r.stderr
    return out


def hashes(directory, pattern):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in directory.glob(pattern)}


@seconds(300)
def test_tarball_is_the_same_everywhere(t):
    first = make(t, "dist.sh", clone(t, "a"), t.dir / "out/a")
    second = make(t, "dist.sh", other_clone(t, "deeper/another/place"), t.dir / "out/b", umask="077", zone="Asia/Tokyo")
    found = hashes(first, "fwssh-*.tar.gz")
    assert len(found) == 1 and found == hashes(second, "*"), found
    tree = unpack(t, first)
    r = t.run([tree / "packaging/version.sh"])
    assert r.stdout == t.run([t.dir / "a/packaging/version.sh"]).stdout and tree.name == f"fwssh-{r.stdout.strip()}", r


def unpack(t, directory):
    name, = directory.glob("*.tar.gz")
    with tarfile.open(name) as archive:
        archive.extractall(t.dir / "unpacked")
    tree, = (t.dir / "unpacked").iterdir()
    return tree


def test_no_tarball_of_what_is_not_committed(t):
    where = clone(t, "a")
    (where / "Makefile").open("a").write("# changed\n")
    r = t.run([where / "packaging/dist.sh", t.dir])
    assert r.returncode == 1 and ".dirty: commit" in r.stderr and not list(t.dir.glob("*.tar.gz")), r
