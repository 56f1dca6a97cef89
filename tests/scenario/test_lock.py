# SPDX-License-Identifier: Apache-2.0
"""One update at a time, and on a device that is there."""
import re

from support.adapter import request, stand_in
from support.update import GOOD_TEXT, HELLO, assert_one_line, finish, master


def test_second_update_is_refused(t):
    d = t.daemon(updater=t.updater("take; await\nprintf 'Success!\\n'; shake 0"))
    first = d.client()
    first.stdin.write(HELLO)
    t.wait_for(d.updater_pids, "the first updater")
    for options in ((), ("-o", "ServerAliveInterval=1")):
        second = d.push(HELLO, *options)
        assert second.returncode == 3 and second.stdout == second.stderr, second
        assert re.fullmatch(rb"fwssh: another update is running \(started 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC\); .*\n",
                            second.stderr)
    assert d.push(b"reboot\n").returncode == 3
    t.go()
    assert finish(first)[:2] == (0, GOOD_TEXT)
    assert len(d.updater_pids()) == 1
    d.wait_reboot()
    assert d.reboots() == 1


def test_multiplexed_channels_are_refused_too(t):
    d = t.daemon(updater=t.updater("take; await\nprintf 'Success!\\n'; shake 0"))
    master = ("-o", "ControlMaster=auto", "-o", "ControlPath=%s/m" % t.dir)
    first = d.client(*master)
    first.stdin.write(HELLO)
    t.wait_for(d.updater_pids, "the first updater")
    # OpenSSH falls back to a connection of its own when the server opens no second channel.
    second = d.push(HELLO, *master)
    assert second.returncode == 3 and b"another update is running (started" in second.stderr, second
    t.go()
    assert finish(first)[:2] == (0, GOOD_TEXT)
    assert len(d.updater_pids()) == 1


def test_lock_is_kept_until_the_reboot(t):
    """A second push in between would choose the slot that runs."""
    d = t.daemon(reboot_command="/bin/true")
    assert d.push(HELLO).returncode == 0
    d.wait_log("rebooting")
    assert d.push(HELLO).returncode == 3


def test_one_lock_for_all_names_of_a_device(t):
    target, link = t.image(), t.dir / "link"
    link.symlink_to(target)
    lock = t.dir / "lock-DEVICE"
    first = t.daemon(device=target, lock_file=lock, updater=t.updater("take; await; exit 0", name="slow"))
    second = t.daemon(device=link, lock_file=lock)
    client = first.client()
    client.stdin.write(HELLO)
    t.wait_for(lambda: first.updater_pids("slow"), "the first updater")
    assert second.push(HELLO).returncode == 3
    t.go("slow")
    assert finish(client)[0] == 0


def test_missing_device_is_an_error(t):
    for path in (t.dir / "no-device", t.dir / "none" / "mmcblk0", t.dir):
        d = t.daemon(device=path)
        r = d.push(HELLO)
        assert r.returncode == 1 and str(path).encode() in r.stderr, r
        assert_one_line(r.stderr)
        assert d.updater_pids() == [] and d.reboots() == 0
    assert not (t.dir / "no-device").exists()


def test_dangling_link_is_a_missing_device(t):
    (t.dir / "link").symlink_to(t.dir / "nowhere")
    d = t.daemon(device=t.dir / "link")
    assert d.push(HELLO).returncode == 1
    assert not (t.dir / "nowhere").exists() and d.updater_pids() == []


def test_a_reboot_that_is_to_come_is_no_update(t):
    command = t.script("slow-reboot", f"#!/bin/sh\necho reboot >> {t.dir}/rebooting\n")
    d = t.daemon(reboot_command=str(command), updater=t.updater("take; exit 0"))
    assert d.push(b"fwup:1,reboot\nx").returncode == 0
    t.wait_for((t.dir / "rebooting").exists, "the reboot command")
    again = d.push(b"fwup:1\ny")
    assert again.returncode == 3, again
    assert re.fullmatch(rb"fwssh: the device is about to reboot; try again when it is back; the lock is held by .*\n",
                        again.stderr), again


# Where the device cannot be found, and a reboot may be the cure


def test_device_that_cannot_be_found_can_be_rebooted(t):
    d = t.daemon(updater=stand_in(t), device=t.dir / "gone")
    assert request(d, "update size=5")[0] == 1
    assert request(d, "confirm")[0] == 0
    assert request(d, "revert")[0] == 0
    d.wait_reboot()
    assert request(d, "reboot")[0] == 0
    d.wait_reboot(2)


def test_update_of_a_device_that_cannot_be_found_any_more_is_not_cut(t):
    """Such as an environment that is just being written, which names the device."""
    d = t.daemon(updater=stand_in(t, write="cat > $me.input; await"), device=t.image())
    first = d.client()
    first.stdin.write(HELLO)
    t.wait_for(lambda: (t.dir / "test.input").exists(), "the updater")
    d.write_config(device=t.dir / "gone")
    d.reload()
    for words in ("reboot", "confirm", "revert"):
        assert request(d, words)[0] == 3
    r = t.run([t.bin("fwssh-receive"), "-f", d.conf, "--confirm"])
    assert r.returncode == 3 and "another update is running" in r.stderr, r
    t.go("test")
    assert finish(first)[0] == 0
