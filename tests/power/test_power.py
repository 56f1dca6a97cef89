# SPDX-License-Identifier: Apache-2.0
"""Power loss during an upgrade: what reached the medium is replayed up to every point, with random parts of what was not
yet flushed, and torn blocks. The slot that then boots must be complete, old or new."""
import hashlib
import random
import struct
import zlib

from support.fixture import seconds

BLOCK = 512
ENV_BLOCKS = 8
SLOTS = {"a": (64, 2112), "b": (1088, 4160)}  # boot FAT, root file system
BOOT_BLOCKS, ROOT_BLOCKS = 1024, 2048

CONF = """
define(VERSION, "1")
file-resource kernel { host-path = "kernel-${VERSION}" }
file-resource root { host-path = "root-${VERSION}" }
uboot-environment env { block-offset = 16 block-count = 8 block-offset-redund = 24 }
mbr m {
  partition 0 { block-offset = 64 block-count = 1024 type = 0xc }
  partition 1 { block-offset = 2112 block-count = 2048 type = 0x83 }
}
task complete {
  on-init { mbr_write(m) fat_mkfs(64, 1024) uboot_clearenv(env) }
  on-resource kernel { fat_write(64, "kernel") }
  on-resource root { raw_write(2112) }
  on-finish { uboot_setenv(env, "a.version", "${VERSION}") uboot_setenv(env, "slot", "a") }
}
task upgrade.b {
  require-uboot-variable(env, "slot", "a")
  on-init { uboot_unsetenv(env, "b.version") trim(4160, 2048) fat_mkfs(1088, 1024) }
  on-resource kernel { fat_write(1088, "kernel") }
  on-resource root { raw_write(4160) }
  on-finish {
    uboot_setenv(env, "b.version", "${VERSION}") uboot_setenv(env, "upgraded", "yes")
    uboot_setenv(env, "slot", "b") uboot_setenv(env, "tries", "3")
  }
}
task upgrade.a {
  require-uboot-variable(env, "slot", "b")
  on-init { uboot_unsetenv(env, "a.version") trim(2112, 2048) fat_mkfs(64, 1024) }
  on-resource kernel { fat_write(64, "kernel") }
  on-resource root { raw_write(2112) }
  on-finish {
    uboot_setenv(env, "a.version", "${VERSION}") uboot_setenv(env, "slot", "a") uboot_setenv(env, "tries", "3")
  }
}
"""


def record(t, fw, task, image):
    """Applies a task and yields what reached the medium: ("W", offset, bytes) and ("F",)."""
    log = t.dir / "events"
    r = t.run([t.build / "tests/record_apply", fw, task, image, log])
    assert r.returncode == 0, r.stderr
    data, at, events = log.read_bytes(), 0, []
    while at < len(data):
        if data[at:at + 1] == b"F":
            events.append(("F",))
            at += 1
        else:
            offset, length = struct.unpack_from("<QQ", data, at + 1)
            events.append(("W", offset, data[at + 17:at + 17 + length]))
            at += 17 + length
    return events


class Replay:
    """An image as a loss of power leaves it, built step by step."""

    def __init__(self, before, seed):
        self.safe = bytearray(before)  # what is on the medium for certain
        self.pending = []              # what has been written since the last flush
        self.random = random.Random(seed)

    def put(self, image, offset, data):
        if len(image) < offset + len(data):
            image.extend(bytes(offset + len(data) - len(image)))
        image[offset:offset + len(data)] = data

    def step(self, event):
        if event[0] == "F":
            for _, offset, data in self.pending:
                self.put(self.safe, offset, data)
            self.pending = []
        else:
            self.pending.append(event)

    def in_order(self):
        """Everything written so far has arrived."""
        image = bytearray(self.safe)
        for _, offset, data in self.pending:
            self.put(image, offset, data)
        return image

    def at_random(self):
        """Each unflushed write is lost, complete, or torn: only some of its blocks have arrived."""
        image = bytearray(self.safe)
        for _, offset, data in self.pending:
            kind = self.random.choice(["lost", "torn", "whole"])
            if kind == "whole":
                self.put(image, offset, data)
            for at in range(0, len(data), BLOCK) if kind == "torn" else ():
                if self.random.random() < 0.5:
                    self.put(image, offset + at, data[at:at + BLOCK])
        return image


def environment(image, block):
    copy = bytes(image[block * BLOCK:(block + ENV_BLOCKS) * BLOCK])
    if struct.unpack("<I", copy[:4])[0] != zlib.crc32(copy[5:]):
        return None
    pairs = copy[5:].split(b"\0\0")[0].split(b"\0")
    return copy[4], dict(p.decode().split("=", 1) for p in pairs if p)


def chosen(image):
    """The environment that U-Boot would use: the newer valid copy."""
    first, second = environment(image, 16), environment(image, 24)
    if first and second:
        return (second if 0 < (second[0] - first[0]) % 256 < 128 else first)[1]
    assert first or second, "both copies of the environment are unreadable"
    return (first or second)[1]


def slot(image, name):
    boot, root = SLOTS[name]
    return hashlib.sha256(image[boot * BLOCK:(boot + BOOT_BLOCKS) * BLOCK] +
                          image[root * BLOCK:(root + ROOT_BLOCKS) * BLOCK]).digest()


def make(t):
    r = random.Random(9)
    for version in ("1", "2", "3"):
        (t.dir / f"kernel-{version}").write_bytes(r.randbytes(90_001))
        (t.dir / f"root-{version}").write_bytes(r.randbytes(700_000 + int(version)))
        (t.dir / "x.conf").write_text(CONF)
        made = t.run([t.bin("fwpack"), "-c", "-f", "x.conf", "-o", f"{version}.fw"], env={"VERSION": version})
        assert made.returncode == 0, made


def check_upgrade(t, image, fw, task, subsets, events=None):
    """Loses power at every point of an upgrade; returns the number of images checked."""
    before = image.read_bytes()
    events = events or record(t, fw, task, image)
    replay, looked = Replay(before, task), 0
    old = chosen(before)["slot"]
    new = "b" if old == "a" else "a"
    whole = Replay(before, 0)
    for event in [*events, ("F",)]:
        whole.step(event)
    good = {old: {slot(before, old)}, new: {slot(whole.safe, new)}}

    def check(left):
        name = chosen(left)["slot"]
        assert slot(left, name) in good[name], f"slot {name} is chosen, but it is not whole"

    for event in events:
        replay.step(event)
        for left in [replay.in_order(), *(replay.at_random() for _ in range(subsets if replay.pending else 0))]:
            check(left)
            looked += 1
    assert chosen(replay.in_order())["slot"] == new
    return looked


@seconds(240)
def test_every_point_of_an_upgrade(t):
    make(t)
    image = t.image(size=4 << 20)
    record(t, "1.fw", "complete", image)
    subsets = 10 if t.sanitized() else 60
    looked = check_upgrade(t, image, "2.fw", "upgrade.b", subsets)
    looked += check_upgrade(t, image, "3.fw", "upgrade.a", subsets)
    assert looked > 10 * subsets, looked


def test_checker_finds_what_is_wrong(t):
    """Without flushes, as the reference writes, blocks may arrive in any order: then the check must fail."""
    make(t)
    image = t.image(size=4 << 20)
    record(t, "1.fw", "complete", image)
    before = image.read_bytes()
    events = [e for e in record(t, "2.fw", "upgrade.b", image) if e[0] == "W"]
    image.write_bytes(before)
    try:
        check_upgrade(t, image, "2.fw", "upgrade.b", 20, events)
    except AssertionError as e:
        assert "not whole" in str(e) or "unreadable" in str(e), e
    else:
        raise AssertionError("an order that is not safe was found safe")


@seconds(240)
def test_slot_that_the_partition_table_names(t):
    """The reference's two-slot archives: one copy of the environment, and the MBR decides."""
    image = t.dir / "disk.img"
    record(t, t.golden("ab-1.fw"), "complete", image)
    before = image.read_bytes()
    events = record(t, t.golden("ab-2.fw"), "upgrade.b", image)
    roots = {4159: hashlib.sha256(before[4159 * BLOCK:8255 * BLOCK]).digest(),
             8255: hashlib.sha256(image.read_bytes()[8255 * BLOCK:8255 * BLOCK + 716800]).digest()}
    replay, looked, unreadable = Replay(before, 1), 0, 0
    for event in events:
        replay.step(event)
        for left in [replay.in_order(), *(replay.at_random() for _ in range(10 if replay.pending else 0))]:
            assert left[510:512] == b"\x55\xaa"
            root = struct.unpack("<I", left[446 + 16 + 8:446 + 16 + 12])[0]
            length = (4096 * BLOCK) if root == 4159 else 716800
            assert hashlib.sha256(left[root * BLOCK:root * BLOCK + length]).digest() == roots[root]
            env = bytes(left[16 * BLOCK:32 * BLOCK])
            unreadable += struct.unpack("<I", env[:4])[0] != zlib.crc32(env[4:])
            looked += 1
    assert looked > 100
    # With a single copy a torn environment cannot be avoided; the MBR still names a complete slot.
    print(f"{looked} images, {unreadable} with an unreadable environment")
