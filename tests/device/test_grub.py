"""Updates of a virtual PC that boots with GRUB, which chooses the slot by variables in its environment block: boot alone, boot
with a count, and RAUC's. Nothing on the kernel's command line names a slot, except RAUC's word."""
from device.device import expect, long_check
from device.pc import VirtualPC
from support.fixture import seconds

GRUBENV = "grub/grubenv"


def started(t, layout):
    long_check(t)
    device = VirtualPC(t, layout).start()
    device.wait("runs version 1.0.0")
    return device


def variables(device):
    lines = device.boot_file(GRUBENV).decode().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


@seconds(300)
def test_boot_variable(t):
    """GRUB goes by boot alone: nothing is confirmed, and nothing goes back by itself."""
    device = started(t, "grub-boot")
    facts = device.status()
    assert (facts["driver"], facts["version"]) == ("grubenv", "1.0.0"), facts
    assert device.slots() == ("a", "a", "no", "none"), facts
    expect(device.push("good-2", "--wait=120"), 0, "Upgrading slot b", "and so no rollback to protect it")
    device.wait("boot: boot=1")
    device.wait("runs version 2.0.0")
    assert device.slots() == ("b", "b", "no", "none"), device.status()
    expect(device.fwssh("confirm"), 3, "there is nothing to confirm on this device")
    expect(device.push("good-1"), 0, "Upgrading slot a")
    device.wait("boot: boot=0")
    device.wait("runs version 1.0.0")
    assert device.holds("a", "good-1") and device.holds("b", "good-2")
    expect(device.fwssh("revert"), 0)
    device.wait("boot: boot=1")
    device.wait("runs version 2.0.0")
    assert device.slots() == ("b", "b", "no", "none"), device.status()


@seconds(300)
def test_update_that_has_not_booted(t):
    """The boot partition is mounted, and fwpack writes on the disk below it."""
    device = started(t, "grub-boot")
    assert device.slots() == ("a", "a", "no", "none"), device.status()
    expect(device.push("good-2", "--no-reboot"), 0, "Upgrading slot b")
    assert device.slots() == ("a", "b", "new", "none"), device.status()
    expect(device.push("good-1"), 3, "slot b holds an update that has not booted yet")
    assert device.holds("b", "good-2") and variables(device)["boot"] == "1"
    expect(device.fwssh("revert"), 0)
    assert device.slots() == ("a", "a", "no", "none"), device.status()
    assert variables(device)["boot"] == "0"
    expect(device.fwssh("reboot"), 0)
    device.wait("boot: boot=0")
    device.wait("runs version 1.0.0")


@seconds(300)
def test_count_that_is_confirmed(t):
    device = started(t, "grub-count")
    assert device.slots() == ("a", "a", "no", "yes"), device.status()
    expect(device.push("trial"), 0, "Upgrading slot b")
    device.wait("runs version 3.0.0")
    facts = device.status()
    assert (facts["active"], facts["version"], facts["confirmed"]) == ("b", "3.0.0", "no"), facts
    expect(device.fwssh("confirm"), 0)
    assert device.slots() == ("b", "b", "no", "yes"), device.status()
    expect(device.fwssh("reboot"), 0)
    device.wait("runs version 3.0.0")
    assert device.slots() == ("b", "b", "no", "yes"), device.status()
    assert variables(device) == {"boot": "1", "upgrade_available": "0", "bootcount": "1"}
    # The slot that ran before is the one that a revert boots, and the one that the next update overwrites.
    expect(device.fwssh("revert"), 0)
    device.wait("runs version 1.0.0")
    assert device.slots()[:2] == ("a", "a") and device.holds("a", "good-1") and device.holds("b", "trial")


@seconds(300)
def test_count_that_is_not_confirmed(t):
    device = started(t, "grub-count")
    expect(device.push("trial"), 0, "Upgrading slot b")
    device.wait("boot=1, partition 3")
    device.wait("runs version 3.0.0")
    expect(device.fwssh("reboot"), 0)
    device.wait("boot: boot=1 was not confirmed")
    device.wait("runs version 1.0.0")
    facts = device.status()
    assert (facts["active"], facts["next"], facts["version"], facts["confirmed"]) == ("a", "a", "1.0.0", "yes"), facts
    # And the next one is confirmed by itself.
    expect(device.push("good-2", "--wait=120"), 0, "Upgrading slot b", "and it is confirmed")
    assert device.holds("a", "good-1") and device.holds("b", "good-2")


@seconds(300)
def test_variables_of_rauc(t):
    """They are read; what changes them is RAUC's own tool, here the first process of a firmware that works."""
    device = started(t, "grub-rauc")
    assert device.slots() == ("A", "A", "no", "yes"), device.status()
    expect(device.push("trial"), 0, "Upgrading slot b")
    device.wait("runs version 3.0.0")
    # GRUB has tried B once, and passes it over at the next boot.
    assert device.slots() == ("B", "A", "fallback", "no"), device.status()
    expect(device.push("good-1"), 3, "slot B is on trial")
    expect(device.fwssh("confirm"), 3, "rauc status mark-good")
    assert device.slots() == ("B", "A", "fallback", "no"), device.status()
    expect(device.fwssh("revert"), 0)
    device.wait("boot: slot A")
    device.wait("runs version 1.0.0")
    assert device.slots() == ("A", "A", "no", "yes"), device.status()
    assert device.holds("a", "good-1") and device.holds("b", "trial")

    expect(device.push("good-2"), 0, "Upgrading slot b")
    device.wait("runs version 2.0.0")
    assert device.slots() == ("B", "B", "no", "yes"), device.status()
    before = variables(device)
    expect(device.fwssh("revert"), 3, "cannot revert on this device")
    assert variables(device) == before and before["B_TRY"] == "0"
    expect(device.fwssh("reboot"), 0)
    device.wait("boot: slot B")
    device.wait("runs version 2.0.0")
