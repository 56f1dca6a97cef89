# SPDX-License-Identifier: Apache-2.0
"""Power cuts of the virtual device at chosen points, and what must be true when it is on again."""
import re
import threading

from device.device import ENVIRONMENTS, SLOT_SIZE, SLOTS

FIRMWARE = {"1.0.0": "good-1", "2.0.0": "good-2"}


class PowerSwitch:
    """Listens to the disk and, once armed, switches the device off at a point of an update: after so many bytes of the slot are
    written, then so many times a copy of the environment was written or flushed, and then anything was."""

    def __init__(self, device):
        self.device = device
        self.off = threading.Event()
        self.off.set()

    def arm(self, slot, size, switches=0, events=0):
        self.slot, self.size, self.switches, self.events = SLOTS[slot], size, switches, events
        self.dirty = False
        self.off.clear()

    def count(self, kind, offset, size):
        if self.size > 0:
            self.size -= size if kind == "Write" and self.slot <= offset < self.slot + SLOT_SIZE else 0
        elif self.switches > 0:
            was_dirty, self.dirty = self.dirty, kind == "Write" and (self.dirty or offset in ENVIRONMENTS)
            self.switches -= self.dirty != was_dirty
        else:
            self.events -= 1

    def __call__(self, kind, offset, size):
        if self.off.is_set():
            return
        self.count(kind, offset, size)
        if self.size <= 0 and self.switches <= 0 and self.events <= 0:
            self.device.power_cut()
            self.off.set()


def other(slot, version):
    """The slot that an update goes to, and the firmware with another version."""
    return ("b", "a")[slot == "b"], FIRMWARE[("2.0.0", "1.0.0")[version == "2.0.0"]]


def expect_environment(device, **wanted):
    have = device.environment()
    for name, value in wanted.items():
        assert have.get(name, "") == value, (name, value, have)


def check_running(device):
    """The slot and the version that the device boots, once all else agrees with it."""
    line = device.wait(" runs version ")
    slot, version = re.search(r"slot (.) runs version ([\d.]+)", line).groups()
    expect_environment(device, **{"nerves_fw_active": slot, f"{slot}.nerves_fw_version": version,
                                  "nerves_fw_validated": "1", "upgrade_available": "0"})
    assert device.holds(slot, FIRMWARE[version])
    facts = device.status()
    assert (facts["active"], facts["next"], facts["version"], facts["confirmed"]) == (slot, slot, version, "yes"), facts
    return slot, version
