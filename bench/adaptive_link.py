# SPDX-License-Identifier: Apache-2.0
"""A slow link between two network name spaces: a rate by the kernel's tbf, a delay by tunnel.c (as root)."""
import os
import subprocess

DEVICE, HOST = "10.79.0.1", "10.79.0.2"
PACKET = 1400  # bytes


def ip(*argv):
    subprocess.run(["ip", *argv], check=True)


class Link:
    """Where the device and the host are while it is open: the words that start a program there."""

    def __init__(self, tools, megabits, round_trip):
        self.tools, self.megabits, self.delay = tools, megabits, round_trip / 2
        self.spaces = [f"fwssh-bench-{side}-{os.getpid()}" for side in ("device", "host")]
        self.relay = None

    def __enter__(self):
        try:
            self.open()
        except BaseException:
            self.__exit__()
            raise
        return self

    def open(self):
        for space in self.spaces:
            ip("netns", "add", space)
        self.relay = subprocess.Popen([self.tools / "tunnel", *self.spaces, str(self.delay)], stdout=subprocess.PIPE)
        if self.relay.stdout.readline() != b"ready\n":
            raise RuntimeError("no TUN devices here")
        for space, own, other in zip(self.spaces, (DEVICE, HOST), (HOST, DEVICE)):
            ip("-n", space, "address", "add", own, "peer", other, "dev", "link")
            ip("-n", space, "link", "set", "dev", "link", "mtu", str(PACKET), "up")
            ip("-n", space, "link", "set", "dev", "lo", "up")
            subprocess.run(["tc", "-n", space, "qdisc", "add", "dev", "link", "root", "tbf", "rate",
                            f"{self.megabits}mbit", "burst", "16kb", "latency", "200ms"], check=True)

    def __exit__(self, *_):
        if self.relay:
            self.relay.kill()
            self.relay.wait()
        for space in self.spaces:
            subprocess.run(["ip", "netns", "delete", space], stderr=subprocess.DEVNULL)

    def at(self, side):
        return ["ip", "netns", "exec", self.spaces[0 if side == "device" else 1]]
