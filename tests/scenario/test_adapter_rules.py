# SPDX-License-Identifier: Apache-2.0
"""fwssh-updater-test: our own adapters keep all rules, and it names the one that another breaks."""
import os
import re
import shutil
import subprocess

from support.adapter import ADAPTERS, stand_in
from support.fixture import seconds, waits
from support.process import at_home
from support.rauc_device import RaucDevice
from support.swupdate_device import SwupdateDevice, archive
from support.update import MB

PLAIN_ONLY = "what is tested are shell scripts"

# A client that knows one artifact, and what is installed: as far as the adapter asks Mender's.
MENDER = """#!/bin/sh
cd {dir} || exit 1
while [ "${{1#-}}" != "$1" ]; do if [ "$1" = -l ]; then shift; fi; shift; done
case $1 in
show-artifact) cat artifact ;;
install) head -c 100 "$2" | grep -q version || {{ echo 'time="now" level=error msg="not compatible: no artifact"'; exit 1; }}
    cat > input < "$2"; echo b > next ;;
commit) [ "$(cat next)" != "$(cat running)" ] || exit 2 ;;
rollback) [ "$(cat next)" != "$(cat running)" ] || exit 2; cat running > next ;;
esac
"""


def conformance(t, program, *options, env=None, tester=None):
    r = t.run([(tester or t.src / ADAPTERS) / "fwssh-updater-test", *options, program], env=env, timeout=110)
    return r, re.findall(r"^FAIL (.*)$", r.stdout, re.M)


def assert_kept(r, failures):
    assert (r.returncode, failures) == (0, []) and "\nall rules are kept\n" in r.stdout, r
    for rule in ("write: slot", "revert: of an update", "revert: to the slot before", "confirm"):
        assert f"\nok   {rule}" in r.stdout, (rule, r.stdout)


def image_site(t):
    """Two slots, and a firmware for them: the environment."""
    (t.dir / "conf").write_text("".join(f"slot_{s}={t.dir}/slot-{s}\n" for s in "ab") +
                                f"running() {{ cat {t.dir}/running; }}\nnext() {{ cat {t.dir}/next; }}\n"
                                f"switch_to() {{ echo $1 > {t.dir}/next; }}\n")
    for name in ("running", "next"):
        (t.dir / name).write_text("a\n")
    for name in ("slot-a", "slot-b", "firmware"):
        (t.dir / name).write_bytes(os.urandom(MB))
    return {"FWSSH_UPDATER_CONF": str(t.dir / "conf")}


def busybox_alone(t, *tools):
    """A PATH with nothing but BusyBox and these, and the adapters for its shell."""
    busybox = shutil.which(t.need("busybox"))
    bin = t.dir / "bin"
    bin.mkdir()
    for name in t.run([busybox, "--list"]).stdout.split():
        (bin / name).symlink_to(busybox)
    for tool in tools:
        (bin / tool).symlink_to(shutil.which(tool))
    copy = t.dir / "adapters"
    shutil.copytree(t.src / ADAPTERS, copy)
    for path in copy.glob("fwssh-updater-*"):
        path.write_text(path.read_text().replace("#!/bin/sh\n", f"#!{busybox} sh\n", 1))
    return copy, {"PATH": str(bin)}


def test_image(t):
    env = image_site(t)
    assert_kept(*conformance(t, t.src / ADAPTERS / "fwssh-updater-image", "-f", t.dir / "firmware", env=env))


def test_image_with_busybox_alone(t):
    adapters, env = busybox_alone(t)
    env.update(image_site(t))
    assert_kept(*conformance(t, adapters / "fwssh-updater-image", "-f", t.dir / "firmware", env=env, tester=adapters))


def test_rauc_with_busybox_alone(t):
    d = RaucDevice(t)
    bundle = d.bundle()[0]
    adapters, env = busybox_alone(t, "rauc")
    assert_kept(*conformance(t, adapters / "fwssh-updater-rauc", "-f", bundle, env=env, tester=adapters))


def test_swupdate_with_busybox_alone(t):
    SwupdateDevice(t)
    archive(t)
    adapters, env = busybox_alone(t, "swupdate")
    env["FWSSH_UPDATER_CONF"] = str(t.dir / "site.conf")
    assert_kept(*conformance(t, adapters / "fwssh-updater-swupdate", "-f", t.dir / "x.swu", "-o", "-k", "-o",
                             t.dir / "good.pem", "-o", "-H", "-o", "board:1.0", env=env, tester=adapters))


def test_rauc(t):
    d = RaucDevice(t)
    bundle = d.bundle()[0]
    assert_kept(*conformance(t, t.src / ADAPTERS / "fwssh-updater-rauc", "-f", bundle))


def test_swupdate(t):
    SwupdateDevice(t)
    archive(t)
    assert_kept(*conformance(t, t.src / ADAPTERS / "fwssh-updater-swupdate", "-f", t.dir / "x.swu", "-o", "-k", "-o",
                             t.dir / "good.pem", "-o", "-H", "-o", "board:1.0",
                             env={"FWSSH_UPDATER_CONF": str(t.dir / "site.conf")}))


def test_mender(t):
    (t.dir / "bin").mkdir()
    t.script("bin/mender", MENDER.format(dir=t.dir))
    for name, text in dict(running="a", next="a", artifact="release-1").items():
        (t.dir / name).write_text(text + "\n")
    (t.dir / "conf").write_text(f"running() {{ cat {t.dir}/running; }}\nnext() {{ cat {t.dir}/next; }}\n"
                                f"switch_to() {{ echo $1 > {t.dir}/next; }}\n")
    (t.dir / "firmware").write_bytes(b"version" + bytes(MB))
    env = {"PATH": f"{t.dir}/bin:{os.environ['PATH']}", "FWSSH_UPDATER_CONF": str(t.dir / "conf")}
    assert_kept(*conformance(t, t.src / ADAPTERS / "fwssh-updater-mender", "-f", t.dir / "firmware", env=env))


# What breaks a rule, and the rule that is named. Half of the firmware must not be enough to switch.
BROKEN = {
    "describe-fails": (dict(describe="echo no tool; exit 1"), "describe: exits with 1: no tool"),
    "no-input": (dict(describe="echo accepts=raw"), "describe: prints neither input=stream nor input=file"),
    "no-accepts": (dict(describe="echo input=stream"), "describe: does not say what it accepts"),
    "odd-accepts": (dict(describe="echo input=stream; echo accepts=zip"), "describe: accepts=zip: 'zip' is none of"),
    "knows-everything": (dict(dance="exit 0"), "dance: a verb that nobody knows is no success"),
    "status-fails": (dict(status="echo no loader; exit 1"), "status: exits with 1: no loader"),
    "status-odd": (dict(status="echo active=a; echo next=a; echo confirmed=perhaps"), "status: confirmed=perhaps is none of"),
    "write-fails": (dict(write="cat > /dev/null; echo full; exit 1"), "write: exits with 1:  full"),
    "write-lies": (dict(write="cat > /dev/null"), "write: reports success, but slot a still boots next"),
    "write-switches-early": (dict(write="echo b > $me.next; cat > /dev/null"),
                             "write: killed after half of the firmware, and yet slot b boots next"),
    "write-takes-noise": (dict(describe="echo input=file; echo accepts=swu"), "write: noise is no firmware"),
    "write-chatters": (dict(write="cat > /dev/null; echo b > $me.next; echo hello >&3"),
                       "write: a line on descriptor 3 that is none: hello"),
    "write-leaves-children": (dict(write="cat > /dev/null; echo b > $me.next; sleep 1000 4>&- > /dev/null 2>&1 &"),
                              "write: leaves processes behind"),
    "write-leaves-the-lock": (dict(write="cat > /dev/null; echo b > $me.next; setsid sleep 5 > /dev/null 2>&1 < /dev/null & "
                                         "sleep 0.1"),
                              "write: something that it has started still holds the lock (descriptor 4)"),
    "revert-lies": (dict(revert=":"), "revert: of an update that has not booted yet leaves slot b, not slot a, to boot next"),
    "revert-is-wrong": (dict(revert="echo c > $me.next"),
                        "revert: of an update that has not booted yet leaves slot c, not slot a, to boot next"),
    "revert-does-not-go-back": (dict(revert="echo a > $me.next"), "revert: reports success, but slot a, which runs, still boots"),
    "confirm-fails": (dict(confirm="echo read-only; exit 1"), "confirm: exits with 1: read-only"),
    "confirm-lies": (dict(status="echo active=a; echo next=$(cat $me.next); echo confirmed=no", confirm=":"),
                     "confirm: reports success, but status still says confirmed=no"),
}


@waits
@seconds(280)
def test_each_broken_rule_is_named(t):
    (t.dir / "firmware").write_bytes(bytes(1000))
    running = {}
    for name, (verbs, _) in BROKEN.items():
        program = stand_in(t, name=name, **verbs)
        running[name] = t.start([t.src / ADAPTERS / "fwssh-updater-test", "-f", t.dir / "firmware", program],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for name, process in running.items():
        text = process.communicate(timeout=200)[0]
        failures = re.findall(r"^FAIL (.*)$", text, re.M)
        assert process.returncode == 1 and failures and failures[0].startswith(BROKEN[name][1]), (name, text)


@waits
@seconds(100)
def test_verbs_that_hang(t):
    (t.dir / "firmware").write_bytes(bytes(1000))
    program = stand_in(t, name="describe", describe="sleep 1000 & sleep 1000")
    r, failures = conformance(t, program)
    assert failures[0] == "describe: hangs: killed after 10 seconds" and "137" in failures[1], r
    program = stand_in(t, name="write", write="sleep 1000 & sleep 1000")
    r, failures = conformance(t, program, "-t", "2", "-f", t.dir / "firmware")
    assert "write: hangs: killed after 2 seconds" in failures, r
    assert not [name for _, name in at_home(t.dir) if name == "sleep"]


def test_without_a_firmware_nothing_is_changed(t):
    r, failures = conformance(t, stand_in(t))
    assert (r.returncode, failures) == (0, []) and "write, revert and confirm were not tried" in r.stdout, r
    calls = (t.dir / "test.calls").read_text().split()
    assert set(calls) == {"describe", "dance", "status"}
    assert t.run([t.src / ADAPTERS / "fwssh-updater-test"]).returncode == 2
    assert t.run([t.src / ADAPTERS / "fwssh-updater-test", "/nonexistent"]).returncode == 2
