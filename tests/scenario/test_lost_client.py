# SPDX-License-Identifier: Apache-2.0
"""Clients that go away in the middle of an update: behind its last byte it is done as asked, before that it is undone."""
import subprocess
import time

from support.process import alive, is_asleep, unread
from support.update import HELLO, MB, assert_works, feed, has_sent_all, marker, wait_gone


# Before the last byte


def test_killed_before_the_last_byte(t):
    d = t.daemon(max_sessions=1, updater=t.updater("take; echo done >> $me.done\nprintf 'Success!\\n'; shake 0"))
    client = d.client()
    client.stdin.write(b"fwup:10,reboot\nhello")
    t.wait_for(lambda: d.updater_input() == b"hello", "the first bytes")
    pids = d.updater_pids()
    client.kill()
    d.wait_log("update failed")
    wait_gone(t, pids, "the updater")
    assert not marker(t, "updater.done") and d.reboots() == 0
    assert_works(d)


def test_killed_before_the_last_byte_of_a_slow_updater(t):
    """The pipes are full, so that the end of the client's bytes is far away."""
    d = t.daemon(updater=t.updater("sleep 100; take; shake 0"))
    client = d.client()
    feed(client, b"fwup:%d,reboot\n" % (64 * MB) + bytes(32 * MB))
    pids = t.wait_for(d.updater_pids, "the updater")
    client.kill()
    d.wait_log("update failed")
    wait_gone(t, pids, "the updater")


def test_killed_in_the_first_of_two_firmwares(t):
    """All bytes of the first one have come, not those of the second: that one must not stay on the device for ever."""
    d = t.daemon(updater=t.updater("if [ -e $me.go ]; then sleep 100; fi\ntake; await; exit 0"))
    client = d.client()
    feed(client, b"fwup:5,fwup:%d,reboot\nhello" % (8 * MB) + bytes(6 * MB))
    t.wait_for(lambda: d.updater_input() == b"hello", "the first firmware")
    time.sleep(0.5)  # the pipes fill; less makes the test easier
    client.kill()
    d.wait_log("connection lost")
    t.wait_for(lambda: not d.pids("fwssh-session"), "the session to end")
    t.go()
    d.wait_log("update failed")
    wait_gone(t, d.updater_pids(), "the updaters")
    assert d.reboots() == 0


def test_killed_before_the_end_of_input_subsystem_fwup(t):
    d = t.daemon(updater=t.updater("take; echo done >> $me.done\nprintf 'Success!\\n'; shake 0"))
    client = d.client(subsystem="fwup")
    client.stdin.write(b"hello")
    t.wait_for(lambda: d.updater_input() == b"hello", "the bytes")
    client.kill()
    d.wait_log("update failed")
    wait_gone(t, d.updater_pids(), "the updater")
    assert not marker(t, "updater.done") and d.reboots() == 0


def test_grandchildren_die_with_the_updater(t):
    """A shell between fwssh-receive and the program that writes: the latter must not see an end of its input."""
    grandchild = t.script("grandchild", f"#!/bin/sh\necho $$ > {t.dir}/grandchild.pid\n"
                          f"cat > {t.dir}/grandchild.input; echo done > {t.dir}/grandchild.done\n")
    d = t.daemon(updater=t.updater(f"{grandchild}; shake 0"))
    client = d.client()
    client.stdin.write(b"fwup:10,reboot\nhello")
    t.wait_for(lambda: d.updater_input("grandchild") == b"hello", "the first bytes")
    client.kill()
    d.wait_log("update failed")
    wait_gone(t, d.updater_pids(), "the updater")
    # Reaped by init, whenever that likes to.
    t.wait_for(lambda: not any(alive(pid) for pid in d.updater_pids("grandchild")), "its child to end")
    assert not marker(t, "grandchild.done")


def test_lost_client_leaves_no_updater(t):
    """One that would never read its input: only a kill ends it, and the next push must not find it."""
    d = t.daemon(updater=t.updater("[ -e $me.go ] || sleep 100\ntake; printf 'Success!\\n'; shake 0"))
    client = d.client()
    feed(client, b"fwup:%d,reboot\n" % (8 * MB) + bytes(4 * MB))
    pids = t.wait_for(d.updater_pids, "the updater")
    client.kill()
    d.wait_log("connection lost")
    t.go()
    assert_works(d)
    wait_gone(t, pids, "the first updater")


# Behind it


def test_killed_after_the_last_byte(t):
    d = t.daemon(updater=t.updater("take; await; echo done >> $me.done\nprintf 'Success!\\n'; shake 0"))
    client = d.client()
    client.stdin.write(HELLO)
    t.wait_for(lambda: d.updater_input() == b"hello", "the last byte")
    client.kill()
    t.wait_for(lambda: not d.pids("fwssh-session"), "the session to end")
    t.go()
    d.wait_reboot()
    assert marker(t, "updater.done") == "done\n" and d.reboots() == 1
    d.wait_log("did not get the result")
    assert "did not get the result" in (d.state / "last-update").read_text()


def test_killed_after_the_end_of_input_subsystem_fwup(t):
    d = t.daemon(updater=t.updater("take; echo taken > $me.taken; await\nprintf 'Success!\\n'; shake 0"))
    client = d.client(subsystem="fwup")
    client.stdin.write(b"hello")
    client.stdin.close()
    t.wait_for(lambda: marker(t, "updater.taken"), "the end of input")
    client.kill()
    t.wait_for(lambda: not d.pids("fwssh-session"), "the session to end")
    t.go()
    d.wait_reboot()
    d.wait_log("did not get the result")


def test_bare_stream_that_has_ended_is_finished_though_the_client_is_gone(t):
    """More than the pipes take at once, so that the end is still on its way when the client goes."""
    d = t.daemon(updater=t.updater("await; take; exit 0"))
    said = t.dir / "said"
    with open(said, "wb") as f:
        client = t.start(d.ssh_args("-vv", "-o", "LogLevel=DEBUG2", subsystem="fwup"), stdin=subprocess.PIPE, stderr=f)
    client.stdin.write(bytes(1_500_000))
    client.stdin.close()
    updater, = t.wait_for(d.updater_pids, "the updater")
    receive, session = d.pids("fwssh-receive") + d.pids("fwssh-session")
    t.wait_for(lambda: b"send eof" in said.read_bytes() and unread(receive) + unread(updater) == 1_500_000
               and has_sent_all(d, client) and is_asleep(session), "the session to have passed on the end")
    client.kill()
    d.wait_log("disconnected")
    t.go()
    d.wait_reboot()
    assert len(d.updater_input()) == 1_500_000
