# SPDX-License-Identifier: Apache-2.0
"""The medium under the updater fails, is full, or is slow. The report is true, and what boots is complete."""
import os

from cut import device

# Reads of the environment for require-uboot-variable, which come first.
REQUIREMENT_READS = 2


def assert_failed(v, outcome):
    """Reported as a failure, on one line, with the updater's own message; no reboot."""
    status, result, out, err = outcome
    assert status in (1, 4) and result["status"] == status and result["reboot"] == 0, outcome
    assert b"Success!" not in out and b"Rebooting" not in out, out
    # The updater's message precedes ours, which is one line and the last.
    assert err.count(b"fwssh: ") == 1 and err.splitlines()[-1].startswith(b"fwssh: fwpack exited with"), err
    device.wait_clean(v.t)


def assert_done(v, outcome, what):
    status, result, out, err = outcome
    assert (status, result["reboot"], err) == (0, 1, b""), (what, outcome)
    device.wait_clean(v.t)
    assert v.state() == "new", what


def check_failing_call(t, letter, kind, words, last, first=1):
    """The fault is at each call in turn, except the last ones: nothing is switched."""
    v = device.Device(t)
    count = v.calls(letter) - last
    assert count >= 3
    for number in range(first, count + 1):
        outcome = v.receive(v.archive, updater=v.faulty(f"{letter}{number}", kind))
        assert_failed(v, outcome)
        assert words in outcome[2] + outcome[3], outcome
        assert v.state() == "old", f"{kind} at {letter}{number}"
        v.assert_works()


def test_write_error_at_every_write_before_the_switch(t):
    """The last two writes are the two copies of the environment."""
    check_failing_call(t, "W", "eio", b"Input/output error", last=1)


def test_full_medium_at_every_write_before_the_switch(t):
    check_failing_call(t, "W", "enospc", b"No space left on device", last=1)


def test_read_error_at_every_read_behind_the_requirements(t):
    check_failing_call(t, "R", "eio", b"Input/output error", last=0, first=REQUIREMENT_READS + 1)


def test_read_error_while_the_requirements_are_checked(t):
    """The medium is bad; the firmware does fit."""
    v = device.Device(t)
    for number in range(1, REQUIREMENT_READS + 1):
        outcome = v.receive(v.archive, updater=v.faulty(f"R{number}", "eio"))
        if outcome[0] == 0:  # the other copy of the environment was enough
            continue
        assert_failed(v, outcome)
        assert v.state() == "old"
        assert b"Input/output error" in outcome[2] + outcome[3] and outcome[0] == 1, outcome


def test_flush_error_at_every_flush_before_the_switch(t):
    check_failing_call(t, "F", "eio", b"Input/output error", last=2)


def check_failing_switch(t, call, kind):
    v = device.Device(t)
    outcome = v.receive(v.archive, updater=v.faulty(call, kind))
    device.wait_clean(t)
    state = v.state()  # complete in any case
    if outcome[0] == 0:
        assert (state, outcome[1]["reboot"]) == ("new", 1)
    else:
        assert_failed(v, outcome)
        assert state == "old", f"{kind} at {call}: switched, no reboot, and told {outcome[3]}"
    v.assert_works()


def test_write_error_at_the_second_copy_of_the_environment(t):
    """The first copy already names the new slot."""
    for kind in ("eio", "enospc"):
        v = device.Device(t)
        check_failing_switch(t, f"W{v.calls('W')}", kind)


def test_flush_error_behind_each_copy_of_the_environment(t):
    v = device.Device(t)
    count = v.calls("F")
    for number in (count - 1, count):
        check_failing_switch(t, f"F{number}", "eio")


def test_short_and_interrupted_writes_are_finished(t):
    """Each in turn, and all of them."""
    v = device.Device(t)
    for number in range(v.calls("W") + 1):
        for kind in ("short", "eintr", "storm"):
            assert_done(v, v.receive(v.archive, updater=v.faulty(f"W{number}", kind)), f"{kind} at W{number}")
            v.reset()
    v.assert_works()


def test_short_and_interrupted_reads_are_finished(t):
    v = device.Device(t)
    for call in ("R0", "R1", f"R{v.calls('R')}"):
        for kind in ("short", "eintr", "storm"):
            assert_done(v, v.receive(v.archive, updater=v.faulty(call, kind)), f"{kind} at {call}")
            v.reset()
    v.assert_works()


def test_slow_medium_is_waited_for(t):
    """Each write takes a while; together they take longer than a client may be silent."""
    v = device.Device(t)
    assert v.calls("W") * 0.15 > 1
    assert_done(v, v.receive(v.archive, updater=v.faulty("W0", "slow"), idle_timeout=1), "slow")
    v.assert_works()


def test_client_lost_while_a_slow_medium_works(t):
    """The last byte has arrived, the writes go on: completed as requested."""
    v = device.Device(t)
    r = v.receiver(updater=v.faulty("W0", "slow"))
    r.send_and_wait(v.header + v.archive)
    t.wait_for(lambda: (t.dir / "fault.log").exists() and "W" in (t.dir / "fault.log").read_text(), "the first write")
    device.lose(r, 1)
    assert r.process.wait(20) == 0 and r.result()["reboot"] == 1
    assert v.state() == "new"
    v.assert_works()


# Without a shim


def limited(t, v, blocks, name="fwpack"):
    """The real updater with RLIMIT_FSIZE (in units of 512 bytes), and the signal ignored, as a shell may leave it."""
    (t.dir / "bin").mkdir(exist_ok=True)
    return t.script(f"bin/{name}", f"#!/bin/bash\ntrap '' XFSZ\nulimit -f {blocks * 512 // 1024}\n"
                    f"exec '{t.bin('fwpack')}' \"$@\"\n")


def test_limit_of_the_file_size(t):
    """Slot b is at the end of the image: the limit is in its root, and at its very first block."""
    v = device.Device(t)
    root = device.power.SLOTS["b"][1]
    for blocks in (root + 64, root + 10, root, 1200):
        outcome = v.receive(v.archive, updater=limited(t, v, blocks))
        assert_failed(v, outcome)
        assert b"File too large" in outcome[2] + outcome[3], outcome
        assert v.state() == "old"
    v.assert_works()


def test_medium_killed_the_updater_by_a_signal(t):
    """The same limit with its signal: the message names it, and nothing is switched."""
    v = device.Device(t)
    limit = device.power.SLOTS["b"][1] * 512 // 1024
    (t.dir / "bin").mkdir(exist_ok=True)
    updater = t.script("bin/fwpack", f"#!/bin/bash\nulimit -f {limit} -c 0\nexec '{t.bin('fwpack')}' \"$@\"\n")
    status, result, out, err = v.receive(v.archive, updater=updater)
    assert status == 1 and result["reboot"] == 0 and b"Rebooting" not in out
    assert b"fwssh: fwpack was killed by signal 25" in err, err
    assert v.state() == "old"
    v.assert_works()


def test_dev_full(t):
    """Nothing can be written at all."""
    v = device.Device(t)
    outcome = v.receive(v.archive, device="/dev/full", task="complete")
    assert_failed(v, outcome)
    assert b"No space left on device" in outcome[2] + outcome[3], outcome
    v.assert_works()


def test_image_on_a_full_file_system(t):
    """A sparse image on a tmpfs that has no room for slot b."""
    v = device.Device(t)
    if os.getuid():
        t.skip("mounting needs root")
    mount = t.dir / "mnt"
    mount.mkdir()
    if t.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", mount]).returncode:
        t.skip("nothing can be mounted here")
    try:
        image = mount / "disk.img"
        assert t.run(["cp", "--sparse=always", v.image, image]).returncode == 0
        free = os.statvfs(mount)
        (mount / "rest").write_bytes(b"x" * (free.f_bavail * free.f_frsize - 40960))
        v.image = image
        outcome = v.receive(v.archive, device=image)
        assert_failed(v, outcome)
        assert b"No space left on device" in outcome[2] + outcome[3], outcome
        assert v.state() == "old"
        (mount / "rest").unlink()
        # Once there is room again, the push that failed works.
        assert_done(v, v.receive(v.archive, device=image), "with room")
    finally:
        t.run(["umount", mount])


def test_full_state_directory_is_no_failure(t):
    """If something cannot be recorded, the update still counts as done."""
    v = device.Device(t)
    if os.getuid():
        t.skip("mounting needs root")
    state = t.dir / "state"
    state.mkdir()
    if t.run(["mount", "-t", "tmpfs", "-o", "size=4k", "none", state]).returncode:
        t.skip("nothing can be mounted here")
    try:
        (state / "rest").write_bytes(b"x" * 4096)
        status, result, out, _ = v.receive(v.archive, state_dir=state)
        assert (status, result["reboot"]) == (0, 1) and out.endswith(b"Rebooting...\n")
        assert v.state() == "new"
    finally:
        t.run(["umount", state])


def test_block_device_that_is_too_small(t):
    """Detected before the first write."""
    v = device.Device(t)
    if os.getuid() or t.run(["sh", "-c", "command -v losetup"]).returncode:
        t.skip("loop devices need root and losetup")
    small = t.dir / "small.img"
    small.write_bytes(v.before[:(device.power.SLOTS["b"][1] + 8) * 512])
    r = t.run(["losetup", "--show", "-f", small])
    if r.returncode:
        t.skip("there is no loop device to be had")
    loop = r.stdout.strip()
    try:
        outcome = v.receive(v.archive, device=loop)
        assert_failed(v, outcome)
        assert b"nothing was written" in outcome[2] + outcome[3], outcome
    finally:
        t.run(["losetup", "-d", loop])
    assert small.read_bytes() == v.before[:small.stat().st_size]
