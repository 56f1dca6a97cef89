# SPDX-License-Identifier: Apache-2.0
"""One line per connection and per update, in the log and in a file."""
import re
import socket


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


def test_connections_and_updates_leave_a_line(t):
    audit = t.dir / "audit"
    d = t.daemon(audit_file=str(audit),
                 updater=t.updater("take\n[ -e $me.fail ] && { echo broken; shake 1; }\nprintf 'Success!\\n'; shake 0"))
    assert d.push(b"fwup:3,reboot\nabc").returncode == 0
    t.wait_for(lambda: len(lines(audit)) == 2, "two lines")
    update, connection = sorted(lines(audit), key=lambda x: " connection " in x)
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
    who = r'from="127\.0\.0\.1:\d+" who="key ssh-ed25519 SHA256:\S+ tester@desk" seconds=\d+\.\d{3}'
    assert re.fullmatch(f'{stamp} update {who} task="upgrade" firmwares=1 uuid="" status=0 reboot=yes text=""', update)
    assert re.fullmatch(f"{stamp} connection {who} login=yes", connection)
    assert audit.stat().st_mode & 0o777 == 0o600
    for line in lines(audit):
        assert "audit: " + line.split(" ", 1)[1] in d.log()
    d.wait_reboot()
    (t.dir / "updater.fail").touch()
    t.wait_for(lambda: d.push(b"fwup:3\nabc").returncode == 1, "the device to be free again")
    t.wait_for(lambda: any("status=1" in x and "updater exited with status 1" in x for x in lines(audit)),
               "the failure's line")


def test_what_strangers_choose_cannot_make_lines(t):
    audit = t.dir / "audit"
    d = t.daemon(audit_file=str(audit))
    with socket.create_connection(("127.0.0.1", d.port)) as s:
        s.sendall(b'SSH-2.0-x" login="yes"\r\nrubbish\x1b[2J\n')
    t.wait_for(lambda: lines(audit), "a line")
    [line] = lines(audit)
    assert line.endswith(" login=no") and 'who=""' in line and "\x1b" not in line


def test_comment_of_a_key_stays_in_its_quotes(t):
    audit = t.dir / "audit"
    key = t.key()
    (t.dir / "keys").write_text((t.dir / "id_ed25519.pub").read_text().replace("tester@desk", 'a" status="9\tb\\'))
    d = t.daemon(audit_file=str(audit), authorized_keys_files=[str(t.dir / "keys")])
    assert d.push(b"fwup:3\nabc", key=key).returncode == 0
    t.wait_for(lambda: len(lines(audit)) == 2, "two lines")
    assert all(line.count('status="') == 0 and "a? status=?9 b?" in line for line in lines(audit)), lines(audit)


def test_nothing_in_the_file_acts_on_a_terminal(t):
    """C1, a bidirectional control and bytes that are no UTF-8, in the comment of a key."""
    audit, key = t.dir / "audit", t.key()
    (t.dir / "keys").write_bytes((t.dir / "id_ed25519.pub").read_bytes().replace(
        b"tester@desk", "\u009b2J|\u202egnp|Gerät|".encode() + b"\x9b1m"))
    d = t.daemon(audit_file=str(audit), authorized_keys_files=[str(t.dir / "keys")])
    assert d.push(b"fwup:3\nabc", key=key).returncode == 0
    t.wait_for(lambda: len(audit.read_bytes().splitlines()) == 2, "two lines")
    for line in audit.read_bytes().splitlines():
        assert b"??2J|???gnp|Ger\xc3\xa4t|?1m" in line, line


def test_file_that_cannot_be_written_does_not_stop_anything(t):
    d = t.daemon(audit_file="/nonexistent/audit")
    assert d.push(b"fwup:3\nabc").returncode == 0
    d.wait_log("cannot write to the audit file /nonexistent/audit")


def test_file_may_be_moved_away(t):
    audit = t.dir / "audit"
    d = t.daemon(audit_file=str(audit))
    for n in range(2):
        assert d.push(b"fwup:3\nabc").returncode == 0
        t.wait_for(lambda: len(lines(audit)) == 2, "two lines")
        audit.rename(t.dir / f"audit.{n}")


def test_no_secret_is_in_any_log(t):
    """At the highest log level: no private key, no environment, no byte of the firmware."""
    audit = t.dir / "audit"
    d = t.daemon(wait=False, audit_file=str(audit), updater=t.updater("take; echo \"bad archive\"; exit 1"))
    d.start(env={"SITE_PASSWORD": "hunter2-in-the-environment"})
    stranger = t.key("stranger")
    payload = b"firmware-with-a-secret " * 100
    d.push(b"fwup:%d\n" % len(payload) + payload)
    d.push(payload)
    d.push(b"fwup:3\nabc", key=stranger)
    d.push(b"fwup:3\nabc", subsystem="shell")
    d.stop()
    text = d.log() + audit.read_text() + (d.state / "last-update").read_text()
    host_key = (d.state / "ssh_host_ed25519_key").read_text().splitlines()[1:-1]
    assert len("".join(host_key)) > 200
    for secret in (*host_key, "hunter2", "firmware-with-a-secret"):
        assert secret not in text, secret
    assert (d.state / "ssh_host_ed25519_key").stat().st_mode & 0o777 == 0o600
