# SPDX-License-Identifier: Apache-2.0
"""As many updates as the time allows (make soak-device), most of them cut by a loss of power at a random place, some with a
firmware that does not work: the device must come up with one of its two firmwares, and take the next update."""
import os
import random
from time import monotonic

from device.device import SLOT_SIZE, VirtualDevice
from device.power_switch import FIRMWARE, PowerSwitch, check_running, other
from support.fixture import seconds

MINUTES = int(os.environ.get("FWSSH_DEVICE_SOAK_MINUTES", "0"))
# What this run adds to the count, a line for each device.
COUNTS = os.environ.get("FWSSH_DEVICE_SOAK_COUNTS", os.devnull)
# An update and its first boot are so many writes and flushes behind the first one of the environment.
EVENTS = 54


class Soak:
    def __init__(self, t, name):
        self.seed = random.SystemRandom().randrange(1 << 32)
        self.random = random.Random(self.seed)
        self.name = name
        self.count = {"updates": 0, "cuts": 0, "rollbacks": 0}
        self.device = VirtualDevice(t)
        self.switch = PowerSwitch(self.device)
        self.device.start(self.switch).wait_running("a", "1.0.0")
        self.slot, self.version = "a", "1.0.0"

    def place(self):
        """Half of the cuts fall into the transfer, half between the last byte and the confirmation."""
        if self.random.random() < 0.5:
            return (self.random.randrange(1, SLOT_SIZE),)
        return SLOT_SIZE, self.random.randrange(5), self.random.randrange(EVENTS)

    def adaptive(self):
        return "--adaptive=" + self.random.choice(("always", "never"))

    def cut(self):
        slot, firmware = other(self.slot, self.version)
        place = self.place()
        self.switch.arm(slot, *place)
        self.device.push(firmware, self.adaptive())
        assert self.switch.off.wait(120), f"seed {self.seed}: {place} was not reached"
        self.device.start(self.switch)
        self.slot, self.version = check_running(self.device)
        self.count["cuts"] += 1

    def update(self):
        slot, firmware = other(self.slot, self.version)
        assert self.device.push(firmware, self.adaptive()).returncode == 0
        self.slot, self.version = check_running(self.device)
        assert self.slot == slot and FIRMWARE[self.version] == firmware

    def roll_back(self):
        assert self.device.push("self-test", self.adaptive()).returncode == 0
        before = self.slot, self.version
        self.device.wait(f"the self-test of slot {other(*before)[0]} failed")
        assert check_running(self.device) == before
        self.count["rollbacks"] += 1

    def run(self, until):
        steps = [self.cut] * 7 + [self.update] * 2 + [self.roll_back]
        while monotonic() < until:
            self.count["updates"] += 1
            self.random.choice(steps)()

    def report(self):
        line = ", ".join(f"{n} {what}" for what, n in self.count.items())
        with open(COUNTS, "a") as f:
            f.write(f"{self.name}: {line} (seed {self.seed})\n")


def soak(t, name):
    if not MINUTES:
        t.skip("make soak-device")
    until = monotonic() + 60 * MINUTES
    s = Soak(t, name)
    try:
        s.run(until)
    finally:
        s.report()


@seconds(60 * MINUTES + 400)
def test_one_device(t):
    soak(t, "one device")


@seconds(60 * MINUTES + 400)
def test_another_beside_it(t):
    soak(t, "another")
