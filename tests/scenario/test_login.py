# SPDX-License-Identifier: Apache-2.0
"""Logins: with one of the authorized keys and its signature, and in no other way."""
from support import raw_client
from support.fixture import waits
from support.update import HELLO, assert_works


def test_only_public_keys_are_offered(t):
    d = t.daemon()
    r = d.push(HELLO, "-o", "PreferredAuthentications=password,keyboard-interactive,hostbased")
    assert r.returncode == 255 and b"Permission denied (publickey)." in r.stderr, r
    assert d.updater_pids() == []


def fingerprint(t, key):
    return t.run(["ssh-keygen", "-lf", f"{key}.pub"]).stdout.split()[1]


def test_failed_logins_are_logged(t):
    d = t.daemon()
    wrong = t.key("wrong")
    r = d.push(HELLO, user="stranger", key=wrong)
    assert r.returncode == 255 and b"Permission denied" in r.stderr
    d.wait_log(fingerprint(t, wrong))
    line, = (line for line in d.log().splitlines() if fingerprint(t, wrong) in line)
    assert "127.0.0.1:" in line and "stranger" in line and "warning" in line
    assert_works(d)
    assert fingerprint(t, d.key) in d.log()


def test_six_tries_at_most(t):
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


@waits
def test_a_signature_of_another_key_does_not_log_in(t):
    """The public half is enough to ask, but not to enter."""
    d = t.daemon(login_grace_time=5)
    paramiko = raw_client.paramiko or t.skip("python3-paramiko is not installed")
    transport = raw_client.connect(d, key=False)
    good = paramiko.Ed25519Key.from_private_key_file(str(d.key))
    wrong = paramiko.Ed25519Key.from_private_key_file(str(t.key("wrong")))
    good.sign_ssh_data = wrong.sign_ssh_data
    transport.auth_timeout = 20
    try:
        transport.auth_publickey("any", good)
        raise AssertionError("logged in with a wrong signature")
    except paramiko.SSHException:
        pass
    assert "logged in with key" not in d.log()


def test_a_question_about_a_key_is_no_login(t):
    """Without a signature, the device only says that it would accept the key."""
    d = t.daemon(login_grace_time=2)
    paramiko = raw_client.paramiko or t.skip("python3-paramiko is not installed")
    transport = raw_client.connect(d, key=False)
    key = paramiko.Ed25519Key.from_private_key_file(str(d.key))
    service, ask = paramiko.Message(), paramiko.Message()
    service.add_byte(b"\x05")  # SSH_MSG_SERVICE_REQUEST
    service.add_string("ssh-userauth")
    ask.add_byte(b"\x32")  # SSH_MSG_USERAUTH_REQUEST
    for text in ("any", "ssh-connection", "publickey"):
        ask.add_string(text)
    ask.add_boolean(False)
    ask.add_string("ssh-ed25519")
    ask.add_string(key.asbytes())
    for message in (service, ask):
        transport._send_user_message(message)
    transport.join(20)  # until login-grace-time is over
    transport.close()
    d.wait_log("audit: connection")
    assert "login=no" in d.log() and "logged in with" not in d.log(), d.log()


def test_user_name_does_not_matter(t):
    d = t.daemon()
    for user in ("root", "x", "no such user", "größe", "u" * 300):
        assert d.push(b"fwup:5\nhello", "-l", user).returncode == 0, user
