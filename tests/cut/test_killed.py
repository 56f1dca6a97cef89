# SPDX-License-Identifier: Apache-2.0
"""One of the processes is killed (SIGKILL) in each state of an update. The others exit properly, and whoever still
listens gets a true report."""
import os
import re
import signal
import socket
import subprocess

from cut import device
from support.fixture import waits
from support.process import alive, is_stopped
from support.update import finish


def kill_part(t, part, client):
    if part == "client":
        client.kill()
    else:
        device.kill(device.find(t, part))


def assert_told(status, err):
    """A failure on the device is one line (PROTOCOL.md, "Messages")."""
    assert status == 1, (status, err)
    assert re.search(rb"(^|\n)fwssh: [^\n]+\n$", err), f"status {status}, but no line says why: {err}"


def assert_cut_off(status, out, err):
    """What ssh says when the connection is gone."""
    assert status == 255 and b"Rebooting" not in out, (status, out, err)


# Before an update


def test_killed_before_the_login(t):
    """A connection before the login, lost by either side."""
    v = device.Device(t)
    d = v.daemon()
    for part in ("client", "fwssh-session"):
        s = socket.create_connection(("127.0.0.1", d.port), timeout=20)
        assert s.recv(4) == b"SSH-"
        session = device.find(t, "fwssh-session")
        if part == "client":
            s.close()
        else:
            device.kill(session)
            while s.recv(4096):
                pass
        t.wait_for(lambda: not d.pids("fwssh-session"), "the session to end")
        v.assert_daemon_works(d)
        s.close()


def test_killed_between_login_and_request(t):
    v = device.Device(t)
    d = v.daemon()
    for count, part in enumerate(("client", "fwssh-session")):
        client = t.start(d.ssh_args("-N", subsystem=None), stderr=subprocess.PIPE)
        t.wait_for(lambda: d.log().count("logged in with") == 2 * count + 1, "the login")
        kill_part(t, part, client)
        assert client.wait(20) == (-signal.SIGKILL if part == "client" else 255)
        v.assert_daemon_works(d)


# Before the last byte


def check_before_the_last_byte(t, part, at):
    """at: how many bytes of header and firmware have been sent."""
    v = device.Device(t)
    d = v.daemon()
    stream = v.header + v.archive
    client = d.client()
    client.stdin.write(stream[:at])
    if at >= len(v.header):
        device.find(t, "fwpack")
        device.find(t, "fwssh-guard")
    device.find(t, "fwssh-receive")
    kill_part(t, part, client)
    if part == "fwssh-guard":
        client.stdin.write(stream[at:])
        status, out, err = finish(client)
        assert (status, err) == (0, b"") and out.endswith(b"Rebooting...\n"), (status, out, err)
        d.wait_reboot()
        assert v.state() == "new"
    else:
        status, out, err = finish(client)
        device.wait_clean(t, d.process.pid)
        assert v.state() == "old" and d.reboots() == 0
    v.assert_daemon_works(d)
    d.stop()
    return status, out, err, d.log()


def test_client_killed_in_header_and_body(t):
    for at in (5, 17, 20_000, 60_000):
        _, _, _, log = check_before_the_last_byte(t, "client", at)
        assert "update failed with status 1: " + device.LOST in log


def test_session_killed_in_header_and_body(t):
    for at in (5, 17, 20_000, 60_000):
        status, out, err, log = check_before_the_last_byte(t, "fwssh-session", at)
        assert_cut_off(status, out, err)
        assert "update failed with status 1: " + device.LOST in log


def test_receive_killed_in_the_header(t):
    status, _, err, log = check_before_the_last_byte(t, "fwssh-receive", 5)
    assert "fwssh-receive was killed by signal 9" in log or "signal 9" in log, log
    assert status == 1
    assert_told(status, err)


def test_receive_killed_in_the_body(t):
    status, out, err, _ = check_before_the_last_byte(t, "fwssh-receive", 20_000)
    assert status == 1 and b"Rebooting" not in out
    assert_told(status, err)


def test_receive_killed_in_the_body_leaves_nothing(t):
    """Whatever is reported to the client."""
    for at in (17, 20_000, 60_000):
        status, out, _, log = check_before_the_last_byte(t, "fwssh-receive", at)
        assert status == 1 and b"Rebooting" not in out and "signal 9" in log


def test_updater_killed_in_the_body(t):
    for at in (30, 20_000, 60_000):
        status, _, err, _ = check_before_the_last_byte(t, "fwpack", at)
        assert_told(status, err)
        assert b"fwpack was killed by signal 9" in err and b"; not rebooting" in err, err


def test_guard_killed_in_the_body(t):
    """The update can do without it."""
    check_before_the_last_byte(t, "fwssh-guard", 20_000)


def test_guard_and_receive_killed_in_the_body(t):
    """Both at once, in either order: the updater must not take the end of its input for the end of the firmware."""
    v = device.Device(t)
    for names in (("fwssh-guard", "fwssh-receive"), ("fwssh-receive", "fwssh-guard")):
        r = v.receiver()
        r.send(v.header + v.archive[:20_000])
        pids = [device.find(t, name) for name in ("fwpack", *names)]
        for pid in pids[1:]:
            device.kill(pid)
        t.wait_for(lambda: not alive(pids[0]), "the updater's end")
        assert v.state() == "old"
        v.assert_works()


def test_guard_killed_and_then_the_client(t):
    v = device.Device(t)
    d = v.daemon()
    client = d.client()
    client.stdin.write(v.header + v.archive[:20_000])
    device.kill(device.find(t, "fwssh-guard"))
    device.find(t, "fwpack")
    client.kill()
    d.wait_log("update failed with status 1: " + device.LOST)
    device.wait_clean(t, d.process.pid, client.pid)
    assert v.state() == "old" and d.reboots() == 0
    v.assert_daemon_works(d)


def test_push_at_once_after_a_cut(t):
    """Without waiting for anything: the old update has released the lock before the new one has logged in."""
    v = device.Device(t)
    d = v.daemon()
    for number in range(6):
        client = d.client()
        client.stdin.write(v.header + v.archive[:30_000])
        device.find(t, "fwpack")
        kill_part(t, ("client", "fwssh-session", "fwssh-receive")[number % 3], client)
        r = d.push(v.header + v.archive)
        assert r.returncode == 0 and r.stdout.endswith(b"Rebooting...\n"), (number, r)
        d.wait_reboot(number + 1)
        v.wait_free()
        assert (v.state(), d.reboots()) == ("new", number + 1)
        v.reset()


def stopped_behind_the_last_byte(t):
    """An update whose updater has received all bytes and is stopped in its first write."""
    v = device.Device(t)
    d = v.daemon(updater=v.faulty("W1", "stop"))
    client = d.client()
    client.stdin.write(v.header + v.archive)
    pid = device.find(t, "fwpack")
    t.wait_for(lambda: is_stopped(pid), "the updater to stop")
    t.wait_for(lambda: not open_for_writing(v, pid), "the last byte")
    return v, d, client, pid


def test_push_at_once_after_a_cut_behind_the_last_byte(t):
    """The first update is still writing: the second is refused, and the first completes as requested."""
    v, d, client, pid = stopped_behind_the_last_byte(t)
    client.kill()
    r = d.push(v.header + v.archive)
    assert r.returncode == 3 and b"fwssh: another update is running (started" in r.stderr, r
    os.kill(pid, signal.SIGCONT)
    d.wait_reboot()
    v.wait_free()
    assert (v.state(), d.reboots()) == ("new", 1)


def test_daemon_killed_in_the_body(t):
    """All processes exit; a new daemon accepts an update at once."""
    v = device.Device(t)
    d = v.daemon()
    client = d.client()
    client.stdin.write(v.header + v.archive[:20_000])
    device.find(t, "fwpack")
    d.process.kill()
    d.process.wait()
    assert_cut_off(*finish(client))
    device.wait_clean(t)
    assert v.state() == "old" and d.reboots() == 0
    d.start()
    v.assert_daemon_works(d)


def test_stopped_and_continued_processes(t):
    """Each of them is stopped for a while, again and again, which interrupts system calls."""
    v = device.Device(t)
    r = v.receiver(idle_timeout=20)
    stream = v.header + v.archive
    for at in range(0, len(stream), 3000):
        r.send(stream[at:at + 3000])
        for pid, _ in device.processes(t):
            try:
                os.kill(pid, signal.SIGSTOP)
                t.wait_for(lambda: is_stopped(pid) or not alive(pid), "it to stop")
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass
    status, out, err = r.end()
    assert (status, err, r.result()["reboot"]) == (0, b"", 1) and out.endswith(b"Rebooting...\n"), (status, out, err)
    assert v.state() == "new"
    v.assert_works()


# What fwssh push says of it


def start_push(t, d, fw, *extra):
    return t.start([t.bin("fwssh"), "push", "127.0.0.1", "--firmware", fw, "--port", d.port,
                    "--ssh-option", f"UserKnownHostsFile={t.dir}/known_hosts", "--ssh-option",
                    f"IdentityFile={d.key}", "--ssh-option", "IdentitiesOnly=yes", "--ssh-option",
                    "StrictHostKeyChecking=accept-new", *extra], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def check_push_told(t, part, kind="stop"):
    """The updater is stopped in its first write, with all bytes on the device, when one of the parts is killed."""
    v = device.Device(t)
    d = v.daemon(updater=v.faulty("W1", kind))
    client = start_push(t, d, "2.fw")
    pid = device.find(t, "fwpack")
    t.wait_for(lambda: is_stopped(pid), "the updater to stop")
    t.wait_for(lambda: not open_for_writing(v, pid), "the last byte")
    kill_part(t, part, client)
    if part == "fwssh-session":
        t.wait_for(lambda: not d.pids("fwssh-session"), "the session's end")
        os.kill(pid, signal.SIGCONT)
    status, out, err = finish(client)
    device.wait_clean(t, d.process.pid)
    v.wait_free()
    return v.state(), status, (out + err).decode()


def test_push_is_told_of_a_killed_session(t):
    state, status, said = check_push_told(t, "fwssh-session")
    assert state == "new" and status == 9 and "lost after the last byte" in said, (status, said)


def test_push_is_told_of_a_killed_updater(t):
    state, status, said = check_push_told(t, "fwpack")
    assert state == "old" and status == 1, (state, status, said)
    assert "fwssh: fwpack was killed by signal 9" in said, said


def test_push_is_told_of_a_killed_receive(t):
    """"See its text above" needs a text above."""
    state, status, said = check_push_told(t, "fwssh-receive")
    assert state == "old" and status == 1, (state, status, said)
    assert re.search(r"fwssh: .*signal 9|fwssh: .*ended", said), said


def test_push_that_is_killed_leaves_nothing(t):
    """fwssh itself is killed: its ssh sends the end of the input, which is not the end of the firmware."""
    v = device.Device(t)
    big = t.dir / "big.fw"
    (t.dir / "payload").write_bytes(os.urandom(8 << 20))
    (t.dir / "big.conf").write_text('file-resource payload { host-path = "payload" }\n'
                                    "task upgrade { on-resource payload { raw_write(0) } }\n")
    assert t.run([t.bin("fwpack"), "-c", "-f", "big.conf", "-o", big]).returncode == 0
    d = v.daemon(updater=t.updater("await; take; echo done > $me.done\nprintf 'Success!\\n'; shake 0"))
    client = start_push(t, d, big, "--adaptive=never")
    t.wait_for(d.updater_pids, "the updater")
    client.kill()
    client.wait(20)
    t.go()
    d.wait_log("update failed")
    assert d.reboots() == 0 and not (t.dir / "updater.done").exists()
    d.write_config(updater=t.bin("fwpack"))
    d.reload()
    v.assert_daemon_works(d)


# After the last byte, while the real updater writes


def start_and_stop(t, v, call, kind):
    """An update whose updater is stopped in a call on the medium; the last byte has arrived."""
    r = v.receiver(updater=v.faulty(call, kind))
    r.send_and_wait(v.header + v.archive)
    pid = device.find(t, "fwpack")
    t.wait_for(lambda: is_stopped(pid), "the updater to stop")
    return r, pid


def test_client_lost_at_every_write(t):
    """There is nobody to report to, but the update completes as requested."""
    v = device.Device(t)
    for number in range(1, v.calls("W") + 1):
        r, pid = start_and_stop(t, v, f"W{number}", "torn")
        device.lose(r, number)
        os.kill(pid, signal.SIGCONT)
        assert r.process.wait(20) == 0
        result = r.result()
        assert (result["status"], result["reboot"], result["told"]) == (0, 1, 0), result
        assert v.state() == "new"
        v.reset()
    v.assert_works()


def test_receive_killed_while_the_updaters_child_writes(t):
    """A shell around the updater dies with its parent; the guard has to kill what the shell has started."""
    v = device.Device(t)
    updater = v.faulty("W1", "stop")
    t.script(updater.name, updater.read_text().replace(" exec ", " ") + "exit $?\n")
    r = v.receiver(updater=updater)
    r.send_and_wait(v.header + v.archive)

    def stopped():
        return [pid for pid, _ in device.processes(t, "fwpack") if is_stopped(pid)]
    pid, = t.wait_for(stopped, "the updater's child to stop")
    r.process.kill()
    r.process.wait()
    try:
        t.wait_for(lambda: not alive(pid), "the end of the updater's child")
    finally:
        device.kill(pid)
    assert v.state() == "old"
    v.assert_works()


def check_killed_at_every_write(t, name, kind):
    """Old or new, and complete; no process is left that writes on."""
    v = device.Device(t)
    seen = []
    for number in range(1, v.calls("W") + 1):
        r, pid = start_and_stop(t, v, f"W{number}", kind)
        if name == "fwssh-receive":
            r.process.kill()
            r.process.wait()
        else:
            device.kill(pid)
            status, out, err = r.end()
            assert_told(status, err)
            assert b"killed by signal 9 (Killed)" in err and b"Rebooting" not in out, err
            # Nobody can know what boots next; only a reboot settles it.
            settles = b"after the switch may have started; rebooting anyway" in err
            assert settles or b"; not rebooting" in err, err
            assert r.result()["reboot"] == settles
            assert settles or v.state() == "old"
        t.wait_for(lambda: not alive(pid), "the updater's end")
        device.wait_clean(t)
        seen.append(v.state())
        v.assert_works()
    # The switch is the write of the first copy of the environment that names the new slot.
    assert seen == sorted(seen, reverse=True) and seen[0] == "old", seen
    assert seen.count("new") <= 2, seen


def test_receive_killed_before_every_write(t):
    check_killed_at_every_write(t, "fwssh-receive", "stop")


def test_receive_killed_in_every_write(t):
    check_killed_at_every_write(t, "fwssh-receive", "torn")


def test_updater_killed_in_every_write(t):
    check_killed_at_every_write(t, "fwpack", "torn")


def test_updater_killed_behind_every_write(t):
    check_killed_at_every_write(t, "fwpack", "late")


# After the last byte, through the daemon


def check_behind_the_last_byte(t, part, call, kind="stop"):
    v = device.Device(t)
    d = v.daemon(updater=v.faulty(call(v), kind))
    client = d.client()
    client.stdin.write(v.header + v.archive)
    pid = device.find(t, "fwpack")
    t.wait_for(lambda: is_stopped(pid), "the updater to stop")
    # It may have stopped before the last byte reached fwssh-receive, which closes its input after that byte.
    t.wait_for(lambda: not open_for_writing(v, pid), "the last byte")
    kill_part(t, part, client)
    if part in ("client", "fwssh-session"):
        t.wait_for(lambda: not d.pids("fwssh-session"), "the session's end")
    if alive(pid) and part in ("client", "fwssh-session", "fwssh-guard"):
        os.kill(pid, signal.SIGCONT)
    status, out, err = finish(client)
    device.wait_clean(t, d.process.pid)
    state = v.state()
    v.wait_free()
    d.write_config(updater=t.bin("fwpack"))
    d.reload()
    return v, d, state, (status, out, err)


def open_for_writing(v, updater):
    """Whether anybody still holds the other end of the updater's input."""
    try:
        pipe = os.readlink(f"/proc/{updater}/fd/0")
    except OSError:
        return False
    for pid, _ in device.processes(v.t):
        try:
            for fd in os.listdir(f"/proc/{pid}/fd"):
                if pid != updater and os.readlink(f"/proc/{pid}/fd/{fd}") == pipe:
                    return True
        except OSError:  # the process, or the descriptor, is gone
            pass
    return False


def first_write(v):
    return "W1"


def last_write(v):
    return f"W{v.calls('W')}"


def check_finished_as_asked(t, part):
    for call in (first_write, last_write):
        v, d, state, told = check_behind_the_last_byte(t, part, call)
        d.wait_reboot()
        assert (state, d.reboots()) == ("new", 1)
        if part == "fwssh-guard":
            assert told[0] == 0 and told[1].endswith(b"Rebooting...\n"), told
        else:
            d.wait_log("did not get the result")
        v.assert_daemon_works(d)
        d.stop()


def test_client_killed_behind_the_last_byte(t):
    check_finished_as_asked(t, "client")


def test_session_killed_behind_the_last_byte(t):
    check_finished_as_asked(t, "fwssh-session")


def test_guard_killed_behind_the_last_byte(t):
    check_finished_as_asked(t, "fwssh-guard")


def test_updater_killed_behind_the_last_byte(t):
    v, d, state, (status, out, err) = check_behind_the_last_byte(t, "fwpack", first_write)
    assert (state, d.reboots()) == ("old", 0) and b"Rebooting" not in out
    assert_told(status, err)
    v.assert_daemon_works(d)


def test_receive_killed_behind_the_last_byte(t):
    v, d, state, (status, out, err) = check_behind_the_last_byte(t, "fwssh-receive", first_write)
    assert (state, d.reboots()) == ("old", 0) and b"Rebooting" not in out and status == 1
    v.assert_daemon_works(d)
    assert_told(status, err)


def test_updater_killed_when_it_has_switched(t):
    """In the flush after the last write: nobody can know which slot boots next. A reboot settles it."""
    v, d, state, (status, out, err) = check_behind_the_last_byte(t, "fwpack", lambda v: f"F{v.calls('F')}", "late")
    assert status == 1 and b"after the switch may have started" in err and b"rebooting anyway" in err, err
    d.wait_reboot()
    v.assert_daemon_works(d)


def test_receive_killed_in_the_success_hook(t):
    """The updater has succeeded, and the listener does not know it yet."""
    v = device.Device(t)
    hook = t.script("hook", f"#!/bin/sh\necho $$ > {t.dir}/hook.pid\nexec sleep 100\n")
    d = v.daemon(hook_success=hook)
    client = d.client()
    client.stdin.write(v.header + v.archive)
    t.wait_for(lambda: (t.dir / "hook.pid").exists(), "the hook")
    device.kill(device.find(t, "fwssh-receive"))
    status, out, err = finish(client)
    t.wait_for(lambda: "fwssh-receive" in d.log(), "the word of it")
    device.kill(int((t.dir / "hook.pid").read_text() or 0))
    device.wait_clean(t, d.process.pid)
    # What it had reported to the listener counts.
    assert v.state() == "new" and status == 0
    d.wait_reboot()


def test_receive_killed_in_a_hook_leaves_no_hook(t):
    """Nobody else would kill it when its time is up."""
    v = device.Device(t)
    hook = t.script("hook", f"#!/bin/sh\necho $$ > {t.dir}/hook.pid\nexec sleep 100\n")
    d = v.daemon(hook_precheck=hook, hook_timeout=60)
    client = d.client()
    client.stdin.write(v.header + v.archive)
    t.wait_for(lambda: (t.dir / "hook.pid").exists() and (t.dir / "hook.pid").read_text(), "the hook")
    device.kill(device.find(t, "fwssh-receive"))
    assert finish(client)[0] == 1
    v.wait_free()
    assert v.state() == "old" and d.reboots() == 0
    pid = int((t.dir / "hook.pid").read_text())
    try:
        t.wait_for(lambda: not alive(pid), "the hook's end")
    finally:
        device.kill(pid)


def test_client_killed_in_the_precheck_hook(t):
    """All or only some of the bytes are on the device: only all of them make an update."""
    v = device.Device(t)
    hook = t.script("hook", f"#!/bin/sh\necho $$ >> {t.dir}/hook.pid\n"
                    f"while [ ! -e {t.dir}/hook.go ]; do sleep 0.02; done\n")
    d = v.daemon(hook_precheck=hook)
    for at in (1, 20_000, len(v.archive)):
        (t.dir / "hook.go").unlink(missing_ok=True)
        (t.dir / "hook.pid").unlink(missing_ok=True)
        reboots, log = d.reboots(), len(d.log())
        client = d.client()
        client.stdin.write(v.header + v.archive[:at])
        t.wait_for(lambda: (t.dir / "hook.pid").exists(), "the hook")
        client.kill()
        t.wait_for(lambda: "disconnected" in d.log()[log:], "the session's end")
        (t.dir / "hook.go").touch()
        t.wait_for(lambda: "update done" in d.log()[log:] or "update failed" in d.log()[log:], "the update's end")
        if "update done" in d.log()[log:]:
            d.wait_reboot(reboots + 1)
        device.wait_clean(t, d.process.pid, client.pid)
        assert (v.state(), d.reboots() - reboots) in (("old", 0), ("new", 1))
        assert at == len(v.archive) or v.state() == "old"
        v.assert_daemon_works(d)


@waits
def test_daemon_killed_behind_the_last_byte(t):
    """fwssh-receive finishes on its own: new and rebooted, or old."""
    v, d, client, pid = stopped_behind_the_last_byte(t)
    d.process.kill()
    d.process.wait()
    assert_cut_off(*finish(client))
    os.kill(pid, signal.SIGCONT)
    device.wait_clean(t)
    state = v.state()
    d.write_config(updater=t.bin("fwpack"))
    v.wait_free()
    d.start()
    assert (state, d.reboots()) in (("new", 1), ("old", 0)), f"{state} with {d.reboots()} reboots"
    v.assert_daemon_works(d)


# While the result is reported to the client


def check_farewell(t, part):
    """The update is done, and the client does not close its side: the client, or its session, is killed."""
    v = device.Device(t)
    d = v.daemon()
    client = d.client()
    client.stdin.write(v.header + v.archive)
    # Stopped as soon as the device has reported the result; if it has closed by then, the cut is a later one.
    d.wait_log("update done")
    client.send_signal(signal.SIGSTOP)
    if part == "client":
        client.kill()
    else:
        for pid, _ in device.processes(t, part):
            device.kill(pid)
        client.send_signal(signal.SIGCONT)
    d.wait_reboot()
    assert v.state() == "new" and d.reboots() == 1
    client.kill()
    client.wait(20)
    v.assert_daemon_works(d)


def test_client_killed_in_the_farewell(t):
    check_farewell(t, "client")


def test_session_killed_in_the_farewell(t):
    check_farewell(t, "fwssh-session")


def test_stopped_client_in_the_farewell_is_killed(t):
    """A client that never closes its side, so that the end of the session takes as long as possible, then dies."""
    for part in ("client", "fwssh-session"):
        v = device.Device(t)
        d = v.daemon(updater=v.faulty("W1", "stop"))
        client = d.client()
        client.stdin.write(v.header + v.archive)
        pid = device.find(t, "fwpack")
        t.wait_for(lambda: is_stopped(pid), "the updater to stop")
        t.wait_for(lambda: not open_for_writing(v, pid), "the last byte")
        client.send_signal(signal.SIGSTOP)
        os.kill(pid, signal.SIGCONT)
        d.wait_log("update done")
        kill_part(t, part, client)
        d.wait_reboot()
        assert v.state() == "new" and d.reboots() == 1
        client.kill()
        client.wait(20)
        d.write_config(updater=t.bin("fwpack"))
        d.reload()
        v.assert_daemon_works(d)
        d.stop()
