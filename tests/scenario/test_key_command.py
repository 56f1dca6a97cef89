# SPDX-License-Identifier: Apache-2.0
"""authorized-keys-command: keys that a command of the site provides."""
import os
import re
from pathlib import Path

from support import raw_client
from support.fixture import waits
from support.process import alive

HELLO = b"fwup:3\nabc"


def command(t, body):
    """Records its arguments and its user in the file asked."""
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
    # It is not asked about keys that are in the files.
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


@waits
def test_command_that_hangs_is_ended_and_blocks_nobody(t):
    """Whether or not the client keeps waiting."""
    d, key, other = setup(t, f"echo pid $$ >> {t.dir}/asked\nexec sleep 1000")
    clients = [d.client(key=other) for _ in range(2)]

    def pids():
        return re.findall(r"^pid (\d+)$", (t.dir / "asked").read_text(), re.M)
    t.wait_for(lambda: len(pids()) == 2, "the commands")
    t.wait_for(lambda: all(Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"sleep") for pid in pids()), "their sleep")
    assert d.push(HELLO).returncode == 0
    clients[0].kill()
    t.wait_for(lambda: not any(alive(pid) for pid in pids()), "the commands to be ended")
    _, err = clients[1].communicate(timeout=40)
    assert clients[1].returncode == 255 and b"Permission denied" in err
    d.wait_log("authorized-keys-command was killed by signal 9")


def test_command_that_cannot_be_trusted_or_run(t):
    for make, words in ((lambda p: p, "is writable by others"), (lambda p: "keys", "is not an absolute path"),
                        (lambda p: "/nonexistent/keys", "cannot read '/nonexistent/keys'"),
                        (lambda p: f"{p} %h", "has an unknown token"), (lambda p: f"{p} 50%", "has an unknown token")):
        path = command(t, "echo 'OTHER'")
        os.chmod(path, 0o777)
        d = t.daemon(authorized_keys_command=make(path), strict_modes=True)
        # The fixture's own key file may not be safe either; the line about the command is what counts.
        d.push(HELLO, key=t.key("other"))
        d.wait_log(words)
        d.stop()
        assert (t.dir / "asked").read_text() == ""


def test_strange_user_names_reach_no_command(t):
    raw_client.paramiko or t.skip("python3-paramiko is not installed")
    d, _, other = setup(t, "echo 'OTHER'")
    for user in ("a b", "a;b", "x" * 40, "ü"):
        assert d.push(HELLO, key=other, user=user).returncode == 255, user
    try:  # ssh itself would not send this one
        raw_client.connect(d, key=other, user="-x")
        raise AssertionError("-x has logged in")
    except raw_client.paramiko.AuthenticationException:
        pass
    assert (t.dir / "asked").read_text() == ""
    assert d.push(HELLO, key=other, user="deploy-1.x_y").returncode == 0
    assert " deploy-1.x_y " in (t.dir / "asked").read_text()


def test_command_that_hangs_does_not_keep_the_daemon(t):
    d, _, other = setup(t, f"echo $$ > {t.dir}/asked\nexec sleep 1000")
    client = d.client(key=other)
    t.wait_for(lambda: (t.dir / "asked").read_text().split()[-1:], "the command")
    d.process.terminate()
    assert d.process.wait(20) == 0
    client.kill()
