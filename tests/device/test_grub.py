# SPDX-License-Identifier: Apache-2.0
"""Updates of a virtual PC that boots with GRUB, which chooses the slot by variables in its environment block: boot alone, boot
with a count, and RAUC's. Nothing on the kernel's command line names a slot, except RAUC's word."""
from device.device import SLOT_SIZE, SLOTS, expect, long_check
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


@seconds(600)
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


FIRMWARE = """
meta-product = "fwssh virtual PC" meta-version = "9" meta-platform = "virt-pc" meta-architecture = "x86_64"
file-resource env { host-path = "new.env" }
task upgrade { on-resource env { fat_write(4096, "uboot.env") } }
"""


def environment_file(t, name, active):
    """One copy of an environment, as in a file."""
    (t.dir / "env.txt").write_text(f"nerves_fw_devpath=/dev/nvme0n1\nnerves_fw_active={active}\nupgrade_available=0\n"
                                   "a.nerves_fw_version=1\nb.nerves_fw_version=2\n")
    r = t.run(["mkenvimage", "-s", "0x4000", "-o", name, "env.txt"])
    assert r.returncode == 0, r
    return (t.dir / name).read_bytes()


def put_into_slot(device, name, text):
    """A file of slot A's root file system, with the PC off."""
    t, offset = device.t, SLOTS["a"]
    (t.dir / "slot.img").write_bytes(device.read(offset, SLOT_SIZE))
    (t.dir / "file").write_text(text)
    for command in (f"rm {name}", f"write file {name}"):
        assert t.run(["debugfs", "-w", "-R", command, "slot.img"]).returncode == 0
    with open(device.path, "r+b") as f:
        f.seek(offset)
        f.write((t.dir / "slot.img").read_bytes())


@seconds(300)
def test_environment_of_uboot_in_a_file_there(t):
    """Where an update has written it below the mount, nothing is written through the mount, nor is another update."""
    long_check(t)
    for program in ("mkenvimage", "debugfs"):
        t.need(program)
    device = VirtualPC(t, "grub-boot")
    device.write_boot_file("uboot.env", environment_file(t, "old.env", "a"))
    put_into_slot(device, "/etc/fw_env.config", "/boot/uboot.env 0x0 0x4000\n")
    config = t.run(["debugfs", "-R", "cat /etc/fwssh/fwsshd.conf", "slot.img"]).stdout
    put_into_slot(device, "/etc/fwssh/fwsshd.conf", config + 'slot-driver = "uboot-env"\n')
    environment_file(t, "new.env", "b")
    (t.dir / "fw.conf").write_text(FIRMWARE)
    r = t.run([t.bin("fwpack"), "create", "-f", "fw.conf", "-o", "env.fw", "-s", device.artefacts.parent / "firmware-key.priv"])
    assert r.returncode == 0, r
    device.start().wait("runs version 1.0.0")
    assert device.slots() == ("a", "a", "no", "yes"), device.status()
    expect(device.push(t.dir / "env.fw", "--no-reboot"), 0)
    for word in ("status", "confirm", "revert"):
        expect(device.fwssh(word), 3, "/boot/uboot.env is another one on the disk", "Reboot first")
    expect(device.push("good-2"), 3, "/boot/uboot.env is another one on the disk", "Reboot first")
    assert device.boot_file("uboot.env") == (t.dir / "new.env").read_bytes()
    assert not device.holds("b", "good-2")
