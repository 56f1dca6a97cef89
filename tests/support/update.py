# SPDX-License-Identifier: Apache-2.0
"""Updates in the tests: what a client sends and hears, and what must be gone behind it."""
import os
import re
import threading

from support.process import is_asleep, moved

MB = 1 << 20
HELLO = b"fwup:5,reboot\nhello"
GOOD_TEXT = b"Running fwup...\nSuccess!\nRebooting...\n"


def feed(client, data):
    """Writes in the background; a client that has gone is no error here."""
    def work():
        try:
            client.stdin.write(data)
        except OSError:
            pass
    threading.Thread(target=work, daemon=True).start()


def send_part(t, d, client, data):
    """Sends, and comes back when fwssh-receive has read it: what follows is another read."""
    receive, = t.wait_for(lambda: d.pids("fwssh-receive"), "fwssh-receive")
    t.wait_for(lambda: is_asleep(receive), "fwssh-receive to wait for its input")
    before = moved(receive)[0]
    client.stdin.write(data)
    t.wait_for(lambda: moved(receive)[0] > before, "fwssh-receive to read")


def queued(d):
    """Bytes in the queues of all sockets of a daemon and its clients."""
    total = 0
    with open("/proc/net/tcp") as f:
        for fields in (line.split() for line in f.readlines()[1:]):
            ports = [int(address.split(":")[1], 16) for address in fields[1:3]]
            if d.port in ports:
                total += sum(int(queue, 16) for queue in fields[4].split(":"))
    return total


def has_sent_all(d, client):
    """Whether a client waits for something else than room in its socket: while that is empty, it does not wait for it."""
    before = moved(client.pid)
    # Twice: what goes from one queue to the other while they are read is in neither.
    empty = all(queued(d) == 0 for _ in range(2))
    return empty and is_asleep(client.pid) and moved(client.pid) == before


def finish(client, timeout=40):
    """The client's exit status and texts."""
    status = client.wait(timeout)
    return status, client.stdout.read(), client.stderr.read()


def finish_input(client):
    """The same after the end of its input."""
    client.stdin.close()
    return finish(client)


def marker(t, name):
    """What a stand-in has written about itself."""
    path = t.dir / name
    return path.read_text() if path.exists() else ""


def wait_gone(t, pids, what):
    """Not even a zombie is left."""
    t.wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), f"{what} to be gone")


def be_patient(d):
    """For what follows: a busy machine may take longer than the times that a test has set."""
    d.write_config(idle_timeout=120, login_grace_time=30)
    d.reload()


def assert_works(d, reboots=1):
    """A push at once: the device is free and in order."""
    r = d.push(HELLO)
    assert (r.returncode, r.stdout) == (0, GOOD_TEXT), r
    d.wait_reboot(reboots)
    assert d.reboots() == reboots


def assert_one_line(err):
    assert re.fullmatch(rb"fwssh: [^\n]+\n", err), err


def master(t, d):
    """A connection that stays, so that its session can be looked at when the update is over."""
    path = f"{t.dir}/master"
    t.start(d.ssh_args("-N", "-M", "-S", path, subsystem=None))
    t.wait_for(lambda: os.path.exists(path), "the master")
    return ("-S", path)
