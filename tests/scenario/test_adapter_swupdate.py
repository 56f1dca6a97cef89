# SPDX-License-Identifier: Apache-2.0
"""Debian's SWUpdate behind fwsshd, as a child of the adapter and as a daemon."""
import os

from support.adapter import complaint, request, update
from support.rauc_device import certificate
from support.swupdate_device import SwupdateDevice, archive
from support.update import wait_gone

PLAIN_ONLY = "most of it is SWUpdate"


def check_good(t, d):
    data, image = archive(t)
    r = update(d.daemon, data)
    assert r.returncode == 0 and b"SWUPDATE successful" in r.stdout and b"MTD" not in r.stdout, r
    d.daemon.wait_reboot()
    assert d.slot(len(image)) == image and d.next() == "b" and not list(t.dir.glob("*.run"))
    facts = request(d.daemon, "status")[1]
    assert (facts["active"], facts["pending"], facts["accepts"]) == ("a", "new", "swu"), facts
    assert request(d.daemon, "revert")[0] == 0 and d.next() == "a"


def check_refused(t, listens):
    d = SwupdateDevice(t, listens=listens)
    certificate(t, "other", "emailProtection")
    good = archive(t)[0]
    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 1
    d.reset()
    r = update(d.daemon, archive(t, "other", key="other")[0])
    # The client of a daemon may lose the cause, which is in the journal of a real device.
    assert (r.returncode, d.next()) == ((1 if listens else 4), "a"), r
    assert ("the reason is in its own log" if listens else "Authentication of all signatures failed") in complaint(r), r
    for name, data, why in (("flipped", bytes(flipped), "HASH mismatch"),
                            ("truncated", good[:len(good) // 2], "HASH mismatch"),
                            ("noise", b"hello" * 1000, "CPIO Format not recognized")):
        d.reset()
        r = update(d.daemon, data)
        if r.returncode == 4 or not listens:
            assert r.returncode == 4 and "swupdate refuses the archive: " in complaint(r) and why in complaint(r), (name, r)
        else:
            assert r.returncode == 1 and "the reason is in its own log" in complaint(r), (name, r)
        assert d.next() == "a" and not list(t.dir.glob("*.run")), name
    assert d.daemon.reboots() == 0


def check_lost(t, d):
    """SWUpdate would switch at the trailer, before the padding has come."""
    data, image = archive(t)
    for missing in (1, 12):
        d.reset()
        client = d.daemon.client(subsystem="fwssh")
        client.stdin.write(b"fwssh/1 update size=%d\n" % len(data) + data[:-missing])
        t.wait_for(lambda: d.slot(65536) == image[:65536], "the slot to be written")
        before = d.daemon.log().count("connection to the client was lost")
        receive = d.daemon.pids("fwssh-receive")
        client.kill()
        t.wait_for(lambda: d.daemon.log().count("connection to the client was lost") > before, "the loss")
        wait_gone(t, receive, "fwssh-receive")
        assert d.next() == "a" and not list(t.dir.glob("*.run")), missing


def test_child(t):
    check_good(t, SwupdateDevice(t))


def test_daemon(t):
    check_good(t, SwupdateDevice(t, listens=True))


def test_child_refuses(t):
    check_refused(t, listens=False)


def test_daemon_refuses(t):
    check_refused(t, listens=True)


def test_client_lost_with_a_child(t):
    check_lost(t, SwupdateDevice(t))


def test_client_lost_with_a_daemon(t):
    check_lost(t, SwupdateDevice(t, listens=True))


def test_other_hardware(t):
    d = SwupdateDevice(t, board="2.0")
    r = update(d.daemon, archive(t)[0])
    assert r.returncode == 4 and "not compatible with hardware" in complaint(r), r


def test_no_key(t):
    d = SwupdateDevice(t, updater_options=[])
    r = update(d.daemon, archive(t)[0])
    assert r.returncode == 1 and "swupdate has no key: set updater-options" in complaint(r), r


def test_daemon_that_cannot_be_seen(t):
    """As with PrivateTmp in fwsshd's unit."""
    if os.geteuid() != 0:
        t.skip("only root can hide a socket in a namespace")
    d = SwupdateDevice(t, listens=True)
    # A file in its place: the socket is listed, and is not there.
    (t.dir / "sockinstctrl").unlink()
    (t.dir / "sockinstctrl").touch()
    r = update(d.daemon, archive(t)[0])
    assert r.returncode == 1 and "fwsshd-swupdate.conf" in complaint(r), r


def test_selection_that_fails(t):
    """Without one, SWUpdate's daemon would take its own: that may be for the running slot."""
    d = SwupdateDevice(t, listens=True)
    data = archive(t)[0]
    for function in ("selection() { return 1; }", "selection() { :; }", "selection() { echo stable,copy2; false; }"):
        d.reset()
        with open(t.dir / "site.conf", "a") as f:
            f.write(function + "\n")
        r = update(d.daemon, data)
        assert r.returncode == 1 and "does not say what to install; not rebooting" in complaint(r), (function, r)
        assert (d.slot(9), d.next()) == (b"b" * 9, "a")
