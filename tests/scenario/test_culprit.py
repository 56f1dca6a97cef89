# SPDX-License-Identifier: Apache-2.0
"""Who is to blame: what ssh, its helpers and the device say becomes one line that names the right side."""
import json
import os
import re
import socket
import subprocess
import threading
import time
import zipfile

from scenario.test_push import firmware, options, push
from support import raw_client
from support.fixture import waits
from support.process import at_home
from support.rebooting import events

FAKE = """#!/bin/sh
case "$*" in *-GT*) printf 'hostname {host}\\nport 22\\n'; exit 0;; esac
{takes}
printf '{out}'
cat {err} >&2
exit {status}
"""


def fake_ssh(t, err, out="", status=255, takes="cat > /dev/null", host="board"):
    """A stand-in for ssh that has said these words."""
    (t.dir / "said").write_text(err)
    return t.script("fake-ssh", FAKE.format(host=host, takes=takes, out=out, err=t.dir / "said", status=status))


def fake_push(t, *args, fw=None, extra=(), **kw):
    return t.run([t.bin("fwssh"), "push", "board", "--adaptive=never", "--firmware", fw or firmware(t, size=3000), "--ssh",
                  fake_ssh(t, *args, **kw), *extra])


DENIED = "root@board: Permission denied (publickey).\n"
GONE = "kex_exchange_identification: Connection closed by remote host\nConnection closed by UNKNOWN port 65535\n"
SAYS = [  # what ssh says, our status, words that ours has, words that it has not
    (f'Load key "/k/id": error in libcrypto\n{DENIED}', 5, '"/k/id": error in libcrypto', "authorized_keys"),
    (f'Load key "/k/id": Permission denied\n{DENIED}', 5, "cannot read a private key on this machine", "accept any"),
    (f'Load key "/k/id": incorrect passphrase supplied to decrypt private key\n{DENIED}', 5, "wrong passphrase", "accept"),
    (f"Permissions 0644 for '/k/id' are too open.\nLoad key \"/k/id\": bad permissions\n{DENIED}", 5, "chmod 600", "accept"),
    (f"Warning: Identity file /k/no not accessible: No such file or directory.\n{DENIED}", 5, "/k/no", "accept any"),
    (f'sign_and_send_pubkey: signing failed for ED25519 "k" from agent: agent refused operation\n{DENIED}', 5,
     "agent on this machine refused", "accept any"),
    ("Received disconnect from 1.2.3.4 port 8989:2: Too many authentication failures\n", 5, "--user-dir", "authorized_keys"),
    (f"ssh: connect to host gate port 22: Connection refused\n{GONE}", 6, "jump host", "fwsshd runs"),
    (f"root@gate: Permission denied (publickey).\n{GONE}", 5, "root@gate", "authorized_keys"),
    (f"Host key verification failed.\n{GONE}", 5, "jump host", "fwsshd's log"),
    (f"channel 0: open failed: connect failed: Connection refused\nstdio forwarding failed\n{GONE}", 6,
     "jump host cannot connect to the device: channel 0: open failed: connect failed: Connection refused", "fwsshd runs"),
    (f"channel 0: open failed: administratively prohibited: open failed\nstdio forwarding failed\n{GONE}", 6,
     "AllowTcpForwarding", "cannot connect"),
    ("No user exists for uid 45678\n", 1, "/etc/passwd", "check"),
    ("Received disconnect from 1.2.3.4 port 8989:12: Too many failed logins from your address; try again later, "
     "in 20 s at most\n", 3, "in 20 s at most", "not an SSH"),
    ("Received disconnect from 1.2.3.4 port 8989:12: other words\n", 3, "turns this address away for a while", "lost"),
    ("root@board: Permission denied (publickey).\n", 5, "for the user 'pi', or has no such user", "passphrase",
     {"host": "board\\nuser pi"}),
    ("Received disconnect from 1.2.3.4 port 8989:11: Too many sessions on this device; try again later\n", 3,
     "max-sessions", "lost"),
    ("mux_client_request_session: session request failed: Session open refused by peer\n", 3, "ControlMaster", "lost"),
    ("Unable to negotiate with 1.2.3.4 port 22: no matching cipher found. Their offer: aes256-ctr\n", 6,
     "Their offer: aes256-ctr", "see above"),
    ("ssh: connect to host fe80::1 port 8989: Invalid argument\n", 6, "fe80::1%eth0", "lost", {"host": "fe80::1"}),
    ("ssh: Could not resolve hostname b.local: Name or service not known\n", 6, "mDNS", "lost", {"host": "b.local"}),
    ("ssh: Could not resolve hostname b.example: Name or service not known\n", 6, "cannot resolve", "mDNS",
     {"host": "b.example"}),
    ("Connection closed by 1.2.3.4 port 8989\n", 6, "before the login", "lost"),
    ("something new\n", 6, "before the device answered: something new", "see above"),
    # This may be before the login, and what was sent may lie in the pipe to ssh.
    ("Received disconnect from 1.2.3.4 port 8989:2: Protocol error\n", 9, "(Protocol error) before it had answered",
     "last byte"),
    ("ssh_dispatch_run_fatal: Connection to 1.2.3.4 port 8989: Broken pipe\n", 9, "if the login was done", "last byte"),
    ("@       WARNING: REVOKED HOST KEY DETECTED!               @\nED25519 host key for board was revoked and you have "
     "requested strict checking.\nHost key verification failed.\n", 5, "revoked", "accept-new"),
    ("Connection to board closed by remote host.\n", 9, "connection was lost after the last byte", "see above"),
]


def test_each_failure_of_ssh_has_its_culprit(t):
    fw = firmware(t, size=3000)
    for err, status, has, lacks, *kw in SAYS:
        r = fake_push(t, err, fw=fw, takes="head -c 1 > /dev/null", **(kw[0] if kw else {}))
        result = r.stderr.splitlines()[-1]
        assert (r.returncode, has in result, lacks in result) == (status, True, False), (err, r.returncode, r.stderr)


def test_words_of_the_device_blame_nobody(t):
    """A message of the device may have any words: those of ssh count only at ssh's own lines."""
    r = fake_push(t, "fwssh: cannot open /dev/mmcblk0: Permission denied (root)\nsomething else\n")
    assert r.returncode == 6 and "authorized_keys" not in r.stderr, r.stderr


def test_disconnect_after_the_last_byte_is_status_9(t):
    """The nerves_firmware_ssh server reboots this way."""
    said = "Received disconnect from 1.2.3.4 port 8989:11: Terminated (shutdown requested by the application)\n"
    r = fake_push(t, said, out="Running fwup...\\n")
    assert r.returncode == 9 and "shutdown requested" in r.stderr and "check what it runs" in r.stderr, r
    r = fake_push(t, said, out="Running fwup...\\n", takes="head -c 100 > /dev/null", fw=firmware(t, size=3_000_000))
    assert r.returncode == 6 and "keeps its running firmware" in r.stderr, r


def test_nothing_is_lost_that_never_was(t):
    """What lies in the pipe to ssh was not sent."""
    r = fake_push(t, "Connection reset by 1.2.3.4 port 8989\n", takes="true")
    assert r.returncode == 6 and " MB" not in r.stderr and "before the login" in r.stderr, r.stderr
    # More than a pipe holds has been read, so there was a connection.
    r = fake_push(t, "Connection reset by 1.2.3.4 port 8989\n", takes="head -c 200000 > /dev/null",
                  fw=firmware(t, size=3_000_000))
    assert r.returncode == 6 and "lost after at most" in r.stderr and "before the login" not in r.stderr, r.stderr


def test_disconnect_before_the_device_has_answered(t):
    """Nothing says that it was logged in; but it does not have everything."""
    said = "Received disconnect from 1.2.3.4 port 8989:2: Protocol error\n"
    r = fake_push(t, said, takes="head -c 1 > /dev/null", fw=firmware(t, size=3_000_000))
    assert r.returncode == 6 and " MB" not in r.stderr and "keeps its running firmware" in r.stderr, r.stderr


def test_subsystem_that_is_refused_after_much_was_taken(t):
    """ssh reads its input as soon as it has a channel, before the device says that it has no such subsystem."""
    r = fake_push(t, "subsystem request failed on channel 0\n", takes="head -c 200000 > /dev/null",
                  fw=firmware(t, size=3_000_000))
    assert r.returncode == 1 and "does not offer that subsystem" in r.stderr, r.stderr


def test_success_that_the_text_contradicts_has_its_last_words(t):
    """With --quiet, there is no output above."""
    for out, words in (("boom\\n\\032\\001", "exited with status 1"), ("boom\\n", "its updater did not")):
        r = fake_push(t, "", out=f"Running fwup...\\n{out}", status=0, extra=["--quiet"])
        assert r.returncode == 1 and words in r.stderr and "boom" in r.stderr, r.stderr


def test_six_wrong_keys(t):
    d = t.daemon()
    keys = t.dir / "keys"
    keys.mkdir()
    for i in range(8):
        t.key(f"keys/id_{i}")
    r = push(t, d, "--user-dir", keys, key=keys / "id_0")
    assert r.returncode == 5 and "too many keys tried" in r.stderr, r.stderr
    r = t.run([t.bin("fwssh"), "check", "127.0.0.1", *options(t, d, keys / "id_0"), "--user-dir", keys])
    assert r.returncode == 5 and "too many keys tried" in r.stdout, r.stdout


def test_all_sessions_taken_is_status_3(t):
    d = t.daemon(max_sessions=1)
    first = d.client()
    d.wait_log("update started")
    # Often: the listener's word and the client's request come at the same time.
    for command in (["push", "--firmware", firmware(t)], *[["status"]] * 20):
        r = t.run([t.bin("fwssh"), *command, "127.0.0.1", *options(t, d)])
        assert r.returncode == 3 and "all sessions of the device are taken" in r.stderr, r
    first.stdin.close()
    first.wait(20)


def test_locked_keys_are_named(t):
    """ssh offers a key without its passphrase, and does not say that it cannot sign with it."""
    (t.dir / "keys").mkdir()
    locked = t.key("keys/id_locked", passphrase="secret")
    d = t.daemon()
    d.write_config(authorized_keys_files=[f"{locked}.pub"])
    d.reload()
    fw, keys = firmware(t), ["--user-dir", t.dir / "keys"]
    r = push(t, d, *keys, "--ssh-option", "BatchMode=yes", key=locked, fw=fw)
    assert r.returncode == 5 and "id_locked needs a passphrase" in r.stderr, r.stderr
    r = push(t, d, *keys, "--passphrase-file", "-", input="wrong\n", key=locked, fw=fw)
    assert r.returncode == 5 and "wrong passphrase" in r.stderr and "id_locked" in r.stderr, r.stderr
    r = push(t, d, *keys, "--passphrase-file", "-", input="secret\n", key=locked, fw=fw)
    assert r.returncode == 0, r.stderr


def test_user_dir_must_exist(t):
    r = t.run([t.bin("fwssh"), "push", "board", "--firmware", firmware(t), "--user-dir", "nosuchdir"])
    assert r.returncode == 2 and "nosuchdir" in r.stderr, r


def test_what_ssh_does_not_accept_is_in_the_result(t):
    """In JSON, too, where nothing is above."""
    r = t.run([t.bin("fwssh"), "push", "board", "--json", "--firmware", firmware(t), "--ssh-option", "NoSuchOption=1"])
    text = json.loads(r.stdout.splitlines()[-1])["text"]
    assert r.returncode == 2 and "nosuchoption" in text.lower(), r
    assert r.stderr == "", r.stderr


def sshd(t, *lines):
    """OpenSSH's server, which accepts the test's key."""
    t.need("/usr/sbin/sshd")
    port, key = t.port(), t.key("sshd-host-key")
    conf = t.dir / f"sshd{port}"
    # sshd keeps the first value of each
    conf.write_text("\n".join([*lines, f"Port {port}", "ListenAddress 127.0.0.1", f"HostKey {key}", "StrictModes no",
                               f"AuthorizedKeysFile {t.key()}.pub", "PidFile none", "UsePAM no", ""]))
    os.makedirs("/run/sshd", exist_ok=True)
    server = t.start(["/usr/sbin/sshd", "-D", "-e", "-f", conf], stderr=subprocess.PIPE, text=True)
    while "listening" not in (line := server.stderr.readline()):
        assert line, "sshd did not start"
    return port


def jump(t, port, key=None):
    """Options for a device behind a jump host."""
    conf = t.dir / "jump.conf"
    conf.write_text(f"Host gate\n HostName 127.0.0.1\n Port {port}\n IdentityFile {key or t.key()}\n IdentitiesOnly yes\n"
                    f"Host *\n StrictHostKeyChecking accept-new\n UserKnownHostsFile {t.dir}/known_hosts\n")
    return ["--ssh", f"ssh -F {conf}", "--ssh-option", "ProxyJump=gate"]


def test_real_jump_host(t):
    """OpenSSH's words, as they are."""
    if os.getuid():
        t.skip("sshd as a jump host needs root")
    fw, d = firmware(t), t.daemon()
    r = push(t, d, *jump(t, sshd(t)), fw=fw)
    assert r.returncode == 0, r.stderr
    for port, key, status, has in ((t.port(), None, 6, "Connection refused"), (sshd(t), t.key("other"), 5, "denied"),
                                   (sshd(t, "AllowTcpForwarding no"), None, 6, "AllowTcpForwarding")):
        r = push(t, d, *jump(t, port, key), fw=fw)
        assert r.returncode == status and has in r.stderr and "jump host" in r.stderr, r.stderr
        assert "authorized_keys" not in r.stderr.splitlines()[-1], r.stderr
    d.stop()
    r = push(t, d, *jump(t, sshd(t)), fw=fw)
    assert r.returncode == 6 and "jump host cannot connect to the device" in r.stderr, r.stderr


def test_check_through_a_jump_host(t):
    """What the ssh to the jump host says is not the device's: neither its fingerprint nor its failure."""
    if os.getuid():
        t.skip("sshd as a jump host needs root")
    d, gate = t.daemon(), sshd(t)
    prints = {name: t.run(["ssh-keygen", "-l", "-f", key]).stdout.split()[1]
              for name, key in (("gate", t.dir / "sshd-host-key"), ("device", d.state / "ssh_host_ed25519_key"))}

    def check(port, key=None):
        return t.run([t.bin("fwssh"), "check", "127.0.0.1", *options(t, d), *jump(t, port, key)])
    for _ in range(2):  # the second time, all host keys are known
        r = check(gate)
        assert r.returncode == 0 and prints["device"] in r.stdout and prints["gate"] not in r.stdout, r
        assert [line.split()[:2] for line in r.stdout.splitlines()][2] == ["OK", "banner"] and "OpenSSH" not in r.stdout, r
        assert r.stdout.count("offered") == 1, r
    for port, key in ((t.port(), None), (gate, t.key("other"))):
        r = check(port, key)
        assert r.stdout.startswith("FAIL jump host") and r.stdout.count("\n") == 1 and "authorized_keys" not in r.stdout, r
    d.stop()
    r = check(gate)
    assert r.returncode == 6 and r.stdout.startswith("FAIL jump host  the jump host cannot connect to the device"), r


def test_log_level_of_a_jump_host(t):
    """Its ssh writes to the same standard error as the device's."""
    if os.getuid():
        t.skip("sshd as a jump host needs root")
    d, fw, gates = t.daemon(), firmware(t), (sshd(t), sshd(t))
    prints = t.run(["ssh-keygen", "-l", "-f", d.state / "ssh_host_ed25519_key"]).stdout.split()[1]
    keys = f" IdentityFile {d.key}\n IdentitiesOnly yes\n User root\n"
    for level, hops in (("DEBUG3", "gate"), ("QUIET", "gate"), ("ERROR", "gate"), ("DEBUG", "root@gate,ssh://outer:%d" % gates[1])):
        conf = t.dir / "level.conf"
        conf.write_text(f"Host gate\n HostName 127.0.0.1\n Port {gates[0]}\n{keys}Host outer\n HostName 127.0.0.1\n{keys}"
                        f"Host board\n HostName 127.0.0.1\n Port {d.port}\n ProxyJump {hops}\n{keys}"
                        f"Host *\n LogLevel {level}\n StrictHostKeyChecking accept-new\n"
                        f" UserKnownHostsFile {t.dir}/known_hosts\n")

        def fwssh(word, *more):
            return t.run([t.bin("fwssh"), word, "board", "--ssh", f"ssh -F '{conf}'", *more])
        r = fwssh("check")
        assert r.returncode == 0 and prints in r.stdout and "OpenSSH" not in r.stdout, (hops, r)
        assert r.stdout.count("offered") == 1 and r.stdout.count("host key") == 1, (hops, r)
        r = fwssh("push", "--no-reboot", "--firmware", fw)
        assert r.returncode == 0 and "debug" not in r.stdout + r.stderr, r
        conf.write_text(conf.read_text().replace(f"Port {gates[0]}", f"Port {t.port()}"))
        for word, *more in (("check",), ("push", "--firmware", fw)):
            r = fwssh(word, *more)
            said = r.stdout + r.stderr
            assert r.returncode == 6 and "Connection refused" in said and "jump host" in said and "debug" not in said, r


CONFIG = """Host board
 HostName 127.0.0.1
 RemoteCommand tmux new -A -s main
 RequestTTY force
 PermitLocalCommand yes
 LocalCommand echo hello from LocalCommand
 RemoteForward 9099 127.0.0.1:80
 ExitOnForwardFailure yes
 StdinNull yes
 ForkAfterAuthentication yes
 SessionType none
 PubkeyAuthentication no
 Tunnel no
 LogLevel QUIET
 LogLevel DEBUG
 IdentityFile {key}
 IdentitiesOnly yes
 StrictHostKeyChecking accept-new
 UserKnownHostsFile {dir}/known_hosts
"""


def test_what_a_person_configures_for_logins_does_not_break_a_push(t):
    d, fw = t.daemon(), firmware(t)
    lines = CONFIG.format(key=d.key, dir=t.dir).splitlines()
    # all at once, then each alone with what is needed
    for extra in ([], *([line] for line in lines[2:15])):
        (t.dir / "ssh.conf").write_text("\n".join(lines if not extra else lines[:2] + extra + lines[15:]) + "\n")
        ssh = ["--ssh", f"ssh -F {t.dir}/ssh.conf", "--port", str(d.port)]
        r = t.run([t.bin("fwssh"), "status", "board", *ssh])
        assert r.returncode == 0, (extra, r.stderr)
        r = t.run([t.bin("fwssh"), "push", "board", "--no-reboot", "--json", "--firmware", fw, *ssh])
        assert r.returncode == 0 and all(json.loads(line) for line in r.stdout.splitlines()), (extra, r.stderr)
        assert "hello" not in r.stdout and "debug" not in r.stdout, r


def test_shared_connection_to_another_port_is_not_taken(t):
    """ControlPath without %p: the connection to the login server of the same host is another one."""
    d = t.daemon()
    other = t.daemon(updater=t.updater("take; shake 7", name="other"))
    (t.dir / "ssh.conf").write_text(
        f"Host *\n IdentityFile {d.key}\n IdentitiesOnly yes\n StrictHostKeyChecking accept-new\n"
        f" UserKnownHostsFile {t.dir}/known_hosts\n ControlMaster auto\n ControlPath {t.dir}/cm-%h\n ControlPersist 60\n")
    ssh = ["--ssh", f"ssh -F {t.dir}/ssh.conf"]
    master = t.start(["ssh", "-F", "ssh.conf", "-M", "-N", "-p", str(other.port), "127.0.0.1"])
    t.wait_for((t.dir / "cm-127.0.0.1").exists, "the master")
    r = t.run([t.bin("fwssh"), "push", "127.0.0.1", "--firmware", firmware(t), *ssh, "--port", str(d.port)])
    assert r.returncode == 0, r.stderr
    assert d.updater_input() and not other.updater_input("other")
    master.kill()


def test_program_that_is_missing_under_another_server(t):
    """OpenSSH's sshd accepts the request all the same, and only the status tells of it."""
    if os.getuid():
        t.skip("sshd needs root")
    d = t.daemon()
    d.stop()
    d.port = sshd(t, *(f"Subsystem {name} /nonexistent/receive" for name in ("nerves_firmware_ssh", "fwssh")))
    for command in (["push", "--firmware", firmware(t)], ["push", "--adaptive=never", "--firmware", firmware(t)], ["status"]):
        r = t.run([t.bin("fwssh"), *command, "127.0.0.1", *options(t, d)])
        last = r.stderr.splitlines()[-1]
        assert r.returncode == 1 and "does not find the program" in last, (r.returncode, r.stderr)
    r = t.run([t.bin("fwssh"), "check", "127.0.0.1", *options(t, d)])
    assert r.returncode == 1 and "does not find the program" in r.stdout.splitlines()[-1], r


def test_what_refuses_an_account_reaches_a_question(t):
    """It is no answer of ours, but the reason."""
    ssh = fake_ssh(t, "", out="This account is currently not available.\\n", status=1)
    r = t.run([t.bin("fwssh"), "status", "board", "--ssh", ssh])
    assert r.returncode == 1 and "not available" in r.stderr, r


def test_status_255_without_a_word_of_ssh(t):
    """A program on the device may end so; a warning is no reason."""
    r = fake_push(t, "Warning: Permanently added 'board' (ED25519) to the list of known hosts.\n")
    assert r.returncode == 6 and "Permanently" not in r.stderr.splitlines()[-1], r.stderr


def test_shell_that_greets_does_not_hide_the_answer(t):
    """Under OpenSSH's sshd, the account's shell may print first, also without a newline."""
    if os.getuid():
        t.skip("sshd needs root")
    d = t.daemon()
    d.stop()
    for greeting in ("echo Welcome to board 7", "printf Welcome", "printf Welcome >&2", "printf Welcome,fwssh/1,"):
        greets = t.script("greets", f"#!/bin/sh\n{greeting}\nexec {t.bin('fwssh-receive')} -f {d.conf} -s $1\n")
        d.port = sshd(t, *(f"Subsystem {name} {greets} {name}" for name in ("nerves_firmware_ssh", "fwssh")))
        d.write_config(device=t.dir / "device0.img")
        for command, status in ((["status"], 0), (["check"], 0), (["activate"], 3),
                                (["push", "--no-reboot", "--firmware", firmware(t)], 0),
                                (["push", "--no-reboot", "--task", "upgrade", "--firmware", firmware(t)], 0)):
            r = t.run([t.bin("fwssh"), *command, "127.0.0.1", *options(t, d)])
            assert r.returncode == status, r
            assert status != 3 or "no firmware is staged" in r.stderr, r
        d.write_config(device="/nonexistent/disk")
        for extra in ([], ["--task", "upgrade"]):
            r = t.run([t.bin("fwssh"), "push", "127.0.0.1", "--firmware", firmware(t), *extra, *options(t, d)])
            last = r.stderr.splitlines()[-1]
            assert r.returncode == 1 and "/nonexistent/disk" in last and "Welcome" not in last, r


def fleet(t, *hosts, extra=(), env=None):
    return t.run([t.bin("fwssh"), "push", *hosts, "--firmware", firmware(t, size=3000), *extra], env=env)


def test_the_updaters_words_reach_the_fleet_and_quiet(t):
    """The device knows the updater's status only; the line that says why is text."""
    d = t.daemon(updater=t.updater("take; echo 'wrong board' >&2; exit 1"))
    for extra in ([], ["--quiet"], ["--json"], ["--log-dir", "logs"]):
        r = fleet(t, f"127.0.0.1:{d.port}", f"root@127.0.0.1:{d.port}", extra=[*options(t, d)[2:], *extra, "--jobs", "1"])
        assert r.returncode == 10, r
        text = r.stderr if "--quiet" in extra else r.stdout
        assert text.count("wrong board") >= 2, (extra, r)
    r = push(t, d, "--quiet")
    assert r.returncode == 1 and "wrong board" in r.stderr.splitlines()[-1], r
    assert all("wrong board" in log.read_text() for log in (t.dir / "logs").iterdir())


def test_origins_last_words_are_its_reason(t):
    r = fake_push(t, "", out="Running fwup...\\n\\rfwup: Could not open device\\n")
    assert r.returncode == 1 and "Could not open device" in r.stderr.splitlines()[-1], r


def test_last_words_are_without_what_clears_a_progress_bar(t):
    """fwpack clears its bar before it says what is wrong."""
    r = fake_push(t, "", out="Running fwup...\\n 10%% [===   ]\\r\\033[K\\033[1;31mfwup: wrong board\\033[0m\\n\\033[K\\n")
    assert r.returncode == 1 and r.stderr.splitlines()[-1].endswith(": fwup: wrong board"), r


def test_warning_of_the_device_is_not_the_updaters_last_word(t):
    """On a full disk, the result cannot be kept either: fwssh-receive says so, last."""
    r = fake_push(t, "fwssh-receive: warning: cannot write /s/last-update: No space left on device\\n",
                  out="Running fwup...\\nfwup: cannot write /s/pending-version: No space left on device\\n")
    assert r.returncode == 1 and "pending-version" in r.stderr.splitlines()[-1], r


def test_log_directory_that_cannot_be_made_is_said_in_the_table(t):
    (t.dir / "logs").write_text("a file")
    r = fleet(t, "a", "b", extra=["--log-dir", "logs/x"])
    assert r.returncode == 10 and r.stdout.count("cannot create the directory") >= 2, r
    one = [t.bin("fwssh"), "push", "a", "--firmware", firmware(t), "--log-dir", "logs/x"]
    r = t.run(one)
    assert r.returncode == 1 and "fwssh: a: cannot create the directory logs/x" in r.stderr, r
    r = t.run([*one, "--json"])
    [result] = events(r)
    assert r.returncode == result["status"] == 1 and "cannot create the directory" in result["text"], r


def hosts_file(t, data):
    (t.dir / "hosts").write_bytes(data)
    return fleet(t, "--hosts", "hosts", extra=["--json", "--ssh", fake_ssh(t, "", out="Success!\\n", status=0)])


def named(r):
    return [json.loads(line)["host"] for line in r.stdout.splitlines() if json.loads(line)["event"] == "result"]


def test_host_lists_of_any_system(t):
    for data, hosts in ((b"\xef\xbb\xbfa\r\nb\r\n", "ab"), (b"a\rb\rc", "abc"), (b"\n# lab\n\ta # left\n  b \n", "ab"),
                        (b"a\nb\nA\n", "ab"), (b"a:8990\n[fe80::1%eth0]:22\n::1\nu@h\n[::2]\n",
                                                ["a:8990", "[fe80::1%eth0]:22", "::1", "u@h", "[::2]"])):
        r = hosts_file(t, data)
        assert sorted(named(r)) == sorted(hosts), (data, r)
        assert ("named more than once" in r.stderr) == (data == b"a\nb\nA\n"), r.stderr


def test_host_is_the_same_with_a_port_that_is_said_elsewhere(t):
    data = b"a:8990\nA\nu@a\nU@a\na:8991\n[a]:8990\n"
    (t.dir / "hosts").write_bytes(data)
    ssh = ["--ssh", fake_ssh(t, "", out="Success!\\n", status=0)]
    r = fleet(t, "--hosts", "hosts", extra=["--json", *ssh])
    assert sorted(named(r)) == ["A", "U@a", "a:8990", "a:8991", "u@a"], r
    r = fleet(t, "--hosts", "hosts", extra=["--json", "--port", "8990", *ssh])
    assert sorted(named(r)) == ["U@a", "a:8990", "a:8991", "u@a"] and r.stderr.count("more than once") == 2, r
    config = t.dir / "home/.config/fwssh/config"
    config.parent.mkdir(parents=True)
    config.write_text('host "a" { port = 8991 }\n')
    r = fleet(t, "--hosts", "hosts", extra=["--json", *ssh], env={"HOME": t.dir / "home", "XDG_CONFIG_HOME": ""})
    assert sorted(named(r)) == ["A", "U@a", "a:8990", "u@a"], r


def test_host_lists_that_are_wrong(t):
    for data, what in ((b"a\nb left\n", "line 2: more than one host"), (b"-oProxyCommand=x\n", "not a valid host"),
                       (b"a\nu@-x\n", "line 2: 'u@-x' is not"), (b"@h\n", "'@h' is not a valid host"), (b"h:99999\n", "no valid port"), (b"[::1\n", "not a valid"),
                       ("a\nb\n".encode("utf-16"), "not a text file"), (b"# none\n", "no hosts")):
        r = hosts_file(t, data)
        assert r.returncode == 2 and what in r.stderr, (data, r)


def test_port_of_a_host(t):
    d = t.daemon()
    for host in (f"127.0.0.1:{d.port}", f"any@127.0.0.1:{d.port}", f"[127.0.0.1]:{d.port}"):
        r = t.run([t.bin("fwssh"), "status", host, *options(t, d)[2:], "--port", "1"])
        assert r.returncode == 0, r.stderr


def test_passphrase_is_for_one_ssh_and_its_key(t):
    """A second ssh, which goes to the jump host, does not get it: not for its own key, not for what a server asks."""
    if os.getuid():
        t.skip("sshd as a jump host needs root")
    locked, d = t.key("id_locked", passphrase="secret"), t.daemon()
    d.write_config(authorized_keys_files=[f"{locked}.pub"])
    d.reload()
    (t.dir / "pass").write_text("secret\n")
    fw, word = firmware(t), ["--passphrase-file", str(t.dir / "pass")]
    jumps = jump(t, sshd(t, f"AuthorizedKeysFile {locked}.pub {t.key()}.pub"), locked)
    r = push(t, d, *word, *jumps, key=locked, fw=fw)
    assert r.returncode == 5 and "jump host" in r.stderr, r.stderr
    r = push(t, d, *word, *jump(t, sshd(t)), key=locked, fw=fw)
    assert r.returncode == 0, r.stderr


def test_passphrase_is_not_for_servers(t):
    """A jump host that asks for a "passphrase" in ssh's words, by keyboard-interactive."""
    paramiko = raw_client.paramiko or t.skip("python3-paramiko is not installed")
    got = []

    class Server(paramiko.ServerInterface):
        def get_allowed_auths(self, user):
            return "keyboard-interactive"

        def check_auth_interactive(self, user, methods):
            return paramiko.InteractiveQuery("", "", (f"Enter passphrase for key '{t.dir}/id_locked': ", False))

        def check_auth_interactive_response(self, answers):
            got.extend(answers)
            return paramiko.AUTH_FAILED

    listening = socket.create_server(("127.0.0.1", 0))

    def serve():
        transport = paramiko.Transport(listening.accept()[0])
        transport.add_server_key(paramiko.RSAKey.generate(2048))
        transport.start_server(server=Server())
        transport.join(20)

    threading.Thread(target=serve, daemon=True).start()
    locked, d = t.key("id_locked", passphrase="secret"), t.daemon()
    (t.dir / "pass").write_text("secret\n")
    r = push(t, d, "--adaptive=never", "--force", "--passphrase-file", t.dir / "pass", *jump(t, listening.getsockname()[1]),
             key=locked)
    assert r.returncode == 5 and "jump host" in r.stderr, r.stderr
    assert "secret" not in got, got


def test_askpass_answers_no_other_program(t):
    """Started by anything else, with the very prompt, it says nothing."""
    ask = "import subprocess, sys; subprocess.run([sys.argv[1], \"Enter passphrase for key '/k/id': \"])"
    for number, words in enumerate((["--", "board", "fwssh"], ["-W", "[board]:22", "gate"], [])):
        home = t.dir / f"askpass{number}"
        home.mkdir()
        os.mkfifo(home / "passphrase")
        fifo = os.open(home / "passphrase", os.O_RDWR)
        os.write(fifo, b"secret\n")
        env = {"FWSSH_ASKPASS_DIR": str(home), "FWSSH_ASKPASS_KEYS": "/k/id\n",
               "FWSSH_ASKPASS_CALL": "--\nboard\nfwssh\n"}
        r = t.run(["setsid", "python3", "-c", ask, t.bin("fwssh"), *words], env=env)
        assert (r.stdout == "secret\n") == (number == 0), (words, r)
        os.close(fifo)


def test_askpass_answers_no_other_question(t):
    """Started by the right ssh, it has the passphrase for its own key's prompt only."""
    ask = "import subprocess, sys; subprocess.run([sys.argv[1], sys.argv[2]])"
    home = t.dir / "askpass"
    home.mkdir()
    os.mkfifo(home / "passphrase")
    fifo = os.open(home / "passphrase", os.O_RDWR)
    os.write(fifo, b"secret\n")
    env = {"FWSSH_ASKPASS_DIR": str(home), "FWSSH_ASKPASS_KEYS": "/k/id\n", "FWSSH_ASKPASS_CALL": "--\nboard\nfwssh\n"}
    good = "Enter passphrase for key '/k/id': "
    for prompt in ("", "passphrase", good[:-1], f"(any@board) {good}", "Enter passphrase for key '/k/id2': ",
                   "Enter passphrase for key '/k/other': ", "any@board's password: ",
                   "Are you sure you want to continue connecting (yes/no/[fingerprint])? ", good):
        r = t.run(["setsid", "python3", "-c", ask, t.bin("fwssh"), prompt, "--", "board", "fwssh"], env=env)
        assert r.stdout == ("secret\n" if prompt == good else ""), (prompt, r)
    os.close(fifo)


def test_check_shows_the_fingerprint_of_an_unknown_host_key(t):
    d = t.daemon()
    shown = t.run(["ssh-keygen", "-l", "-f", d.state / "ssh_host_ed25519_key"]).stdout.split()[1]
    r = t.run([t.bin("fwssh"), "check", "127.0.0.1", *options(t, d, accept=False)])
    assert r.returncode == 5 and shown in r.stdout.splitlines()[-1] and "unknown host key" in r.stdout, r


def test_nothing_is_left_of_a_configured_ssh(t):
    """A shell that is killed would leave it behind, connected."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for ssh in "ssh -F none", "/usr/bin/ssh -F 'none'":
            r = t.run([t.bin("fwssh"), "status", "127.0.0.1", "--port", silent.getsockname()[1], "--timeout", "1",
                       "--ssh", ssh])
            left = [name for _, name in at_home(t.dir) if name == "ssh"]
            assert r.returncode == 6 and "in time" in r.stderr and not left, (r, left)


def test_check_names_the_host_as_it_was_given(t):
    """Several devices may share an address."""
    d = t.daemon()
    host = f"any@127.0.0.1:{d.port}"
    for more in options(t, d)[2:], ["--ssh-option", "No=such"], ["--port", "x"], ["--user-dir", "/nonexistent"]:
        r = t.run([t.bin("fwssh"), "check", host, "--json", *more])
        assert all(e["host"] == host for e in events(r)) and (r.stdout or "--port" in r.stderr), r


def test_check_prints_each_line_when_it_is_known(t):
    """A server that accepts the connection and says nothing yet."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        p = t.start([t.bin("fwssh"), "check", "127.0.0.1", "--port", server.getsockname()[1]], stdout=subprocess.PIPE)
        c, _ = server.accept()
        assert [p.stdout.readline().split()[:2] for _ in range(2)] == [[b"OK", b"name"], [b"OK", b"connect"]]
        c.recv(100)
        c.sendall(b"SSH-2.0-board\r\n")
        assert p.stdout.readline().split() == [b"OK", b"banner", b"board"]
        c.close()
        rest = p.communicate(timeout=20)[0]
    assert p.returncode == 6 and rest.startswith(b"FAIL host key"), rest


def test_a_file_that_is_cut_off_is_not_sent(t):
    """Its metadata is all right, and the device would wait for the rest."""
    d, fw = t.daemon(), firmware(t)
    data = fw.read_bytes()
    for size in (len(data) - 1, len(data) - 30, len(data) // 2):
        (t.dir / "cut.fw").write_bytes(data[:size])
        r = push(t, d, fw=t.dir / "cut.fw")
        assert r.returncode == 4 and "cut off" in r.stderr and "sent" not in r.stdout, (size, r)
    # the end of an archive that the firmware contains is not its own
    with zipfile.ZipFile(fw, "a", zipfile.ZIP_STORED) as z, zipfile.ZipFile(t.dir / "inner.zip", "w") as inner:
        inner.writestr("file", "x")
        inner.close()
        z.write(t.dir / "inner.zip", "data/inner")
    whole = fw.read_bytes()
    inside = (t.dir / "inner.zip").read_bytes()
    (t.dir / "cut.fw").write_bytes(whole[:whole.index(inside) + len(inside)])
    r = push(t, d, fw=t.dir / "cut.fw")
    assert r.returncode == 4 and "cut off" in r.stderr, r
    # bytes after the end are the device's to judge
    (t.dir / "more.fw").write_bytes(data + bytes(1000))
    assert push(t, d, fw=t.dir / "more.fw").returncode == 0
    assert d.updater_input() == data + bytes(1000)


def test_a_refusal_on_both_streams_is_shown_once(t):
    """The clients of nerves_firmware_ssh show standard output only, and ignore the status."""
    d = t.daemon(updater=t.updater("take\nshake 7"))
    said = b"fwssh: updater exited with status 7; not rebooting\n"
    r = d.push(b"fwup:1\nx")
    assert r.stdout.endswith(said) and r.stderr == said, r
    fw, words = firmware(t), "updater exited with status 7"
    for extra in ([], ["--quiet"]):
        r = push(t, d, *extra, fw=fw)
        assert r.returncode == 1 and (r.stdout + r.stderr).count(words) == 1, r
    r = push(t, d, "--json", "--adaptive=never", "--log-dir", "logs", fw=fw)
    assert r.stdout.count('"event":"text"') == 2 and r.stdout.count(words) == 2, r  # the text and the result
    log = next((t.dir / "logs").iterdir()).read_text()
    assert log.count(words) == 2, log


@waits
def test_timeout_for_each_device(t):
    """An updater that hangs; a fleet goes on."""
    good = t.daemon()
    hangs = t.daemon(updater=t.updater("take; await; shake 0", name="hangs"))
    r = push(t, hangs, "--timeout", "5")
    assert r.returncode == 9 and "within 5 s (--timeout)" in r.stderr and "check what it runs" in r.stderr, r
    stuck = t.daemon(updater=t.updater("take_some 1000; await", name="stuck"))
    r = push(t, stuck, "--timeout", "1", fw=firmware(t, "big.fw", size=8 << 20))
    assert r.returncode == 6 and "keeps its running firmware" in r.stderr, r
    r = fleet(t, f"127.0.0.1:{hangs.port}", f"127.0.0.1:{good.port}",
              extra=[*options(t, good)[2:], "--jobs", "1", "--timeout", "5"])
    assert r.returncode == 10 and "1 of 2 devices" in r.stderr and good.updater_input(), r
    with socket.create_server(("127.0.0.1", 0)) as silent:
        r = t.run([t.bin("fwssh"), "status", "127.0.0.1", "--port", silent.getsockname()[1], "--timeout", "1"])
        assert r.returncode == 6 and "in time" in r.stderr, r
    t.go("hangs")
    t.go("stuck")


@waits
def test_timeout_is_for_all_that_is_asked_of_a_device(t):
    """Its server's name, its status and the push: not for each of them."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        def says_who_it_is():
            while True:
                connection = server.accept()[0]
                connection.sendall(b"SSH-2.0-fwssh_2\r\n")
                kept.append(connection)

        kept = []
        threading.Thread(target=says_who_it_is, daemon=True).start()
        began = time.monotonic()
        r = t.run([t.bin("fwssh"), "push", "127.0.0.1", "--port", server.getsockname()[1], "--timeout", "6", "--retries", "5",
                   "--adaptive=never", "--firmware", firmware(t)])
        assert r.returncode == 6 and "not done within 6 s (--timeout)" in r.stderr, r
        assert time.monotonic() - began < 11, r


ACTS = "\x1b[2J\x07|\x7f|\u009b2J|\u202egnp|\u2066x\u2069|".encode() + b"\x9b1m|\xe0\x80\xaf|\xed\xa0\x80|\xf4\xbf\xbf\xbf"
HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def assert_clean(*outputs):
    for output in outputs:
        assert not HARMFUL.search(output.decode("utf-8")), output  # anything but UTF-8 is an error, too


def test_nothing_of_a_device_acts_on_a_terminal_a_log_or_json(t):
    """Also in what ssh passes on, and in an answer."""
    fw = firmware(t, size=3000)
    (t.dir / "out").write_bytes(b"Running fwup...\n" + ACTS + b"\nfwssh: " + ACTS + b"\n")
    (t.dir / "answer").write_bytes(b"fwssh/1 ok\nversion=" + ACTS + b"\n")
    (t.dir / "refused").write_bytes(b"fwssh/1 error 3 " + ACTS + b"\n")
    (t.dir / "err").write_bytes(b"debug1: Connection established.\ndebug1: Remote protocol version 2.0, remote software version "
                                + ACTS + b"\ndebug1: Server host key: " + ACTS + b"\nLoad key \"" + ACTS + b"\"\n")
    body = "#!/bin/sh\ncase \"$*\" in *-GT*) echo hostname h; exit 0;; esac\ncat >/dev/null\ncat %s; cat %s >&2\nexit %d\n"
    for out, status in (("out", 1), ("out", 255), ("answer", 0), ("refused", 3), ("/dev/null", 255)):
        ssh = t.script("acts", body % (out, "err", status))
        for command in (["push", "--firmware", fw, "--log-dir", "logs"], ["push", "--firmware", fw, "--json"], ["status"],
                        ["status", "--json"], ["check"], ["check", "--json"], ["push", "--firmware", fw, "--quiet"],
                        ["push", "--firmware", fw, "i"]):
            r = t.run([t.bin("fwssh"), *command, "h", "--ssh", ssh], text=False)
            assert_clean(r.stdout, r.stderr)
            if "--json" in command:
                assert all(not HARMFUL.search(line.replace("\\\\u", "")) and json.loads(line)
                           for line in r.stdout.decode().splitlines()), r.stdout
    assert_clean(*(log.read_bytes() for log in (t.dir / "logs").iterdir()))


def test_nothing_of_an_archive_acts_on_a_terminal(t):
    (t.dir / "acts.conf").write_bytes(b'meta-product = "' + ACTS.replace(b"\x1b", b"\\e") + b'"\nmeta-version = "1"\n'
                                      b'task "upgrade' + "\u202e\u009b".encode() + b'" { on-init { info("x") } }\n')
    r = t.run([t.bin("fwpack"), "-c", "-f", "acts.conf", "-o", "acts.fw"], text=False)
    assert r.returncode == 0, r
    for args in (["-m"], ["-m", "--metadata-key", "meta-product"], ["-l"], ["-a", "-q", "-t", "no", "-d", "image"], ["-V"]):
        r = t.run([t.bin("fwpack"), *args, "-i", "acts.fw"], text=False)
        assert_clean(r.stdout, r.stderr)
    r = t.run([t.bin("fwssh"), "push", "h", "--firmware", "acts.fw", "--ssh", fake_ssh(t, "")], text=False)
    assert b"Product:" in r.stdout, r
    assert_clean(r.stdout, r.stderr)


def test_endless_text_ends(t):
    ssh = t.script("endless", "#!/bin/sh\ncase \"$*\" in *-GT*) echo hostname h; exit 0;; esac\ncat >/dev/null\n"
                              "exec yes 'an endless text of the device'\n")
    r = t.run([t.bin("fwssh"), "push", "h", "--adaptive=never", "--firmware", firmware(t), "--ssh", ssh, "--quiet", "--log-dir", "logs"])
    assert r.returncode == 1 and "more than 16 MB of text" in r.stderr, r
    assert sum(log.stat().st_size for log in (t.dir / "logs").iterdir()) < 100 << 20
    r = t.run([t.bin("fwssh"), "status", "h", "--ssh", ssh])
    assert r.returncode == 1 and "more than 16 MB of text" in r.stderr, r


def test_the_newest_firmware_is_pushed_and_named(t):
    d, fw = t.daemon(), firmware(t)
    for age, name in enumerate(("_build/path/nerves/images/a.fw", "_images/rpi0/b.fw", "_images/c.fw",
                                "_build/rpi0_dev/nerves/images/z.fw", "_build/rpi0_dev/nerves/images/d.fw")):
        (t.dir / name).parent.mkdir(parents=True, exist_ok=True)
        (t.dir / name).write_bytes(fw.read_bytes())
        os.utime(t.dir / name, (1700000000 - age, 1700000000 - age))
    for env, found, count in (({"MIX_BUILD_PATH": "_build/path"}, "_build/path/nerves/images/a.fw", 5),
                              ({}, "_images/rpi0/b.fw", 4), ({"MIX_TARGET": "rpi4"}, "_images/c.fw", 1)):
        r = t.run([t.bin("fwssh"), "push", "127.0.0.1", *options(t, d)], env=env)
        assert r.returncode == 0 and f"Firmware: {found} " in r.stdout, r
        assert (f"{count} files fit; the newest is pushed: {found}" in r.stderr) == (count > 1), r.stderr


def test_fwup_is_asked_at_its_port_and_refuses_no_reboot(t):
    fw = firmware(t, size=3000)
    ssh = t.script("ports", "#!/bin/sh\ncase \"$*\" in *-GT*) echo hostname h; exit 0;; esac\necho \"$*\" >> calls\n"
                            "cat >/dev/null\necho 'subsystem request failed on channel 0' >&2\nexit 255\n")
    r = t.run([t.bin("fwssh"), "push", "h", "--subsystem", "fwup", "--wait=1", "--firmware", fw, "--ssh", ssh])
    assert r.returncode == 1, r
    assert all(" -p 22 " in call for call in (t.dir / "calls").read_text().splitlines()), (t.dir / "calls").read_text()
    r = t.run([t.bin("fwssh"), "push", "h", "--subsystem", "fwup", "--no-reboot", "--firmware", fw, "--ssh", ssh])
    assert r.returncode == 2 and "the device decides" in r.stderr, r


def test_reboot_of_a_device_of_the_elixir_package(t):
    """It knows one request, its header."""
    ssh = t.script("elixir", "#!/bin/sh\ncase \"$*\" in *-GT*) echo hostname h; exit 0;; *\" fwssh\")\n"
                             "  echo 'subsystem request failed on channel 0' >&2; exit 255;; esac\n"
                             "cat > got\necho Rebooting...\n$END\nexit 255\n")
    for end in ("exit 0", "true", "echo Received disconnect from 1.2.3.4 port 8989:11: bye >&2"):
        text = ssh.read_text()
        ssh.write_text(text.replace("$END", end))
        r = t.run([t.bin("fwssh"), "reboot", "h", "--ssh", ssh])
        assert r.returncode == 0 and "The device reboots." in r.stdout and (t.dir / "got").read_text() == "reboot\n", r
        ssh.write_text(text)
    t.script(ssh.name, ssh.read_text().replace("echo Rebooting...", "").replace("$END", ""))
    r = t.run([t.bin("fwssh"), "reboot", "h", "--ssh", ssh])
    assert r.returncode != 0, r


def test_refused_port_of_a_nerves_device_of_today(t):
    """Its ssh server is at port 22, with the subsystem fwup: named, but never taken by itself, and not even logged into."""
    ssh = t.script("nerves", "#!/bin/sh\ncase \"$*\" in *-GT*) echo hostname h; exit 0;;\n"
                             "*\" -p 22 \"*) echo \"$*\" > call; $SAYS\nexec sleep 1000;; esac\n"
                             "echo 'ssh: connect to host h port 8989: Connection refused' >&2\nexit 255\n")
    text, fw = ssh.read_text(), firmware(t, size=3000)
    software = "echo 'debug1: Remote protocol version 2.0, remote software version %s' >&2"
    for says, named in ((software % "Erlang/5.1.4", True), (software % "OpenSSH_9.2; exit 255", False), ("exit 255", False)):
        ssh.write_text(text.replace("$SAYS", says))
        r = t.run([t.bin("fwssh"), "push", "h", "--firmware", fw, "--ssh", ssh])
        assert r.returncode == 6 and "nothing listens on that port" in r.stderr, r
        assert ("--subsystem fwup" in r.stderr) == named and "PubkeyAuthentication=no" in (t.dir / "call").read_text(), r


def test_look_at_port_22_starts_no_updater(t):
    """A real ssh and server, with an updater that would run."""
    d = t.daemon(updater=t.updater("echo no firmware; exit 1"))
    real = f"ssh -o IdentityFile={d.key} -o StrictHostKeyChecking=no -o UserKnownHostsFile={t.dir}/known_hosts"
    ssh = t.script("at22", f"#!/bin/sh\ncase \"$*\" in *-GT*) exec {real} \"$@\";; *\" -p 22 \"*)\n"
                           f"exec {real} -p {d.port} \"$@\";; esac\n"
                           "echo 'ssh: connect to host h port 8989: Connection refused' >&2\nexit 255\n")
    r = t.run([t.bin("fwssh"), "push", "127.0.0.1", "--firmware", firmware(t, size=3000), "--ssh", ssh])
    assert r.returncode == 6 and "--subsystem fwup" not in r.stderr, r
    d.wait_log(": connected")
    t.wait_for(lambda: "disconnected" in d.log(), "the end of the connection")
    assert "logged in" not in d.log() and "login refused" not in d.log() and not d.updater_pids()


def test_program_that_cannot_be_run_is_named(t):
    d = t.daemon(updater="true", receive_program=t.dir / "receive", wait=False)
    program = t.dir / "receive"
    program.write_text("#!/no/such/interpreter\n")
    program.chmod(0o755)
    d.start()
    for words in (["push", "--firmware", firmware(t, size=3000)], ["status"], ["revert"]):
        r = t.run([t.bin("fwssh"), words[0], "127.0.0.1", *options(t, d), *words[1:]])
        assert r.returncode == 1 and ": cannot run" in r.stderr and "No such file" in r.stderr, r
    r = t.run(d.ssh_args(), input="reboot\n")
    assert r.returncode == 1 and "cannot run" in r.stdout and "cannot run" in r.stderr, r
    assert "error" in d.log() and "cannot run" in d.log(), d.log()
