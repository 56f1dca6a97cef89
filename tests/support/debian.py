# SPDX-License-Identifier: Apache-2.0
"""The Debian packages of the committed sources, and roots to install them in."""
import fcntl
import re
import shutil


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


def release_sources(t, release):
    """The same mirrors for another release of Debian, or None if none of them has it."""
    r = t.run(["apt-get", "indextargets", "--no-release-info", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)",
               "Created-By: Packages"])
    found = []
    for line in sorted(set(r.stdout.splitlines())):
        uri, ours, component = line.split()
        theirs = re.sub(r"^[a-z]+", release, ours)
        if "debian" in uri and component == "main" and mirror_has(t, uri, theirs):
            found.append(f"deb {uri} {theirs} main\n")
    return "".join(found) or None


def mirror_has(t, uri, release):
    """Asked with apt's own configuration: there may be a proxy."""
    return t.run(["/usr/lib/apt/apt-helper", "download-file", f"{uri}dists/{release}/InRelease", t.dir / "InRelease"]).returncode == 0


def frozen_mirror(t):
    """Of a mirror that stands still, the machine's apt has to believe old lists; so has that of the root."""
    name = "Acquire::Check-Valid-Until"
    value = t.run(["apt-config", "dump", "--format", "%v", name]).stdout.strip()
    return [f'--aptopt={name} "{value}"'] if value else []


def root(t, release, packages):
    """A directory with that release of Debian and these packages, made once for each build directory; nobody changes it."""
    t.need("mmdebstrap")
    place = t.build / "roots" / release
    place.mkdir(parents=True, exist_ok=True)
    wanted = ",".join(sorted(packages))
    with open(place / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = place / "packages"
        if not done.exists() or done.read_text() != wanted:
            lines = release_sources(t, release) or t.skip(f"the mirror has no {release}")
            shutil.rmtree(place / "root", ignore_errors=True)
            r = t.run(["mmdebstrap", "--variant=apt", "--dpkgopt=force-unsafe-io", f"--include={wanted}", *frozen_mirror(t),
                       release, place / "root", "-"], input=lines, timeout=900)
            assert r.returncode == 0, r.stderr[-2000:]
            done.write_text(wanted)
    return place / "root"


def in_root(t, root, script, timeout=300, binds=()):
    """A shell script with the root's own /proc, and with binds: pairs of a directory of ours and one of the root. None of its
    processes survives."""
    # A mount point, so that tests can make mount namespaces in it.
    mounts = [f"mount --bind {root} {root}", f"mount -t proc proc {root}/proc", f"mount --rbind /dev {root}/dev",
              *(f"mount --bind {ours} {root}/{theirs}" for ours, theirs in binds)]
    return t.run(["unshare", "-m", "-p", "-f", "--kill-child", "sh", "-c", " && ".join([*mounts, f'exec chroot {root} sh -c "$1"']),
                  "sh", script], timeout=timeout,
                 env={"DEBIAN_FRONTEND": "noninteractive", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
