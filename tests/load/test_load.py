# SPDX-License-Identifier: Apache-2.0
"""Staying up: a flood of strangers, and many pushes in a row."""
import os
import subprocess
import sys
from pathlib import Path

from support.fixture import read_until, seconds, waits
from support.process import children

FLOOD = 1000


def memory(pid):
    """Private memory in kB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


def descriptors(pid):
    return sorted(os.path.basename(os.readlink(p)).split(":")[0] for p in Path(f"/proc/{pid}/fd").iterdir())


def descriptors_at_rest(t, d):
    """Those of a daemon that has done what is left to do behind its start: it serves."""
    assert d.push(b"nonsense\n").returncode == 2
    t.wait_for(lambda: not children(d.process.pid), "the processes to end")
    return descriptors(d.process.pid)


def files(t):
    return {str(p.relative_to(t.dir)) for p in t.dir.rglob("*")}


@seconds(180)
@waits
def test_flood_of_strangers(t):
    """An authorised push started during a flood is served, and nothing is left behind. bench/flood.py has the times."""
    d = t.daemon(max_penalty=60, log_level="info")
    open_before = descriptors_at_rest(t, d)
    data = b"fwup:%d\n" % (16 << 20) + os.urandom(16 << 20)
    assert d.push(data).returncode == 0
    before = memory(d.process.pid)
    flood = t.start([sys.executable, t.src / "tests/load/flood.py", d.port, FLOOD], stdout=subprocess.PIPE)
    t.wait_for(lambda: d.log().count("audit: connection from=\"127.0.1.") > 20, "the flood to rise")
    pushes = 0
    while pushes < 3 and flood.poll() is None:
        r = d.push(data)
        assert r.returncode == 0, r
        pushes += 1
    assert pushes, "the flood was over too soon to mean anything"
    count = int(read_until(flood.stdout, b"have come and gone\n").split()[0])
    assert count > FLOOD * 0.9, count
    t.wait_for(lambda: not children(d.process.pid), "the sessions to end", 40)
    # Those on hold are closed when it is their turn.
    t.wait_for(lambda: descriptors(d.process.pid) == open_before, "the descriptors to be closed")
    assert t.sanitized() or memory(d.process.pid) - before < 2048
    # Each of them has its line, whether it got a session or not.
    t.wait_for(lambda: d.log().count("audit: connection from=\"127.0.1.") == count, "all audit lines")


@waits
def test_source_that_keeps_failing_is_turned_away(t):
    d = t.daemon(max_penalty=60)
    stranger = t.key("stranger")

    def is_refused():
        assert d.push(b"fwup:3\nabc", key=stranger).returncode == 255
    for _ in range(6):
        is_refused()
    # On a machine so busy that the first failures have partly expired, it takes more.
    t.wait_for(lambda: "source turned away for 2 s" in d.log() or is_refused(), "the penalty", 40)
    r = d.push(b"fwup:3\nabc", "-v", "-o", "LogLevel=DEBUG")
    if r.returncode:  # a busy machine may need the two seconds itself
        assert b"Too many failed logins from your address" in r.stderr
    t.wait_for(lambda: d.push(b"fwup:3\nabc").returncode == 0, "the penalty to end")
    # A login clears the count.
    for _ in range(5):
        is_refused()
    assert d.push(b"fwup:3\nabc").returncode == 0


@seconds(3600)
def test_many_pushes_leave_nothing_behind(t):
    """Pushes that succeed, are refused, or whose client is killed. FWSSH_SOAK_PUSHES=1000 makes it long (make soak)."""
    count = int(os.environ.get("FWSSH_SOAK_PUSHES", 60))
    d = t.daemon(log_level="info", audit_file=str(t.dir / "audit"))
    open_before = descriptors_at_rest(t, d)
    body = os.urandom(300000)
    stranger = t.key("stranger")

    def push(i):
        if i % 20 == 5:
            assert d.push(b"nonsense\n").returncode == 2
        elif i % 20 == 10:
            assert d.push(b"", key=stranger).returncode == 255
        elif i % 20 == 15:
            client = d.client()
            client.stdin.write(b"fwup:%d\n" % len(body) + body[:1000])
            t.wait_for(lambda: d.pids("fwssh-receive"), "the update to begin")
            client.kill()
            client.wait()
            t.wait_for(lambda: not children(d.process.pid), "the update to end")
        else:
            assert d.push(b"fwup:%d,reboot\n" % len(body) + body).returncode == 0
            # The device stays locked until the reboot command has failed.
            t.wait_for(lambda: not children(d.process.pid), "the reboot's command")

    for i in range(20):
        push(i)
    t.wait_for(lambda: not children(d.process.pid), "the processes to end")
    if not t.sanitized():
        before = memory(d.process.pid)
    files_before = files(t)
    for i in range(count):
        push(i)
        for name in ("updater.input", "updater.args", "updater.pid"):
            (t.dir / name).unlink(missing_ok=True)
    t.wait_for(lambda: not children(d.process.pid), "the processes to end")
    t.wait_for(lambda: descriptors(d.process.pid) == open_before, "the descriptors to be closed")
    assert files(t) <= files_before
    if not t.sanitized():
        assert memory(d.process.pid) - before < 256, (before, memory(d.process.pid))
