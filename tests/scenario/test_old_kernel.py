# SPDX-License-Identifier: Apache-2.0
"""Kernels back to Linux 4.4, tried by a filter: calls that came later answer as if they did not exist."""
from support.fixture import seconds

CALLS = ["pidfd_open", "pidfd_send_signal", "close_range", "clone3", "landlock_create_ruleset",
         "landlock_restrict_self", "openat2", "faccessat2", "statx", "kill_process", "newnet"]


def update(t, calls):
    """A whole update, its reboot, and the sandbox of the session, on a device without these calls."""
    d = t.daemon(wait=False)
    d.wrapper = [t.build / "tests/old_kernel", ",".join(calls)]
    d.start()
    r = d.push(b"fwup:5,reboot\nhello")
    assert r.returncode == 0 and r.stdout == b"Running fwup...\nSuccess!\nRebooting...\n", (calls, r, d.log())
    assert d.updater_input() == b"hello"
    d.wait_reboot()
    r = d.push(b"fwssh/1 status\n", subsystem="fwssh")
    assert r.returncode == 0, (calls, r)
    log = d.log()
    assert "session sandbox is missing: landlock" in log or not any("landlock" in c for c in calls) or t.sanitized(), log
    assert "seccomp" not in log, log
    d.stop()
    (t.dir / "updater.input").unlink()


@seconds(180)
def test_each_call_may_be_missing(t):
    for call in CALLS:
        update(t, [call])


def test_all_of_them_may_be_missing(t):
    update(t, CALLS)


def test_under_another_ssh_server(t):
    """Without a listener, fwssh-receive waits for the server by itself before it reboots."""
    d = t.daemon(wait=False)
    device = t.image(name="disk.img")
    rebooted = t.dir / "rebooted-alone"
    receiver = t.start([t.build / "tests/old_kernel", ",".join(CALLS), t.bin("fwssh-receive"), "-f", d.conf,
                        "-o", f"device={device}", "-o", f"reboot-command=touch {rebooted}",
                        "-s", "nerves_firmware_ssh"], stdin=-1, stdout=-1, stderr=-1)
    out, err = receiver.communicate(b"fwup:5,reboot\nhello", timeout=60)
    assert receiver.returncode == 0 and b"Rebooting" in out, (out, err)
    t.wait_for(rebooted.exists, "the reboot")
