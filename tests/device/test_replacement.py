# SPDX-License-Identifier: Apache-2.0
"""fwsshd is replaced by a firmware that arrives through it, and comes back when that firmware is rolled back."""
from device.device import VirtualDevice, artefacts, expect, long_check
from device.power_switch import expect_environment
from support.fixture import seconds
from support.previous import build, commits, git


def previous(t):
    """The device with the programs of the last version before this one, and that version's host."""
    long_check(t)
    commit = commits(t)[0]
    if git(t, "cat-file", "-e", commit + "^{commit}").returncode:
        t.skip(f"the history is not here: no commit {commit}")
    directory = artefacts(t) / "previous"
    r = t.run([t.src / "tests/device/previous.sh", t.build, commit], timeout=300)
    assert r.returncode == 0, r.stdout + r.stderr
    device = VirtualDevice(t, directory).start()
    return device, build(t, commit) / "src/fwssh"


def comes_up(device, slot, image, version):
    """The programs' version, once the device runs this image and confirms it."""
    programs = device.wait("init: programs: ")
    device.wait_running(slot, version)
    assert device.holds(slot, image)
    facts = device.status()
    assert (facts["active"], facts["next"], facts["version"], facts["confirmed"]) == (slot, slot, version, "yes"), facts
    return programs


@seconds(900)
def test_it_arrives_by_its_own_push_and_goes_back(t):
    device, old_host = previous(t)
    before = comes_up(device, "a", "previous", "1.0.0")

    # The host of that version pushes, and sees the new one confirm itself.
    new_host, device.host = device.host, old_host
    expect(device.push("good-2", "--wait=200"), 0, "Upgrading slot b", "version 2.0.0")
    after = comes_up(device, "b", "good-2", "2.0.0")
    assert after != before, (before, after)
    expect(device.fwssh("status"), 0, "2.0.0")
    expect(device.fwssh("log"), 0, "update done: 1 firmware written")

    # The version before finds what the new one has written, and its host key: known_hosts has only one.
    device.host = new_host
    expect(device.fwssh("revert"), 0)
    assert comes_up(device, "a", "previous", "1.0.0") == before
    expect(device.fwssh("log"), 0, "update done: 1 firmware written")

    # A new one that does not work: the version before is there again, and takes the next.
    expect(device.push("self-test", "--wait=200"), 8, "the device came back with the old firmware (slot a, version 1.0.0)")
    assert after == device.wait("init: programs: ")
    device.wait("the self-test of slot b failed")
    assert comes_up(device, "a", "previous", "1.0.0") == before
    expect_environment(device, fwssh_revert_reason="the self-test of slot b failed")
    expect(device.push("good-2", "--wait=200"), 0, "version 2.0.0")
    assert comes_up(device, "b", "good-2", "2.0.0") == after

    # From the new one to the version before by a push.
    expect(device.push("previous", "--wait=200"), 0, "version 1.0.0")
    assert comes_up(device, "a", "previous", "1.0.0") == before
