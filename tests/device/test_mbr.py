# SPDX-License-Identifier: Apache-2.0
"""Updates of a virtual device whose partition table decides which slot boots: by the order of its entries, as in the examples,
or by the active flag. Its U-Boot knows no variables, and nothing on the kernel's command line names a slot."""
from device.device import SLOT_SIZE, SLOTS, VirtualDevice, artefacts, expect, long_check
from support.fixture import seconds


def started(t, layout):
    long_check(t)
    directory = artefacts(t) / layout
    r = t.run([t.src / "tests/device/mbr.sh", t.build], timeout=200)
    assert r.returncode == 0, r.stdout + r.stderr
    device = VirtualDevice(t, directory).start()
    device.wait("runs version 1.0.0")
    return device


def slots(device):
    facts = device.status()
    return tuple(facts.get(name) for name in ("active", "next", "pending", "version"))


def updates(t, layout):
    device = started(t, layout)
    assert slots(device) == ("a", "a", "no", "1.0.0"), device.status()
    expect(device.push("good-2", "--no-reboot"), 0, "Upgrading slot b")
    # The table has moved: what runs does not change before the reboot, and is not overwritten.
    assert slots(device) == ("a", "b", "new", "1.0.0"), device.status()
    assert device.status()["driver"] == layout
    expect(device.push("good-1"), 3, "slot b holds an update that has not booted yet")
    expect(device.fwssh("reboot"), 0)
    device.wait("runs version 2.0.0")
    assert slots(device) == ("b", "b", "no", "2.0.0"), device.status()
    assert device.holds("a", "good-1") and device.holds("b", "good-2")

    # Nothing in this layout confirms, or goes back by itself.
    expect(device.fwssh("confirm"), 3, "there is nothing to confirm on this device")
    expect(device.push("good-1", "--wait=120"), 0, "Upgrading slot a", "and so no rollback to protect it")
    device.wait("runs version 1.0.0")
    assert slots(device) == ("a", "a", "no", "1.0.0"), device.status()
    assert device.holds("a", "good-1") and device.holds("b", "good-2")

    # As it is on a new device, the table shows nobody that it is the switch; slot-driver would.
    expect(device.fwssh("revert"), 3, "cannot revert on this device", "set slot-driver")
    assert slots(device) == ("a", "a", "no", "1.0.0"), device.status()


@seconds(300)
def test_order_of_the_entries(t):
    updates(t, "mbr-order")


@seconds(300)
def test_active_flag(t):
    updates(t, "mbr-active")


def goes_back(t, layout):
    """Before the new slot has booted, and after."""
    device = started(t, layout)
    table = device.read(446, 64)
    expect(device.push("good-2", "--no-reboot"), 0)
    assert device.read(446, 64) != table
    expect(device.fwssh("revert"), 0)
    assert slots(device) == ("a", "a", "no", "1.0.0"), device.status()
    assert device.read(446, 64) == table

    expect(device.push("good-2"), 0, "Upgrading slot b")
    device.wait("runs version 2.0.0")
    expect(device.fwssh("revert", "--reason", "the pump is too loud"), 0)
    device.wait("runs version 1.0.0")
    assert slots(device) == ("a", "a", "no", "1.0.0"), device.status()
    assert device.status()["reason"] == "the pump is too loud"
    assert device.holds("a", "good-1") and device.holds("b", "good-2")


@seconds(300)
def test_revert_by_order(t):
    goes_back(t, "mbr-order")


@seconds(300)
def test_revert_by_flag(t):
    goes_back(t, "mbr-active")


@seconds(300)
def test_running_slot_is_never_overwritten(t):
    """Even by an archive whose requirements are met by the note, when that says the opposite of what the table did at boot."""
    device = started(t, "mbr-order")
    device.stop()
    device.write_environment(0, 250, {**device.environment(), "nerves_fw_active": "b", "b.nerves_fw_platform": "virt-mbr"})
    device.write_environment(1, 251, {**device.environment(), "nerves_fw_active": "b", "b.nerves_fw_platform": "virt-mbr"})
    device.start().wait("runs version 1.0.0")
    before = device.read(SLOTS["a"], SLOT_SIZE)
    expect(device.push("good-2", "--no-reboot"), 3, "the partition that / is mounted from says that slot a runs",
           "but nerves_fw_active says slot b")
    assert device.read(SLOTS["a"], SLOT_SIZE) == before
