# SPDX-License-Identifier: Apache-2.0
"""The TCP connection under fwssh push is cut after a number of bytes of the SSH stream, login included: its messages and
its exit status are true, and the device is in the right state."""
import random
import re

from cut import device
from cut.proxy import Proxy
from support.fixture import waits
from support.update import be_patient

PARTS = 4
ENDS = re.compile(r": (update done|update failed|answered |request \w+(:| failed))")


def push(t, d, v, proxy):
    return t.run([t.bin("fwssh"), "push", "127.0.0.1", *v.push_options, "--firmware", "2.fw", "--port", proxy.port,
                  "--ssh-option", f"UserKnownHostsFile={t.dir}/known_hosts", "--ssh-option", f"IdentityFile={d.key}",
                  "--ssh-option", "IdentitiesOnly=yes", "--ssh-option", "StrictHostKeyChecking=accept-new",
                  "--ssh-option", "NoHostAuthenticationForLocalhost=yes"])


def whole_push(t, d, v):
    """How many bytes a push takes, in each direction."""
    proxy = Proxy(d.port)
    r = push(t, d, v, proxy)
    assert r.returncode == 0, r
    proxy.thread.join(10)
    d.wait_reboot()
    assert v.state() == "new"
    v.wait_free()
    v.reset()
    return proxy.counts


def settle(t, d, v):
    """After a cut everything ends by itself: only the listener is left, and the lock is free."""
    device.wait_clean(t, d.process.pid)
    v.wait_free()
    def all_told():
        log = d.log()
        return len(re.findall("(update|request) started", log)) == len(ENDS.findall(log))
    t.wait_for(all_told, "the end of each update in the log")


def check_cut(t, d, v, where, **cut):
    """One push through a connection that breaks; whether the device has the new firmware."""
    reboots = d.reboots()
    done = d.log().count("update done")
    r = push(t, d, v, Proxy(d.port, **cut))
    settle(t, d, v)
    if d.log().count("update done") > done:
        d.wait_reboot(reboots + 1)
    state = v.state()
    assert (state, d.reboots() - reboots) in (("old", 0), ("new", 1)), (where, state, d.reboots() - reboots, r)
    said = r.stdout + r.stderr
    if r.returncode == 0:
        assert state == "new", (where, r)
    elif r.returncode == 6:
        assert state == "old" and ("keeps its running firmware" in said or "ssh failed before" in said or
                                   "before the login" in said), (where, r)
    else:
        assert r.returncode == 9 and "lost after the last byte" in said, (where, r)
    v.reset()
    return state == "new"


def check_to_device(t, part):
    v = device.Device(t)
    d = v.daemon()
    total = whole_push(t, d, v)[0]
    login = total - len(v.header) - len(v.archive) - 1500  # the bytes around are key exchange and login
    r = random.Random(5)
    places = [0, 1, 10, 21, 22, 23, 60, 500, *(r.randrange(login) for _ in range(8)),
              *(r.randrange(login, total) for _ in range(16)), *(total - n for n in (1, 2, 20, 40, 60, 100, 200, 400))]
    for number, at in enumerate(sorted(places)[part::PARTS]):
        check_cut(t, d, v, f"{at} of {total} bytes to the device", to_device=at, reset=bool(number & 1))
        if number % 3 == 0:
            v.assert_daemon_works(d)


def test_cut_to_the_device_1(t):
    check_to_device(t, 0)


def test_cut_to_the_device_2(t):
    check_to_device(t, 1)


def test_cut_to_the_device_3(t):
    check_to_device(t, 2)


def test_cut_to_the_device_4(t):
    check_to_device(t, 3)


def test_cut_to_the_client(t):
    """The device's output is lost: during the login, in the text, in the exit status, at the close of the channel."""
    v = device.Device(t)
    d = v.daemon()
    total = whole_push(t, d, v)[1]
    for number, back in enumerate((1, 30, 40, 80, 120, 160, 250, 400, 600, total - 100, total - 1)):
        check_cut(t, d, v, f"{back} bytes before the end, to the client", to_client=total - back,
                  reset=bool(number & 1))
        if number % 3 == 0:
            v.assert_daemon_works(d)


def test_half_a_firmware_is_said_to_be_lost(t):
    """Status 6 if fwssh still had bytes to send, 9 if ssh had taken them all; the device keeps its firmware."""
    v = device.Device(t, size=900_000)
    d = v.daemon()
    for reset in (False, True):
        r = push(t, d, v, Proxy(d.port, to_device=200_000, reset=reset))
        words = {6: "the device keeps its running firmware. Push again", 9: "see what the device runs"}
        assert r.returncode in words and words[r.returncode] in r.stdout + r.stderr, r
        settle(t, d, v)
        assert v.state() == "old" and d.reboots() == 0
    v.assert_daemon_works(d)


@waits
def test_freeze_until_the_idle_time_is_up(t):
    """The device never hears that the connection is gone: the next push need not wait long all the same."""
    v = device.Device(t)
    d = v.daemon(idle_timeout=3)
    client = d.client()
    client.stdin.write(v.header + v.archive[:30_000])
    device.find(t, "fwpack")
    client.send_signal(device.signal.SIGSTOP)  # its kernel still acknowledges, as a proxy might
    d.wait_log("no data received for 3 seconds (key idle-timeout)")
    client.kill()
    client.wait(20)
    device.wait_clean(t, d.process.pid)
    assert v.state() == "old" and d.reboots() == 0
    be_patient(d)
    v.assert_daemon_works(d)
