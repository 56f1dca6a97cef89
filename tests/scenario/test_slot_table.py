"""Partition tables that decide what boots: what a revert keeps, and what the kernel knows better."""
import struct

from support.slot_device import (A_ACTIVE, A_FIRST, B_ACTIVE, B_FIRST, Kernel, facts, local, mbr, mbr_device, slots_of,
                                 table_of, uboot_config)


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
