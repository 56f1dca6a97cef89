# SPDX-License-Identifier: Apache-2.0
"""Static programs for devices, from packaging/static/build.sh: each architecture runs here, under QEMU, and writes a firmware."""
import hashlib
import json
import os
import re
import shutil
import subprocess

from interop.test_agentless import ON_BOARD, busybox, options
from support.fixture import seconds
from static.test_third_party import sbom
from support.slots import SLOT_B, TwoSlots, content, firmware

SET_MAX = 6_000_000  # bytes of all programs for a device


def build(t, arch, source, out):
    r = t.run([source / "packaging/static/build.sh", arch, out], timeout=480)
    assert r.returncode == 0, r.stdout[-3000:] + r.stderr[-3000:]
    return out / "bin"


def check(t, arch, *needed):
    for program in ("mmdebstrap", *needed):
        t.need(program)
    out = t.build / "static" / arch  # keeps what was extracted
    out.mkdir(parents=True, exist_ok=True)
    programs = build(t, arch, t.src, out)
    check_size(programs)
    check_libraries(t, out)
    update(t, out / "run")


def check_libraries(t, out):
    """Those of THIRD-PARTY.md and no others, each with the version that is in it."""
    known = sbom(t).libraries().values()
    for program in ("fwssh-session", "fwssh-agent"):
        found = json.loads((out / f"sbom/{program}.cdx.json").read_text())["components"]
        assert {c["bom-ref"] for c in found} == {one.file for one in known if program in one.static or "all" in one.static}
        assert all(re.match(r"(\d+:)?\d", c["version"]) for c in found), found


def check_size(programs):
    size = sum(path.stat().st_size for path in programs.iterdir() if not path.is_symlink())
    assert size <= SET_MAX, size


def update(t, programs):
    """fwssh-receive, with fwpack as its updater, through pipes."""
    new = content(2)
    device = TwoSlots(t, content(1))
    fw = firmware(t, "2.0.0", new).read_bytes()
    keys = {**device.daemon.config, "updater": programs / "fwpack"}
    given = [x for k in ("device", "uboot-env-config", "state-dir", "lock-file", "updater", "reboot-command")
             for x in ("-o", f"{k}={keys[k]}")]
    r = t.run([programs / "fwssh-receive", "-f", "/dev/null", *given, "-o", "strict-modes=false", "-s", "fwssh", "--stderr"],
              input=b"fwssh/1 update size=%d reboot=no\n" % len(fw) + fw, text=False, timeout=120)
    assert r.returncode == 0 and r.stdout.startswith(b"fwssh/1 ok"), r
    assert device.image.read_bytes()[SLOT_B:].startswith(new)


@seconds(500)
def test_arm64(t):
    check(t, "arm64", "aarch64-linux-gnu-gcc", "qemu-aarch64-static")


@seconds(500)
def test_armhf(t):
    check(t, "armhf", "arm-linux-gnueabihf-gcc", "qemu-arm-static")


def push_without_fwsshd(t, programs):
    """To BusyBox and Dropbear, with the static program."""
    (t.dir / "agent/x86_64").mkdir(parents=True)
    shutil.copy(programs / "fwssh-agent", t.dir / "agent/x86_64")
    device = TwoSlots(t, content(1))
    board = busybox(t, device)
    r = device.push(firmware(t, "3.0.0", content(3)), *options(t, device.daemon, *ON_BOARD), port=board.port)
    assert r.returncode == 0 and device.slot("b").startswith(content(3)), r
    board.place().wait_clean(t)


def hashes(directory):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in directory.iterdir()}


@seconds(500)
def test_two_places_give_the_same_bytes(t):
    """Other directories of source and build, and another time."""
    if not os.environ.get("FWSSH_LONG"):
        t.skip("make check-long does this")
    t.need("mmdebstrap")
    files = subprocess.run(["git", "-C", t.src, "ls-files", "-z", "-co", "--exclude-standard"], stdout=subprocess.PIPE, check=True)
    for name in files.stdout.decode().split("\0"):
        if name and not (t.src / name).is_symlink() and (t.src / name).exists():
            to = t.dir / "elsewhere/deeper/copy" / name
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(t.src / name, to)
    version = t.run([t.src / "packaging/version.sh"]).stdout
    (t.dir / "elsewhere/deeper/copy/.tarball-version").write_text(version)
    first = build(t, "x86_64", t.src, t.dir / "one")
    check_size(first)
    check_libraries(t, t.dir / "one")
    update(t, t.dir / "one/run")
    push_without_fwsshd(t, first)
    second = t.dir / "another/place"
    second.mkdir(parents=True)
    os.rename(t.dir / "one/sysroot", second / "sysroot")
    assert hashes(first) == hashes(build(t, "x86_64", t.dir / "elsewhere/deeper/copy", second))
