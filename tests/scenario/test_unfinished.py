# SPDX-License-Identifier: Apache-2.0
"""An update that was begun and has not ended well: fwssh revert must not boot what it has left in the other slot."""
import os
import signal

from support import slots as device_slots
from support.adapter import complaint, request, stand_in, update
from support.update import MB, marker

CONF = """
meta-platform = "%s"
uboot-environment env { block-offset = 16 block-count = 8 }
file-resource x { contents = "new" }
task upgrade { on-init { uboot_clearenv(env) } on-resource x { raw_write(100) } on-finish { raw_memset(200, 1, 1) } }
task damaged { on-init { error("no") } }
"""


def refusal(d):
    """Of a revert, which must change nothing."""
    r = d.push(b"fwssh/1 revert\n", subsystem="fwssh")
    assert r.returncode == 3, r
    return complaint(r)


def cut(t, d):
    """An update whose client is lost when a part of it is written."""
    client = d.client(subsystem="fwssh")
    client.stdin.write(b"fwssh/1 update size=%d\n" % (2 * MB) + bytes(MB))
    t.wait_for(lambda: (t.dir / "test.input").exists(), "the updater to write")
    lost = d.log().count("connection to the client was lost")
    client.kill()
    t.wait_for(lambda: d.log().count("connection to the client was lost") > lost, "the end of the update")


def killed(t, d, started):
    """Nobody is left who could say how the update ended."""
    client = d.client(subsystem="fwssh")
    client.stdin.write(b"fwssh/1 update size=%d\n" % (2 * MB) + bytes(MB))
    t.wait_for(started, "the updater to write")
    pid, = d.pids("fwssh-receive")
    os.kill(pid, signal.SIGKILL)
    client.communicate(timeout=20)
    t.wait_for(lambda: not d.pids("fwssh-receive"), "the end of the update")


def run_slot(t, slot, updater):
    """The device has booted it."""
    t.script(updater.name, updater.read_text().replace("active=a", f"active={slot}"))
    (t.dir / "test.next").write_text(slot + "\n")


def test_the_log_knows_of_an_update_that_has_no_end(t):
    updater = stand_in(t)
    d = t.daemon(updater=updater)
    written = t.dir / "test.input"
    killed(t, d, written.exists)
    assert request(d, "log")[1]["last-update"] == "an update was begun, and no end of it is known"
    assert update(d, b"again").returncode == 0
    assert request(d, "log")[1]["last-update"].endswith("update done: 1 firmware written, reboot follows")
    d.wait_reboot()
    run_slot(t, "b", updater)
    written.unlink()
    killed(t, d, written.exists)
    assert request(d, "log")[1]["last-update"].endswith("reboot follows; an update was begun after it, and no end of it is known")
    cut(t, d)
    assert "no end" not in request(d, "log")[1]["last-update"]


def test_interrupted_update(t):
    updater = stand_in(t)
    d = t.daemon(updater=updater)
    cut(t, d)
    assert request(d, "status")[1]["unfinished"] == "b"
    # A restart of the daemon, and of the device, does not forget it.
    d.stop()
    d.start()
    assert refusal(d) == "fwssh: slot b may be incomplete: an update was begun and did not end well; nothing was changed. " \
        f"Push again first; or, if you know that it is whole, remove {d.state}/unfinished-update on the device"
    assert marker(t, "test.next") == "a\n" and "revert" not in marker(t, "test.calls")
    # One that ends well fills the slot; then it can be discarded, and what ran before is whole.
    assert update(d, b"again").returncode == 0
    assert "unfinished" not in request(d, "status")[1]
    assert request(d, "revert")[0] == 0 and marker(t, "test.next") == "a\n"
    d.wait_reboot()
    assert update(d, b"again").returncode == 0
    d.wait_reboot(2)
    run_slot(t, "b", updater)
    assert request(d, "status")[1]["active"] == "b"


def test_failed_update(t):
    d = t.daemon(updater=stand_in(t, write="cat > $me.input; exit 1"))
    assert update(d, b"hello").returncode == 1
    assert "slot b may be incomplete" in refusal(d) and marker(t, "test.next") == "a\n"


def test_killed_receiver(t):
    d = t.daemon(updater=stand_in(t))
    client = d.client(subsystem="fwssh")
    client.stdin.write(b"fwssh/1 update size=%d\n" % (2 * MB) + bytes(MB))
    t.wait_for(lambda: (t.dir / "test.input").exists(), "the updater to write")
    receive, = d.pids("fwssh-receive")
    os.kill(receive, 9)
    client.wait(40)
    t.wait_for(lambda: not d.pids("fwssh-receive"), "fwssh-receive to be gone")
    assert "slot b may be incomplete" in refusal(d)


def test_slot_that_runs_is_whole(t):
    """Somebody has repaired it without us."""
    updater = stand_in(t)
    d = t.daemon(updater=updater)
    cut(t, d)
    run_slot(t, "b", updater)
    status, facts = request(d, "status")
    assert status == 0 and "unfinished" not in facts, facts
    # The other way round: what was interrupted is not what is gone back to.
    t.script(updater.name, updater.read_text().replace("= a ]; then echo b", "= b ]; then echo a"))
    assert request(d, "revert")[0] == 0 and marker(t, "test.next") == "a\n"


def test_note_that_is_damaged_or_knows_no_slot_stands(t):
    d = t.daemon(updater=stand_in(t))
    cut(t, d)
    for content in (b"", b"\0" * 512, b"active=\n", b"x" * 5000, b"active=A\n"):
        (d.state / "unfinished-update").write_bytes(content)
        assert "slot b may be incomplete" in refusal(d), content
    (d.state / "unfinished-update").unlink()
    assert request(d, "revert")[0] == 0


def test_no_place_for_the_note(t):
    """An update may be the cure for what fills the disk; but nobody may say later that the slot is whole."""
    updater = stand_in(t)
    d = t.daemon(updater=updater, host_key="file", state_dir=t.dir / "none/state")
    assert update(d, b"hello").returncode == 0
    d.wait_log("not noted as begun, for fwssh revert: cannot create")
    assert request(d, "revert")[0] == 0 and marker(t, "test.next") == "a\n"
    assert "so an update that was cut off may have left the other slot incomplete" in refusal(d)
    # Archives that tell what is in a slot remove that before they write.
    t.script(updater.name, updater.read_text().replace("active=a", "active=a; echo slot.b.version=1"))
    assert request(d, "revert")[0] == 0 and marker(t, "test.next") == "b\n"


def firmware(t, platform="good"):
    (t.dir / "x.conf").write_text(CONF % platform)
    fw = t.dir / "x.fw"
    assert t.run([t.bin("fwpack"), "create", "-f", "x.conf", "-o", fw]).returncode == 0
    return fw.read_bytes()


def slots(t):
    (t.dir / "next").write_text("a\n")
    return t.script("slots", f"""[ "$1" = status ] || echo b > {t.dir}/next
echo active=a; echo next=$(cat {t.dir}/next); echo confirmed=yes
""")


def test_update_that_has_written_nothing(t):
    """Refused by fwpack before its first operation: what was in the slot is there still."""
    d = t.daemon(updater=t.bin("fwpack"), slot_driver="command", slot_command=f"/bin/sh {slots(t)}", minimum_version="2.0")
    assert update(d, firmware(t)).returncode == 4
    assert not (d.state / "unfinished-update").exists()
    assert request(d, "revert")[0] == 0 and marker(t, "next") == "b\n"
    d.wait_reboot()
    # It says nothing of an update before it.
    (t.dir / "next").write_text("a\n")
    (d.state / "unfinished-update").write_text("active=a\n")
    assert update(d, firmware(t)).returncode == 4
    assert "slot b may be incomplete" in refusal(d) and marker(t, "next") == "a\n"


def test_operation_that_fails_first(t):
    d = t.daemon(updater=t.bin("fwpack"), slot_driver="command", slot_command=f"/bin/sh {slots(t)}", task="damaged")
    assert update(d, firmware(t)).returncode == 4
    assert "slot b may be incomplete" in refusal(d)


def test_staged_firmware(t):
    d = t.daemon(updater=t.bin("fwpack"), slot_driver="command", slot_command=f"/bin/sh {slots(t)}")
    fw = firmware(t)
    assert d.push(b"fwssh/1 update size=%d stage=yes\n" % len(fw) + fw, subsystem="fwssh").returncode == 0
    assert refusal(d) == "fwssh: slot b holds a staged firmware that was not activated, and no longer the one before; " \
        "nothing was changed. Boot it with fwssh activate HOST"
    assert request(d, "status")[1]["unfinished"] == "b"
    assert request(d, "activate")[0] == 0
    assert not (d.state / "unfinished-update").exists()


def test_log_after_a_rollback(t):
    """That the update was done is true; that it runs is not."""
    device = device_slots.TwoSlots(t, device_slots.content(1), slot_driver="uboot-env")
    words = "what runs now is another firmware (slot a)"
    assert device.push(device_slots.firmware(t, "2.0.0", device_slots.changed(device_slots.content(1), 2))).returncode == 0
    assert "another firmware" not in device.fwssh("log").stdout  # it boots next
    device.boot("b")
    for request_ in ("log", "status"):
        r = device.fwssh(request_)
        assert "update done: 1 firmware written, UUID " in r.stdout and "another firmware" not in r.stdout, r
    assert device.fwssh("revert").returncode == 0
    assert "another firmware" not in device.fwssh("log").stdout
    device.boot("a")
    for request_ in ("log", "status"):
        assert words in device.fwssh(request_).stdout
