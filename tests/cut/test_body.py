# SPDX-License-Identifier: Apache-2.0
"""The connection is cut at two hundred places in the firmware: lost, or closed properly by a client that still listens."""
import random
import subprocess
import sys

from cut import device

PLACES = 200
PARTS = 4


def places(v):
    """Cuts before the archive's directory: the first bytes, around the headers of each entry, and anywhere. All
    devices of a test run have the same archive."""
    at, found, archive = 0, set(range(16)), v.archive
    end = v.directory()
    while (at := archive.find(b"PK\x03\x04", at, end)) >= 0:
        name = int.from_bytes(archive[at + 26:at + 28], "little")
        found.update(at + off for off in (-1, 0, 1, 4, 14, 26, 29, 30, 31, 30 + name - 1, 30 + name, 31 + name))
        at += 4
    # The last entry is not complete: its last byte is missing.
    found.update(range(end - 8, end))
    r = random.Random(17)
    while len(found) < PLACES + 1:
        found.add(r.randrange(end))
    return sorted(found - {-1})


def lost(t, v, at, settled, seed):
    """The client disconnects in the middle."""
    r = v.receiver()
    r.send(v.header + v.archive[:at])
    if settled:
        device.wait_settled(t, r)
    device.lose(r, seed)
    assert r.process.wait(20) == 1
    result = r.result()
    assert (result["status"], result["reboot"], result["told"], result["text"]) == (1, 0, 0, device.LOST), result


def ended(t, v, at, settled):
    """The client ends its input in the middle, and is told how much was missing."""
    r = v.receiver()
    r.send(v.header + v.archive[:at])
    if settled:
        device.wait_settled(t, r)
    status, out, err = r.end()
    assert (status, b"Rebooting" in out) == (1, False), (status, out, err)
    assert err == (b"fwssh: " + device.short_by(len(v.archive) - at) + b"; nothing was activated\n"), err
    result = r.result()
    assert (result["status"], result["reboot"], result["told"]) == (1, 0, 1), result


def check_part(t, part):
    v = device.Device(t)
    mine = places(v)[part::PARTS]
    assert len(mine) == PLACES // PARTS
    for number, at in enumerate(mine):
        try:
            if number & 1:
                lost(t, v, at, number & 2, seed=at)
            else:
                ended(t, v, at, number & 2)
            device.wait_clean(t)
            assert v.state() == "old"
            v.assert_works()
        except AssertionError as e:
            raise AssertionError(f"cut behind byte {at} of {len(v.archive)}: {e}") from e


def test_cut_places_1(t):
    check_part(t, 0)


def test_cut_places_2(t):
    check_part(t, 1)


def test_cut_places_3(t):
    check_part(t, 2)


def test_cut_places_4(t):
    check_part(t, 3)


# A server that ends with what it has started: after an update it is waited for, five seconds at most.
SERVER = "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))"


def start_bare(t, v, reboot, *server):
    """fwssh-receive as started by another SSH server: no listener, only the pipes."""
    conf = t.daemon(wait=False, **v.config, reboot_command=f"/bin/sh {reboot}").conf
    return t.start([*server, t.bin("fwssh-receive"), "-f", conf, "-s", "nerves_firmware_ssh"], stdin=subprocess.PIPE,
                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)


def test_connection_lost_without_a_listener(t):
    """Our output is closed first, or a moment after our input, as other SSH servers do."""
    v = device.Device(t)
    mark = t.dir / "rebooted"
    reboot = t.script("reboot.sh", f"echo reboot >> {mark}\nexit 1\n")
    r = random.Random(29)
    for number, at in enumerate([0, 1, *(r.randrange(v.directory()) for _ in range(12)), v.directory() - 1]):
        p = start_bare(t, v, reboot)
        p.stdin.write(v.header + v.archive[:at])
        for pipe in (p.stdin, p.stdout) if number & 1 else (p.stdout, p.stdin):
            pipe.close()
        assert p.wait(20) == 1, at
        device.wait_clean(t)
        assert v.state() == "old" and not mark.exists(), at
        if number % 4 == 0:
            v.assert_works()
    p = start_bare(t, v, reboot, sys.executable, "-c", SERVER)
    p.stdin.write(v.header + v.archive)
    p.stdout.close()
    p.stdin.close()
    assert p.wait(20) == 0
    t.wait_for(mark.exists, "the reboot")
    v.wait_free()
    assert v.state() == "new" and mark.read_text() == "reboot\n"
    v.assert_works()


def test_bare_stream_lost_or_ended(t):
    """Subsystem fwup: old and no reboot, or new and rebooted, wherever it is cut."""
    v = device.Device(t)
    r = random.Random(23)
    for number, at in enumerate([0, 1, 30, *(r.randrange(v.directory()) for _ in range(12)), v.directory() - 1]):
        receiver = v.receiver("fwup")
        receiver.send(v.archive[:at])
        if number & 2:
            device.wait_settled(t, receiver)
        if number & 1:
            device.lose(receiver, at)
            assert receiver.process.wait(20) == 1 and receiver.result()["text"] == device.LOST
        else:
            status, out, err = receiver.end()
            result = receiver.result()
            # The updater sees the end, and reports what is wrong with the firmware; for no byte at all, none is started.
            assert status in ((1, 4) if at else (2,)) and result["reboot"] == 0, (at, status, out, err)
            said = b"fwpack exited with status 1; not rebooting" if at else b"input ended before a firmware"
            assert b"fwssh: " + said in err, (at, err)
            assert b"Success!" not in out, (at, out)
        device.wait_clean(t)
        assert v.state() == "old", at
        if number % 4 == 0:
            v.assert_works()
    for seed in range(6):  # all bytes are here, but not their end
        receiver = v.receiver("fwup")
        receiver.send(v.archive)
        if seed & 1:
            device.wait_settled(t, receiver)
        device.lose(receiver, seed)
        receiver.process.wait(20)
        result = receiver.result()
        device.wait_clean(t)
        # The end of the archive counts; the client may be lost just before that is noticed.
        assert (v.state(), result["reboot"]) in (("old", 0), ("new", 1)), result
        v.reset()
    v.assert_works()


def directory_places(v):
    end = v.directory()
    return sorted({end, end + 1, end + 45, end + 46, (end + len(v.archive)) // 2, len(v.archive) - 22,
                   len(v.archive) - 1})


def test_connection_lost_in_the_archives_directory(t):
    """All resources have arrived, but the last announced byte has not: nothing may be switched (PROTOCOL.md, "States")."""
    v = device.Device(t)
    for at in directory_places(v):
        r = v.receiver()
        r.send(v.header + v.archive[:at])
        device.wait_settled(t, r)
        device.lose(r, at)
        assert r.process.wait(20) == 1
        assert r.result()["reboot"] == 0
        device.wait_clean(t)
        assert v.state() == "old", f"cut {len(v.archive) - at} bytes before the end: switched, and no reboot"
        v.assert_works()


def test_input_ended_in_the_archives_directory(t):
    """The same with a client that still listens: the slot that boots is the one reported to it."""
    v = device.Device(t)
    for at in directory_places(v):
        r = v.receiver()
        r.send(v.header + v.archive[:at])
        device.wait_settled(t, r)
        status, out, err = r.end()
        assert status == 1 and b"Rebooting" not in out, (at, status, out)
        assert device.short_by(len(v.archive) - at) in err, err
        assert r.result()["reboot"] == 0
        device.wait_clean(t)
        assert v.state() == "old", f"{len(v.archive) - at} bytes are missing: switched, and no reboot; told {err}"
        v.assert_works()


def test_push_again_after_a_cut_in_the_directory(t):
    """It was told that the device does not reboot: the next update must not write the running slot."""
    v = device.Device(t)
    r = v.receiver()
    r.send(v.header + v.archive[:-1])
    device.wait_settled(t, r)
    assert r.end()[0] == 1
    status, result, out, err = v.receive(v.archive)
    assert (status, result["reboot"]) == (0, 1), (status, result, out, err)
    assert v.state() == "new"


def test_connection_lost_in_an_entry_that_the_task_has_no_use_for(t):
    """The last resource is one that only a new device gets. The upgrade has all it needs, but many bytes are missing."""
    conf = device.power.CONF.replace("mbr m {", 'file-resource first { host-path = "root-1" }\nmbr m {', 1)
    conf = conf.replace("on-finish {", "on-resource first { raw_write(6400) }\n  on-finish {", 1)
    v = device.Device(t, conf=conf)
    last = v.archive.rindex(b"PK\x03\x04")
    assert v.archive[last + 30:].startswith(b"data/first"), "another entry is the last one"
    r = v.receiver()
    r.send(v.header + v.archive[:last + 1000])
    device.wait_settled(t, r)
    device.lose(r, 1)
    assert r.process.wait(20) == 1 and r.result()["reboot"] == 0
    assert v.state() == "old", f"cut {len(v.archive) - last - 1000} bytes before the end: switched, and no reboot"


def test_complete_body_and_a_lost_connection(t):
    """After the last byte: completed as requested, in whatever order the parts of the connection go."""
    v = device.Device(t)
    for seed in range(12):
        r = v.receiver()
        r.send(v.header + v.archive)
        if seed & 1:
            device.wait_settled(t, r)
        device.lose(r, seed)
        assert r.process.wait(20) == 0
        result = r.result()
        assert (result["status"], result["reboot"], result["firmwares"]) == (0, 1, 1), result
        device.wait_clean(t)
        assert v.state() == "new"
        v.reset()
    v.assert_works()
