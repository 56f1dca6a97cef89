# SPDX-License-Identifier: Apache-2.0
"""Debian's RAUC behind fwsshd."""
import re
import subprocess

from support.adapter import complaint, request, update
from support.rauc_device import RaucDevice, certificate
from support.update import marker

PLAIN_ONLY = "most of it is RAUC"


def test_push_confirm_revert(t):
    d = RaucDevice(t)
    bundle, image = d.bundle()
    r = update(d.daemon, bundle.read_bytes())
    assert r.returncode == 0 and b"Installing `the bundle` succeeded" in r.stdout.replace(b"'", b"`"), r
    d.daemon.wait_reboot()
    assert d.slot("b", len(image)) == image and d.untouched("a") and d.get("primary") == "B"
    facts = request(d.daemon, "status")[1]
    assert (facts["active"], facts["next"], facts["pending"], facts["accepts"]) == ("A", "B", "new", "raucb"), facts
    assert facts["slot.B.version"] == "2.0" and facts["product"] == "camera", facts
    assert update(d.daemon, bundle.read_bytes()).returncode == 3
    # Before its first start it is discarded.
    status, facts = request(d.daemon, "revert")
    assert (status, facts["next"], d.get("primary")) == (0, "A", "A"), facts
    d.put(primary="B", **{"state.B": "bad"})
    d.reboot("B")
    facts = request(d.daemon, "status")[1]
    assert (facts["active"], facts["version"], facts["pending"], facts["confirmed"]) == ("B", "2.0", "no", "no"), facts
    status, facts = request(d.daemon, "confirm")
    assert (status, facts["confirmed"], d.get("state.B")) == (0, "yes", "good"), facts
    status, facts = request(d.daemon, "revert")
    assert (status, facts["next"], d.get("primary"), d.get("state.B")) == (0, "A", "A", "bad"), facts
    d.daemon.wait_reboot(2)


def test_slot_on_trial(t):
    """As with GRUB's variables: a slot that was tried once and is not marked good yet is passed over at the next boot."""
    d = RaucDevice(t)
    data = d.bundle()[0].read_bytes()
    d.put(primary="A", trial="", **{"state.B": "bad"})
    d.reboot("B")
    facts = request(d.daemon, "status")[1]
    assert (facts["active"], facts["next"], facts["pending"], facts["confirmed"]) == ("B", "A", "fallback", "no"), facts
    r = update(d.daemon, data)
    assert r.returncode == 3 and "slot B is on trial" in complaint(r), r
    # A reboot is all that it needs to go back.
    status, facts = request(d.daemon, "revert")
    assert (status, facts["next"], d.get("primary"), d.get("state.B")) == (0, "A", "A", "bad"), facts
    d.daemon.wait_reboot()
    status, facts = request(d.daemon, "confirm")
    assert (status, facts["next"], facts["pending"], facts["confirmed"]) == (0, "B", "no", "yes"), facts


def test_push_that_waits(t):
    """fwssh push --wait --confirm, on a device that comes back with the other slot."""
    d = RaucDevice(t)
    bundle = d.bundle()[0]
    boot_id = "/proc/sys/kernel/random/boot_id"
    (t.dir / "boot-id").write_text("first\n")
    assert t.run(["mount", "--bind", t.dir / "boot-id", boot_id]).returncode == 0
    push = t.start([t.bin("fwssh"), "push", "127.0.0.1", "--firmware", bundle, "--wait", "--confirm", "--port",
                    d.daemon.port, "--ssh-option", f"UserKnownHostsFile={t.dir}/known_hosts", "--ssh-option",
                    f"IdentityFile={d.daemon.key}", "--ssh-option", "StrictHostKeyChecking=accept-new"],
                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    d.daemon.wait_reboot()
    d.put(**{"state.B": "bad"})
    d.reboot("B")
    (t.dir / "boot-id").write_text("second\n")
    text = push.communicate(timeout=60)[0]
    assert push.returncode == 0, text
    assert "\nConfirmed.\n" in text and "Done: the device runs the new firmware (slot B, version 2.0), and it is confirmed" \
        in text, text
    assert d.get("state.B") == "good"


def test_bundles_that_are_refused(t):
    d = RaucDevice(t)
    certificate(t, "other", "emailProtection")
    good = d.bundle()[0].read_bytes()
    for name, data, why in (("signer", d.bundle("other", key="other")[0].read_bytes(), "signature verification failed"),
                            ("compatible", d.bundle("compat", compatible="toaster")[0].read_bytes(), "Compatible mismatch"),
                            ("truncated", good[:len(good) // 2], ""),
                            ("noise", b"hello" * 1000, "")):
        r = update(d.daemon, data)
        assert r.returncode == 4 and "rauc refuses the bundle: " in complaint(r) and why in complaint(r), (name, r)
        assert d.untouched("a") and d.untouched("b") and d.get("primary") == "A", name
    assert d.daemon.reboots() == 0 and not list(t.dir.glob("*.run"))


def test_client_lost(t):
    d = RaucDevice(t)
    data = d.bundle()[0].read_bytes()
    client = d.daemon.client(subsystem="fwssh")
    client.stdin.write(b"fwssh/1 update size=%d\n" % len(data) + data[:-1])
    t.wait_for(lambda: d.daemon.pids("fwssh-receive"), "fwssh-receive")
    client.kill()
    d.daemon.wait_log("connection to the client was lost")
    assert d.untouched("b") and d.get("primary") == "A" and "set-" not in marker(t, "backend.log")


def test_no_room(t):
    d = RaucDevice(t, spool_max=1)
    data = d.bundle(size=2 << 20)[0].read_bytes()
    r = update(d.daemon, data)
    assert r.returncode == 3 and re.search("needs 3 MiB in .* may use 1 of", complaint(r)), r
    assert "set-" not in marker(t, "backend.log")


def test_busy(t):
    d = RaucDevice(t)
    data = d.bundle()[0]
    t.script("backend", marker(t, "backend").replace("case $1", "while [ $1 = set-state ] && [ -e hold ]; do sleep 0.1; done\n"
                                                                "case $1"))
    d.put(hold="")
    other = t.start(["rauc", "install", data])
    t.wait_for(lambda: "set-state" in marker(t, "backend.log"), "the other installation")
    r = update(d.daemon, data.read_bytes())
    assert r.returncode == 3 and b"busy with another installation" in r.stderr.splitlines()[-1], r
    (t.dir / "hold").unlink()
    assert other.wait(30) == 0


def test_no_service(t):
    d = RaucDevice(t)
    d.service.terminate()
    d.service.wait(20)
    r = update(d.daemon, b"hello")
    assert r.returncode == 1 and b"rauc status fails: " in r.stderr, r
    test = t.run([t.bin("fwsshd"), "-f", d.daemon.conf, "-t"])
    assert re.search("^FAIL updater: .*rauc status fails", test.stderr, re.M), test.stderr
