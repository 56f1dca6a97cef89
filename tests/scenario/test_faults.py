"""The seventeen faults of the origin (its measured list has the same numbers): each is gone."""
import os
import re
import signal
import socket
import subprocess
import threading
import time

import raw_client
from fixture import alive, peak_memory, seconds
from receiver import Receiver

MB = 1 << 20
HELLO = b"fwup:5,reboot\nhello"
GOOD_TEXT = b"Running fwup...\nSuccess!\nRebooting...\n"
NO_HANDSHAKE = "take\nprintf 'Success!\\n'; exit 0"


def feed(client, data, end=False):
    """Writes in the background; a client that has gone is no error here."""
    def work():
        try:
            client.stdin.write(data)
            if end:
                client.stdin.close()
        except OSError:
            pass
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def finish(client, timeout=40):
    """The client's exit status and texts."""
    status = client.wait(timeout)
    return status, client.stdout.read(), client.stderr.read()


def finish_input(client):
    """The same after the end of its input."""
    client.stdin.close()
    return finish(client)


def marker(t, name):
    """What a stand-in has written about itself."""
    path = t.dir / name
    return path.read_text() if path.exists() else ""


def wait_gone(t, pids, what):
    """Not even a zombie is left."""
    t.wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), f"{what} to be gone")


def assert_works(d, reboots=1):
    """A push at once: the device is free and in order."""
    r = d.push(HELLO)
    assert (r.returncode, r.stdout) == (0, GOOD_TEXT), r
    d.wait_reboot(reboots)
    assert d.reboots() == reboots


def assert_one_line(err):
    assert re.fullmatch(rb"fwssh: [^\n]+\n", err), err


# 1. A header split over packets


def test_1_header_split_at_every_byte(t):
    for at in range(1, len(HELLO)):
        r = Receiver(t)
        r.send_and_wait(HELLO[:at])
        r.send(HELLO[at:])
        status, out, err = r.end()
        assert (status, out, err) == (0, GOOD_TEXT, b""), at
        assert r.result()["reboot"] == 1, at
    assert r.device.updater_input() == b"hello" * (len(HELLO) - 1)


def test_1_header_split_between_ssh_packets(t):
    d = t.daemon()
    for count, at in enumerate((4, 7, 13, 14), 1):
        client = d.client()
        client.stdin.write(HELLO[:at])
        # Nothing shows from outside that a part has arrived. A pause too short only makes the test easier.
        time.sleep(0.3)
        client.stdin.write(HELLO[at:])
        assert finish(client) == (0, GOOD_TEXT, b""), at
        d.wait_reboot(count)


def test_1_unfinished_header_never_reboots(t):
    """The origin rebooted with exit 0 and no update on exactly this."""
    d = t.daemon(idle_timeout=1)
    client = d.client()
    client.stdin.write(b"fwup:5,")
    time.sleep(0.3)  # as above
    client.stdin.write(b"reboot\n")
    status, out, err = finish(client)
    assert status == 1 and b"Rebooting" not in out, (status, out, err)
    assert d.reboots() == 0


# 2. Several firmwares


def test_2_each_firmware_goes_to_its_own_updater(t):
    for number, end in enumerate(("shake 0", "exit 0")):
        name = f"updater{number}"
        d = t.daemon(updater=t.updater(f"take; printf '|' >> $me.input\nprintf 'Success!\\n'; {end}", name=name))
        r = d.push(b"fwup:3,fwup:4,reboot\nabcdefg")
        assert r.returncode == 0, r
        assert r.stdout == b"Running fwup...\nSuccess!\n" * 2 + b"Rebooting...\n"
        assert d.updater_input(name) == b"abc|defg|"
        d.wait_reboot()
        assert d.reboots() == 1


def test_2_second_firmware_may_come_later(t):
    d = t.daemon(updater=t.updater("take; printf '|' >> $me.input\nprintf 'Success!\\n'; shake 0"))
    client = d.client()
    client.stdin.write(b"fwup:3,fwup:4,reboot\nabc")
    t.wait_for(lambda: d.updater_input() == b"abc|", "the first firmware")
    client.stdin.write(b"defg")
    status, out, _ = finish(client)
    assert status == 0 and out.endswith(b"Success!\nRebooting...\n")
    assert d.updater_input() == b"abc|defg|"


def test_2_updaters_never_overlap(t):
    d = t.daemon(updater=t.updater("mkdir $me.busy || echo overlap > $me.overlap\ntake; rmdir $me.busy\nexit 0"))
    assert d.push(b"fwup:1,fwup:1,fwup:1,fwup:1,reboot\nabcd").returncode == 0
    assert not marker(t, "updater.overlap")


def test_2_a_failed_firmware_ends_it_all(t):
    d = t.daemon(updater=t.updater("take; exit 1"))
    r = d.push(b"fwup:3,fwup:4,reboot\nabcdefg")
    assert r.returncode == 1 and b"firmware 1 of 2" in r.stderr
    assert d.updater_input() == b"abc" and d.reboots() == 0


# 3. Surplus bytes


def test_3_announced_surplus_is_swallowed(t):
    for number, end in enumerate(("shake 0", "exit 0")):
        d = t.daemon(updater=t.updater(f"take_some 5\nprintf 'Success!\\n'; {end}", name=f"updater{number}"))
        r = d.push(b"fwup:%d,reboot\nhello" % (20 * MB + 5) + bytes(20 * MB))
        assert (r.returncode, r.stdout) == (0, GOOD_TEXT), r
        d.wait_reboot()


def test_3_announced_surplus_between_two_firmwares(t):
    d = t.daemon(updater=t.updater("take_some 5\nexit 0"))
    r = d.push(b"fwup:%d,fwup:5,reboot\nhello" % (3 * MB + 5) + bytes(3 * MB) + b"again")
    assert r.returncode == 0, r
    assert d.updater_input() == b"helloagain"
    d.wait_reboot()


def test_3_announced_surplus_behind_an_updater_slower_than_the_idle_time(t):
    """It has closed its input and flushes; that the client had to wait meanwhile is not the client's silence."""
    d = t.daemon(idle_timeout=1, updater=t.updater("take_some 5; exec < /dev/null; sleep 2\nprintf 'Success!\\n'"))
    r = d.push(b"fwup:%d,reboot\nhello" % (8 * MB + 5) + bytes(8 * MB))
    assert (r.returncode, r.stdout) == (0, GOOD_TEXT), r
    d.wait_reboot()


def test_3_surplus_not_announced_is_an_error(t):
    for number, extra in enumerate((1, 5000, 64 * MB)):
        d = t.daemon(updater=t.updater(name=f"updater{number}", body="take; shake 0"))
        r = d.push(HELLO + bytes(extra))
        assert r.returncode == 1 and b"Rebooting" not in r.stdout, r
        assert_one_line(r.stderr)
        assert b"received more data than announced" in r.stderr and d.reboots() == 0


def test_3_bytes_behind_reboot_are_an_error(t):
    d = t.daemon()
    r = d.push(b"reboot\nhello")
    assert r.returncode == 1 and d.reboots() == 0
    assert_one_line(r.stderr)


# 4. A slow updater


@seconds(90)
def test_4_updater_that_does_not_read_for_seven_seconds(t):
    """At the start, with an idle time far shorter: it is the updater that is waited for."""
    d = t.daemon(idle_timeout=2, updater=t.updater("sleep 7; take\nprintf 'Success!\\n'; shake 0"))
    data = os.urandom(8 * MB)
    r = d.push(b"fwup:%d,reboot\n" % len(data) + data)
    assert (r.returncode, r.stdout) == (0, GOOD_TEXT), r
    assert d.updater_input() == data
    d.wait_reboot()


@seconds(90)
def test_4_updater_that_stops_reading_midway(t):
    d = t.daemon(idle_timeout=2, updater=t.updater("take_some 5000000; sleep 6; take\nexit 0"))
    data = os.urandom(12 * MB)
    assert d.push(b"fwup:%d,reboot\n" % len(data) + data).returncode == 0
    assert d.updater_input() == data


def test_4_updater_that_works_on_after_the_last_byte(t):
    d = t.daemon(idle_timeout=1, updater=t.updater("take; sleep 3\nprintf 'Success!\\n'; shake 0"))
    assert_works(d)


def test_4_connection_is_kept_alive_while_the_updater_works(t):
    """For what stands between: nothing else moves for as long as a flash takes."""
    d = t.daemon(idle_timeout=2, updater=t.updater("take; sleep 3\nprintf 'Success!\\n'; shake 0"))
    r = d.push(HELLO, "-vv", "-o", "LogLevel=DEBUG2")
    assert r.returncode == 0 and d.reboots() <= 1
    assert r.stderr.count(b"rtype keepalive@openssh.com") >= 2, r.stderr


# 5. Ends of input


def test_5_too_few_bytes(t):
    d = t.daemon(max_sessions=1, updater=t.updater("take; printf 'Success!\\n'; echo done >> $me.done; shake 0"))
    r = d.push(b"fwup:10,reboot\nhello")
    assert r.returncode == 1 and b"Rebooting" not in r.stdout, r
    assert_one_line(r.stderr)
    assert b"input ended 5 bytes short" in r.stderr
    assert d.reboots() == 0 and not marker(t, "updater.done")
    assert_works(d)


def test_5_too_few_bytes_behind_an_updater_that_has_ended(t):
    """Whether the updater or the end of input comes first must not decide between success and failure."""
    d = t.daemon(updater=t.updater("take_some 5; exec < /dev/null > /dev/null 2>&1; exit 0"))
    client = d.client()
    client.stdin.write(b"fwup:10,reboot\nhello")
    wait_gone(t, t.wait_for(d.updater_pids, "the updater"), "the updater")
    status, out, err = finish_input(client)
    assert status == 1 and b"Rebooting" not in out, (status, out, err)
    assert_one_line(err)
    assert d.reboots() == 0


def test_5_silent_client_subsystem_fwup(t):
    """Silence is no end of input."""
    d = t.daemon(idle_timeout=1, updater=t.updater("take; echo done >> $me.done; exit 0"))
    client = d.client(subsystem="fwup")
    client.stdin.write(b"hello")
    status, _, err = finish(client)
    assert status == 1 and b"idle-timeout" in err
    assert not marker(t, "updater.done") and d.reboots() == 0


def test_5_unfinished_header_and_empty_session(t):
    d = t.daemon(max_sessions=1)
    for data in (b"", b"f", b"fwup:5,reboot", b"x" * 3000):
        r = d.push(data)
        assert r.returncode == 2 and (r.stdout == b"") == (data != b""), (data, r)
        assert_one_line(r.stderr)
    assert d.updater_pids() == []
    assert_works(d)


def test_5_silent_client_is_ended(t):
    d = t.daemon(idle_timeout=2, max_sessions=1)
    for begin in (b"", b"fwup:5", b"fwup:5,reboot\nhell"):
        client = d.client()
        client.stdin.write(begin)
        status, out, err = finish(client)
        assert status == 1 and b"idle-timeout" in err, (begin, status, err)
        assert b"Rebooting" not in out
        wait_gone(t, d.updater_pids(), "the updater")
    assert d.reboots() == 0
    assert_works(d)


def test_5_slow_client_is_not_silent(t):
    """Ten bytes in five seconds, with an idle time of two."""
    d = t.daemon(idle_timeout=2)
    client = d.client()
    client.stdin.write(b"fwup:10,reboot\n")
    for _ in range(10):
        client.stdin.write(b"x")
        time.sleep(0.5)  # the client's slowness is what is tested
    assert finish(client)[0] == 0


# 6. Clients that stay


def test_6_connection_without_a_channel_is_ended(t):
    d = t.daemon(idle_timeout=2)
    client = t.start(d.ssh_args("-N", subsystem=None), stderr=subprocess.PIPE)
    d.wait_log("logged in")
    assert client.wait(20) == 255
    d.wait_log("idle-timeout")


def test_6_channel_without_a_request_is_ended(t):
    d = t.daemon(idle_timeout=2)
    transport = raw_client.connect(d)
    channel = transport.open_session(timeout=20)  # paramiko closes it when nobody holds it any more
    t.wait_for(lambda: not transport.is_active(), "the end of a session that asks for nothing", 10)
    del channel


def test_6_stopped_client_is_ended(t):
    d = t.daemon(idle_timeout=2, max_sessions=1)
    client = d.client()
    client.stdin.write(b"fwup:10,reboot\nhello")
    t.wait_for(lambda: d.updater_input() == b"hello", "the first bytes")
    client.send_signal(signal.SIGSTOP)
    d.wait_log("update failed")
    t.wait_for(lambda: not d.pids("fwssh-session"), "the session to end")
    assert d.reboots() == 0
    assert_works(d)


def test_6_client_that_does_not_read_its_text_is_ended(t):
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
    assert_works(d)


# 7. Connections that never log in


def test_7_silent_connections_block_nobody(t):
    d = t.daemon(login_grace_time=2)
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


def test_7_log_says_why_a_silent_connection_ended(t):
    d = t.daemon(login_grace_time=1)
    with socket.create_connection(("127.0.0.1", d.port)) as s:
        s.settimeout(20)
        while s.recv(4096):
            pass
    d.wait_log("disconnected")
    assert "login-grace-time" in d.log(), d.log()


def test_7_a_trickle_does_not_prolong_the_login(t):
    d = t.daemon(login_grace_time=2)
    s = socket.create_connection(("127.0.0.1", d.port))
    begin = time.monotonic()
    try:
        for byte in b"SSH-2.0-" + b"x" * 200:
            s.sendall(bytes([byte]))
            time.sleep(0.1)  # the client's slowness is what is tested
    except OSError:
        pass
    assert time.monotonic() - begin < 12


# 8. Two updates at once


def test_8_second_update_is_refused(t):
    d = t.daemon(updater=t.updater("take; await\nprintf 'Success!\\n'; shake 0"))
    first = d.client()
    first.stdin.write(HELLO)
    t.wait_for(d.updater_pids, "the first updater")
    for options in ((), ("-o", "ServerAliveInterval=1")):
        second = d.push(HELLO, *options)
        assert second.returncode == 3 and second.stdout == b"", second
        assert re.fullmatch(rb"fwssh: another update is running \(started 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC\); .*\n",
                            second.stderr)
    assert d.push(b"reboot\n").returncode == 3
    t.go()
    assert finish(first)[:2] == (0, GOOD_TEXT)
    assert len(d.updater_pids()) == 1
    d.wait_reboot()
    assert d.reboots() == 1


def test_8_multiplexed_channels_are_refused_too(t):
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


def test_8_lost_client_leaves_no_updater(t):
    """One that would never read its input: only a kill ends it, and the next push must not find it."""
    d = t.daemon(updater=t.updater("[ -e $me.go ] || sleep 100\ntake; printf 'Success!\\n'; shake 0"))
    client = d.client()
    feed(client, b"fwup:%d,reboot\n" % (8 * MB) + bytes(4 * MB))
    pids = t.wait_for(d.updater_pids, "the updater")
    t.go()
    client.kill()
    d.wait_log("connection lost")
    assert_works(d)
    wait_gone(t, pids, "the first updater")


def test_8_lock_is_kept_until_the_reboot(t):
    """A second push in between would choose the slot that runs."""
    d = t.daemon(reboot_command="/bin/true")
    assert d.push(HELLO).returncode == 0
    d.wait_log("rebooting")
    assert d.push(HELLO).returncode == 3


def test_8_one_lock_for_all_names_of_a_device(t):
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


# 9. Memory


def master(t, d):
    """A connection that stays, so that its session can be looked at when the update is over."""
    path = f"{t.dir}/master"
    t.start(d.ssh_args("-N", "-M", "-S", path, subsystem=None))
    t.wait_for(lambda: os.path.exists(path), "the master")
    return ("-S", path)


def test_9_endless_header_takes_no_memory(t):
    d = t.daemon()
    options = master(t, d)
    session, = d.pids("fwssh-session")
    r = d.push(b"x" * (64 * MB), *options)
    assert r.returncode == 2
    assert_one_line(r.stderr)
    assert t.sanitized() or peak_memory(session) < 16000


def test_9_endless_header_is_not_read_to_its_end(t):
    r = Receiver(t)
    sent = 0
    try:
        while sent < 64 * MB:
            r.send(b"x" * 65536)
            sent += 65536
    except BrokenPipeError:
        pass
    assert sent < MB
    assert r.process.wait(20) == 2


def test_9_surplus_takes_no_memory(t):
    d = t.daemon(updater=t.updater("take; await; shake 0"))
    options = master(t, d)
    session, = d.pids("fwssh-session")
    client = d.client(*options)
    sent = []

    def work():
        try:
            for _ in range(1024):
                client.stdin.write(bytes(65536))
                sent.append(1)
        except OSError:
            pass
    client.stdin.write(HELLO)
    threading.Thread(target=work, daemon=True).start()
    t.wait_for(d.updater_pids, "the updater")
    t.wait_for(lambda: len(sent) >= 10, "surplus on its way")
    receive, = d.pids("fwssh-receive")
    assert t.sanitized() or peak_memory(receive) < 8000
    t.go()
    assert finish(client)[0] == 1
    assert t.sanitized() or peak_memory(session) < 16000


# 10. Clear words

BAD_HEADERS = (
    b"rebot", b"fwup", b"fwup:10,format", b"", b"reboot\r", b"REBOOT", b"fwup:5, reboot", b"reboot,", b",reboot",
    b"reboot\0", b"\xff\xfe", b"fwup:", b"fwup:12x", b"fwup: 12", b"fwup:0x10", b"fwup:1_000", b"fwup:1.5",
    b"fwup:5\r", "fwup:５".encode(), b"fwup:-5,reboot", b"fwup:+5,reboot", b"fwup:0,reboot", b"fwup:0",
    b"fwup:" + b"9" * 40 + b",reboot", b"fwup:" + b"9" * 20000, b"fwup:9223372036854775808", b"fwup(5", b"fwup()",
    b"fwup(5))", b"fwup(5),", b"reboot,fwup:5", b"reboot,reboot", b"fwup:5,reboot,reboot", b"fwup:5\0", b" fwup:5",
    b"fwup:5,,reboot", b"fwup:1," * 64 + b"fwup:1", b"\x1b[31m",
)


def test_10_bad_header_gets_one_line_and_a_status(t):
    d = t.daemon()
    for header in BAD_HEADERS:
        r = d.push(header + b"\nhello")
        assert (r.returncode, r.stdout) == (2, b""), (header, r)
        assert_one_line(r.stderr)
        assert b"bad header" in r.stderr and len(r.stderr) < 200, (header, r.stderr)
        assert all(0x20 <= byte < 0x7f for byte in r.stderr[:-1]), r.stderr
    assert d.updater_pids() == [] and d.reboots() == 0
    assert_works(d)


def test_10_longest_header(t):
    d = t.daemon()
    zeros = b"0" * (4095 - len("fwup:5,reboot"))
    assert d.push(b"fwup:" + zeros + b"5,reboot\nhello").returncode == 0
    assert d.push(b"fwup:" + zeros + b"05,reboot\nhello").returncode == 2


def test_10_missing_updater(t):
    for path in (t.dir / "none", "no-such-updater", t.image(name="not-executable")):
        d = t.daemon(updater=path)
        r = d.push(HELLO)
        assert r.returncode == 1, r
        assert str(path).encode() in r.stderr and b"updater" in r.stderr, r
        assert_one_line(r.stderr)
        assert d.reboots() == 0


def test_10_updater_version_is_garbage(t):
    for number, version in enumerate(("abc", "", "-1.2", "fwup 1.2.3")):
        name = f"updater{number}"
        d = t.daemon(updater=t.updater(version=version, name=name))
        r = d.push(HELLO)
        assert r.returncode == 1 and b"--version" in r.stderr, (version, r)
        assert_one_line(r.stderr)
        assert d.updater_pids(name) == []


def test_10_updater_version_decides_the_handshake(t):
    for number, (version, knows) in enumerate({"0.17.0": False, "0.16.9": False, "0.17.1": True, "0.18": True,
                                               "1.0.0": True, "1.10": True, "1.10.0-dev": True}.items()):
        name = f"updater{number}"
        d = t.daemon(updater=t.updater(NO_HANDSHAKE, version=version, name=name))
        r = d.push(HELLO)
        assert (r.returncode, r.stdout) == (0, GOOD_TEXT), (version, r)
        device = d.config["device"]
        option = "--exit-handshake " if knows else ""
        assert marker(t, f"{name}.args") == f"{option}--apply --no-unmount -d {device} --task upgrade\n"


@seconds(60)
def test_10_updater_whose_version_never_comes(t):
    updater = t.script("hang", f"#!/bin/sh\necho $$ > {t.dir}/hang.pid\nsleep 100\n")
    d = t.daemon(updater=updater)
    r = d.push(HELLO)
    assert r.returncode == 1 and b"--version" in r.stderr
    wait_gone(t, d.updater_pids("hang"), "the hanging updater")


def test_10_updater_killed_by_a_signal(t):
    for number, (name, text) in enumerate((("KILL", b"signal 9"), ("SEGV", b"signal 11"))):
        d = t.daemon(updater=t.updater(f"take_some 5\necho words\nkill -{name} $$", name=f"updater{number}"))
        r = d.push(HELLO)
        assert r.returncode == 1 and text in r.stderr, r
        assert_one_line(r.stderr)
        assert r.stdout == b"Running fwup...\nwords\n" and d.reboots() == 0


# 11. The updater's status and text


def test_11_status_of_the_updater_is_named(t):
    for number, (end, status) in enumerate((("shake 1", 1), ("exit 3", 3), ("shake 77", 77), ("exit 255", 255))):
        d = t.daemon(updater=t.updater(f"take; echo words\n{end}", name=f"updater{number}"))
        r = d.push(HELLO)
        assert r.returncode == 1 and r.stdout == b"Running fwup...\nwords\n", r
        assert_one_line(r.stderr)
        assert b"status %d;" % status in r.stderr and d.reboots() == 0


def test_11_text_of_an_early_failure_is_kept(t):
    """It reads nothing, says why, and is gone while the client still sends."""
    for number, end in enumerate(("exit 1", "shake 1")):
        d = t.daemon(updater=t.updater(f"echo 'fwup: bad option'; echo more >&2\n{end}", name=f"updater{number}"))
        for _ in range(5):
            r = d.push(b"fwup:%d,reboot\n" % (20 * MB) + bytes(20 * MB))
            assert r.returncode == 1, r
            assert r.stdout == b"Running fwup...\nfwup: bad option\n"
            assert b"more\n" in r.stderr and b"status 1;" in r.stderr


def test_11_all_of_a_long_text_arrives_and_soon(t):
    d = t.daemon(updater=t.updater("take; i=0; while [ $i -lt 40000 ]; do echo line $i; i=$((i+1)); done\nexit 0"))
    begin = time.monotonic()
    r = d.push(HELLO)
    lines = r.stdout.splitlines()
    assert lines[1:-1] == [b"line %d" % i for i in range(40000)]
    assert time.monotonic() - begin < 15


def test_11_last_words_do_not_wait(t):
    """More text than the pipes hold comes at the very end, in one go: the session must not nap between pieces."""
    text = t.dir / "text"
    text.write_bytes(b"word\n" * 60000)
    d = t.daemon(updater=t.updater(f"take; exec cat {text}"))
    begin = time.monotonic()
    r = d.push(HELLO)
    assert r.stdout == b"Running fwup...\n" + text.read_bytes() + b"Rebooting...\n"
    assert time.monotonic() - begin < (10 if t.sanitized() else 2)


def test_11_stderr_of_the_updater_reaches_the_client(t):
    d = t.daemon(updater=t.updater("take; echo to-stderr >&2; echo to-stdout; shake 0"))
    r = d.push(HELLO)
    assert r.returncode == 0 and r.stderr == b"to-stderr\n"
    assert r.stdout == b"Running fwup...\nto-stdout\nRebooting...\n"


def test_11_control_bytes_of_progress_pass_unchanged(t):
    d = t.daemon(updater=t.updater(r"take; printf '\r 50%%\033[K\000\377\r100%%\n'; shake 0"))
    assert d.push(HELLO).stdout == b"Running fwup...\n\r 50%\x1b[K\0\xff\r100%\nRebooting...\n"


# 12. The handshake is not the status


def test_12_handshake_without_its_status(t):
    bodies = (r"take; printf '\032'; exit 1", r"take; printf '\032'; sleep 0.3; exit 1",
              r"take; printf '\032\000'; cat > /dev/null; exit 1",
              r"take; printf '\032'; sleep 0.3; printf '\000'; exit 1",
              r"take; printf 'x\032\000yz'; kill -9 $$")
    for number, body in enumerate(bodies):
        d = t.daemon(updater=t.updater(body, name=f"updater{number}"))
        r = d.push(HELLO)
        assert r.returncode == 1 and b"Rebooting" not in r.stdout, (body, r)
        assert b"\x1a" not in r.stdout and d.reboots() == 0


def test_12_handshake_split_over_two_reads(t):
    d = t.daemon(updater=t.updater(r"take; printf 'Success!\n\032'; sleep 0.3; printf '\000'; cat > /dev/null"))
    assert_works(d)


def test_12_handshake_with_an_error_that_the_exit_denies(t):
    """waitpid decides."""
    d = t.daemon(updater=t.updater(r"take; printf 'Success!\n\032\001'; cat > /dev/null; exit 0"))
    assert_works(d)


# 13. The reboot comes last


def test_13_reboot_alone_works_with_input_open(t):
    d = t.daemon()
    client = d.client()
    client.stdin.write(b"reboot\n")
    assert finish(client) == (0, b"Rebooting...\n", b"")
    d.wait_reboot()
    assert d.reboots() == 1 and d.updater_pids() == []


def test_13_update_works_with_input_open(t):
    d = t.daemon()
    client = d.client()
    client.stdin.write(HELLO)
    assert finish(client) == (0, GOOD_TEXT, b"")


def test_13_no_reboot_unless_asked(t):
    d = t.daemon()
    r = d.push(b"fwup:5\nhello")
    assert (r.returncode, r.stdout) == (0, b"Running fwup...\nSuccess!\n")
    d.wait_log("update done")
    t.wait_for(lambda: not d.pids("fwssh-session"), "the session to end")
    assert d.reboots() == 0 and "rebooting" not in d.log()


def test_13_reboot_waits_until_the_client_has_closed(t):
    d = t.daemon(updater=t.updater("take; await; printf 'Success!\\n'; shake 0"))
    client = d.client()
    client.stdin.write(HELLO)
    t.wait_for(d.updater_pids, "the updater")
    client.send_signal(signal.SIGSTOP)
    t.go()
    d.wait_log("update done")
    # The stopped client cannot close; it has three seconds.
    assert d.reboots() == 0 and "rebooting" not in d.log()
    client.send_signal(signal.SIGCONT)
    assert finish(client) == (0, GOOD_TEXT, b"")
    d.wait_reboot()


def test_13_reboot_does_not_wait_for_a_dead_client_for_ever(t):
    d = t.daemon(updater=t.updater("take; await; printf 'Success!\\n'; shake 0"))
    client = d.client()
    client.stdin.write(HELLO)
    t.wait_for(d.updater_pids, "the updater")
    client.send_signal(signal.SIGSTOP)
    t.go()
    d.wait_reboot()


def test_13_reboot_that_cannot_run_is_told_and_frees_the_device(t):
    d = t.daemon(reboot_command="/nonexistent/reboot now")
    for count in (1, 2):
        assert d.push(HELLO).returncode == 0
        t.wait_for(lambda: d.log().count("(key reboot-command)") == count, "the error")


def test_13_client_sees_end_status_and_close_in_order(t):
    d = t.daemon()
    transport = raw_client.connect(d)
    seen = []

    def watch(kind, name):
        def handle(channel, message):
            seen.append(name)
            original(channel, message)
        original = transport._channel_handler_table[kind]
        return handle
    transport._channel_handler_table = {**transport._channel_handler_table, 96: watch(96, "end"),
                                        97: watch(97, "close"), 98: watch(98, "status")}
    channel = raw_client.subsystem(transport)
    channel.sendall(HELLO)
    assert channel.recv_exit_status() == 0
    t.wait_for(lambda: "close" in seen, "the close")
    assert seen == ["end", "status", "close"]
    transport.close()


# 14. The README's form


def test_14_size_in_parentheses(t):
    d = t.daemon()
    r = d.push(b"fwup(5),reboot\nhello")
    assert (r.returncode, r.stdout) == (0, GOOD_TEXT)
    assert d.updater_input() == b"hello"


# 15. Logins


def test_15_only_public_keys_are_offered(t):
    d = t.daemon()
    r = d.push(HELLO, "-o", "PreferredAuthentications=password,keyboard-interactive,hostbased")
    assert r.returncode == 255 and b"Permission denied (publickey)." in r.stderr, r
    assert d.updater_pids() == []


def fingerprint(t, key):
    return t.run(["ssh-keygen", "-lf", f"{key}.pub"]).stdout.split()[1]


def test_15_failed_logins_are_logged(t):
    d = t.daemon()
    wrong = t.key("wrong")
    r = d.push(HELLO, user="stranger", key=wrong)
    assert r.returncode == 255 and b"Permission denied" in r.stderr
    d.wait_log(fingerprint(t, wrong))
    line, = (line for line in d.log().splitlines() if fingerprint(t, wrong) in line)
    assert "127.0.0.1:" in line and "stranger" in line and "warning" in line
    assert_works(d)
    assert fingerprint(t, d.key) in d.log()


def test_15_six_tries_at_most(t):
    d = t.daemon()
    wrong = [t.key(f"wrong{i}") for i in range(30)]

    def push(count):
        options = [part for key in wrong[:count] for part in ("-i", str(key))]
        return d.push(HELLO, *options, "-i", str(d.key), key=wrong[0]).returncode
    assert push(5) == 0
    assert push(6) == 255
    assert push(30) == 255
    d.wait_log("too many keys tried")
    assert d.log().count("login refused") <= 5 + 6 + 6


def test_15_a_signature_of_another_key_does_not_log_in(t):
    """The public half is enough to ask, but not to enter."""
    d = t.daemon(login_grace_time=2)
    paramiko = raw_client.paramiko or t.skip("python3-paramiko is not installed")
    transport = raw_client.connect(d, key=False)
    good = paramiko.Ed25519Key.from_private_key_file(str(d.key))
    wrong = paramiko.Ed25519Key.from_private_key_file(str(t.key("wrong")))
    good.sign_ssh_data = wrong.sign_ssh_data
    transport.auth_timeout = 10
    try:
        transport.auth_publickey("any", good)
        raise AssertionError("logged in with a wrong signature")
    except paramiko.SSHException:
        pass
    assert "logged in with key" not in d.log()


def test_15_user_name_does_not_matter(t):
    d = t.daemon()
    for user in ("root", "x", "no such user", "größe", "u" * 300):
        assert d.push(b"fwup:5\nhello", "-l", user).returncode == 0, user


# 16. Order on the device


def test_16_a_good_update_logs_nothing_bad(t):
    d = t.daemon(reboot_command="/bin/true")
    assert d.push(HELLO).returncode == 0
    d.wait_log("rebooting")
    t.wait_for(lambda: not d.pids("fwssh-session"), "the session to end")
    for word in ("error", "warning", "crash", "killed"):
        assert word not in d.log().lower(), d.log()


def test_16_missing_device_is_an_error(t):
    for path in (t.dir / "no-device", t.dir / "none" / "mmcblk0", t.dir):
        d = t.daemon(device=path)
        r = d.push(HELLO)
        assert r.returncode == 1 and str(path).encode() in r.stderr, r
        assert_one_line(r.stderr)
        assert d.updater_pids() == [] and d.reboots() == 0
    assert not (t.dir / "no-device").exists()


def test_16_dangling_link_is_a_missing_device(t):
    (t.dir / "link").symlink_to(t.dir / "nowhere")
    d = t.daemon(device=t.dir / "link")
    assert d.push(HELLO).returncode == 1
    assert not (t.dir / "nowhere").exists() and d.updater_pids() == []


# 17. Clients that die


def test_17_killed_before_the_last_byte(t):
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


def test_17_killed_before_the_last_byte_of_a_slow_updater(t):
    """The pipes are full, so that the end of the client's bytes is far away."""
    d = t.daemon(updater=t.updater("sleep 100; take; shake 0"))
    client = d.client()
    feed(client, b"fwup:%d,reboot\n" % (64 * MB) + bytes(32 * MB))
    pids = t.wait_for(d.updater_pids, "the updater")
    client.kill()
    d.wait_log("update failed", 5)
    wait_gone(t, pids, "the updater")


def test_17_killed_in_the_first_of_two_firmwares(t):
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
    d.wait_log("update failed", 10)
    wait_gone(t, d.updater_pids(), "the updaters")
    assert d.reboots() == 0


def test_17_killed_after_the_last_byte(t):
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


def test_17_killed_after_the_end_of_input_subsystem_fwup(t):
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


def test_17_killed_before_the_end_of_input_subsystem_fwup(t):
    d = t.daemon(updater=t.updater("take; echo done >> $me.done\nprintf 'Success!\\n'; shake 0"))
    client = d.client(subsystem="fwup")
    client.stdin.write(b"hello")
    t.wait_for(lambda: d.updater_input() == b"hello", "the bytes")
    client.kill()
    d.wait_log("update failed")
    wait_gone(t, d.updater_pids(), "the updater")
    assert not marker(t, "updater.done") and d.reboots() == 0


def test_17_grandchildren_die_with_the_updater(t):
    """A shell between fwssh-receive and the program that writes: the latter must not see an end of its input."""
    grandchild = t.script("grandchild", f"#!/bin/sh\necho $$ > {t.dir}/grandchild.pid\n"
                          f"cat > {t.dir}/grandchild.input; echo done > {t.dir}/grandchild.done\n")
    d = t.daemon(updater=t.updater(f"{grandchild}; shake 0"))
    client = d.client()
    client.stdin.write(b"fwup:10,reboot\nhello")
    t.wait_for(lambda: d.updater_input("grandchild") == b"hello", "the first bytes")
    client.kill()
    d.wait_log("update failed")
    wait_gone(t, d.updater_pids("grandchild") + d.updater_pids(), "the updater and its child")
    assert not marker(t, "grandchild.done")


def test_17_a_failed_updater_leaves_no_child_behind(t):
    """It would write on, and hold the lock, when nobody knows of it."""
    d = t.daemon(updater=t.updater("[ -e $me.go ] || { sleep 100 > /dev/null 2>&1 & echo $! > $me.child; exit 1; }\n"
                                   "take; printf 'Success!\\n'; shake 0"))
    assert d.push(HELLO).returncode == 1
    child = int(marker(t, "updater.child"))
    t.go()
    try:
        assert_works(d)
        assert not alive(child)
    finally:
        if alive(child):
            os.kill(child, signal.SIGKILL)


# Refused: everything but the two subsystems


def test_refused_shell_and_commands(t):
    d = t.daemon()
    r = d.push(b"", subsystem=None)
    assert r.returncode not in (0, 255), r
    assert r.stdout == b"Interactive login unsupported. Use the nerves_firmware_ssh subsystem.\n"
    r = t.run([*d.ssh_args(subsystem=None), "id"], text=False)
    assert r.returncode not in (0, 255) and r.stdout == b"Command execution unsupported.\n", r


def test_refused_subsystems(t):
    d = t.daemon()
    for name in ("sftp", "netconf", "fwup\n", "FWUP", "x" * 2000, "../fwup"):
        r = d.push(HELLO, subsystem=name)
        assert r.returncode == 255 and b"subsystem request failed" in r.stderr, (name, r)
    assert d.updater_pids() == []
    assert_works(d)


def test_refused_forwarding(t):
    d = t.daemon()
    with socket.create_server(("127.0.0.1", 0)) as target:
        target.setblocking(False)
        there = f"127.0.0.1:{target.getsockname()[1]}"
        r = t.run(d.ssh_args("-W", there, subsystem=None))
        assert r.returncode == 255, r
        port, socks = t.port(), t.port()
        t.start(d.ssh_args("-N", "-L", f"{port}:{there}", "-D", str(socks), "-L", f"{t.dir}/unix:{t.dir}/none",
                           subsystem=None), stderr=subprocess.DEVNULL)
        t.wait_for(lambda: (t.dir / "unix").exists(), "the client's listeners")
        for number in (port, socks):
            with socket.create_connection(("127.0.0.1", number), timeout=20) as s:
                if number == socks:
                    s.sendall(b"\x04\x01" + target.getsockname()[1].to_bytes(2, "big") + b"\x7f\0\0\x01\0")
                answer = s.recv(100)
                assert answer == b"" or answer[:2] != b"\0\x5a", answer
        for where in (t.port(), f"{t.dir}/remote"):
            r = t.run(d.ssh_args("-N", "-o", "ExitOnForwardFailure=yes", "-R", f"{where}:{there}", subsystem=None))
            assert r.returncode == 255 and "forwarding failed" in r.stderr, r
        try:
            target.accept()
            raise AssertionError("a connection was forwarded")
        except BlockingIOError:
            pass


def test_refused_terminal(t):
    d = t.daemon()
    r = d.push(b"", "-tt")
    assert b"PTY allocation request failed" in r.stderr, r


def test_refused_environment_and_agent(t):
    d = t.daemon(updater=t.updater("take; env; shake 0"))
    t.need("ssh-agent")
    r = t.run(["ssh-agent", *d.ssh_args("-A", "-o", "SetEnv=SECRET=1", "-o", "ForwardX11=yes")], input=HELLO,
              text=False)
    assert r.returncode == 0, r
    for name in (b"SECRET", b"SSH_AUTH_SOCK", b"DISPLAY", b"SSH_TTY"):
        assert b"\n" + name not in r.stdout, r.stdout


def test_refused_requests_get_an_answer(t):
    """A client that asks for what is not offered must not wait."""
    d = t.daemon()
    transport = raw_client.connect(d)
    for ask in ("get_pty", "request_x11"):
        channel = raw_client.reopen(t, transport)
        try:
            getattr(channel, ask)()
            raise AssertionError("accepted")
        except raw_client.paramiko.SSHException:
            assert channel.closed  # by paramiko, when it was refused
    assert transport.global_request("no-such-request", wait=True) is None
    transport.close()


def test_second_channel_after_the_first(t):
    """Several updates over one connection, one after the other."""
    d = t.daemon()
    transport = raw_client.connect(d)
    for count in range(1, 4):
        channel = raw_client.reopen(t, transport)
        channel.invoke_subsystem("nerves_firmware_ssh")
        channel.sendall(HELLO)
        assert channel.recv_exit_status() == 0
        d.wait_reboot(count)
    transport.close()


def test_fwup_subsystem_reboots_after_a_good_end(t):
    d = t.daemon()
    r = d.push(b"hello", subsystem="fwup")
    assert (r.returncode, r.stdout) == (0, b"Success!\n"), r
    assert d.updater_input() == b"hello"
    d.wait_reboot()
    assert d.reboots() == 1


def test_fwup_subsystem_tells_failures(t):
    for number, end in enumerate(("exit 1", "shake 3", "kill -9 $$")):
        d = t.daemon(updater=t.updater(f"take; echo words\n{end}", name=f"updater{number}"))
        r = d.push(b"hello", subsystem="fwup")
        assert r.returncode == 1 and r.stdout == b"words\n", r
        assert_one_line(r.stderr)
        assert d.reboots() == 0


def test_17_bare_stream_that_has_ended_is_finished_though_the_client_is_gone(t):
    """More than the pipes take at once, so that the end is still on its way when the client goes."""
    d = t.daemon(updater=t.updater("await; take; exit 0"))
    client = d.client(subsystem="fwup")
    client.stdin.write(bytes(1_500_000))
    client.stdin.close()
    t.wait_for(d.updater_pids, "the updater")
    time.sleep(0.5)  # until the end of input is in the pipe there is nothing to see
    client.kill()
    d.wait_log("disconnected")
    t.go()
    d.wait_reboot()
    assert len(d.updater_input()) == 1_500_000


def test_9_unannounced_surplus_counts_though_the_client_is_gone(t):
    d = t.daemon(updater=t.updater("take; await; exit 0"))
    client = d.client()
    client.stdin.write(b"fwup:5,reboot\nhelloEXTRA")
    client.stdin.flush()
    t.wait_for(lambda: d.updater_input() == b"hello", "the updater to have all")
    client.kill()
    d.wait_log("disconnected")
    t.go()
    d.wait_log("received more data than announced")
    assert d.reboots() == 0
