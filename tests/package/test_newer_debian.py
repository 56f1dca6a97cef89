# SPDX-License-Identifier: Apache-2.0
"""Newer releases of Debian: built without a warning by their compilers, and tried with their libraries and OpenSSH.

Debian 13 has libssh 0.11, the release after it 0.12, which is the first with post-quantum key exchange."""
import os
import re

from interop.test_servers import need_root
from support.debian import in_root, root
from support.fixture import seconds

PACKAGES = """dropbear-bin gcc iproute2 libcmocka-dev libconfuse-dev libdeflate-dev libisal-dev libseccomp-dev libsodium-dev
    libssh-dev libubootenv-dev libubootenv-tool libxxhash-dev libzstd-dev meson mount nettle-dev ninja-build
    openssh-client openssh-server openssl pkg-config procps putty-tools python3 python3-paramiko python3-xxhash
    zlib1g-dev""".split()
# What depends on libraries, the C library, the kernel's calls, OpenSSH or Python.
TESTS = ("unit/", "static/wings/", "sandbox/", "scenario/adaptive/", "scenario/daemon/", "scenario/key_files/",
         "scenario/key_rotation/", "scenario/libssh_traps/", "scenario/login/", "scenario/old_kernel/", "scenario/push/",
         "scenario/strangers/", "interop/clients/", "interop/servers/")


def release(t, name, *more):
    if not os.environ.get("FWSSH_LONG"):
        t.skip("takes minutes: make check-long")
    need_root(t)
    return root(t, name, (*PACKAGES, *more))


def build_and_run(t, place, compiler, tests):
    """The totals of these tests with what the root's compiler has built."""
    work = t.dir / compiler
    work.mkdir()
    work.chmod(0o1777)
    script = f"""set -eu
cd /tmp
CC={compiler} meson setup build /mnt -Dwerror=true
ninja -C build
exec python3 /mnt/tests/run.py build {' '.join(f'--only {name}' for name in tests)}
"""
    r = in_root(t, place, script, timeout=1100, binds=((t.src, "mnt"), (work, "tmp")))
    assert r.returncode == 0, r.stdout[-8000:] + r.stderr[-2000:]
    print(r.stdout)
    return [int(n) for n in re.search(r"(\d+) passed, (\d+) failed, (\d+) skipped\n$", r.stdout).groups()]


@seconds(1200)
def test_debian_13(t):
    place = release(t, "trixie", "clang")
    passed, failed, _ = build_and_run(t, place, "gcc", TESTS)
    assert passed > 200 and not failed
    passed, failed, _ = build_and_run(t, place, "clang", ("unit/",))
    assert passed > 100 and not failed


@seconds(1200)
def test_release_after_debian_13(t):
    place = release(t, "forky")
    passed, failed, _ = build_and_run(t, place, "gcc", TESTS)
    assert passed > 200 and not failed
