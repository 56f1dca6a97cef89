# SPDX-License-Identifier: Apache-2.0
"""Partition tables that decide what boots: what a revert keeps, and what the kernel knows better."""
import struct

from support.slot_device import (A_FIRST, B_ACTIVE, B_FIRST, Kernel, gpt_device, gpt_is_right, local, mbr, mbr_device, new_boot,
                                 sgdisk, slots_of, table_of)


def with_entry(table, n, start, count, kind=0x83, active=0):
    block = bytearray(table)
    block[446 + 16 * n:462 + 16 * n] = struct.pack("<B3xB3xII", 0x80 if active else 0, kind, start, count)
    return bytes(block)


def entries(table):
    return [struct.unpack("<B3xB3xII", table[446 + 16 * n:462 + 16 * n]) for n in range(4)]


def put(t, table):
    with open(t.dir / "disk.img", "r+b") as f:
        f.write(table)


def test_revert_keeps_what_the_table_has_got_since_the_boot(t):
    """A data partition that was added, and one that has grown, beside the update."""
    for new in (B_FIRST, B_ACTIVE):
        config = mbr_device(t, with_entry(A_FIRST, 2, 5000, 10), "a")
        assert slots_of(t, config)[1:] == ("a", "a", "no")
        put(t, with_entry(with_entry(new, 2, 5000, 900), 3, 6000, 77, 0x0c))
        assert slots_of(t, config)[1:] == ("a", "b", "new")
        r = local(t, config, "--revert", "x")
        assert r.returncode == 0, r
        assert entries(table_of(t)) == [(0x80, 0x83, 2048, 100), (0, 0x83, 4096, 100), (0, 0x83, 5000, 900),
                                        (0, 0x0c, 6000, 77)], entries(table_of(t))
        assert slots_of(t, config)[1:] == ("a", "a", "no")
        (t.dir / "state/running-slot").unlink()


def test_revert_keeps_the_boot_code_and_the_size_of_a_slot(t):
    config = mbr_device(t, A_FIRST, "a")
    assert slots_of(t, config)[1:] == ("a", "a", "no")
    put(t, b"new boot code" + with_entry(with_entry(B_FIRST, 0, 4096, 120, active=1), 1, 2048, 130)[13:])
    assert slots_of(t, config)[3] == "new"
    assert local(t, config, "--revert", "x").returncode == 0
    assert entries(table_of(t))[:2] == [(0x80, 0x83, 2048, 130), (0, 0x83, 4096, 120)]
    assert table_of(t).startswith(b"new boot code")


def test_revert_that_would_overlap_a_new_partition_is_refused(t):
    """The update's table has the other slot only; what was free then has been given away."""
    first = with_entry(mbr((1, 2048)), 1, 100, 50, 0x0c)
    config = mbr_device(t, first, "a")
    assert slots_of(t, config)[3] == "no"
    new = with_entry(with_entry(first, 0, 4096, 100, active=1), 2, 2100, 20)
    put(t, new)
    assert slots_of(t, config)[3] == "new"
    r = local(t, config, "--revert", "x")
    assert r.returncode == 3 and "cannot revert on this device" in r.stderr and table_of(t) == new, r


def test_revert_brings_back_a_partition_that_the_update_has_removed(t):
    first = with_entry(A_FIRST, 2, 9000, 10)
    config = mbr_device(t, first, "a")
    assert slots_of(t, config)[3] == "no"
    put(t, B_FIRST)
    assert slots_of(t, config)[3] == "new"
    assert local(t, config, "--revert", "x").returncode == 0
    assert entries(table_of(t)) == entries(first)


def test_revert_where_a_table_may_decide(t):
    """With slot a first it looks like any other: the key that would tell is named."""
    config = mbr_device(t, A_FIRST, "a")
    r = local(t, config, "--revert", "x")
    assert r.returncode == 3 and 'slot-driver = "mbr-order" or "mbr-active"' in r.stderr, r
    (t.dir / "fw_env.config").unlink()
    r = local(t, config, "--revert", "x")
    assert r.returncode == 1 and 'slot-driver = "mbr-order" or "mbr-active"' in r.stderr, r
    config = gpt_device(t, "a", "-n", "1:64:+9", "-n", "2:2048:+99", "-n", "3:4096:+99")
    r = local(t, config, "--revert", "x")
    assert r.returncode == 3 and 'slot-driver = "gpt-order" or "gpt-active"' in r.stderr, r
    new_boot(t)
    put(t, mbr((1, 2048)))
    r = local(t, config, "--revert", "x")
    assert r.returncode == 3 and "mbr-order" not in r.stderr and 'slot-driver = "uboot-env"' in r.stderr, r


def test_partitions_that_are_not_those_of_the_table(t):
    """From blkdevparts=, a device tree or partx: they say nothing of the table, at the first look and later."""
    config = mbr_device(t, A_FIRST, "a")
    with Kernel(t) as kernel:
        for number in (2, 3, 6):  # another start; an entry that is empty; none
            kernel.root = kernel.partition(number, 9999)
            for _ in range(2):
                assert kernel.slots(config)[1:] == ("a", "a", "no"), number
        # A table that changes is an update all the same.
        kernel.put(B_FIRST)
        assert kernel.slots(config)[3] == "new"


def test_table_that_the_kernel_has_read_has_moved(t):
    """Before the first look: another partition agrees, or another entry begins where / lies."""
    for new, others in ((B_FIRST, ()), (with_entry(mbr((1, 4096)), 2, 9000, 9), ((3, 9000),))):
        config = mbr_device(t, new, "b")
        with Kernel(t) as kernel:
            kernel.root = kernel.partition(1, 2048)
            for number, start in others:
                kernel.partition(number, start)
            assert kernel.slots(config)[3] == "new", new
            (t.dir / "state/running-slot").unlink()


def test_partitions_that_are_not_those_of_the_gpt(t):
    config = gpt_device(t, "a", "-n", "1:2048:+100", "-n", "2:4096:+100", "-n", "3:5000:+100")
    with Kernel(t) as kernel:
        for number in (2, 7, 200):
            kernel.root = kernel.partition(number, 9999)
            for _ in range(2):
                assert kernel.slots(config)[1:] == ("a", "a", "no"), number
        kernel.root = kernel.partition(2, 5000)
        assert kernel.slots(config)[3] == "new"


def test_word_of_a_command_goes_before_the_table(t):
    script = t.script("slots", "#!/bin/sh\necho active=a; echo next=a; cat $0.more; true\n")
    (t.dir / "slots.more").write_text("")
    config = {**mbr_device(t, A_FIRST, "a"), "slot_command": script}
    assert slots_of(t, config) == ("command", "a", "a", "no")
    put(t, B_FIRST)
    assert slots_of(t, config)[3] == "new"
    (t.dir / "slots.more").write_text("pending=no\n")
    assert slots_of(t, config) == ("command", "a", "a", "no")


def test_gpt_that_has_moved_goes_back(t):
    """Entries that were exchanged; what was added, has grown or was named since then stays."""
    config = gpt_device(t, "a", "-n", "1:64:+9", "-n", "2:2048:+99", "-n", "3:4096:+99", "-n", "4:6000:+9", "-c", "2:root-a",
                        "-c", "3:root-b", "-c", "4:data", "-u", "2:11111111-2222-3333-4444-555555555555")
    assert slots_of(t, config)[3] == "no"
    first = sgdisk(t, t.dir / "disk.img", "-i", "2")
    sgdisk(t, t.dir / "disk.img", "-r", "2:3", "-d", "4", "-n", "4:6000:+500", "-c", "4:more", "-n", "5:7000:+9")
    assert slots_of(t, config)[1:] == ("a", "b", "new")
    r = local(t, config, "--revert", "x")
    assert r.returncode == 0, r
    gpt_is_right(t)
    assert sgdisk(t, t.dir / "disk.img", "-i", "2") == first
    assert "root-b" in sgdisk(t, t.dir / "disk.img", "-i", "3") and "more" in sgdisk(t, t.dir / "disk.img", "-i", "4")
    assert "Partition size: 500 sectors" in sgdisk(t, t.dir / "disk.img", "-i", "4")
    assert "First sector: 7000" in sgdisk(t, t.dir / "disk.img", "-i", "5")
    assert slots_of(t, config)[1:] == ("a", "a", "no")


def test_two_gpts(t):
    """Each has one of the slots only, under a GUID of its own: the entry that was in force comes back whole."""
    config = gpt_device(t, "a", "-n", "1:64:+9", "-n", "2:2048:+99", "-c", "2:root-a", "-n", "3:6000:+9")
    assert slots_of(t, config)[3] == "no"
    first = sgdisk(t, t.dir / "disk.img", "-i", "2")
    sgdisk(t, t.dir / "disk.img", "-d", "2", "-n", "2:4096:+99", "-c", "2:root-b")
    assert slots_of(t, config)[3] == "new"
    assert local(t, config, "--revert", "x").returncode == 0
    assert sgdisk(t, t.dir / "disk.img", "-i", "2") == first
    gpt_is_right(t)
    # Where the old slot has been given away, nothing is written.
    sgdisk(t, t.dir / "disk.img", "-d", "2", "-n", "2:4096:+99", "-n", "4:2000:+60")
    before = (t.dir / "disk.img").read_bytes()
    r = local(t, config, "--revert", "x")
    assert r.returncode == 3 and "cannot revert on this device" in r.stderr and (t.dir / "disk.img").read_bytes() == before, r


def test_damaged_second_copy_of_a_gpt(t):
    config = gpt_device(t, "a", "-n", "1:64:+9", "-n", "2:2048:+99", "-n", "3:4096:+99")
    assert slots_of(t, config)[3] == "no"
    sgdisk(t, t.dir / "disk.img", "-r", "2:3")
    disk = bytearray((t.dir / "disk.img").read_bytes())
    disk[-600] ^= 1
    (t.dir / "disk.img").write_bytes(disk)
    r = local(t, config, "--revert", "x")
    assert r.returncode == 3 and "sgdisk -e" in r.stderr and (t.dir / "disk.img").read_bytes() == disk, r


def test_damaged_gpt_says_nothing(t):
    config = gpt_device(t, "a", "-n", "1:64:+9", "-n", "2:2048:+99")
    good = (t.dir / "disk.img").read_bytes()
    for place, value in ((512, 0), (512 + 12, 0xff), (512 + 80, 0xff), (512 + 84, 1), (1024, 7), (512 + 72, 9)):
        disk = bytearray(good)
        disk[place] = value
        (t.dir / "disk.img").write_bytes(disk)
        assert slots_of(t, config)[1:] == ("a", "a", "no"), place
        (t.dir / "state/running-slot").unlink()
