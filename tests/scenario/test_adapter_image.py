# SPDX-License-Identifier: Apache-2.0
"""The adapter for a plain image, pushed through fwsshd to two slots that are files."""
import os

from support.adapter import ADAPTERS, complaint, request, update
from support.update import MB, marker

PLAIN_ONLY = "what is tested is a shell script"

CONF = """
slot_a={dir}/slot-a
slot_b={dir}/slot-b
running() {{ cat {dir}/running; }}
next() {{ cat {dir}/next; }}
switch_to() {{ echo "$1" > {dir}/next; }}
{more}
"""


def device(t, more="", **config):
    for name in "ab":
        (t.dir / f"slot-{name}").write_bytes(name.encode() * (2 * MB))
    (t.dir / "running").write_text("a\n")
    (t.dir / "next").write_text("a\n")
    (t.dir / "image.conf").write_text(CONF.format(dir=t.dir, more=more))
    d = t.daemon(wait=False, updater=t.src / ADAPTERS / "fwssh-updater-image", **config)
    return d.start(env={"FWSSH_UPDATER_CONF": str(t.dir / "image.conf")})


def untouched(t, slot):
    return (t.dir / f"slot-{slot}").read_bytes() == slot.encode() * (2 * MB)


def test_push_and_back(t):
    d = device(t)
    data = os.urandom(MB + 7)
    r = update(d, data)
    assert (r.returncode, r.stdout) == (0, b"fwssh/1 ok\nslot b is written and boots next\n"), r
    d.wait_reboot()
    slot = (t.dir / "slot-b").read_bytes()
    assert slot[:len(data)] == data and len(slot) == 2 * MB and untouched(t, "a")
    status, facts = request(d, "status")
    assert (facts["pending"], facts["accepts"], facts["confirmed"]) == ("new", "raw", "none"), facts
    assert request(d, "revert")[0] == 0 and marker(t, "next") == "a\n"
    # It runs, and the way back is the other slot.
    (t.dir / "running").write_text("b\n")
    (t.dir / "next").write_text("b\n")
    status, facts = request(d, "revert")
    assert (status, facts["next"], facts["pending"]) == (0, "a", "new"), facts
    d.wait_reboot(2)


def test_image_that_is_too_large(t):
    d = device(t)
    r = update(d, bytes(2 * MB + 1))
    assert r.returncode == 4 and complaint(r) == f"fwssh: fwssh-updater-image: the image has {2 * MB + 1} bytes, but " \
        f"slot b only {2 * MB}; not rebooting", r
    assert untouched(t, "a") and untouched(t, "b") and marker(t, "next") == "a\n"


def test_client_lost(t):
    d = device(t)
    client = d.client(subsystem="fwssh")
    client.stdin.write(b"fwssh/1 update size=%d\n" % (2 * MB) + bytes(2 * MB - 1))
    t.wait_for(lambda: not untouched(t, "b"), "the slot to be written")
    client.kill()
    d.wait_log("connection to the client was lost")
    assert marker(t, "next") == "a\n" and untouched(t, "a")
    assert update(d, b"again").returncode == 0


def test_site_that_cannot_switch(t):
    d = device(t, "switch_to() { return 1; }")
    r = update(d, b"hello")
    assert r.returncode == 1 and "cannot switch to slot b after the switch may have started" in complaint(r), r


def test_firmware_on_trial(t):
    d = device(t, f"pending() {{ cat {t.dir}/pending; }}\nconfirmed() {{ cat {t.dir}/confirmed; }}\n"
                  f"confirm_running() {{ echo yes > {t.dir}/confirmed; echo no > {t.dir}/pending; echo b > {t.dir}/next; }}")
    for name, value in dict(running="b", next="a", pending="fallback", confirmed="no").items():
        (t.dir / name).write_text(value + "\n")
    status, facts = request(d, "status")
    assert facts["pending"] == "fallback", facts
    assert request(d, "revert")[0] == 0 and marker(t, "next") == "a\n"
    d.wait_reboot()
    env = {"FWSSH_UPDATER_CONF": str(t.dir / "image.conf")}
    assert t.run([t.src / ADAPTERS / "fwssh-updater-image", "revert"], env=env).returncode == 0
    assert marker(t, "next") == "a\n"
    status, facts = request(d, "confirm")
    assert (status, facts["pending"], facts["next"]) == (0, "no", "b"), facts


def test_settings_that_are_wrong(t):
    for more, why in (("unset -f next", "has no function next"), ("slot_b=/nonexistent/disk", "slot_b of"),
                      ("slot_b=$slot_a", "are the same"),
                      ("running() { echo c; }\nnext() { running; }", "prints no slot: 'c'")):
        d = device(t, more)
        r = update(d, b"hello")
        assert r.returncode == 1 and why in r.stderr.decode().splitlines()[-1], (more, r)
        assert untouched(t, "a") and untouched(t, "b")


def test_revert_by_a_site_that_does_not_know(t):
    """fw_setenv with an empty value would remove what the boot loader reads."""
    for name in ("running", "next"):
        d = device(t, f"{name}() {{ return 1; }}")
        status, _ = request(d, "revert")
        log = d.log()
        assert status == 1 and f"{name} of " in log and "prints no slot: ''" in log, log
        assert marker(t, "next") == "a\n" and d.reboots() == 0
