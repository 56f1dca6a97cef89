# SPDX-License-Identifier: Apache-2.0
"""The last bytes of a firmware: no updater gets them before all of them are here."""
import os
import random
import struct
import time

from support.fixture import waits
from support.process import children, is_asleep, unread
from support.receiver import Receiver
from support.update import finish, marker, wait_gone


def archive(t, resources=120, size=2000):
    """An archive, and where its directory begins: there the reference switches."""
    data = random.Random(1)
    names = [f"{i:0>60}" for i in range(resources)]  # about a hundred bytes each in the directory
    for name in names:
        (t.dir / name).write_bytes(data.randbytes(size))
    (t.dir / "many.conf").write_text(
        "".join(f'file-resource {n} {{ host-path = "{t.dir}/{n}" }}\n' for n in names) + "task upgrade {\n"
        + "".join(f"on-resource {n} {{ raw_write({i * 8}) }}\n" for i, n in enumerate(names)) + "}\n")
    assert t.run([t.bin("fwpack"), "-c", "-f", "many.conf", "-o", "many.fw"]).returncode == 0
    fw = (t.dir / "many.fw").read_bytes()
    directory, = struct.unpack("<I", fw[-6:-2])
    assert fw[directory:directory + 4] == b"PK\1\2"
    return fw, directory


def switching(t, at):
    """A stand-in that switches where the directory begins, as the reference does."""
    return t.updater(f"take_some {at}\n[ $(stat -c %s $me.input) = {at} ] && echo switched > $me.switched\n"
                     "take; printf 'Success!\\n'; shake 0")


def test_client_lost_in_the_directory_has_switched_nothing(t):
    fw, directory = archive(t)
    assert len(fw) - directory > 12000
    d = t.daemon(updater=switching(t, directory))
    client = d.client()
    client.stdin.write(b"fwup:%d,reboot\n" % len(fw) + fw[:-12000])
    # What comes before the last quarter, or 64 KiB, is passed on; head(1) writes whole blocks of it.
    passed_on = len(fw) - min(65536, len(fw) // 4)
    t.wait_for(lambda: len(d.updater_input()) > passed_on - 8192, "the bytes that are passed on")
    client.kill()
    d.wait_log("update failed")
    wait_gone(t, d.updater_pids(), "the updater")
    assert not marker(t, "updater.switched") and d.reboots() == 0


def test_they_wait_in_fwssh_receive(t):
    """However long they are not all here, the updater has nothing of them."""
    fw, directory = archive(t)
    r = Receiver(t, updater=switching(t, directory))
    r.send(b"fwup:%d,reboot\n" % len(fw) + fw[:-12000])
    updater, = t.wait_for(lambda: r.device.updater_pids(), "the updater")

    def has_read_all():
        return not r.unread() and not unread(updater) and all(map(is_asleep, [r.process.pid, *children(updater)]))
    t.wait_for(has_read_all, "everything to be read")
    assert not marker(t, "updater.switched")
    status, _, err = r.end()
    assert status == 1 and b"12000 bytes short" in err and not marker(t, "updater.switched"), err


def test_a_firmware_that_is_short_has_switched_nothing(t):
    """An end of the input, with the same bytes missing."""
    fw, directory = archive(t)
    d = t.daemon(updater=switching(t, directory))
    r = d.push(b"fwup:%d,reboot\n" % len(fw) + fw[:-12000])
    assert r.returncode == 1 and b"input ended 12000 bytes short; nothing was activated" in r.stderr, r
    assert not marker(t, "updater.switched") and d.reboots() == 0


def test_whole_firmwares_arrive_whole(t):
    """At sizes around the bounds, and two in a row."""
    data = os.urandom(1 << 20)
    d = t.daemon()
    for size in (65535, 65536, 65537, 262143, 262144, 300000, 1 << 20):
        before = len(d.updater_input())
        r = d.push(b"fwup:%d\n" % size + data[:size])
        assert r.returncode == 0 and d.updater_input()[before:] == data[:size], size
    before = len(d.updater_input())
    assert d.push(b"fwup:300000,fwup:200000\n" + data[:500000]).returncode == 0
    assert d.updater_input()[before:] == data[:500000]


def test_byte_by_byte_through_the_end(t):
    """The bound is kept while the last bytes trickle in."""
    size, held = 80000, 20000
    data = os.urandom(size)
    d = t.daemon()
    client = d.client()
    client.stdin.write(b"fwup:%d\n" % size + data[:size - held])
    t.wait_for(lambda: len(d.updater_input()) == size - held, "the first bytes")
    for i in range(10):
        client.stdin.write(data[size - held + i:size - held + i + 1])
    client.stdin.write(data[size - held + 10:-1])
    assert len(d.updater_input()) == size - held
    client.stdin.write(data[-1:])
    assert finish(client)[0] == 0 and d.updater_input() == data


def test_client_silent_in_the_last_bytes(t):
    """It owes them, so its time runs, and not the updater's."""
    d = t.daemon(idle_timeout=1, updater_timeout=1)
    client = d.client()
    client.stdin.write(b"fwup:100000,reboot\n" + bytes(99999))
    status, _, err = finish(client)
    assert status == 1 and b"idle-timeout" in err, err
    assert d.reboots() == 0


@waits
def test_client_slow_in_the_last_bytes(t):
    """What it owes is not the updater's fault, nor when it has come."""
    data = os.urandom(100000)
    d = t.daemon(updater_timeout=1)
    client = d.client()
    client.stdin.write(b"fwup:100000\n" + data[:-1])
    t.wait_for(lambda: len(d.updater_input()) == 75000, "the bytes that are passed on")
    time.sleep(3)  # the client's slowness is what is tested
    client.stdin.write(data[-1:])
    assert finish(client)[0] == 0 and d.updater_input() == data
