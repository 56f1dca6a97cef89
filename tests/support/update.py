"""Updates in the tests: what a client sends and hears, and what must be gone behind it."""
import os
import re
import threading

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
