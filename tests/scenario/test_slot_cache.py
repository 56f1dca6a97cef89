# SPDX-License-Identifier: Apache-2.0
"""What is written on the disk is seen, whatever the kernel has cached of it through another node, or through a node that
somebody holds open."""
import os

from support.slot_device import A_FIRST, B_FIRST, Kernel, facts, mbr_device, receive, set_env, uboot


def write_direct(t, device, data, at=0):
    """As fwpack does, past what is cached."""
    (t.dir / "direct").write_bytes(data)
    r = t.run(["dd", "if=direct", f"of={device}", "bs=512", f"seek={at // 512}", "oflag=direct", "conv=notrunc,fsync"])
    assert r.returncode == 0, r


def hold_cached(node):
    """An open descriptor, with the beginning in the cache."""
    fd = os.open(node, os.O_RDONLY)
    assert len(os.pread(fd, 1 << 17, 0)) == 1 << 17
    return fd


def test_environment_on_a_partition_that_is_in_use(t):
    config = uboot(t)
    old = (t.dir / "disk.img").read_bytes()[:0x8000]
    set_env(t, nerves_fw_active="b")
    new = (t.dir / "disk.img").read_bytes()[:0x8000]
    (t.dir / "disk.img").write_bytes(bytes(8 << 20))
    t.need("addpart")
    with Kernel(t, "-P") as kernel:
        part = kernel.disk + "p1"
        if t.run(["addpart", kernel.disk, "1", "2048", "4096"]).returncode or not os.path.exists(part):
            t.skip("loop devices have no partitions here")
        try:
            write_direct(t, kernel.disk, old, 1 << 20)
            (t.dir / "fw_env.config").write_text(f"{part} 0x0 0x4000\n{part} 0x4000 0x4000\n")
            fd = hold_cached(part)
            ask = receive(t, {**config, "device": kernel.disk}, "--status")
            assert facts(t.run(ask).stdout)["next"] == "a"
            write_direct(t, kernel.disk, new, 1 << 20)
            now = facts(t.run(ask).stdout)
            assert (now["active"], now["next"], now["pending"]) == ("a", "b", "new"), now
            os.close(fd)
        finally:
            t.run(["delpart", kernel.disk, "1"])


def test_table_of_a_disk_that_is_in_use(t):
    config = mbr_device(t, A_FIRST, "a")
    with Kernel(t) as kernel:
        fd = hold_cached(kernel.disk)
        assert kernel.slots(config)[1:] == ("a", "a", "no")
        write_direct(t, kernel.disk, B_FIRST)
        assert kernel.slots(config)[1:] == ("a", "b", "new")
        assert kernel.local(config, "--revert", "x").returncode == 0
        r = t.run(["dd", f"if={kernel.disk}", "of=table", "bs=512", "count=1", "iflag=direct"])
        assert r.returncode == 0 and (t.dir / "table").read_bytes() == A_FIRST
        os.close(fd)


def test_environment_on_a_disk_that_is_in_use(t):
    set_env(t, nerves_fw_active="b")
    new = (t.dir / "disk.img").read_bytes()[:0x8000]
    config = uboot(t)
    with Kernel(t) as kernel:
        (t.dir / "fw_env.config").write_text(f"{kernel.disk} 0x0 0x4000\n{kernel.disk} 0x4000 0x4000\n")
        fd = hold_cached(kernel.disk)
        assert kernel.slots(config)[1:] == ("a", "a", "no")
        write_direct(t, kernel.disk, new)
        assert kernel.slots(config)[1:] == ("a", "b", "new")
        os.close(fd)
