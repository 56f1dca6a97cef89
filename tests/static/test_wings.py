# SPDX-License-Identifier: Apache-2.0
"""Each wing builds alone, with the libraries that it needs and no others."""
import re
import subprocess

from support.fixture import seconds

# The pkg-config files that a wing may use; it must not ask for any others.
PKG_CONFIG = {
    "host": ["libconfuse", "zlib", "libsodium", "libdeflate", "libzstd", "libxxhash"],
    "engine": ["libconfuse", "zlib", "libsodium", "libdeflate", "nettle", "libzstd", "libxxhash", "libseccomp"],
    "device": ["libconfuse", "libseccomp", "libssh"],
}
PROGRAMS = {"host": {"fwssh"}, "engine": {"fwpack", "fwssh-hold"}, "device": {"fwsshd", "fwssh-session", "fwssh-receive"}}
NEEDED = {
    "fwssh": {"confuse", "z", "sodium", "deflate", "zstd"},
    "fwpack": {"confuse", "z", "sodium", "deflate", "nettle"},
    "fwssh-hold": {"confuse", "z", "sodium", "deflate", "nettle", "zstd", "seccomp"},
    "fwsshd": {"confuse", "ubootenv"},
    "fwssh-receive": {"confuse", "ubootenv"},
    "fwssh-session": {"ssh", "seccomp"},
}


def pkg_config_dir(t, wing):
    """A directory with the .pc files of only these libraries, and of what they require themselves."""
    to = t.dir / f"pc-{wing}"
    to.mkdir()
    names = list(PKG_CONFIG[wing])
    for name in names:
        r = t.run(["pkg-config", "--variable=pcfiledir", name])
        assert r.returncode == 0, f"no {name}.pc"
        (to / f"{name}.pc").symlink_to(f"{r.stdout.strip()}/{name}.pc")
        required = t.run(["pkg-config", "--print-requires", "--print-requires-private", name]).stdout
        names += [line.split()[0] for line in required.splitlines() if line.split()[0] not in names]
    return to


def needed(program):
    text = subprocess.run(["readelf", "-d", program], stdout=subprocess.PIPE, text=True, check=True).stdout
    return set(re.findall(r"NEEDED.*\[lib([\w+-]+?)\.so", text)) - {"c", "m", "pthread"}


def build(t, wing):
    to = t.dir / wing
    options = [f"-D{other}={'enabled' if other == wing else 'disabled'}" for other in PROGRAMS]
    env = {"PKG_CONFIG_LIBDIR": str(pkg_config_dir(t, wing)), "CC": "gcc"}
    r = t.run(["meson", "setup", to, t.src, "-Dinflate=zlib", "-Dwerror=true", "-Doptimization=0", *options], env=env)
    assert r.returncode == 0, r.stdout[-3000:] + r.stderr
    r = t.run(["ninja", "-C", to, *(f"src/{name}" for name in PROGRAMS[wing])], timeout=170)
    assert r.returncode == 0, r.stdout[-3000:]
    return {p.name: p for p in (to / "src").iterdir() if p.is_file() and p.name in NEEDED}


def check_wing(t, wing):
    t.need("meson")
    programs = build(t, wing)
    assert set(programs) == PROGRAMS[wing]
    for name, path in programs.items():
        assert needed(path) <= NEEDED[name], (name, needed(path))
        assert t.run([path, "--version"]).returncode == 0


@seconds(180)
def test_device_builds_alone(t):
    check_wing(t, "device")


@seconds(180)
def test_engine_builds_alone_also_without_nettle(t):
    check_wing(t, "engine")
    (t.dir / "pc-engine/nettle.pc").unlink()
    for argv in (["meson", "setup", "--reconfigure", "-Ddisk-encryption=disabled", t.dir / "engine", t.src],
                 ["ninja", "-C", t.dir / "engine", "src/fwpack", "src/fwssh-hold"]):
        r = t.run(argv, env={"PKG_CONFIG_LIBDIR": str(t.dir / "pc-engine")}, timeout=170)
        assert r.returncode == 0, r.stdout[-3000:] + r.stderr
    for name in PROGRAMS["engine"]:
        found = needed(t.dir / "engine/src" / name)
        assert found == NEEDED[name] - {"nettle"}, found
    check_refusal(t, t.dir / "engine/src/fwpack")


def check_refusal(t, fwpack):
    """Of what would have to be encrypted, before anything is written, with a reason; in a delta's source, too."""
    options = f"cipher=aes-xts-plain64,secret={'ab' * 64}"
    (t.dir / "new.img").write_bytes(b"n" * 4096)
    (t.dir / "fw.conf").write_text(f"""
file-resource new.img {{ host-path = "new.img" }}
task plain {{ on-resource new.img {{ raw_write(10) }} }}
task encrypted {{ on-init {{ raw_memset(0, 8, 1) }} on-resource new.img {{ raw_write(10, "{options}") }} }}
task source {{ on-init {{ raw_memset(0, 8, 1) }} on-resource new.img {{
  delta-source-raw-offset = 30 delta-source-raw-count = 8 delta-source-raw-options = "{options}" raw_write(10) }} }}
""")
    r = t.run([t.bin("fwpack"), "create", "-f", "fw.conf", "-o", "fw.fw"])
    assert r.returncode == 0, r
    image = t.image()
    for task in ("encrypted", "source"):
        r = t.run([fwpack, "apply", "-i", "fw.fw", "-d", image, "-t", task])
        assert r.returncode == 4 and "this build has no disk encryption" in r.stdout + r.stderr, (task, r)
        assert not image.read_bytes().strip(b"\0"), task
    r = t.run([fwpack, "apply", "-i", "fw.fw", "-d", image, "-t", "plain"])
    assert r.returncode == 0 and image.read_bytes()[5120:9216] == b"n" * 4096, r


# Calls of Linux or glibc that POSIX (Issue 8) does not have. ARCHITECTURE.md, "Porting the host", lists
# those that the host uses, with their files.
NOT_POSIX = {
    "accept4", "clone", "copy_file_range", "epoll_create1", "eventfd", "explicit_bzero", "fallocate", "getrandom",
    "inotify_init1", "memfd_create", "mkostemp", "mount", "pipe2", "pivot_root", "prctl", "ppoll", "sched_getaffinity",
    "sched_setaffinity", "secure_getenv", "sendfile", "setns", "setresgid", "setresuid", "signalfd", "splice",
    "sync_file_range", "syscall", "tee", "timerfd_create", "umount2", "unshare", "vmsplice",
}


def documented_calls(t):
    text = (t.src / "ARCHITECTURE.md").read_text()
    section = text[text.index("## Porting the host"):]
    section = section[:section.index("\n## ", 3)]
    return set(re.findall(r"^\| `(\w+)", section, re.M))


@seconds(180)
def test_host_builds_alone_from_posix_and_a_short_list(t):
    check_wing(t, "host")
    text = subprocess.run(["nm", "-D", "--undefined-only", t.dir / "host/src/fwssh"], stdout=subprocess.PIPE,
                          text=True, check=True).stdout
    used = set(re.findall(r" U (\w+?)(?:64)?(?:@|$)", text, re.M)) & NOT_POSIX
    assert used == documented_calls(t), used ^ documented_calls(t)
