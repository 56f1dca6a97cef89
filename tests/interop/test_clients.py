# SPDX-License-Identifier: Apache-2.0
"""Other SSH clients, their keys, and the command line of nerves_firmware_ssh against fwsshd."""
import os
import random
import re
from collections import namedtuple

DATA = random.Random(1).randbytes((3 << 20) + 1)  # more than anybody's first window
SUCCESS = b"Running fwup...\nSuccess!\nRebooting...\n"
SUBSYSTEM = "nerves_firmware_ssh"

Answer = namedtuple("Answer", "status stdout stderr")


def openssh(t, d, data):
    t.need("ssh")
    r = d.push(data)
    return Answer(r.returncode, r.stdout, r.stderr)


def dbclient(t, d, data):
    key = t.dir / "id_dropbear"
    t.run([t.need("dropbearconvert"), "openssh", "dropbear", d.key, key])
    (t.dir / ".ssh").mkdir()
    (t.dir / ".ssh/known_hosts").write_text("127.0.0.1 " + host_key(t, d))
    r = t.run([t.need("dbclient"), "-T", "-i", key, "-p", d.port, "-s", "any@127.0.0.1", SUBSYSTEM],
              input=data, text=False)
    return Answer(r.returncode, r.stdout, r.stderr)


def plink(t, d, data):
    key = t.dir / "id.ppk"
    t.run([t.need("puttygen"), d.key, "-O", "private", "-o", key])
    r = t.run([t.need("plink"), "-ssh", "-batch", "-T", "-P", d.port, "-l", "any", "-i", key,
               "-hostkey", host_fingerprint(d), "-s", "127.0.0.1", SUBSYSTEM], input=data, text=False)
    return Answer(r.returncode, r.stdout, r.stderr)


def paramiko(t, d, data):
    try:
        from paramiko import AutoAddPolicy, SSHClient
    except ImportError:
        t.skip("python3-paramiko is not installed")
    with SSHClient() as client:
        client.set_missing_host_key_policy(AutoAddPolicy())
        client.connect("127.0.0.1", d.port, "any", key_filename=str(d.key), allow_agent=False,
                       look_for_keys=False)
        channel = client.get_transport().open_session()
        channel.invoke_subsystem(SUBSYSTEM)
        try:
            channel.sendall(data)
            channel.shutdown_write()
        except OSError:
            pass  # the device has ended the session already
        return Answer(channel.recv_exit_status(), channel.makefile().read(),
                      channel.makefile_stderr().read())


# As mix firmware.push of nerves_firmware_ssh did it: 16 KiB messages, no end of input, the key from a directory.
ERLANG = """
main([Port, Dir, Firmware]) ->
    {ok, _} = application:ensure_all_started(ssh),
    {ok, Connection} = ssh:connect("127.0.0.1", list_to_integer(Port),
        [{silently_accept_hosts, true}, {user_interaction, false}, {user, "any"},
         {user_dir, Dir}, {auth_methods, "publickey"}]),
    {ok, Channel} = ssh_connection:session_channel(Connection, infinity),
    success = ssh_connection:subsystem(Connection, Channel, "nerves_firmware_ssh", infinity),
    {ok, Data} = file:read_file(Firmware),
    {Header, Rest} = split_header(Data),
    _ = send(Connection, Channel, [Header | pieces(Rest)]),
    collect(Connection, Channel, none).
split_header(Data) ->
    {At, 1} = binary:match(Data, <<"\\n">>),
    split_binary(Data, At + 1).
pieces(<<Piece:16384/binary, Rest/binary>>) -> [Piece | pieces(Rest)];
pieces(Rest) -> [Rest].
send(_, _, []) -> ok;
send(Connection, Channel, [Piece | Rest]) ->
    case ssh_connection:send(Connection, Channel, Piece, 20000) of
        ok -> send(Connection, Channel, Rest);
        Error -> Error
    end.
collect(Connection, Channel, Status) ->
    receive
        {ssh_cm, Connection, {data, Channel, 0, Text}} ->
            file:write(standard_io, Text),
            collect(Connection, Channel, Status);
        {ssh_cm, Connection, {data, Channel, 1, Text}} ->
            file:write(standard_error, Text),
            collect(Connection, Channel, Status);
        {ssh_cm, Connection, {exit_status, Channel, New}} -> collect(Connection, Channel, New);
        {ssh_cm, Connection, {closed, Channel}} -> halt(Status);
        {ssh_cm, Connection, _} -> collect(Connection, Channel, Status)
    after 20000 -> halt(99)
    end.
"""


def erlang(t, d, data):
    firmware = t.dir / "erlang.data"
    firmware.write_bytes(data)
    program = t.script("push.escript", "#!/usr/bin/env escript\n%%! -kernel logger_level error\n" + ERLANG)
    t.need("escript")
    if "ssh" not in t.run(["erl", "-noshell", "-eval", "io:put_chars(code:lib_dir(ssh)), halt()."]).stdout:
        t.skip("erlang-ssh is not installed")
    r = t.run(["escript", program, d.port, t.dir, firmware], text=False)
    return Answer(r.returncode, r.stdout, r.stderr)


def host_key(t, d):
    return t.run(["ssh-keygen", "-y", "-f", d.state / "ssh_host_ed25519_key"]).stdout


def host_fingerprint(d):
    return re.search(r"host key ssh-ed25519 (SHA256:\S+)", d.log())[1]


def check_success(t, client):
    d = t.daemon()
    answer = client(t, d, b"fwup:%d,reboot\n" % len(DATA) + DATA)
    assert answer == Answer(0, SUCCESS, b""), answer
    assert d.updater_input() == DATA
    d.wait_reboot()
    d.stop()  # it does now what it still wants to do
    assert d.reboots() == 1


def check_failure(t, client, take):
    """take: the shell command with which the updater reads; some clients lose text if data is refused."""
    d = t.daemon(updater=t.updater(f"{take}\nprintf 'no such slot\\n'; shake 3"))
    answer = client(t, d, b"fwup:%d,reboot\n" % len(DATA) + DATA)
    reason = b"fwssh: updater exited with status 3; not rebooting\n"
    assert answer.stdout == b"Running fwup...\nno such slot\n" + reason, answer
    assert reason in answer.stderr
    assert answer.status == 1, answer
    d.stop()
    assert d.reboots() == 0


def test_openssh_pushes(t):
    check_success(t, openssh)


def test_openssh_is_told_of_a_failure_at_the_end(t):
    check_failure(t, openssh, "take")


def test_openssh_is_told_of_an_early_failure(t):
    check_failure(t, openssh, "take_some 1000")


def test_dbclient_pushes(t):
    check_success(t, dbclient)


def test_dbclient_is_told_of_a_failure_at_the_end(t):
    check_failure(t, dbclient, "take")


def test_dbclient_is_told_of_an_early_failure(t):
    check_failure(t, dbclient, "take_some 1000")


def test_plink_pushes(t):
    check_success(t, plink)


def test_plink_is_told_of_a_failure_at_the_end(t):
    check_failure(t, plink, "take")


def test_plink_is_told_of_an_early_failure(t):
    check_failure(t, plink, "take_some 1000")


def test_paramiko_pushes(t):
    check_success(t, paramiko)


def test_paramiko_is_told_of_a_failure_at_the_end(t):
    check_failure(t, paramiko, "take")


def test_paramiko_is_told_of_an_early_failure(t):
    check_failure(t, paramiko, "take_some 1000")


def test_erlang_pushes(t):
    check_success(t, erlang)


def test_erlang_is_told_of_a_failure_at_the_end(t):
    check_failure(t, erlang, "take")


def test_erlang_is_told_of_an_early_failure(t):
    check_failure(t, erlang, "take_some 1000")


def fingerprint(t, key):
    return t.run(["ssh-keygen", "-lf", f"{key}.pub"]).stdout.split()[1]


def log_in(d, key, *options):
    return d.push(b"fwup:5\nhello", *options, key=key)


def check_login(t, kind, bits=None):
    """A key of this kind can log in, and the log names it. Returns the log's warnings."""
    key = t.key("user", kind=kind, bits=bits, comment="tester@desk")
    d = t.daemon(authorized_keys_files=[f"{key}.pub"])
    r = log_in(d, key)
    assert r.returncode == 0, r.stderr
    line = [x for x in d.log().splitlines() if "logged in with key" in x]
    assert len(line) == 1 and fingerprint(t, key) in line[0] and "tester@desk" in line[0], d.log()
    return d.warnings()


def test_key_ed25519(t):
    assert not check_login(t, "ed25519")


def test_key_ecdsa_256(t):
    check_login(t, "ecdsa", 256)


def test_key_ecdsa_384(t):
    check_login(t, "ecdsa", 384)


def test_key_ecdsa_521(t):
    check_login(t, "ecdsa", 521)


def test_key_rsa_2048(t):
    assert not check_login(t, "rsa", 2048)


def test_key_rsa_4096(t):
    assert not check_login(t, "rsa", 4096)


def test_key_rsa_1024_works_with_a_warning(t):
    """nerves_firmware_ssh accepted it, and a device in the field may know no other."""
    assert re.search(r"warning: .*RSA key.*about 10\d\d bits", "\n".join(check_login(t, "rsa", 1024)))


def make_certificate(t, key):
    authority = t.key("authority")
    r = t.run(["ssh-keygen", "-q", "-s", authority, "-I", "tester", "-n", "any", f"{key}.pub"])
    assert r.returncode == 0, r.stderr
    return authority


def test_certificate_of_a_known_authority_is_refused(t):
    key = t.key("user")
    authority = make_certificate(t, key)
    keys = t.dir / "authorized"
    keys.write_text("cert-authority " + open(f"{authority}.pub").read())
    d = t.daemon(authorized_keys_files=[keys])
    r = log_in(d, key)
    assert r.returncode == 255 and b"Permission denied" in r.stderr, r
    assert d.updater_input() == b""


def test_certificate_of_an_authorized_key_is_refused(t):
    """libssh 0.11 treats it as equal to the plain key, whatever it says about validity and principals."""
    key = t.key("user")
    make_certificate(t, key)
    d = t.daemon(authorized_keys_files=[f"{key}.pub"])
    r = log_in(d, key, "-o", "PubkeyAcceptedAlgorithms=ssh-ed25519-cert-v01@openssh.com")
    assert r.returncode == 255 and b"Permission denied" in r.stderr, r
    assert log_in(d, key).returncode == 0  # so the certificate is what was refused


def test_unauthorized_key_is_refused_and_logged(t):
    d = t.daemon()
    stranger = t.key("stranger")
    r = log_in(d, stranger)
    assert r.returncode == 255 and b"Permission denied" in r.stderr, r
    d.wait_log(fingerprint(t, stranger))
    assert re.search(r"127\.0\.0\.1:\d+: login refused: user 'any', key ssh-ed25519 "
                     + re.escape(fingerprint(t, stranger)), d.log()), d.log()
    assert d.updater_input() == b""


# Three lines from the README of nerves_firmware_ssh, unchanged.
README = """
FILENAME=myapp.fw
FILESIZE=$(stat -c%s "$FILENAME")
printf "fwup:$FILESIZE,reboot\\n" | cat - $FILENAME | ssh -s -p 8989 nerves.local nerves_firmware_ssh
"""


def test_origins_readme_line_works(t):
    d = t.daemon()
    (t.dir / "myapp.fw").write_bytes(DATA)
    # Only the connection to nerves.local:8989 is redirected; the arguments reach the real ssh unchanged.
    proxy = t.script("proxy", f"""#!/usr/bin/python3
import socket, sys
assert sys.argv[1:] == ["nerves.local", "8989"]
s = socket.create_connection(("127.0.0.1", {d.port}))
socket.send_fds(socket.socket(fileno=1), [b"x"], [s.fileno()])
""")
    (t.dir / "config").write_text(f"ProxyCommand {proxy} %h %p\nProxyUseFdpass yes\nIdentityFile {d.key}\n"
                                  f"IdentitiesOnly yes\nBatchMode yes\nStrictHostKeyChecking no\n"
                                  f"UserKnownHostsFile {t.dir}/known_hosts\nLogLevel ERROR\n")
    (t.dir / "bin").mkdir()
    t.script("bin/ssh", f'#!/bin/sh\nexec {t.need("/usr/bin/ssh")} -F {t.dir}/config "$@"\n')
    r = t.run(["sh", "-c", README], env={"PATH": f"{t.dir}/bin:{os.environ['PATH']}"}, text=False)
    assert (r.returncode, r.stdout, r.stderr) == (0, SUCCESS, b""), r
    assert d.updater_input() == DATA
    d.wait_reboot()
