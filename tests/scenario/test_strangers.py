# SPDX-License-Identifier: Apache-2.0
"""What those who do not log in cost the device and everybody else behind their address."""
import os
import socket
import subprocess
import sys
import time

from support import taken_over
from support.fixture import seconds, waits
from support.process import alive
from support.update import HELLO, assert_works


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


def knock(d, source="127.0.0.1"):
    """A connection that offers no key, as a monitor's: closed as soon as the device has answered, or not."""
    with socket.create_connection(("127.0.0.1", d.port), timeout=20, source_address=(source, 0)) as s:
        return s.recv(100)


def penalized(t, log_level="info", **config):
    """A daemon that has a penalty of up to a minute for this machine."""
    d = t.daemon(max_penalty=60, log_level=log_level, max_unauthenticated=50, max_unauthenticated_per_source=50, **config)
    stranger = t.key("stranger")

    def fail():
        assert d.push(HELLO, key=stranger).returncode == 255
        return "source turned away" in d.log()
    for _ in range(6):
        fail()
    t.wait_for(fail, "the penalty", 40)
    for _ in range(3):  # 16 seconds and more
        fail()
    return d


def test_monitor_gets_no_penalty(t):
    d = t.daemon(max_penalty=60, max_unauthenticated_per_source=50)
    for _ in range(60):
        assert knock(d).startswith(b"SSH-2.0-")
    assert "turned away" not in d.log()
    assert_works(d)


def test_one_login_at_a_time_gets_through_a_penalty(t):
    """While somebody behind the same address goes on connecting."""
    d = penalized(t)
    stranger = t.start([sys.executable, "-c", f"""
import socket, time
while True:
    try: socket.create_connection(("127.0.0.1", {d.port}), timeout=1).close()
    except OSError: pass
    time.sleep(.05)"""])
    for _ in range(3):
        r = d.push(HELLO)
        assert r.returncode == 0, (r, d.log())
    assert stranger.poll() is None


@waits
def test_one_that_does_not_log_in_makes_room(t):
    d = penalized(t)
    with socket.create_connection(("127.0.0.1", d.port), timeout=20) as s:
        assert s.recv(100).startswith(b"SSH-2.0-")
        start = time.monotonic()
        r = d.push(HELLO)
        assert r.returncode == 0 and time.monotonic() - start < 20, r


def hold(d, count, banner=b"SSH-2.0-x\r\n"):
    """Connections that wait for the device, and do not go on."""
    held = [socket.create_connection(("127.0.0.1", d.port), timeout=20) for _ in range(count)]
    for s in held:
        s.sendall(banner)
    return held


def descriptors(d):
    return len(os.listdir(f"/proc/{d.process.pid}/fd"))


@waits
def test_places_that_are_taken_keep_nobody_out(t):
    """By clients that say nothing, or that have said who they are: who comes last is served next."""
    d = penalized(t)
    for banner in (b"", b"SSH-2.0-x\r\n"):
        held = hold(d, 12, banner)
        time.sleep(1.5)  # how long they wait is what counts
        start = time.monotonic()
        r = d.push(HELLO)
        assert r.returncode == 0 and time.monotonic() - start < 20, (r, d.log())
        for s in held:
            s.close()
        d.wait_reboot()
        d.push(HELLO, key=t.key("stranger"))
        t.wait_for(lambda: "source turned away" in d.log(), "the penalty")
        for _ in range(9):
            d.push(HELLO, key=t.key("stranger"))


@waits
def test_client_is_told_why_it_is_turned_away(t):
    d = penalized(t, log_level="debug")
    t.wait_for(lambda: not d.pids("fwssh-session"), "the sessions to end")
    before = descriptors(d)
    held = hold(d, 1)
    t.wait_for(lambda: d.pids("fwssh-session"), "the session of the first one")
    count = d.log().count(": connected")
    client = t.start([t.bin("fwssh"), "status", "127.0.0.1", "--port", str(d.port), "--ssh-option", "StrictHostKeyChecking=no"],
                     stderr=subprocess.PIPE, text=True)
    t.wait_for(lambda: d.log().count(": connected") > count, "the client to wait")
    time.sleep(1.5)  # one that has waited makes room
    held += hold(d, 9)
    _, err = client.communicate(timeout=20)
    assert client.returncode == 3 and "the device turns this address away for a while" in err, err
    assert "Too many failed logins from your address; try again later, in " in err, err
    for s in held:
        s.close()
    assert d.push(HELLO).returncode == 0
    d.wait_reboot()
    t.wait_for(lambda: descriptors(d) <= before, "all to be closed")


def test_exempt_addresses_get_no_penalty(t):
    for exempt, free in ((["10.0.0.0/8", "127.0.0.0/8"], True), (["127.0.0.1"], True), (["::ffff:127.0.0.1"], True),
                         (["127.0.0.2", "::/0"], False)):
        d = t.daemon(max_penalty=60, penalty_exempt=exempt)
        for _ in range(10):
            assert d.push(HELLO, key=t.key("stranger")).returncode == 255
        assert ("turned away" not in d.log()) == free, (exempt, d.log())
        d.stop()


def test_exempt_list_has_numbers_only(t):
    for value in ("localhost", "10.0.0.0/33", "10.0.0", ""):
        conf = t.dir / "check.conf"
        conf.write_text(f'penalty-exempt = {{"{value}"}}\n')
        r = t.run([t.bin("fwsshd"), "-f", conf, "-t"])
        assert r.returncode == 2 and "penalty-exempt" in r.stderr and "ADDRESS/BITS" in r.stderr, r


@seconds(150)
@waits
def test_source_with_a_penalty_costs_a_line_a_minute(t):
    audit = t.dir / "audit"
    d = penalized(t, audit_file=str(audit))
    before = len(lines(audit)), len(d.log().splitlines())
    end = time.monotonic() + 65
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", d.port), timeout=20).close()
        except OSError:
            pass
        if d.push(HELLO, key=t.key("stranger")).returncode == 0:
            raise AssertionError("the stranger has logged in")
    t.wait_for(lambda: len(lines(audit)) > before[0], "the line")
    new = lines(audit)[before[0]:]
    assert len(new) <= 2 and ' strangers from="127.0.0.1" connections=' in new[0], new
    # Each with its own line for the log, and perhaps that a new penalty began.
    assert len(d.log().splitlines()) - before[1] <= 8, d.log().splitlines()[before[1]:]


def test_flood_that_is_not_even_served_costs_few_lines(t):
    """Most of its connections are gone before their turn: they came before the penalty, and have no lines of their own either."""
    audit = t.dir / "audit"
    d = t.daemon(max_penalty=60, audit_file=str(audit), log_level="info")
    for _ in range(3000):
        try:
            socket.create_connection(("127.0.0.1", d.port), timeout=20).close()
        except OSError:
            pass
    t.wait_for(lambda: "source turned away" in d.log(), "the penalty")
    assert len(lines(audit)) < 600 and len(d.log().splitlines()) < 1300, (len(lines(audit)), len(d.log().splitlines()))
    # One login at a time gets through all the same.
    assert_works(d)


def test_audit_file_has_a_limit(t):
    audit = t.dir / "audit"
    d = t.daemon(audit_file=str(audit), audit_file_size=2000)
    for n in range(60):
        knock(d)
    t.wait_for(lambda: d.log().count("audit: connection") == 60, "the lines")
    old = t.dir / "audit.1"
    assert audit.stat().st_size <= 2000 and 1500 < old.stat().st_size <= 2000
    assert audit.stat().st_mode & 0o777 == 0o600
    # The newest ones are there, whole and in order.
    kept = [line.split(" ", 1)[1] for line in lines(old) + lines(audit)]
    logged = [line.split("audit: ", 1)[1] for line in d.log().splitlines() if "audit: " in line]
    assert kept == logged[-len(kept):], (kept, logged)
    d.stop()
    d.write_config(audit_file_size=0)
    d.start()
    for n in range(30):
        knock(d)
    t.wait_for(lambda: audit.stat().st_size > 2500, "more than the limit")


def test_audit_file_that_is_none_blocks_nobody(t):
    fifo = t.dir / "fifo"
    os.mkfifo(fifo)
    (t.dir / "link").symlink_to(t.dir / "target")
    for path in (fifo, "/dev/null", t.dir / "link"):
        d = t.daemon(audit_file=str(path))
        assert_works(d)
        d.wait_log(f"cannot write to the audit file {path}")
        d.stop()
    assert not (t.dir / "target").exists()


# Sessions that have been taken over


def test_session_cannot_write_into_the_log(t):
    d = t.daemon(session_program=taken_over.session(t, """
for fd in (0, 1, 2):
    try: os.write(fd, b"fwsshd: error: forged line\\n")
    except OSError: pass
record(1, 2, b"logged in with key forged\\nfwsshd: forged line")
"""))
    with socket.create_connection(("127.0.0.1", d.port)):
        d.wait_log("forged")
    assert "\nfwsshd: error: forged" not in d.log() and "\nfwsshd: forged" not in d.log(), d.log()
    # What it says as a record is marked as its own words.
    line, = (line for line in d.log().splitlines() if "forged" in line)
    assert ": session: logged in with key forged?fwsshd: forged line" in line


def test_session_cannot_fill_the_log(t):
    d = t.daemon(session_program=taken_over.session(t, """
for i in range(300):
    record(1, i % 4, b"flood")
    record(2, 1, b"flood")
"""))
    with socket.create_connection(("127.0.0.1", d.port)):
        t.wait_for(lambda: (t.dir / "done").exists(), "the flood")
    d.wait_log("more messages of this connection were not logged")
    assert d.log().count("flood") < 60, d.log()
    assert d.process.poll() is None


def test_session_that_goes_on_is_killed(t):
    d = t.daemon(session_program=taken_over.session(t, f"""
open("{t.dir}/pid", "w").write(str(os.getpid()))
while True:
    record(1, 2, b"flood")
"""))
    with socket.create_connection(("127.0.0.1", d.port)):
        pid = int(t.wait_for(lambda: (t.dir / "pid").exists() and (t.dir / "pid").read_text(), "the session"))
        t.wait_for(lambda: not alive(pid), "its end")
    d.wait_log("too many messages from its session")
    assert d.log().count("flood") < 60


def test_session_cannot_run_the_command_without_end(t):
    command = t.script("command", f"#!/bin/sh\necho >> {t.dir}/asked\n")
    (t.dir / "asked").touch()
    (t.dir / "asked").chmod(0o666)
    d = t.daemon(authorized_keys_command=f"{command} %u", session_program=taken_over.session(t, """
for i in range(40):
    record(3, 0, b"user ssh-ed25519 SHA256:x AAAA")
    listener.recv(2000)
"""))
    with socket.create_connection(("127.0.0.1", d.port)):
        t.wait_for(lambda: (t.dir / "done").exists(), "the questions")
    assert len(lines(t.dir / "asked")) == 16
