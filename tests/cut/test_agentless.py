# SPDX-License-Identifier: Apache-2.0
"""An agentless push that is cut: nothing stays on the device, and what boots there stays as it was."""
import os
import signal
import subprocess

from interop.test_agentless import ON_BOARD, busybox, options
from interop.test_servers import sshd
from support.agentless import Place
from support.process import alive, children
from support.slots import SLOT_B, TwoSlots, content, firmware

PLAIN_ONLY = "each test sends a program that is ten times as large with sanitizers"


class Cut:
    """A push that has come to a certain step: its processes here, and those on the device."""

    def __init__(self, t, port, place, device, keys, rate):
        self.t, self.place, self.device = t, place, device
        self.before = device.image.read_bytes()[:SLOT_B]
        env = {**device.env, "XDG_RUNTIME_DIR": str(t.dir)}
        self.fwssh = t.start([t.bin("fwssh"), "push", "--firmware", firmware(t, "2.0.0", content(2)), *device.options(port),
                              *options(t, device.daemon, *keys), "--adaptive=never", "--bwlimit", rate, "127.0.0.1"], env=env,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def on_device(self, word):
        return [pid for pid, words in self.place.processes() if word in words]

    def await_step(self, word):
        """word: of the command line of a process on the device."""
        def there():
            assert self.fwssh.poll() is None, self.fwssh.stdout.read()
            return self.on_device(word)
        return self.t.wait_for(there, f"{word} on the device")

    def clean(self, *statuses):
        here = children(self.fwssh.pid)
        text = self.fwssh.stdout.read().decode()
        assert self.fwssh.wait(20) in statuses, (self.fwssh.returncode, text)
        self.place.wait_clean(self.t)
        assert self.device.image.read_bytes()[:SLOT_B] == self.before, "what boots has changed"
        self.t.wait_for(lambda: not any(alive(pid) for pid in here), "ssh to end here, too")
        return text


ARRIVES, WRITES = (b"sh", "300k"), (b"fwpack", "1M")


def with_sshd(t, step):
    device = TwoSlots(t, content(1))
    server = sshd(t, device.daemon)
    cut = Cut(t, server.port, Place(), device, (), step[1])
    return cut, step[0]


def with_dropbear(t, step):
    device = TwoSlots(t, content(1))
    board = busybox(t, device)
    return Cut(t, board.port, board.place(), device, ON_BOARD, step[1]), step[0]


def bring_script(cut):
    """The shell that receives fwssh-agent, once it has detached its tmpfs and waits for more."""
    def there():
        assert cut.fwssh.poll() is None, cut.fwssh.stdout.read()
        found = [pid for pid, words in cut.place.processes() if words[1:2] == [b"-c"] and b"cat >fwssh-agent" in words[2]]
        return [pid for pid in found if any(name.startswith("fwssh-agent.") for name in directory(pid))]
    return cut.t.wait_for(there, "the upload")


def directory(pid):
    """What is in a process's working directory."""
    try:
        return os.listdir(f"/proc/{pid}/cwd")
    except OSError:
        return []


def command(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return f.read()
    except OSError:
        return b""


def come_to(cut, word):
    return bring_script(cut) if word == b"sh" else cut.await_step(word)


def kill_here(t, start, step, number, *statuses):
    cut, word = start(t, step)
    come_to(cut, word)
    cut.fwssh.send_signal(number)
    cut.clean(*statuses)


def kill_there(t, start, step, choose, *statuses):
    cut, word = start(t, step)
    found = come_to(cut, word)
    for pid in choose(cut, found):
        os.kill(pid, signal.SIGKILL)
    cut.clean(*statuses)


def test_fwssh_is_killed_while_the_agent_arrives(t):
    kill_here(t, with_sshd, ARRIVES, signal.SIGKILL, -signal.SIGKILL)


def test_fwssh_is_killed_while_the_agent_arrives_through_dropbear(t):
    kill_here(t, with_dropbear, ARRIVES, signal.SIGKILL, -signal.SIGKILL)


def test_fwssh_is_interrupted_while_the_agent_arrives(t):
    kill_here(t, with_sshd, ARRIVES, signal.SIGINT, 7)


def test_fwssh_is_killed_while_the_firmware_is_written(t):
    kill_here(t, with_sshd, WRITES, signal.SIGKILL, -signal.SIGKILL)


def test_fwssh_is_killed_while_the_firmware_is_written_through_dropbear(t):
    kill_here(t, with_dropbear, WRITES, signal.SIGKILL, -signal.SIGKILL)


def test_fwssh_is_interrupted_while_the_firmware_is_written(t):
    kill_here(t, with_dropbear, WRITES, signal.SIGTERM, 7)


def test_the_receiving_shell_is_killed(t):
    kill_there(t, with_dropbear, ARRIVES, lambda cut, found: found, 1, 6)


def test_the_program_that_stays_is_killed_while_the_firmware_is_written(t):
    """Nothing depends on it any more."""
    cut, word = with_dropbear(t, WRITES)
    cut.await_step(word)
    for pid in cut.on_device(b"stay"):
        os.kill(pid, signal.SIGKILL)
    cut.fwssh.wait(60)
    text = cut.fwssh.stdout.read().decode()
    assert cut.fwssh.returncode == 0, text
    assert cut.device.slot("b").startswith(content(2))
    cut.place.wait_clean(t)


def test_the_updater_is_killed(t):
    kill_there(t, with_dropbear, WRITES, lambda cut, found: found, 1)


def test_fwssh_receive_is_killed(t):
    kill_there(t, with_sshd, WRITES, lambda cut, found: cut.on_device(b"fwssh-receive"), 1, 6)


def test_the_connection_is_cut_while_the_firmware_is_written(t):
    cut, word = with_sshd(t, WRITES)
    cut.await_step(word)
    for pid in children(cut.fwssh.pid):
        if b"ControlMaster=yes" in command(pid):
            os.kill(pid, signal.SIGKILL)
    cut.clean(6)


def test_what_a_shell_that_is_killed_at_the_mount_leaves_is_removed_by_the_next_push(t):
    device = TwoSlots(t, content(1))
    board = busybox(t, device, umount='#!/bin/sh\n[ ! -e /data/hang ] || exec busybox sleep 60\nexec busybox umount "$@"\n')
    place = board.place()
    (board.data / "hang").touch()
    cut = Cut(t, board.port, place, device, ON_BOARD, "1M")
    t.wait_for(place.traces, "the mount")
    for pid, _ in place.processes():
        os.kill(pid, signal.SIGKILL)
    cut.fwssh.wait(20)
    assert place.traces()
    (board.data / "hang").unlink()
    r = device.push(firmware(t, "2.0.0", content(2)), *options(t, device.daemon, *ON_BOARD), port=board.port)
    assert r.returncode == 0, r
    place.wait_clean(t)
