# SPDX-License-Identifier: Apache-2.0
"""What a client may ask for: two subsystems, one after the other, and nothing else."""
import socket
import subprocess

from support import raw_client
from support.update import HELLO, assert_one_line, assert_works


def test_fwup_subsystem_reboots_after_a_good_end(t):
    d = t.daemon()
    r = d.push(b"hello", subsystem="fwup")
    assert (r.returncode, r.stdout) == (0, b"Success!\n"), r
    assert d.updater_input() == b"hello"
    d.wait_reboot()
    assert d.reboots() == 1


def test_fwup_subsystem_runs_nothing_for_an_empty_input(t):
    """As `fwssh check --subsystem fwup` sends it: an updater that takes it for a firmware would be followed by a reboot."""
    d = t.daemon()
    r = d.push(b"", subsystem="fwup")
    assert r.returncode == 2 and b"input ended before a firmware; nothing was done" in r.stderr, r
    assert r.stdout.startswith(b"fwssh/1 ok\ntask=upgrade\n"), r
    assert d.updater_pids() == [] and d.reboots() == 0
    r = t.run([t.bin("fwssh"), "check", "127.0.0.1", "--subsystem", "fwup", "--port", d.port,
               "--ssh-option", f"UserKnownHostsFile={t.dir}/known_hosts", "--ssh-option", f"IdentityFile={d.key}",
               "--ssh-option", "IdentitiesOnly=yes", "--ssh-option", "StrictHostKeyChecking=accept-new"])
    assert r.returncode == 0 and "OK   device     task upgrade" in r.stdout, r
    assert d.updater_pids() == [] and d.reboots() == 0


def test_fwup_subsystem_tells_failures(t):
    for number, end in enumerate(("exit 1", "shake 3", "kill -9 $$")):
        d = t.daemon(updater=t.updater(f"take; echo words\n{end}", name=f"updater{number}"))
        r = d.push(b"hello", subsystem="fwup")
        assert r.returncode == 1 and r.stdout == b"words\n", r
        assert_one_line(r.stderr)
        assert d.reboots() == 0


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


# Refused


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
