# SPDX-License-Identifier: Apache-2.0
"""authorized_keys: what people paste into it, how often that is logged, and who may exchange it."""
import os
import re
import socket

from support import raw_client
from support.fixture import waits
from support.update import HELLO, assert_works


def public(key):
    return open(f"{key}.pub").read().strip()


def daemon_with(t, text, **config):
    """A daemon whose authorized_keys has this text, and the file."""
    path = t.dir / "authorized"
    path.write_bytes(text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text)
    return t.daemon(authorized_keys_files=[path], **config), path


def strangers(t, d, count):
    """Connections that do not log in, one after another, all of them over."""
    before = d.log().count("audit: connection")
    for _ in range(count):
        with socket.create_connection(("127.0.0.1", d.port), timeout=20) as s:
            assert s.recv(100).startswith(b"SSH-2.0-")
    t.wait_for(lambda: d.log().count("audit: connection") >= before + count, "the end of the connections")


def warnings(d):
    return [line for line in d.log().splitlines() if "authorized:" in line]


def test_pasted_private_key_is_named_and_stays_out_of_the_log(t):
    key = t.key()
    for kind in ("openssh", "PEM"):
        secret = t.key(f"secret-{kind}", "rsa", bits=2048)
        if kind == "PEM":
            t.run(["ssh-keygen", "-q", "-p", "-m", "PEM", "-N", "", "-f", secret])
        text = secret.read_text()
        lines = [line for line in text.splitlines() if "-----" not in line]
        for file in (text, text.replace("\n", "\r\n"), "".join(f"  {line}\n" for line in text.splitlines()), text[:-60]):
            d, _ = daemon_with(t, f"# mine\n{file}\n{public(key)}\n")
            assert_works(d)
            d.reload()
            log = d.log()
            assert not [line for line in lines if line and line in log], log
            assert [w.split(": ", 2)[2] for w in warnings(d)] == [warnings(d)[0].split(": ", 2)[2]] * 2, log
            assert "authorized:2: ignoring this line: this is a private key; put the public key here" in log
            d.stop()


def test_nothing_unknown_is_echoed(t):
    key = t.key()
    for line, why in (("hunter2-secret", "neither a key type nor a supported option"),
                      ('command="hunter2-secret" KEY', "the option command is not supported"),
                      ('hunter2-secret="x",no-pty KEY', "neither a key type nor a supported option"),
                      ("ssh-ed25519 hunter2-secret", "not a valid public key"),
                      ('from="!hunter2-secret,*" KEY', "in from, a pattern with !"),
                      ('expiry-time="hunter2-secret" KEY', "expiry-time needs"),
                      ("PuTTY-User-Key-File-3: ssh-ed25519\nhunter2-secret\nPrivate-MAC: x", "a private key"),
                      ("---- BEGIN SSH2 PUBLIC KEY ----\nhunter2-secret\n---- END SSH2 PUBLIC KEY ----",
                       "convert it with ssh-keygen -i"),
                      ("ssh-dss hunter2-secret x", "DSA keys are not accepted"),
                      ("ssh-rsa-cert-v01@openssh.com hunter2-secret x", "certificates are not accepted"),
                      (public(key).encode("utf-16").decode("latin-1") + "hunter2-secret", "UTF-16")):
        text = (line + "\nKEY\n").replace("KEY", public(key))
        d, _ = daemon_with(t, text.encode("latin-1"))
        assert_works(d)
        assert "hunter2" not in d.log(), d.log()
        assert re.search(r"authorized:1: ignoring this line: .*" + re.escape(why), d.log()), (line, d.log())
        assert len(warnings(d)) == 1, d.log()
        d.stop()


def test_mark_of_utf_8_is_no_mistake(t):
    d, _ = daemon_with(t, b"\xef\xbb\xbf" + public(t.key()).encode() + b"\r\n")
    assert_works(d)
    assert not warnings(d)


def test_lines_are_complained_about_once_and_not_for_each_stranger(t):
    d, path = daemon_with(t, 'command="x" ssh-ed25519 AAAA nobody\n' + public(t.key()) + "\n", log_level="info")
    assert len(warnings(d)) == 1
    strangers(t, d, 3)
    assert len(warnings(d)) == 1, d.log()
    # Once more when something has changed, although nobody has told the daemon; then at each reload.
    path.write_text('tunnel="0" ssh-ed25519 AAAA nobody\n' + public(t.key()) + "\n")
    strangers(t, d, 3)
    assert len(warnings(d)) == 2 and "option tunnel" in warnings(d)[1], d.log()
    d.reload()
    strangers(t, d, 1)
    assert len(warnings(d)) == 3, d.log()
    path.unlink()
    strangers(t, d, 3)
    assert d.log().count("ignoring this file") == 1, d.log()


def test_number_of_complaints_is_bounded(t):
    d, _ = daemon_with(t, "rubbish\n" * 5000 + public(t.key()) + "\n")
    assert_works(d)
    assert 10 <= len(warnings(d)) <= 30 and "more lines" in warnings(d)[-1], len(warnings(d))


def test_fifo_or_device_in_place_of_a_file_blocks_nobody(t):
    fifo = t.dir / "fifo"
    os.mkfifo(fifo)
    for strict in (False, True):
        d = t.daemon(authorized_keys_files=[fifo, "/dev/zero"], strict_modes=strict,
                     authorized_keys=[public(t.key())])
        assert_works(d)
        assert "/dev/zero': not a regular file" in d.log() or strict
        assert f"{fifo}': not a regular file" in d.log(), d.log()
        d.stop()


def test_denied_addresses_are_compared_as_numbers(t):
    from_v6 = raw_client_of_v6(t)
    for pattern, here in (('!::ffff:127.0.0.1,*', False), ('!::ffff:127.0.0.0/104,*', False), (' !127.0.0.1 ,*', False),
                          ('::ffff:127.0.0.1', True), ('::FFFF:7f00:0/104', True), ('!127.0.0.?,*', False),
                          ('!0:0:0:0:0:0:0:1,*', True), ('127.0.0.1, ::1', True), ('!*,127.0.0.1', False)):
        d, _ = daemon_with(t, f'from="{pattern}" {public(t.key())}\n')
        assert (d.push(HELLO).returncode == 0) == here, (pattern, d.log())
        assert bool(warnings(d)) == (pattern == '!*,127.0.0.1'), d.log()
        d.stop()
    if from_v6:
        for pattern, here in (('!0:0:0:0:0:0:0:1,*', False), ("0:0::1", True), ("::1/128", True), ("!::/0,*", False)):
            d, _ = daemon_with(t, f'from="{pattern}" {public(t.key())}\n', listen_address=["::1"])
            assert (from_v6(d).returncode == 0) == here, (pattern, d.log())
            d.stop()


def raw_client_of_v6(t):
    """A client that connects to ::1, or None."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return None

    def push(d):
        return t.run([a.replace("@127.0.0.1", "@::1") for a in d.ssh_args()], input=HELLO, text=False)
    return push


def test_denials_that_cannot_be_enforced_refuse_the_line(t):
    for pattern in ("!localhost,*", "!10.0.0.0/33,*", "!10.0.0/8,*", "!2001:db8:*,*", "!010.0.0.*,*", "!10.0.0.1/,*", "!,*",
                    "! 10.0.0.1,*", "!fe80::1%eth0,*", "!10.0.0.1 x,*", "!!127.0.0.1,*"):
        d, _ = daemon_with(t, f'from="{pattern}" {public(t.key())}\n')
        assert d.push(HELLO).returncode == 255, pattern
        assert "authorized:1: ignoring this line: in from, a pattern with !" in d.log(), (pattern, d.log())
        d.stop()


# strict-modes


def safe_place(t):
    """A directory in safe hands all the way, or the test is skipped."""
    path = t.dir / "safe"
    path.mkdir(exist_ok=True)
    path.chmod(0o755)
    for p in (path, *path.parents):
        st = p.stat()
        if st.st_uid not in (0, os.geteuid()) or (st.st_mode & 0o022 and not st.st_mode & 0o1000):
            t.skip(f"{p} is not in safe hands")
    return path


def test_links_in_safe_hands_are_followed(t):
    safe = safe_place(t)
    (safe / "real").mkdir(exist_ok=True)
    (safe / "real" / "keys").write_text(public(t.key()) + "\n")
    (safe / "one").symlink_to("real/../real//keys")
    (safe / "two").symlink_to(safe / "one")
    (safe / "dir").symlink_to("real/.")
    for path in (safe / "one", safe / "two", safe / "dir/keys", f"{safe}/./real/../dir//keys"):
        d = t.daemon(authorized_keys_files=[path], strict_modes=True)
        assert_works(d)
        d.stop()
    (safe / "loop").symlink_to("loop")
    for path, why in ((safe / "loop", "Too many levels"), (safe / "real/keys/x", "not a regular file"),
                      (safe / "real", "not a regular file"), (safe / "none", "No such file"), ("/", "not a regular file")):
        d = t.daemon(authorized_keys_files=[path], strict_modes=True)
        assert "ignoring this file" in d.log() and why in d.log(), d.log()
        d.stop()


def test_link_that_somebody_else_can_exchange_is_not_followed(t):
    """The file that it names now is safe, and all directories above that file are; the next moment it names another."""
    if os.geteuid():
        t.skip("needs root, to give something to somebody else")
    safe = safe_place(t)
    (safe / "keys").write_text(public(t.key()) + "\n")
    home = safe / "home"
    home.mkdir()
    (home / "keys").symlink_to(safe / "keys")
    (safe / "link").symlink_to("home/keys")
    command = t.script("command", f"#!/bin/sh\ncat {safe}/keys\n")
    (home / "command").symlink_to(command)
    assert_works(t.daemon(authorized_keys_files=[home / "keys"], strict_modes=True))
    os.lchown(home / "keys", 12345, 12345)
    for path in (home / "keys", safe / "link"):
        d = t.daemon(authorized_keys_files=[path], strict_modes=True)
        assert d.push(HELLO).returncode == 255
        assert f"'{home}/keys' belongs to user 12345" in d.log(), d.log()
    os.chown(home, 12345, 12345)
    os.lchown(home / "keys", 0, 0)
    d = t.daemon(authorized_keys_files=[safe / "link"], authorized_keys_command=str(home / "command"), strict_modes=True)
    assert d.push(HELLO).returncode == 255
    assert f"'{home}' belongs to user 12345" in d.log(), d.log()
    assert f"authorized-keys-command: '{home}' belongs to user 12345" in d.log(), d.log()


# Security keys


class SecurityKey:
    """A software key of type sk-ssh-ed25519 for paramiko, which signs with any flags (1: touched)."""

    def __init__(self, t, flags):
        try:
            from nacl.signing import SigningKey
        except ImportError:
            t.skip("python3-nacl is not installed")
        self.key = SigningKey.generate()
        self.flags = flags
        self.public_blob = None

    def get_name(self):
        return "sk-ssh-ed25519@openssh.com"

    algorithm_name = "SK"

    def asbytes(self):
        m = raw_client.paramiko.Message()
        m.add_string(self.get_name())
        m.add_string(bytes(self.key.verify_key))
        m.add_string("ssh:")
        return m.asbytes()

    def can_sign(self):
        return True

    def get_bits(self):
        return 256

    def sign_ssh_data(self, data, algorithm=None):
        import hashlib
        tail = bytes([self.flags]) + (7).to_bytes(4, "big")
        signed = hashlib.sha256(b"ssh:").digest() + tail + hashlib.sha256(data).digest()
        m = raw_client.paramiko.Message()
        m.add_string(self.get_name())
        m.add_string(self.key.sign(signed).signature)
        m.add_bytes(tail)
        return m


def refusal(transport, key):
    """What the client says; libssh may leave it without an answer."""
    transport.auth_timeout = 5
    try:
        transport.auth_publickey("any", key)
    except raw_client.paramiko.SSHException as e:
        return str(e)
    raise AssertionError("logged in")


@waits
def test_security_keys_do_not_log_in(t):
    """libssh does not show the flags of their signatures, so a key that nobody has touched would do."""
    import base64
    paramiko = raw_client.paramiko or t.skip("python3-paramiko is not installed")
    for flags in (0, 1, 5):
        key = SecurityKey(t, flags)
        line = f"sk-ssh-ed25519@openssh.com {base64.b64encode(key.asbytes()).decode()} token\n{public(t.key())}\n"
        d, _ = daemon_with(t, line)
        transport = raw_client.connect(d, key=False)
        assert refusal(transport, key) == "Authentication failed."
        transport.auth_publickey("any", paramiko.Ed25519Key.from_private_key_file(str(d.key)))  # others may be tried
        transport.close()
        assert "authorized:1: ignoring this line: security keys (sk-...) are not accepted" in d.log(), d.log()
        d.wait_log("security keys (sk-...) are not accepted\n")
        d.wait_log("logged in with key ssh-ed25519 ")
        assert "logged in with key sk-" not in d.log()
        d.stop()


@waits
def test_signature_that_is_not_accepted_is_refused_at_once(t):
    """libssh gives no answer to RSA with SHA-1, and the client would wait for login-grace-time."""
    paramiko = raw_client.paramiko or t.skip("python3-paramiko is not installed")
    if "ssh-rsa" not in paramiko.Transport._preferred_pubkeys:
        t.skip("this Paramiko makes no signatures with SHA-1")
    key = t.key("id_rsa", kind="rsa", bits=2048)
    d, _ = daemon_with(t, (t.dir / "id_rsa.pub").read_text())

    class Old(paramiko.Transport):
        """It does not know what the server says about signatures."""
        server_extensions = property(lambda self: {}, lambda self, value: None)

    transport = Old(socket.create_connection(("127.0.0.1", d.port), timeout=20),
                    disabled_algorithms={"pubkeys": ["rsa-sha2-256", "rsa-sha2-512"]})
    transport.start_client(timeout=20)
    assert "imeout" not in refusal(transport, paramiko.RSAKey.from_private_key_file(str(key)))
    d.wait_log("disconnected: signature not accepted (RSA with SHA-1?)")
    transport.close()
