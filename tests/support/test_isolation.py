# SPDX-License-Identifier: Apache-2.0
"""Tests do not wait for locks that other processes on the machine hold (isolation.py)."""
import fcntl
import os
import subprocess

from support import isolation


def need_isolation(t):
    if not isolation.is_allowed():
        t.skip("only root may have a mount namespace of its own")


def waits_for_a_lock(pid):
    with open("/proc/locks") as locks:
        return any("->" in line and line.split()[5] == str(pid) for line in locks)


def test_each_test_has_locks_of_its_own(t):
    """Not the locks of the runner, which are the machine's."""
    need_isolation(t)
    directory = os.path.realpath(os.path.dirname(isolation.UBOOT_LOCK))
    assert os.stat(directory).st_dev != os.stat(f"/proc/{os.getppid()}/root{directory}").st_dev


def test_each_test_has_a_run_of_its_own(t):
    """A parameter for the next reboot that lies in the machine's is none of theirs, and theirs is none of the machine's."""
    need_isolation(t)
    assert os.stat("/run").st_dev != os.stat(f"/proc/{os.getppid()}/root/run").st_dev
    assert not [path for path in ("/run/systemd", "/run/fwssh", "/run/lock") if os.path.isdir(path) and os.listdir(path)]
    assert os.path.isdir("/run/systemd") == os.path.isdir(f"/proc/{os.getppid()}/root/run/systemd")


def test_lock_that_is_held_outside_stops_nobody_inside(t):
    for program in ("fw_printenv", "mkenvimage"):
        t.need(program)
    need_isolation(t)
    (t.dir / "env.txt").write_text("name=value\n")
    assert t.run(["mkenvimage", "-s", "0x4000", "-o", "env.bin", "env.txt"]).returncode == 0
    (t.dir / "fw_env.config").write_text(f"{t.dir}/env.bin 0x0 0x4000\n")
    command = ["fw_printenv", "-c", "fw_env.config"]
    with open(isolation.UBOOT_LOCK, "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        outside = t.start(command, stdout=subprocess.PIPE)
        t.wait_for(lambda: waits_for_a_lock(outside.pid), "fw_printenv to ask for the lock")
        inside = t.start(command, stdout=subprocess.PIPE, preexec_fn=isolation.isolate)
        assert inside.communicate(timeout=20)[0] == b"name=value\n"
        assert outside.poll() is None
    assert outside.communicate(timeout=20)[0] == b"name=value\n"
