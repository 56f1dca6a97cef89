# SPDX-License-Identifier: Apache-2.0
"""What a session may still do once it reads from the network, and what happens if it tries more."""
import os
import re
import resource
import signal
import socket
from pathlib import Path

from support import taken_over
from support.fixture import waits
from support.process import alive, children

PROBES = ("open", "socket", "execve", "ptrace", "fork", "kill", "mprotect")


def status(pid):
    return dict(re.findall(r"(\w+):[ \t]*(.*)", Path(f"/proc/{pid}/status").read_text()))


def need_sandbox(t, d):
    if t.sanitized():
        t.skip("the address sanitizer cannot run inside the sandbox")
    if "session sandbox is missing" in d.log():
        t.skip("this kernel has no complete sandbox")


def test_live_session_has_given_up_its_rights(t):
    if os.getuid() == 0:
        os.setgroups([1, 2, 3])  # to be given up
    d = t.daemon(updater=t.updater("await\ntake\nshake 0"))
    c = d.client()
    d.wait_log("logged in with")
    [pid] = d.pids("fwssh-session")
    s = status(pid)
    assert s["CapEff"] == s["CapPrm"] == "0" * 16 and s["NoNewPrivs"] == "1", s
    if os.getuid() == 0:
        assert s["Uid"].split() == s["Gid"].split() == ["65534"] * 4 and s["Groups"].strip() == ""
    if not t.sanitized():
        assert s["Seccomp"] == "2"
    if os.getuid():
        return  # only root may inspect its descriptors
    # Nothing is open but the connection, the monitor and, later, the pipes of an update.
    kinds = sorted(os.readlink(f"/proc/{pid}/fd/{n}").split(":")[0] for n in os.listdir(f"/proc/{pid}/fd"))
    assert all(k in ("/dev/null", "socket", "pipe") or k.endswith(".log") for k in kinds), kinds
    c.kill()


def test_user_is_the_configurations(t):
    if os.getuid():
        t.skip("needs root")
    d = t.daemon(session_uid=12345)
    c = d.client()
    d.wait_log("logged in with")
    assert status(d.pids("fwssh-session")[0])["Uid"].split() == ["12345"] * 4
    c.kill()


def test_session_that_tries_more_is_killed_and_the_update_lives_on(t):
    keys = [t.key()] + [t.key(f"id_{p}", comment=f"probe-{p}") for p in PROBES]
    d = t.daemon(updater=t.updater("await\ntake\nprintf 'Success!\\n'; shake 0"), max_sessions=20,
                 authorized_keys_files=[f"{k}.pub" for k in keys],
                 session_program=t.build / "tests" / "session_probe")
    need_sandbox(t, d)
    update = d.client()
    d.wait_log("logged in with")
    for probe, key in zip(PROBES, keys[1:]):
        before = d.log().count("Bad system call")
        r = d.push(b"fwup:1\n", key=key)
        assert r.returncode != 0, (probe, r)
        t.wait_for(lambda: d.log().count("Bad system call") > before, f"the session to be killed for {probe}")
    t.go()
    out, _ = update.communicate(b"fwup:3\nabc", timeout=20)
    assert update.returncode == 0 and b"Success!" in out, out
    assert d.updater_input() == b"abc"
    assert d.push(b"fwup:3\nabc").returncode == 0


def test_limits_of_a_session(t):
    """Also those that no forbidden call shows: of memory, and of the core file, which would have the host key."""
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))
    d = t.daemon()
    c = d.client()
    d.wait_log("logged in with")
    [pid] = d.pids("fwssh-session")
    limits = {line[:26].strip(): line[26:].split()[:2] for line in Path(f"/proc/{pid}/limits").read_text().splitlines()}
    assert limits["Max core file size"] == ["0", "0"], limits
    if not t.sanitized():
        assert limits["Max address space"] == [str(128 << 20)] * 2, limits
        assert limits["Max processes"] == ["0", "0"] and limits["Max open files"] == ["32", "32"], limits
    c.kill()


def test_listener_leaves_no_core(t):
    """It keeps the host keys in memory."""
    t.need("strace")
    if t.sanitized():
        t.skip("the leak sanitizer cannot run below strace")
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))
    d = t.daemon(wait=False)
    d.wrapper = ["strace", "-D", "-o", t.dir / "trace", "-e", "trace=prctl,prlimit64,openat"]
    d.start()
    before = (t.dir / "trace").read_text().partition("ssh_host_")[0]
    assert re.search(r"prlimit64\(0, RLIMIT_CORE, \{rlim_cur=0,", before), before
    assert re.search(r"prctl\(PR_SET_DUMPABLE, (0|SUID_DUMP_DISABLE)\) += 0", before), before


def test_session_has_all_layers_before_it_reads_from_the_network(t):
    """Each alone would stop what the others stop, so nothing but the calls shows that one is missing."""
    t.need("strace")
    d = t.daemon()
    need_sandbox(t, d)
    d.stop()
    d.write_config(session_program=t.script("session", f"""#!/bin/sh
[ "$1" = --serve ] || exec {t.bin("fwssh-session")} "$@"
exec strace -f -o {t.dir}/trace \
    -e trace=landlock_create_ruleset,landlock_restrict_self,prctl,setresuid,seccomp,read,recvfrom,recvmsg \
    {t.bin("fwssh-session")} "$@"
"""))
    d.start()
    r = d.push(b"fwup:3\nabc")
    if "PTRACE" in d.log() or not (t.dir / "trace").exists():
        t.skip("strace may not trace here")
    assert r.returncode == 0 and "session sandbox is missing" not in d.log(), r
    lines = (t.dir / "trace").read_text().splitlines()
    reads = next(i for i, line in enumerate(lines) if re.search(r"(read|recvfrom|recvmsg)\(3, ", line))
    before = "\n".join(lines[:reads])
    calls = [r"prctl\(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0\) += 0", r"prctl\(PR_SET_DUMPABLE, (0|SUID_DUMP_DISABLE)\) += 0",
             r"landlock_restrict_self\(\d+, 0\) += 0", r"seccomp\(SECCOMP_SET_MODE_FILTER, .*\) += 0"]
    for call in calls:
        assert re.search(call, before), f"no {call} in:\n{before}"
    # Reading and writing, what makes files, and what runs them: the thirteen rights that the first Landlock knows.
    rights = re.search(r"landlock_create_ruleset\(\{handled_access_fs=([A-Z_0-9|x]+)", before)[1].split("|")
    assert len(rights) >= 13 and "LANDLOCK_ACCESS_FS_EXECUTE" in rights, before


def test_brief_is_sealed(t):
    """It has the host key and the keys that may log in: what a session does to it must not reach the next one."""
    d = t.daemon(session_program=taken_over.session(t, f"""
import fcntl
open("{t.dir}/seals", "w").write(str(fcntl.fcntl(5, 1034)))
try: os.pwrite(5, b"x", 0)
except OSError: record(1, 2, b"cannot write")
"""))
    with socket.create_connection(("127.0.0.1", d.port)):
        d.wait_log("cannot write")
    assert int((t.dir / "seals").read_text()) & 15 == 15


def test_session_without_a_login_gets_no_update(t):
    d = t.daemon(session_program=taken_over.session(t, """
record(5, 0, b"nerves_firmware_ssh")
kind, = struct.unpack_from("<I", listener.recv(1024))
record(1, 2, b"answered with %d" % kind)
time.sleep(100)
"""))
    with socket.create_connection(("127.0.0.1", d.port)):
        t.wait_for(lambda: "protocol violation by the session" in d.log() or "answered" in d.log(), "an end")
    assert "answered" not in d.log() and not d.pids("fwssh-receive") and not d.updater_pids(), d.log()


@waits
def test_session_that_was_told_to_leave_gets_no_update(t):
    d = t.daemon(max_sessions=1, session_program=taken_over.session(t, f"""
record(4, 0, b"key forged")
kind, = struct.unpack_from("<I", listener.recv(1024))
record(5, 0, b"nerves_firmware_ssh")
open("{t.dir}/asked", "w").write(str(kind))
kind, = struct.unpack_from("<I", listener.recv(1024))
open("{t.dir}/answer", "w").write(str(kind))
time.sleep(100)
"""))
    with socket.create_connection(("127.0.0.1", d.port)):
        d.wait_log("logged in with")
        before = set(children(d.process.pid))
        with socket.create_connection(("127.0.0.1", d.port)):
            d.wait_log("too many sessions (max-sessions)")
            t.wait_for(lambda: (t.dir / "asked").exists(), "its request")
            t.wait_for(lambda: set(children(d.process.pid)) <= before or (t.dir / "answer").exists(), "its end")
    assert (t.dir / "asked").read_text() == "12" and not (t.dir / "answer").exists() and not d.updater_pids()


def test_session_that_has_logged_in_asks_no_command(t):
    """One that has been taken over could start it again and again."""
    d = t.daemon(authorized_keys_command=f"{t.script('keys', '#!/bin/sh' + chr(10) + 'exec sleep 100')} %u",
                 session_program=taken_over.session(t, """
record(4, 0, b"key forged")
record(3, 0, b"any ssh-ed25519 SHA256:x AAAA")
record(1, 2, b"has asked")
time.sleep(100)
"""))
    with socket.create_connection(("127.0.0.1", d.port)):
        d.wait_log("has asked")
        assert len(children(d.process.pid)) == 1, children(d.process.pid)


def test_daemon_that_is_not_roots_says_what_is_missing(t):
    if os.getuid():
        t.skip("needs root, to be somebody else")
    t.need("setpriv")
    os.chmod(t.dir, 0o777)
    r = t.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "id", "-u"])
    if r.stdout != "65534\n":
        t.skip("cannot become somebody else here")
    d = t.daemon(wait=False, state_dir=t.dir / "state-of-nobody")
    for path in (d.conf, f"{d.key}.pub"):
        os.chmod(path, 0o644)
    log = open(d.log_path, "ab")
    os.chmod(d.log_path, 0o666)
    p = t.start(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", t.bin("fwsshd"), "-f", d.conf],
                stdout=log, stderr=log)
    d.process = p
    t.wait_for(lambda: "listening on" in d.log() or p.poll() is not None, "the daemon")
    if p.poll() is not None and "Permission denied" in d.log():
        t.skip("the build is not readable by others")
    assert "session sandbox is missing: own-user" in d.log(), d.log()


def test_descriptors_that_a_session_sends_are_closed(t):
    """A session has no reason to send any; a compromised one must not fill the listener's table."""
    session = t.script("session", f"""#!/usr/bin/python3
import array, os, signal, socket, struct, sys
if sys.argv[1] != "--serve":
    os.execv("{t.bin("fwssh-session")}", sys.argv)
monitor = socket.socket(fileno=4)
monitor.setblocking(False)
os.kill(os.getppid(), signal.SIGSTOP)  # so that all of them are there when the listener looks
try:
    for _ in range(60):
        monitor.sendmsg([struct.pack("<II1016s", 1, 3, b"x")],
                        [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [3, 3, 3]))])
except BlockingIOError:
    pass
open("{t.dir}/sent", "w").write(str(os.getpid()))
""")
    d = t.daemon(session_program=session)

    def descriptors():
        return len(os.listdir(f"/proc/{d.process.pid}/fd"))
    before = descriptors()
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", d.port), timeout=20):
            pid = t.wait_for(lambda: (t.dir / "sent").exists() and (t.dir / "sent").read_text(), "the session")
            t.wait_for(lambda: not alive(int(pid)), "its end")
            (t.dir / "sent").unlink()
            d.process.send_signal(signal.SIGCONT)
    t.wait_for(lambda: descriptors() <= before, "the descriptors to be closed")
