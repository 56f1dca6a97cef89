# SPDX-License-Identifier: Apache-2.0
"""fwssh-receive --file: a firmware on a USB stick goes through what a pushed one goes through."""
import os
import signal

from support.adapter import stand_in
from support.rebooting import firmware


def local(t, d, *args):
    return t.run([t.bin("fwssh-receive"), "-f", d.conf, *args])


def device(t, **config):
    return t.daemon(wait=False, **config)  # only its configuration is used


def test_it_is_written_and_the_device_reboots(t):
    d = device(t, updater=t.bin("fwpack"))
    fw, _ = firmware(t)
    r = local(t, d, "--file", fw)
    assert r.returncode == 0 and "Rebooting..." in r.stdout and r.stderr == "", r
    assert d.config["device"].read_bytes()[:8] == b"\x01" * 8
    second = local(t, d, "--file", fw)
    assert second.returncode == 3 and "the device is about to reboot; try again" in second.stderr, second
    d.wait_reboot()
    assert "update done: 1 firmware written" in (d.state / "last-update").read_text()


def test_the_reboot_can_be_left_for_later(t):
    d = device(t, updater=t.bin("fwpack"))
    r = local(t, d, "--file", firmware(t)[0], "--no-reboot")
    assert r.returncode == 0 and "Rebooting" not in r.stdout and d.reboots() == 0, r


def test_hooks_and_lock_are_in_force(t):
    hook = t.script("no", "#!/bin/sh\necho not now\nexit 1\n")
    d = device(t, updater=t.updater("take; await; exit 0"), hook_precheck=str(hook))
    r = local(t, d, "--file", firmware(t)[0])
    assert r.returncode == 3 and "not now" in r.stderr and "not now" not in r.stdout, r
    d.write_config(hook_precheck="")
    first = t.start([t.bin("fwssh-receive"), "-f", d.conf, "--file", firmware(t)[0]])
    t.wait_for(d.updater_pids, "the first update")
    r = local(t, d, "--file", firmware(t)[0])
    t.go()
    assert r.returncode == 3 and "another update is running" in r.stderr and first.wait(20) == 0, r


def test_what_is_wrong_with_the_file(t):
    d = device(t, updater=t.bin("fwpack"))
    fw, _ = firmware(t)
    os.mkfifo(t.dir / "fifo.fw")
    for name, words in (("none.fw", "cannot open the firmware"), ("fifo.fw", "is not a regular file"), (".", "is not a regular file")):
        r = local(t, d, "--file", t.dir / name)
        assert r.returncode == 2 and words in r.stderr and len(r.stderr.splitlines()) == 1, r
    fw.write_bytes(fw.read_bytes()[:100])
    r = local(t, d, "--file", fw)
    assert r.returncode == 4 and "fwssh: fwpack exited with status 1; not rebooting" in r.stderr and d.reboots() == 0, r
    for args in (["--file", fw, "-s", "fwup"], ["--no-reboot"], ["--file", fw, "--status"]):
        assert local(t, d, *args).returncode == 2


def test_one_action_only(t):
    """A script that believes its firmware confirmed, or only looked at, must not be wrong."""
    d = device(t, updater=stand_in(t))
    (t.dir / "test.confirmed").write_text("no\n")
    actions = (["--confirm"], ["--status"], ["--revert", "x"], ["--confirm-within", "1"])
    pairs = [a + b for a in actions for b in (*actions, ["-t"], ["-s", "fwssh"]) if a != b]
    for args in (*pairs, ["-t", "--confirm"]):
        r = local(t, d, *args)
        assert r.returncode == 2 and "cannot be used with" in r.stderr and not r.stdout, (args, r)
    assert not (t.dir / "test.calls").exists()
    assert local(t, d, "--confirm", "--confirm").returncode == 0


def test_an_interrupt_while_it_switches(t):
    """What boots next would be left half changed."""
    d = device(t, updater=t.updater("take; echo switching >&$FWSSH_RESULT_FD; touch $me.switching; await; exit 0"))
    p = t.start([t.bin("fwssh-receive"), "-f", d.conf, "--file", firmware(t)[0]])
    t.wait_for((t.dir / "updater.switching").exists, "the switch")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        p.send_signal(number)
    t.go()
    assert p.wait(20) == 0
    d.wait_reboot()
    assert "update done" in (d.state / "last-update").read_text()


def test_an_interrupt_before_the_last_byte(t):
    d = device(t, updater=t.updater("take_some 1000; await; exit 0"))
    fw = t.dir / "large.fw"
    fw.write_bytes(bytes(4 << 20))
    p = t.start([t.bin("fwssh-receive"), "-f", d.conf, "--file", fw])
    t.wait_for(d.updater_input, "the updater to have read")
    p.send_signal(signal.SIGINT)
    assert p.wait(20) == -signal.SIGINT
    t.wait_for(lambda: not [pid for pid in d.updater_pids() if os.path.exists(f"/proc/{pid}/exe")], "the updater to be killed")
    assert d.reboots() == 0
