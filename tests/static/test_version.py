# SPDX-License-Identifier: Apache-2.0
"""What programs, packages and tarballs are called: packaging/version.sh."""
import re
import shutil

from support.sources import sources

# Programs that print it as "NAME VERSION", and how to ask. `fwpack --version` prints what it implements of fwup.
ASK = {name: "--version" for name in ("fwssh", "fwsshd", "fwssh-agent", "fwssh-hold", "fwssh-receive", "fwssh-session")}
ASK["fwpack"] = "version"


def project_version(t):
    return re.search(r"^  version: '(\d+\.\d+\.\d+)',$", (t.src / "meson.build").read_text(), re.M).group(1)


def test_programs_name_version_and_commit(t):
    found = {t.run([t.bin(name), word]).stdout.split()[1] for name, word in ASK.items()}
    assert len(found) == 1, found
    rest = found.pop().removeprefix(project_version(t))
    assert re.fullmatch(r"|-dev|(-dev(\.\d+)?)?\+g[0-9a-f]{12}(\.dirty)?", rest), rest
    git = t.run(["git", "-C", t.src, "rev-parse", "HEAD"])
    assert rest or git.returncode or t.run(["git", "-C", t.src, "tag", "--points-at", "HEAD"]).stdout, "not a release"


class Tree:
    """A tree with only what version.sh looks at."""

    def __init__(self, t, path):
        self.t, self.path = t, path
        (path / "packaging").mkdir(parents=True)
        shutil.copy(t.src / "packaging/version.sh", path / "packaging")
        (path / "meson.build").write_text("project('fwssh', 'c',\n  version: '0.7.0',\n")

    def git(self, *words):
        r = self.t.run(["git", "-C", self.path, "-c", "user.name=t", "-c", "user.email=t", "-c", "init.defaultBranch=main", *words])
        assert r.returncode == 0, r
        return r.stdout.strip()

    def commit(self):
        self.git("add", ".")
        self.git("commit", "-q", "--allow-empty", "-m", "x")
        return "+g" + self.git("rev-parse", "HEAD")[:12]

    def version(self):
        r = self.t.run([self.path / "packaging/version.sh"])
        assert r.returncode == 0 and not r.stderr, r
        return r.stdout.strip()


def test_version_says_how_far_the_commit_is_from_a_release(t):
    tree = Tree(t, t.dir / "tree")
    assert tree.version() == "0.7.0-dev"
    tree.git("init", "-q")
    assert tree.version() == "0.7.0-dev"
    first = tree.commit()
    assert tree.version() == f"0.7.0-dev.1{first}"
    tree.git("tag", "v0.6.0")
    assert tree.version() == f"0.7.0-dev.0{first}", "another version's tag"
    second = tree.commit()
    assert tree.version() == f"0.7.0-dev.1{second}"
    (tree.path / "meson.build").open("a").write("#\n")
    assert tree.version() == f"0.7.0-dev.1{second}.dirty"
    tree.git("tag", "-a", "-m", "x", "v0.7.0")
    assert tree.version() == f"0.7.0{second}.dirty"
    tree.git("checkout", "-q", ".")
    (tree.path / "not-ours").touch()
    assert tree.version() == "0.7.0"


def test_version_without_the_history(t):
    tree = Tree(t, t.dir / "tree")
    tree.git("init", "-q")
    tree.commit()
    commit = tree.commit()
    t.run(["git", "clone", "-q", "--depth=1", f"file://{tree.path}", t.dir / "shallow"])
    r = t.run([t.dir / "shallow/packaging/version.sh"])
    assert r.stdout == f"0.7.0-dev{commit}\n", r
    assert Tree(t, tree.path / "inside").version() == "0.7.0-dev", "the repository around it is not its own"
    (tree.path / ".tarball-version").write_text("0.7.0-dev.9+g123\n")
    assert tree.version() == "0.7.0-dev.9+g123"


def test_all_places_name_the_same_version(t):
    version = project_version(t)
    text = {path.name: path.read_text() for path in sources(t, "packaging/debian/changelog", "*/fwssh.mk", "*/galaxy.yml")}
    assert text["changelog"].startswith(f"fwssh ({version}) "), text["changelog"]
    assert f"\nFWSSH_VERSION = {version}\n" in text["fwssh.mk"] and f"\nversion: {version}\n" in text["galaxy.yml"]
    assert [path.name for path in sources(t, "*.bb")] == [f"fwssh_{version}.bb"]


def test_after_a_release_the_version_goes_on(t):
    """Else what is built between two releases would say that it is older than the last one."""
    version = project_version(t)
    tags = t.run(["git", "-C", t.src, "tag", "--merged", "HEAD", "--list", f"v{version}"]).stdout.split()
    here = t.run(["git", "-C", t.src, "tag", "--points-at", "HEAD"]).stdout.split()
    assert set(tags) <= set(here), f"v{version} is released: meson.build needs the next version"
