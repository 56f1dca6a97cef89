# SPDX-License-Identifier: Apache-2.0
"""Updates of a virtual PC with UEFI and systemd-boot, which counts tries in the names of its entries. Where its boot partition is
not mounted, the root's partition tells what runs, and what boots next is not known."""
from device.device import SLOT_SIZE, expect, long_check
from device.pc import VirtualPC
from support.fixture import seconds

SLOT_A = 49 << 20  # as in fwup-systemd-boot.conf


def slots(device):
    facts = device.status()
    return tuple(facts.get(name) for name in ("driver", "active", "next", "pending", "confirmed", "version"))


def entries(device):
    r = device.t.run(["mdir", "-b", "-i", f"{device.path}@@1M", "::loader/entries"])
    return sorted(line.rpartition("/")[2] for line in r.stdout.splitlines())


@seconds(300)
def test_no_more_is_said_than_is_known(t):
    long_check(t)
    device = VirtualPC(t, "systemd-boot").start()
    device.wait("which slot runs, or boots next, is not known: updates go on without that check")
    device.wait("runs version 1.0.0")
    assert slots(device) == ("none", "a", None, None, None, None), device.status()
    # That slot b runs now does not tell which firmware that is.
    expect(device.push("trial", "--wait=200"), 9, "Upgrading slot b", "has rebooted, but does not know what it runs")
    device.wait("runs version 3.0.0")
    assert slots(device) == ("none", "b", None, None, None, None), device.status()
    assert entries(device) == ["a.conf", "b+0-1.conf"]
    expect(device.fwssh("confirm"), 1, "no information about slots on this device")
    expect(device.fwssh("revert"), 1, "no information about slots on this device")
    assert entries(device) == ["a.conf", "b+0-1.conf"]
    # Its tries are used up.
    expect(device.fwssh("reboot"), 0)
    device.wait("runs version 1.0.0")
    assert slots(device) == ("none", "a", None, None, None, None), device.status()
    assert device.read(SLOT_A, SLOT_SIZE) == (device.artefacts / "slots/efi-good-1.img").read_bytes()


@seconds(300)
def test_mounted_boot_partition(t):
    """What was written on the disk below the mount is seen, and a confirmation through the mount does not destroy it."""
    long_check(t)
    device = VirtualPC(t, "systemd-boot-mounted").start()
    device.wait("runs version 1.0.0")
    assert slots(device)[:5] == ("systemd-boot", "a", None, None, "none"), device.status()
    expect(device.push("trial", "--no-reboot"), 0, "Upgrading slot b")
    # An entry counts its tries now.
    assert slots(device)[:5] == ("systemd-boot", "a", None, None, "yes"), device.status()
    expect(device.fwssh("reboot"), 0)
    device.wait("runs version 3.0.0")
    assert slots(device)[:5] == ("systemd-boot", "b", None, None, "no"), device.status()
    assert device.status()["tries-left"] == "1" and entries(device) == ["a.conf", "b+1-1.conf"]
    expect(device.push("good-1", "--no-reboot"), 0, "Upgrading slot a")
    expect(device.fwssh("confirm"), 3, "an update has written it there", "Reboot first")
    assert entries(device) == ["a+2.conf", "a.conf", "b+1-1.conf"]
    device.power_cut()
    device.t.run(["mdel", "-i", f"{device.path}@@1M", "::loader/entries/a+2.conf"])
    device.start()
    device.wait("runs version 3.0.0")
    assert slots(device)[:5] == ("systemd-boot", "b", "a", "fallback", "no"), device.status()
    expect(device.fwssh("confirm"), 0)
    assert slots(device)[:5] == ("systemd-boot", "b", None, None, "yes"), device.status()
    assert entries(device) == ["a.conf", "b.conf"]
    expect(device.fwssh("reboot"), 0)
    device.wait("runs version 3.0.0")
