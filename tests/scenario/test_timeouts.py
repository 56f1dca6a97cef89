# SPDX-License-Identifier: Apache-2.0
"""Who is waited for, and for how long: updaters for ever, silent clients and strangers for a while."""
import os
import signal
import socket
import subprocess
import time

from support import raw_client
from support.fixture import waits
from support.update import GOOD_TEXT, HELLO, MB, assert_works, be_patient, finish, marker, wait_gone


# Slow updaters


@waits
def test_updater_that_does_not_read_for_seven_seconds(t):
    """At the start, with an idle time far shorter: it is the updater that is waited for."""
    d = t.daemon(idle_timeout=3, updater=t.updater("sleep 7; take\nprintf 'Success!\\n'; shake 0"))
    data = os.urandom(8 * MB)
    r = d.push(b"fwup:%d,reboot\n" % len(data) + data)
    assert (r.returncode, r.stdout) == (0, GOOD_TEXT), r
    assert d.updater_input() == data
    d.wait_reboot()


@waits
def test_updater_that_stops_reading_midway(t):
    d = t.daemon(idle_timeout=3, updater=t.updater("take_some 5000000; sleep 6; take\nexit 0"))
    data = os.urandom(12 * MB)
    assert d.push(b"fwup:%d,reboot\n" % len(data) + data).returncode == 0
    assert d.updater_input() == data


@waits
def test_updater_that_works_on_after_the_last_byte(t):
    d = t.daemon(idle_timeout=2, updater=t.updater("take; sleep 3\nprintf 'Success!\\n'; shake 0"))
    assert_works(d)


@waits
def test_connection_is_kept_alive_while_the_updater_works(t):
    """For what stands between: nothing else moves for as long as a flash takes."""
    d = t.daemon(idle_timeout=2, updater=t.updater("take; await\nprintf 'Success!\\n'; shake 0"))
    said = t.dir / "said"
    with open(said, "wb") as f:
        client = t.start(d.ssh_args("-vv", "-o", "LogLevel=DEBUG2"), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=f, bufsize=0)
    client.stdin.write(HELLO)
    t.wait_for(d.updater_pids, "the updater")
    t.wait_for(lambda: said.read_bytes().count(b"rtype keepalive@openssh.com") >= 2, "two keepalives")
    t.go()
    assert client.wait(20) == 0 and d.reboots() <= 1


# Silent clients


@waits
def test_silent_client_is_ended(t):
    d = t.daemon(idle_timeout=2, max_sessions=1)
    for begin in (b"", b"fwup:5", b"fwup:5,reboot\nhell"):
        client = d.client()
        client.stdin.write(begin)
        status, out, err = finish(client)
        assert status == 1 and b"idle-timeout" in err, (begin, status, err)
        assert b"Rebooting" not in out
        wait_gone(t, d.updater_pids(), "the updater")
    assert d.reboots() == 0
    be_patient(d)
    assert_works(d)


def test_silent_client_subsystem_fwup(t):
    """Silence is no end of input."""
    d = t.daemon(idle_timeout=1, updater=t.updater("take; echo done >> $me.done; exit 0"))
    client = d.client(subsystem="fwup")
    client.stdin.write(b"hello")
    status, _, err = finish(client)
    assert status == 1 and b"idle-timeout" in err
    assert not marker(t, "updater.done") and d.reboots() == 0


@waits
def test_slow_client_is_not_silent(t):
    """Ten bytes in five seconds, with an idle time of three."""
    d = t.daemon(idle_timeout=3)
    client = d.client()
    client.stdin.write(b"fwup:10,reboot\n")
    for _ in range(10):
        client.stdin.write(b"x")
        time.sleep(0.5)  # the client's slowness is what is tested
    assert finish(client)[0] == 0


@waits
def test_connection_without_a_channel_is_ended(t):
    d = t.daemon(idle_timeout=2)
    client = t.start(d.ssh_args("-N", subsystem=None), stderr=subprocess.PIPE)
    d.wait_log("logged in")
    assert client.wait(20) == 255
    d.wait_log("idle-timeout")


@waits
def test_channel_without_a_request_is_ended(t):
    d = t.daemon(idle_timeout=2)
    transport = raw_client.connect(d)
    channel = transport.open_session(timeout=20)  # paramiko closes it when nobody holds it any more
    t.wait_for(lambda: not transport.is_active(), "the end of a session that asks for nothing")
    del channel


@waits
def test_stopped_client_is_ended(t):
    d = t.daemon(idle_timeout=2, max_sessions=1)
    client = d.client()
    client.stdin.write(b"fwup:10,reboot\nhello")
    t.wait_for(lambda: d.updater_input() == b"hello", "the first bytes")
    client.send_signal(signal.SIGSTOP)
    d.wait_log("update failed")
    t.wait_for(lambda: not d.pids("fwssh-session"), "the session to end")
    assert d.reboots() == 0
    be_patient(d)
    assert_works(d)


@waits
def test_client_that_does_not_read_its_text_is_ended(t):
    """The updater talks without end, into a pipe that nobody empties."""
    d = t.daemon(idle_timeout=2, max_sessions=1,
                 updater=t.updater("[ -e $me.go ] || yes\ntake; printf 'Success!\\n'; shake 0"))
    client = d.client()
    client.stdin.write(b"fwup:10,reboot\nhello")
    t.wait_for(d.updater_pids, "the updater")
    d.wait_log("update failed", 30)
    t.wait_for(lambda: not d.pids("fwssh-session"), "the session to end")
    wait_gone(t, d.updater_pids(), "the updater")
    t.go()
    be_patient(d)
    assert_works(d)


# Connections that never log in


@waits
def test_silent_connections_block_nobody(t):
    d = t.daemon(login_grace_time=5)
    silent = [socket.create_connection(("127.0.0.1", d.port)) for _ in range(7)]
    for number, s in enumerate(silent):
        if number % 2:
            s.sendall(b"SSH-2.0-Silent\r\n")
    assert_works(d)
    for s in silent:
        s.settimeout(20)
        while s.recv(4096):
            pass
    t.wait_for(lambda: not d.pids("fwssh-session"), "the sessions to end")


def test_log_says_why_a_silent_connection_ended(t):
    d = t.daemon(login_grace_time=1)
    with socket.create_connection(("127.0.0.1", d.port)) as s:
        s.settimeout(20)
        while s.recv(4096):
            pass
    d.wait_log("disconnected")
    assert "login-grace-time" in d.log(), d.log()


@waits
def test_a_trickle_does_not_prolong_the_login(t):
    """Twenty seconds of it."""
    d = t.daemon(login_grace_time=2)
    s = socket.create_connection(("127.0.0.1", d.port))
    try:
        for byte in b"SSH-2.0-" + b"x" * 200:
            s.sendall(bytes([byte]))
            time.sleep(0.1)  # the client's slowness is what is tested
        raise AssertionError("the login lasted as long as the trickle")
    except OSError:
        pass
    d.wait_log("login-grace-time")
