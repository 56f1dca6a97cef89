# SPDX-License-Identifier: Apache-2.0
"""The log as JSON, and the last update as metrics, for programs that look after many devices."""
import json
import os
import re
import socket
import stat


def events(d, name=None):
    every = [json.loads(line) for line in d.log().splitlines() if line.startswith("{")]
    return [e for e in every if not name or e["event"] == name]


def wait_event(t, d, name):
    return t.wait_for(lambda: events(d, name), f"the event {name}")[-1]


def test_each_line_is_an_object(t):
    d = t.daemon(log_format="json")
    assert d.push(b"fwup:3,reboot\nabc").returncode == 0
    d.wait_reboot()
    wait_event(t, d, "disconnected")
    d.stop()
    for line in d.log().splitlines():
        e = json.loads(line)
        assert list(e)[:5] == ["time", "program", "level", "event", "message"], line
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", e["time"]) and e["program"] == "fwsshd"
    assert events(d, "listening")[0]["port"] == d.port
    assert events(d, "host-key")[0]["fingerprint"].startswith("SHA256:")
    login, done = events(d, "login")[0], events(d, "update-done")[0]
    assert login["address"].startswith("127.0.0.1:") and "tester@desk" in login["key"]
    assert done["address"] == login["address"] and done["key"] == login["key"]
    assert (done["result"], done["status"], done["task"], done["firmwares"], done["bytes"], done["reboot"]) == (
        "done", 0, "upgrade", 1, 3, "yes") and 0 < done["seconds"] < 60
    assert "error" not in done and "uuid" not in done, "what is not known is left out"
    assert events(d, "update-started")[0]["subsystem"] == "nerves_firmware_ssh"
    assert events(d, "rebooting") and events(d, "reboot-failed") and events(d, "stopping")


def test_each_update_that_starts_has_an_end(t):
    """fwssh check asks where an update would begin, with an empty request."""
    d = t.daemon(log_format="json", log_level="info")
    for data, end in (b"", "request-answered"), (b"fwup:3\nabc", "update-done"), (b"junk\n", "update-failed"):
        d.push(data)
        assert wait_event(t, d, end)
        assert [e["event"] for e in events(d)].count("update-started") == 1
        d.log_path.write_text("")
    assert d.push(b"fwssh/1 status\n", subsystem="fwssh").returncode == 0
    d.stop()
    assert not events(d, "request-answered") and not events(d, "request-started")


def test_a_failure_says_why(t):
    d = t.daemon(log_format="json", updater=t.updater("take\necho broken\nshake 1"))
    assert d.push(b"fwup:3,reboot\nabc").returncode == 1
    failed = wait_event(t, d, "update-failed")
    assert failed["level"] == "error" and failed["result"] == "failed" and failed["status"] == 1
    assert failed["bytes"] == 3 and failed["reboot"] == "no" and "updater exited with status 1" in failed["error"]


def test_strangers_make_no_lines_and_no_members(t):
    t.key()
    (t.dir / "keys").write_text((t.dir / "id_ed25519.pub").read_text().replace("tester@desk", 'a","event":"b\\\u202e'))
    d = t.daemon(log_format="json", authorized_keys_files=[str(t.dir / "keys")])
    d.push(b"", key=t.key("stranger"))
    refused = wait_event(t, d, "login-refused")
    assert "key" not in refused and refused["address"].startswith("127.0.0.1:"), refused
    assert d.push(b"fwup:3\nabc").returncode == 0
    [login] = events(d, "login")
    assert login["key"].endswith('a","event":"b\\\ufffd'), login
    with socket.create_connection(("127.0.0.1", d.port)) as s:
        s.sendall(b'SSH-2.0-x"}\x1b[2J\xff\r\nrubbish\r\n')
    t.wait_for(lambda: len(events(d, "disconnected")) >= 2, "its end")
    d.stop()
    for line in d.log().splitlines():
        json.loads(line)


def test_text_stays_the_default_and_a_reload_changes_it(t):
    d = t.daemon()
    assert not events(d) and "fwsshd: listening on" in d.log()
    d.write_config(log_format="json")
    d.reload()
    assert wait_event(t, d, "reloaded")
    d.write_config(log_format="xml")
    d.reload()
    assert "log-format is 'xml', but must be text or json" in wait_event(t, d, "configuration-error")["message"]
    assert wait_event(t, d, "reload-failed")


METRICS = ("success", "status", "firmware_bytes", "duration_seconds", "end_timestamp_seconds")


def metrics(path):
    """The values, of a file in which each has its HELP and TYPE."""
    lines, found = path.read_text().splitlines(), {}
    for help_line, kind, line in zip(lines[::3], lines[1::3], lines[2::3]):
        name, value = line.split(" ")
        assert re.fullmatch(rf"# HELP {name} \S.*\.", help_line) and kind == f"# TYPE {name} gauge"
        found[name.removeprefix("fwssh_last_update_")] = float(value)
    assert len(lines) == 3 * len(found)
    return found


def test_metrics_of_the_last_update(t):
    path = t.dir / "metrics" / "fwssh.prom"
    path.parent.mkdir()
    d = t.daemon(metrics_file=path, updater=t.updater("take\n[ -e $me.fail ] && shake 1; printf 'Success!\\n'; shake 0"))
    assert d.push(b"").returncode == 2 and not path.exists(), "a question is no update"
    assert d.push(b"fwup:3\nabc").returncode == 0
    good = metrics(path)
    assert tuple(good) == METRICS and path.stat().st_mode & 0o777 == 0o644
    assert (good["success"], good["status"], good["firmware_bytes"]) == (1, 0, 3)
    assert 0 < good["duration_seconds"] < 60 and good["end_timestamp_seconds"] >= int(path.stat().st_mtime) - 60
    (t.dir / "updater.fail").touch()
    assert d.push(b"fwup:4\nabcd").returncode == 1
    bad = metrics(path)
    assert (bad["success"], bad["status"], bad["firmware_bytes"]) == (0, 1, 4)
    assert [p.name for p in path.parent.iterdir()] == ["fwssh.prom"], "nothing is left beside it"


def test_metrics_that_cannot_be_written_do_not_stop_anything(t):
    d = t.daemon(metrics_file="/nonexistent/fwssh.prom")
    assert d.push(b"fwup:3\nabc").returncode == 0


SYSLOG = """
mount --bind "$1" /dev || exit 77
shift
exec "$@"
"""


def test_fwssh_receive_alone_writes_objects_to_syslog(t):
    """Under another SSH server. /dev is one of the test's own, with a socket that it listens at."""
    if os.geteuid():
        t.skip("needs root, for a /dev of its own")
    dev = t.dir / "dev"
    dev.mkdir()
    os.mknod(dev / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(str(dev / "log"))
        log.settimeout(20)
        d = t.daemon(wait=False, log_format="json")
        r = t.run(["unshare", "-m", "sh", "-c", SYSLOG, "sh", dev, t.bin("fwssh-receive"), "-f", d.conf, "-s",
                   "nerves_firmware_ssh"], input="fwup:3\nabc")
        assert r.returncode == 0, r
        line = log.recv(65536).decode()
    assert re.match(r"<30>.*fwssh-receive\[\d+\]: \{", line), line
    done = json.loads(line[line.index("{"):])
    assert (done["program"], done["event"], done["result"], done["bytes"]) == ("fwssh-receive", "update-done", "done", 3)
    assert "address" not in done and "key" not in done
