"""authorized-keys-command: keys that a command of the site knows."""
import os
from pathlib import Path

HELLO = b"fwup:3\nabc"


def command(t, body):
    """Prints what it was called with, and as whom, into asked."""
    asked = t.dir / "asked"
    asked.touch()
    asked.chmod(0o666)
    t.dir.chmod(0o755)
    t.dir.parent.chmod(0o755)
    return str(t.script("keys", f"#!/bin/sh\necho \"$(id -u) $*\" >> {asked}\n{body}\n"))


def public(path):
    return Path(f"{path}.pub").read_text().strip()


def setup(t, body, arguments="%u %t %f %k", **config):
    key, other = t.key(), t.key("other", comment="known by command")
    path = command(t, body.replace("OTHER", public(other)))
    d = t.daemon(authorized_keys_command=f"{path} {arguments}", **config)
    return d, key, other


def test_key_of_the_command_logs_in(t):
    d, key, other = setup(t, "echo '# two lines'\necho 'OTHER'")
    # Keys of the files are not asked about.
    assert d.push(HELLO).returncode == 0 and (t.dir / "asked").read_text() == ""
    assert d.push(HELLO, key=other).returncode == 0
    [line] = (t.dir / "asked").read_text().splitlines()
    fingerprint = t.run(["ssh-keygen", "-lf", f"{other}.pub"]).stdout.split()[1]
    uid, user, kind, shown, base64 = line.split()
    assert (user, kind, shown, base64) == ("any", "ssh-ed25519", fingerprint, public(other).split()[1])
    assert int(uid) == (65534 if os.geteuid() == 0 else os.geteuid())
    d.wait_log("known by command")


def test_command_that_knows_no_such_key(t):
    stranger = t.key("stranger")
    for body in ("true", "echo rubbish", "echo 'OTHER'", "echo 'OTHER'; exit 1", "kill -9 $$",
                 "echo 'from=\"10.0.0.1\" STRANGER'", "echo 'expiry-time=\"20200101\" STRANGER'",
                 "echo 'no-such-option STRANGER'"):
        d, _, other = setup(t, body.replace("STRANGER", public(stranger)))
        assert d.push(HELLO, key=stranger).returncode == 255, body
        assert d.push(HELLO).returncode == 0
        d.stop()


def test_output_of_a_failed_or_endless_command_does_not_count(t):
    d, _, other = setup(t, "echo 'OTHER'\nexit 3")
    assert d.push(HELLO, key=other).returncode == 255
    d.wait_log("authorized-keys-command exited with status 3; ignoring its output")
    d.stop()
    d, _, other = setup(t, "echo 'OTHER'\nexec yes")
    assert d.push(HELLO, key=other).returncode == 255
    d.wait_log("authorized-keys-command was killed by signal 25")


def test_command_that_hangs_is_ended_and_blocks_nobody(t):
    d, key, other = setup(t, f"echo $$ > {t.dir}/asked\nexec sleep 1000")
    client = d.client(key=other)
    pid = t.wait_for(lambda: (t.dir / "asked").read_text().split()[-1:], "the command")[0]
    t.wait_for(lambda: Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"sleep"), "its sleep")
    assert d.push(HELLO).returncode == 0
    client.kill()
    t.wait_for(lambda: not Path(f"/proc/{pid}").exists(), "the command to be ended")
    client = d.client(key=other)
    _, err = client.communicate(timeout=40)
    assert client.returncode == 255 and b"Permission denied" in err
    d.wait_log("authorized-keys-command was killed by signal 9")


def test_command_that_cannot_be_trusted_or_run(t):
    for make, words in ((lambda p: p, "is writable by others"), (lambda p: "keys", "is not an absolute path"),
                        (lambda p: "/nonexistent/keys", "cannot read '/nonexistent/keys'"),
                        (lambda p: f"{p} %h", "has an unknown token"), (lambda p: f"{p} 50%", "has an unknown token")):
        path = command(t, "echo 'OTHER'")
        os.chmod(path, 0o777)
        d = t.daemon(authorized_keys_command=make(path), strict_modes=True)
        # The fixture's own key file may not be in safe hands either; it is the command's line that counts.
        d.push(HELLO, key=t.key("other"))
        d.wait_log(words)
        d.stop()
        assert (t.dir / "asked").read_text() == ""


def test_strange_user_names_reach_no_command(t):
    d, _, other = setup(t, "echo 'OTHER'")
    for user in ("-x", "a b", "a;b", "x" * 40, "ü"):
        assert d.push(HELLO, key=other, user=user).returncode == 255, user
    assert (t.dir / "asked").read_text() == ""
    assert d.push(HELLO, key=other, user="deploy-1.x_y").returncode == 0
    assert " deploy-1.x_y " in (t.dir / "asked").read_text()


def test_command_that_hangs_does_not_keep_the_daemon(t):
    d, _, other = setup(t, f"echo $$ > {t.dir}/asked\nexec sleep 1000")
    client = d.client(key=other)
    t.wait_for(lambda: (t.dir / "asked").read_text().split()[-1:], "the command")
    d.process.terminate()
    assert d.process.wait(10) == 0
    client.kill()
