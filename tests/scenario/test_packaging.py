# SPDX-License-Identifier: Apache-2.0
"""The init script and the unit: fwsshd is started again after every failure."""
import os
import signal

from support.fixture import seconds
from support.process import alive, children, name_of
from support.update import GOOD_TEXT, HELLO


def init_script(t, d):
    """The packaged script, with other paths."""
    text = (t.src / "packaging/fwsshd.init").read_text()
    for name, value in (("DAEMON", t.bin("fwsshd")), ("PIDFILE", t.dir / "pid"), ("FWSSHD_ARGS", f"'-f {d.conf}'"),
                        ("STOP_SECONDS", 20), ("RESTART_SECONDS", 1)):
        before = next(line for line in text.splitlines() if line.startswith(f"{name}="))
        text = text.replace(f"\n{before}\n", f"\n{name}={value}\n")
    text = text.replace("[ -r /etc/default/fwsshd ]", "false")
    return t.script("init", text)


def supervised(t):
    """The fwsshd that runs below the script, or None."""
    pid = int((t.dir / "pid").read_text())
    found = [p for p in children(pid) if name_of(p) == "fwsshd"] if alive(pid) else []
    return found[0] if found else None


def works(d):
    return d.push(HELLO).stdout == GOOD_TEXT


@seconds(180)
def test_init_script_starts_it_again_and_again(t):
    t.need("start-stop-daemon")
    d = t.daemon(wait=False)
    good = d.conf.read_text()
    d.conf.write_text(good + "port = red\n")
    init = init_script(t, d)
    r = t.run([init, "start"])
    try:
        assert r.returncode == 0 and "port is 'red'" in r.stderr and "found errors" in r.stdout and r.stdout.endswith("OK\n"), r
        d.conf.write_text(good)
        t.wait_for(lambda: works(d), "fwsshd, once the configuration is right")
        for number in (signal.SIGKILL, signal.SIGABRT):
            before = supervised(t)
            os.kill(before, number)
            t.wait_for(lambda: supervised(t) not in (None, before) and works(d), "another fwsshd")
        # A reload reaches it.
        d.write_config(task="other")
        assert t.run([init, "reload"]).returncode == 0
        t.wait_for(lambda: works(d) and "--task other" in (t.dir / "updater.args").read_text(), "the reload", 60)
        assert "is running" in t.run([init, "status"]).stdout
        assert "already running" in t.run([init, "start"]).stdout
        before = supervised(t)
    finally:
        r = t.run([init, "stop"])
    assert r.returncode == 0 and r.stdout.endswith("OK\n") and not alive(before), r
    assert t.run([init, "status"]).returncode == 3


def test_init_script_stops_while_fwsshd_fails(t):
    t.need("start-stop-daemon")
    d = t.daemon(wait=False)
    d.conf.write_text("port = red\n")
    init = init_script(t, d)
    assert t.run([init, "start"]).returncode == 0
    r = t.run([init, "stop"])
    assert r.returncode == 0 and r.stdout.endswith("OK\n"), r


def test_unit_is_confined(t):
    """systemd's own measure: at most 5.0, of which most is what an updater needs."""
    t.need("systemd-analyze")
    r = t.run(["systemd-analyze", "security", "--offline=true", "--threshold=50", "--no-pager",
               t.src / "packaging/fwsshd.service"])
    assert r.returncode == 0 and "Overall exposure level" in r.stdout, r.stdout[-300:] + r.stderr


def test_unit(t):
    unit = (t.src / "packaging/fwsshd.service").read_text().splitlines()
    assert {"StartLimitIntervalSec=0", "Restart=on-failure"} <= set(unit)
    # Each of these would keep it from starting again, or from starting at all.
    assert not [line for line in unit if line.startswith(("RestartPreventExitStatus", "StartLimitBurst", "StateDirectory"))]
    t.need("systemd-analyze")
    path = t.dir / "fwsshd.service"
    path.write_text("\n".join(unit).replace("/usr/sbin/fwsshd", t.bin("fwsshd")))
    r = t.run(["systemd-analyze", "verify", "--man=no", path])
    assert "fwsshd.service:" not in r.stderr, r
