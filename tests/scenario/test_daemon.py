# SPDX-License-Identifier: Apache-2.0
"""fwsshd as a service: configuration, signals, host keys, inherited sockets, limits, authorized keys."""
import os
import re
import signal
import socket
import stat
import subprocess
from pathlib import Path

from support import raw_client
from support.fixture import confuse, waits
from support.process import alive, children
from support.update import GOOD_TEXT, HELLO, finish

WAITING = "take; await\nprintf 'Success!\\n'; shake 0"


def public(key):
    return open(f"{key}.pub").read().strip()


def check(t, text, *options):
    """Runs fwsshd -t on a configuration. Status 2: a mistake in it; 1: what test_self_check.py is about."""
    conf = t.dir / "check.conf"
    conf.write_text(text + f'\nsession-program = "{t.bin("fwssh-session")}"\nsystem-dir = "/nonexistent"\n'
                    f'state-dir = "{t.dir}/state"\nauthorized-keys-files = {{}}\n')
    return t.run([t.bin("fwsshd"), "-f", conf, "-t", *options])


def settings(output):
    return dict(line.split(" = ", 1) for line in output.splitlines() if " = " in line and not line.startswith("#"))


def assert_works(d, **kw):
    r = d.push(HELLO, **kw)
    assert (r.returncode, r.stdout) == (0, GOOD_TEXT), r


def begin(t, d, header=b"fwup:5,reboot\n"):
    """An update that waits for t.go()."""
    client = d.client()
    client.stdin.write(header + b"hello")
    t.wait_for(lambda: d.updater_input() == b"hello", "the last byte")
    return client


# Configuration


def test_unknown_key_is_told_with_its_line(t):
    r = check(t, "port = 8989\n\ncolour = \"red\"\n")
    assert r.returncode == 2 and r.stdout == ""
    assert f"{t.dir}/check.conf:3: " in r.stderr and "colour" in r.stderr, r.stderr


def test_bad_values_are_told(t):
    for key, value in (("port", "0"), ("port", "65536"), ("port", "-1"), ("port", "ssh"), ("port", '""'),
                       ("listen-address", '{"localhost"}'), ("listen-address", '{"1.2.3"}'), ("device", '"mmcblk0"'),
                       ("device", '""'), ("task", '""'), ("updater", '""'), ("reboot-command", '""'),
                       ("log-level", '"loud"'), ("log-to", '"printer"'), ("max-sessions", "0"),
                       ("max-unauthenticated", "0"), ("login-grace-time", "0"), ("idle-timeout", "-1"),
                       ("idle-timeout", "99999999999999999999"), ("lock-file", '"x"'),
                       ("authorized-keys-files", '{"relative"}'), ("receive-program", '"fwssh-receive"')):
        r = check(t, f"{key} = {value}\n")
        assert r.returncode == 2 and r.stdout == "", (key, value, r)
        assert re.search(f"{t.dir}/check.conf:[0-9]+: .*\\b({key}|integer|invalid)", r.stderr), (key, value, r.stderr)


def test_bad_value_is_told_with_its_own_line(t):
    """Not the line of the next setting, where the parser sees that this one has ended."""
    for end in ("", "\n\n# more\n\ntask = \"x\"\n"):
        for key, value in (("max-sessions", "0"), ("log-level", '"loud"'), ("listen-address", '{"1.2.3"}')):
            r = check(t, f"# a comment\n{key} = {value}\n{end}")
            assert f"{t.dir}/check.conf:2: " in r.stderr, (key, r.stderr)


def test_unknown_algorithms_are_told(t):
    for key in ("ciphers", "macs", "kex"):
        for value in ('{"rot13"}', "{}"):
            r = check(t, f"{key} = {value}\n")
            assert r.returncode == 2 and key in r.stderr, (key, value, r)


def test_an_unknown_algorithm_among_known_ones_is_told(t):
    """A misspelt algorithm must not go missing silently."""
    for key, known in (("ciphers", "aes128-ctr"), ("macs", "hmac-sha2-256-etm@openssh.com"),
                       ("kex", "curve25519-sha256")):
        r = check(t, f'{key} = {{"{known}", "rot13"}}\n')
        assert "rot13" in r.stderr, (key, r)


def test_a_file_that_is_no_configuration(t):
    for text in ("port", "port = ", "port 8989", "}", 'task = "x', "port = {1}", "include(\"/nonexistent\")"):
        r = check(t, text)
        assert r.returncode == 2 and "check.conf:" in r.stderr, (text, r)


def test_missing_configuration_that_was_named(t):
    r = t.run([t.bin("fwsshd"), "-f", t.dir / "none.conf", "-t"])
    assert r.returncode == 2 and "none.conf" in r.stderr


def test_wrong_options(t):
    for options in (["-x"], ["--no-such"], ["word"], ["-o", "port"], ["-o", "=1"], ["-o", "colour=red"],
                    ["-o", "port=x"], ["-f"]):
        r = t.run([t.bin("fwsshd"), "-t", *options])
        assert r.returncode == 2 and r.stderr, (options, r)


def test_options_come_before_the_file(t):
    r = check(t, 'port = 1\ntask = "a"\nlisten-address = {"::1"}\n', "-o", "port=8990", "-o", "task=b c",
              "-o", 'listen-address={"127.0.0.1", "::"}', "-o", "max-sessions=7", "-o", "max-sessions=8")
    assert r.returncode != 2, r
    s = settings(r.stdout)
    assert s["port"] == "8990" and s["task"] == '"b c"' and s["max-sessions"] == "8"
    assert s["listen-address"] == '{"127.0.0.1", "::"}'


def test_a_bare_text_for_a_list_is_one_element(t):
    key = public(t.key())
    r = check(t, 'updater-options = "--verbose"\n', "-o", f"authorized-keys={key}")
    assert r.returncode != 2, r
    s = settings(r.stdout)
    assert s["updater-options"] == '{"--verbose"}' and s["authorized-keys"] == '{"%s"}' % key
    assert "authorized-keys 1" in r.stdout


def test_inline_key_from_the_command_line(t):
    d = t.daemon(wait=False, authorized_keys_files=[])
    d.start("-o", f"authorized-keys={public(d.key)}")
    assert_works(d)


def test_options_reach_the_update(t):
    d = t.daemon(wait=False)
    d.start("-o", "task=other.task", "-o", 'updater-options={"--a b", "$HOME"}')
    assert_works(d)
    args = (t.dir / "updater.args").read_text()
    assert args.endswith("--task other.task --a b $HOME\n"), args


def test_firmware_keys_reach_the_updater(t):
    base64 = "A" * 43 + "="
    d = t.daemon(firmware_public_keys=[base64, "/etc/fw.pub"])
    assert_works(d)
    assert f"--task upgrade --public-key {base64} -p /etc/fw.pub\n" in (t.dir / "updater.args").read_text()


def test_printed_configuration_is_a_configuration(t):
    texts = ["a b", 'with "quotes"', "back\\slash", "$HOME ${HOME}", "#no comment", "'single'", "ümlaut", "{}", "a,b",
             "", "tab\there", "two\nlines", "\x01\x7f", "trailing\\", "%s%n", "/* x */", "// y"]
    r = check(t, "updater-options = " + confuse(texts) + "\nport = 4711\n")
    assert r.returncode != 2, r
    (t.dir / "again.conf").write_text(r.stdout)
    again = t.run([t.bin("fwsshd"), "-f", t.dir / "again.conf", "-t"])
    assert again.returncode != 2 and settings(again.stdout) == settings(r.stdout)
    d = t.daemon(updater_options=texts)
    conf = t.dir / "whole.conf"
    conf.write_text(t.run([t.bin("fwsshd"), "-f", d.conf, "-t"]).stdout)
    d.stop()
    d.conf = conf
    d.start()
    assert_works(d)


def test_printed_configuration_names_each_key_once(t):
    s = settings(check(t, "").stdout)
    for key in ("port", "listen-address", "authorized-keys", "authorized-keys-files", "system-dir", "state-dir",
                "device", "task", "updater", "updater-options", "firmware-public-keys", "reboot-command", "lock-file",
                "receive-program", "max-sessions", "max-unauthenticated", "login-grace-time", "idle-timeout", "ciphers",
                "macs", "kex", "log-level"):
        assert key in s, key
    assert s["port"] == "8989" and s["device"] == '"uboot-env"' and s["updater"] == '"auto"'


def test_check_changes_nothing_and_names_no_key_that_will_not_be(t):
    """The fingerprint in its output must be the one that clients will see."""
    r = check(t, "")
    assert r.returncode != 2 and not (t.dir / "state").exists()
    assert "host-key" not in r.stdout or check(t, "").stdout == r.stdout


def test_session_user_by_name(t):
    """As the names are on this machine: a user with a group of the same number, others, and none."""
    users = {name: (int(uid), int(gid)) for name, _, uid, gid, *_ in
             (line.split(":") for line in Path("/etc/passwd").read_text().splitlines())}
    good = next(name for name, (uid, gid) in users.items() if uid == gid and 0 < uid < 65534)
    wrong = next(name for name, (uid, gid) in users.items() if uid not in (0, gid))
    s = settings(check(t, f'session-user = "{good}"').stdout)
    assert s["session-uid"] == str(users[good][0]) and s["session-user"] == f'"{good}"'
    for name, why in (("root", "has the number 0"), (wrong, "with the same number"), ("no-such-user", "no user 'no-such-user'")):
        r = check(t, f'session-user = "{name}"')
        assert r.returncode == 2 and why in r.stderr, (name, r)
    assert_works(t.daemon(session_user=good))
    d = t.daemon(session_user="no-such-user")
    d.wait_log("warning: no user 'no-such-user' in /etc/passwd (key session-user); using session-uid (65534)")
    assert_works(d)


# SIGHUP


def test_key_added_to_a_file_works_at_once(t):
    keys = t.dir / "authorized"
    keys.write_text("")
    d = t.daemon(authorized_keys_files=[keys])
    assert d.push(HELLO).returncode == 255
    keys.write_text(public(d.key) + "\n")
    assert_works(d)
    keys.write_text("# gone\n")
    assert d.push(HELLO).returncode == 255
    keys.unlink()
    assert d.push(HELLO).returncode == 255


def test_inline_key_works_after_sighup(t):
    d = t.daemon(authorized_keys_files=[])
    d.write_config(authorized_keys=[public(d.key)])
    assert d.push(HELLO).returncode == 255
    d.reload()
    assert_works(d)
    d.write_config(authorized_keys=[])
    d.reload()
    assert d.push(HELLO).returncode == 255


def test_broken_configuration_at_sighup_keeps_the_old_one(t):
    d = t.daemon()
    good = d.conf.read_text()
    for count, broken in enumerate((good + "port = red\n", good + 'ciphers = {"rot13"}\n', "port = \n", None), 1):
        if broken:
            d.conf.write_text(broken)
        else:
            d.conf.unlink()
        d.reload()
        assert d.log().count("keeping the previous") == count, d.log()
        assert t.run([*d.ssh_args(subsystem=None), "id"]).stdout == "Command execution unsupported.\n"


def test_update_with_the_old_configuration_while_the_file_is_broken(t):
    """The configuration that is kept must also be the one that updates use."""
    d = t.daemon()
    d.conf.write_text(d.conf.read_text() + "port = red\n")
    d.reload()
    assert "keeping the previous" in d.log()
    assert_works(d)


def test_changed_file_is_not_in_force_before_sighup(t):
    """Not even part of it: the update must not take its device from a file that the daemon has not loaded."""
    d = t.daemon()
    d.write_config(task="other")
    assert_works(d)
    assert "--task upgrade" in (t.dir / "updater.args").read_text()
    d.reload()
    assert_works(d)
    assert "--task other" in (t.dir / "updater.args").read_text()


def test_sighup_does_not_drop_a_running_update(t):
    d = t.daemon(updater=t.updater(WAITING))
    client = begin(t, d)
    d.write_config(task="other")
    d.reload()
    d.conf.write_text("broken")
    d.reload()
    t.go()
    assert finish(client) == (0, GOOD_TEXT, b"")
    d.wait_reboot()


def test_many_sighups(t):
    d = t.daemon(updater=t.updater(WAITING))
    client = begin(t, d)
    for _ in range(20):
        d.process.send_signal(signal.SIGHUP)
    t.go()
    assert finish(client) == (0, GOOD_TEXT, b"")
    assert d.process.poll() is None


# SIGTERM


def test_sigterm_ends_an_idle_daemon(t):
    d = t.daemon()
    with socket.create_connection(("127.0.0.1", d.port)):
        idle = t.start(d.ssh_args("-N", subsystem=None), stderr=subprocess.DEVNULL)
        d.wait_log("logged in with")
        sessions = d.pids("fwssh-session")
        d.process.send_signal(signal.SIGTERM)
        assert d.process.wait(20) == 0
        assert idle.wait(20) == 255
        assert not any(alive(pid) for pid in sessions)


def test_sigterm_lets_a_running_update_finish(t):
    d = t.daemon(updater=t.updater(WAITING))
    client = begin(t, d)
    d.process.send_signal(signal.SIGTERM)
    d.wait_log("stopping after")
    assert d.push(HELLO).returncode == 255
    t.go()
    assert finish(client) == (0, GOOD_TEXT, b"")
    assert d.process.wait(20) == 0
    d.wait_reboot()


def test_sigterm_lets_the_client_hear_how_it_ended(t):
    """No reboot follows, so nothing else keeps the daemon running."""
    for number, (end, status) in enumerate((("shake 0", 0), ("exit 1", 1))):
        name = f"updater{number}"
        d = t.daemon(updater=t.updater(f"take; await; echo words\n{end}", name=name))
        client = d.client()
        client.stdin.write(b"fwup:5\nhello")
        t.wait_for(lambda: d.updater_input(name) == b"hello", "the last byte")
        d.process.send_signal(signal.SIGTERM)
        d.wait_log("stopping after")
        t.go(name)
        code, out, err = finish(client)
        assert (code, out) == (status, b"Running fwup...\nwords\n" + err)
        assert d.process.wait(20) == 0


def test_sigterm_before_the_last_byte(t):
    """The client may continue to send."""
    d = t.daemon()
    client = d.client()
    client.stdin.write(b"fwup:10,reboot\nhello")
    t.wait_for(lambda: d.updater_input() == b"hello", "the first bytes")
    d.process.send_signal(signal.SIGTERM)
    d.wait_log("stopping after")
    client.stdin.write(b"world")
    assert finish(client) == (0, GOOD_TEXT, b"")
    assert d.process.wait(20) == 0


def test_port_can_be_taken_again_at_once(t):
    d = t.daemon()
    assert_works(d)
    d.stop()
    d.start()
    assert_works(d)


def test_port_in_use_is_an_error(t):
    d = t.daemon()
    r = t.run([t.bin("fwsshd"), "-f", d.conf])
    assert r.returncode == 1 and str(d.port) in r.stderr


# Host keys


def seen_key(t, d):
    (t.dir / "known_hosts").unlink(missing_ok=True)
    d.push(b"")
    return (t.dir / "known_hosts").read_text().split()[1:3]


def test_init_host_key(t):
    d = t.daemon(wait=False)
    r = t.run([t.bin("fwsshd"), "-f", d.conf, "--init-host-key"])
    assert r.returncode == 0 and re.fullmatch(r"ssh-ed25519 AAAA[0-9A-Za-z+/]+=*\n", r.stdout), r
    again = t.run([t.bin("fwsshd"), "-f", d.conf, "--init-host-key"])
    assert again.stdout == r.stdout
    path = d.state / "ssh_host_ed25519_key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    d.start()
    assert seen_key(t, d) == r.stdout.split()


def test_init_host_key_where_nothing_can_be_written(t):
    d = t.daemon(wait=False, state_dir="/dev/null/x")
    r = t.run([t.bin("fwsshd"), "-f", d.conf, "--init-host-key"])
    assert r.returncode == 1 and r.stdout == "" and "/dev/null/x" in r.stderr


def test_generated_key_is_kept(t):
    d = t.daemon()
    first = seen_key(t, d)
    path = d.state / "ssh_host_ed25519_key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert set(os.listdir(d.state)) - {"last-update"} == {path.name, *(p.name for p in d.state.glob("last-good*"))}
    assert stat.S_IMODE(d.state.stat().st_mode) == 0o700
    d.stop()
    d.start()
    assert seen_key(t, d) == first
    shown = t.run(["ssh-keygen", "-lf", path]).stdout.split()[1]
    assert shown in d.log()


def test_host_key_in_memory_survives_sighup(t):
    d = t.daemon(state_dir="/dev/null/x")
    assert any("/dev/null/x" in line for line in d.warnings()), d.log()
    first = seen_key(t, d)
    d.reload()
    assert seen_key(t, d) == first
    d.write_config(task="other")
    d.reload()
    assert seen_key(t, d) == first
    assert_works(d)


def test_host_keys_of_the_system(t):
    system = t.dir / "system"
    system.mkdir()
    for kind in ("ed25519", "ecdsa", "rsa"):
        t.key(f"system/ssh_host_{kind}_key", kind)
    d = t.daemon(system_dir=system)
    assert not list(d.state.glob("*_key"))
    for algorithm in ("ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512"):
        (t.dir / "known_hosts").unlink(missing_ok=True)
        assert d.push(b"fwup:5\nhello", "-o", f"HostKeyAlgorithms={algorithm}").returncode == 0, algorithm


def test_damaged_host_key_is_left_out_with_a_warning(t):
    system = t.dir / "system"
    system.mkdir()
    t.key("system/ssh_host_ed25519_key")
    (system / "ssh_host_rsa_key").write_text("-----BEGIN RSA PRIVATE KEY-----\nrubbish\n")
    t.key("system/ssh_host_ecdsa_key", "ecdsa", passphrase="secret")
    d = t.daemon(system_dir=system)
    assert len(d.warnings()) >= 2
    assert_works(d)


def test_only_damaged_host_keys_count_as_none(t):
    system = t.dir / "system"
    system.mkdir()
    (system / "ssh_host_rsa_key").write_text("rubbish")
    d = t.daemon(system_dir=system)
    assert any(str(system) in line for line in d.warnings()), d.log()
    shown = t.run(["ssh-keygen", "-lf", d.state / "ssh_host_ed25519_key"]).stdout.split()[1]
    assert shown in d.log()
    assert_works(d)


# A service manager


def notified(t, d, **kw):
    """Starts the daemon with a service manager's socket; returns the message."""
    path = t.dir / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(str(path))
        s.settimeout(20)
        d.start(env={"NOTIFY_SOCKET": str(path)}, **kw)
        return s.recv(1000)


def test_ready_is_told(t):
    d = t.daemon(wait=False)
    assert notified(t, d).split(b"\n")[0] == b"READY=1"
    assert_works(d)


def test_ready_is_told_to_an_abstract_socket(t):
    d = t.daemon(wait=False)
    name = f"fwssh-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind("\0" + name)
        s.settimeout(20)
        d.start(env={"NOTIFY_SOCKET": "@" + name})
        assert s.recv(1000).startswith(b"READY=1")


def test_socket_activation(t):
    d = t.daemon(wait=False, updater=t.updater("take; env > $me.env; ls -l /proc/self/fd > $me.fds\nshake 0"),
                 port=t.port())
    with socket.create_server(("127.0.0.1", 0)) as s:
        d.port = s.getsockname()[1]
        parent = t.script("parent", "#!/usr/bin/python3\nimport os, sys\nos.dup2(int(sys.argv[1]), 3)\n"
                          "os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))\n"
                          "os.execv(sys.argv[2], sys.argv[2:])\n")
        with open(d.log_path, "ab") as log:
            d.process = t.start([parent, s.fileno(), t.bin("fwsshd"), "-f", d.conf], pass_fds=[s.fileno()], stdout=log,
                                stderr=log)
        d.wait_log("listening on")
    r = d.push(b"fwup:5,reboot\nhello")
    assert r.returncode == 0, r
    assert "LISTEN_" not in (t.dir / "updater.env").read_text()
    # An updater gets its input, outputs, result and lock, and no descriptor of the daemon.
    assert "socket:" not in (t.dir / "updater.fds").read_text()


def test_sockets_of_another_process_are_not_taken(t):
    d = t.daemon(wait=False)
    d.start(env={"LISTEN_FDS": "1", "LISTEN_PID": "1"})
    assert_works(d)


def test_updater_inherits_no_descriptor_but_its_own(t):
    d = t.daemon(updater=t.updater("take; ls -l /proc/self/fd > $me.fds; shake 0"))
    assert d.push(HELLO).returncode == 0
    lines = [line.split() for line in (t.dir / "updater.fds").read_text().splitlines()[1:]]
    numbers = {int(line[line.index("->") - 1]): line[-1] for line in lines}
    numbers.pop(max(numbers))  # of ls itself
    assert set(numbers) - {1} <= {0, 2, 3, 4, 5, 10, 255}, numbers  # 10: the shell's script
    assert str(t.dir / "lock0-") in numbers[4]


def test_daemon_leaks_no_descriptors_and_no_processes(t):
    d = t.daemon()

    def count():
        return len(os.listdir(f"/proc/{d.process.pid}/fd"))
    assert_works(d)
    d.wait_reboot()
    t.wait_for(lambda: not children(d.process.pid), "its children to be reaped")
    before = count()
    for _ in range(5):
        assert_works(d)
        d.push(b"bad\n")
        d.push(HELLO, key=t.key("wrong"))
        d.push(HELLO, subsystem="sftp")
        socket.create_connection(("127.0.0.1", d.port)).close()
        d.reload()
    d.wait_reboot(6)
    t.wait_for(lambda: not children(d.process.pid), "its children to be reaped")
    t.wait_for(lambda: count() <= before, f"{before} descriptors again, not {count()}")


# Limits


def test_max_sessions(t):
    d = t.daemon(max_sessions=2)
    idle = [raw_client.connect(d) for _ in range(2)]
    r = d.push(HELLO)
    assert r.returncode == 255 and r.stdout == b"", r
    d.wait_log("max-sessions")
    assert all(transport.is_active() for transport in idle)
    idle[0].close()
    t.wait_for(lambda: len(d.pids("fwssh-session")) == 1, "a session to end")
    assert_works(d)
    idle[1].close()


def test_max_unauthenticated_ends_the_oldest(t):
    d = t.daemon(max_unauthenticated=3)
    waiting = []
    for _ in range(5):
        s = socket.create_connection(("127.0.0.1", d.port), timeout=20)
        waiting.append(s)
        assert s.recv(100).startswith(b"SSH-2.0-")
    for old in waiting[:2]:
        try:
            while old.recv(4096):
                pass
        except ConnectionError:
            pass
    d.wait_log("max-unauthenticated")
    assert_works(d)
    waiting[4].settimeout(0.2)
    try:
        assert waiting[4].recv(4096) != b"", "the newest was ended"
    except TimeoutError:
        pass


def test_busiest_source_makes_room(t):
    """The only connection of a source is kept, although it is the oldest."""
    d = t.daemon(max_unauthenticated=3)

    def connect(source):
        s = socket.create_connection(("127.0.0.1", d.port), timeout=20, source_address=(source, 0))
        assert s.recv(100).startswith(b"SSH-2.0-")
        return s

    def is_ended(s):
        try:
            while s.recv(4096):
                pass
        except TimeoutError:
            return False
        except ConnectionError:
            pass
        return True

    alone = connect("127.0.0.2")
    crowd = [connect("127.0.0.3") for _ in range(4)]
    assert is_ended(crowd[0]) and is_ended(crowd[1])
    for s in (alone, crowd[2], crowd[3]):
        s.settimeout(0.2)
        assert not is_ended(s)


def test_logged_in_sessions_do_not_count_as_unauthenticated(t):
    d = t.daemon(max_unauthenticated=1, updater=t.updater(WAITING))
    client = begin(t, d)
    for _ in range(3):
        assert socket.create_connection(("127.0.0.1", d.port), timeout=20).recv(100)
    t.go()
    assert finish(client) == (0, GOOD_TEXT, b"")


@waits
def test_a_flood_of_connections_is_survived(t):
    d = t.daemon(max_unauthenticated=5, updater=t.updater(WAITING))
    client = begin(t, d)
    flood = []
    for _ in range(200):
        flood.append(socket.create_connection(("127.0.0.1", d.port)))
    for s in flood:
        s.close()
    t.go()
    assert finish(client) == (0, GOOD_TEXT, b"")
    t.wait_for(lambda: len(d.pids("fwssh-session")) == 0, "the sessions to end", 40)
    assert d.push(HELLO).returncode == 0


# Authorized keys


def log_in(t, lines):
    """Whether the fixture's key, inserted into lines as KEY, logs in; and the log."""
    key = t.key()
    path = t.dir / "authorized"
    path.write_bytes(lines.replace("KEY", public(key)).encode("utf-8", "surrogateescape"))
    d = t.daemon(authorized_keys_files=[path])
    r = d.push(b"fwup:5\nhello")
    d.stop()
    return r.returncode == 0, d.log()


def test_lines_that_are_accepted(t):
    for line in ("KEY", "KEY\r\n", "  \t KEY", "restrict KEY", "RESTRICT KEY", "no-pty,no-port-forwarding KEY",
                 "no-pty\tKEY", "# comment\n\n \n   # more\nKEY", "rubbish\nKEY", "KEY with more words\n",
                 "ssh-ed25519 AAAAbroken x\nKEY", "\0\nKEY", "x" * 100000 + "\nKEY", "\udcff\udcfe\nKEY", "KEY\nKEY",
                 "restrict\tKEY", "ssh-dss AAAAB3NzaC1kc3MAAAA= old\nKEY", "command=\"x\nKEY"):
        accepted, log = log_in(t, line + "\n")
        assert accepted, (line[:50], log)


def test_lines_that_are_refused(t):
    for line in ("command=\"reboot\" KEY", "restrict,command=\"a b, c\" KEY", "from=10.0.0.1 KEY",
                 "from=\"127.0.0.1\",from=\"127.0.0.1\" KEY", "expiry-time=\"2020\" KEY", "expiry-time=\"20991301\" KEY",
                 "expiry-time=\"20990101\"x KEY", "verify-required KEY", "cert-authority KEY", "environment=\"A=b c\" KEY",
                 "no-such-option KEY", "restrict,, KEY", ",restrict KEY", "\"restrict\" KEY", "restrict=\"x\" KEY", "#KEY",
                 "restrictKEY",
                 "command=\"quote \\\" inside\",restrict KEY", "command=\"x KEY", "restrict, KEY",
                 "no-pty restrict KEY"):
        accepted, log = log_in(t, line + "\n")
        assert not accepted, (line, log)
        if not line.startswith("#"):
            assert re.search(r"warning: .*authorized:1: ", log), (line, log)


def test_quoted_options_with_blanks_and_commas(t):
    """Text between quotes is not read as an option, a key or the end."""
    accepted, log = log_in(t, 'command="echo restrict, KEY" ssh-ed25519 AAAA x\n')
    assert not accepted and "authorized:1" in log
    other = public(t.key("other"))
    accepted, log = log_in(t, f'restrict,no-pty {other}\ncommand="a, b \\" c",no-pty {other}\nrestrict KEY\n')
    assert accepted and "authorized:2" in log and "authorized:1:" not in log and "authorized:3" not in log


def test_options_that_have_to_be_met(t):
    for options in ('from="127.0.0.1"', 'from="10.0.0.0/8,127.0.0.0/8"', 'restrict,from="127.?.*.1"', 'from="!10.*,*"',
                    'FROM="*"', 'expiry-time="20990101"', 'expiry-time="209912312359Z",no-pty',
                    'expiry-time="20991231235959",from="127.0.0.1/32"', 'from="::1,127.0.0.1"', "pty,port-forwarding"):
        accepted, log = log_in(t, options + " KEY\n")
        assert accepted and "authorized:1: " not in log, (options, log)
    for options, why in (('from="10.0.0.1"', "(from)"), ('from="!127.0.0.1,*"', "(from)"), ('from="127.0.0.0/33"', "admits no address"),
                         ('from="localhost"', "admits no address"), ('from=""', "admits no address"), ('from="128.0.0.0/1"', "(from)"),
                         ('expiry-time="20200101"', "(expiry-time)"), ('expiry-time="20200101Z"', "(expiry-time)"),
                         ('expiry-time="20990101",expiry-time="20200101"', "(expiry-time)"),
                         ('expiry-time="20990101",from="10.*"', "(from)")):
        accepted, log = log_in(t, options + " KEY\n")
        assert not accepted and "login refused" in log and why in log, (options, log)


def test_key_file_that_others_may_write_to_is_not_used(t):
    directory = t.dir / "keys"
    directory.mkdir()
    keys = directory / "authorized"
    keys.write_text(public(t.key()) + "\n")
    d = t.daemon(authorized_keys_files=[str(keys)], strict_modes=True)
    if "ignoring this file" in d.log():
        t.skip("the tests run in a directory that is not in safe hands")
    assert d.push(b"fwup:1\nx").returncode == 0
    for path, mode, good in ((keys, 0o664, 0o644), (keys, 0o646, 0o600), (directory, 0o775, 0o755), (directory, 0o777, 0o1777)):
        path.chmod(mode)
        before = d.log().count("is writable by others")
        assert d.push(b"fwup:1\nx").returncode == 255, (path, oct(mode))
        assert d.log().count("is writable by others") > before and "chmod go-w" in d.log()
        path.chmod(good)
        assert d.push(b"fwup:1\nx").returncode == 0, (path, oct(good))
    if os.getuid() == 0:
        os.chown(keys, 12345, 0)
        assert d.push(b"fwup:1\nx").returncode == 255 and "belongs to user 12345" in d.log()


def test_refused_line_does_not_shadow_an_accepted_one(t):
    accepted, _ = log_in(t, 'from="10.0.0.1" KEY\nKEY\n')
    assert accepted


def test_no_newline_at_the_end(t):
    accepted, _ = log_in(t, "KEY")
    assert accepted


def test_many_keys(t):
    other = public(t.key("other"))
    accepted, _ = log_in(t, f"{other}\n" * 3000 + "KEY\n")
    assert accepted


def test_missing_key_file_does_not_disable_the_others(t):
    key = t.key()
    d = t.daemon(authorized_keys_files=[t.dir / "none", t.dir, f"{key}.pub"])
    assert_works(d)
    assert "ignoring this file" in d.log()


def test_comment_of_a_key_cannot_forge_a_log_line(t):
    key = t.key()
    path = t.dir / "authorized"
    path.write_bytes(public(key).encode() + b" \x1b[31m\x07\x0bfwsshd: forged\n")
    d = t.daemon(authorized_keys_files=[path])
    assert_works(d)
    log = d.log()
    assert "forged" in log and "\x1b" not in log and "\x07" not in log
    r = d.push(HELLO, user="x\nfwsshd: forged\x1b[31m", key=t.key("wrong"))
    assert r.returncode == 255
    assert "\nfwsshd: forged" not in d.log() and "\x1b" not in d.log()


def signatures(t, d):
    """What the device's status and fwsshd -t, which agree, say of them."""
    said = re.findall(r"^signatures=(\S+)$", d.push(b"fwssh/1 status\n", subsystem="fwssh").stdout.decode(), re.M)
    tested = t.run([t.bin("fwsshd"), "-f", d.conf, "-t"]).stdout
    assert re.findall(r"^# signatures=(\w+)", tested, re.M) == said, (tested, said)
    return said[0]


def test_says_when_nobody_has_to_sign(t):
    d = t.daemon()
    d.wait_log("warning: signatures=off: firmware-public-keys is empty")
    assert signatures(t, d) == "off"
    (t.dir / "key.pub").write_text("A" * 43 + "=")
    signed = t.daemon(firmware_public_keys=[str(t.dir / "key.pub")])
    assert "signatures=" not in signed.log() and signatures(t, signed) == "on"


def test_an_adapters_updater_has_keys_of_its_own(t):
    adapter = t.dir / "fwssh-updater-some"
    adapter.write_text("#!/bin/sh\n")
    adapter.chmod(0o755)
    d = t.daemon(updater=adapter)
    assert signatures(t, d) == "updater" and "signatures=" not in d.log()


def test_configuration_that_ends_within_a_text_or_comment(t):
    """libconfuse takes the first for a valid one, and then aborts at the next."""
    for text in ('task = "abc', "task = 'abc", "/* never closed", 'task = "a\\"'):
        r = check(t, text)
        assert r.returncode == 2 and "unterminated string" in r.stderr, (text, r)
    d = t.daemon()
    good = d.conf.read_text()
    d.conf.write_text(good + '\ntask = "abc')
    for _ in range(2):
        d.reload()
    d.conf.write_text(good)
    d.reload()
    assert_works(d)


def test_expiry_time_at_the_epoch_is_not_never(t):
    accepted, log = log_in(t, 'expiry-time="19700101Z" KEY\n')
    assert not accepted and "authorized:1: " in log, log
