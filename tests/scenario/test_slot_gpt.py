"""Slots by a GPT: the flag for BIOS boot loaders, the order of the entries, and ChromeOS's attributes."""
from support.slot_device import Kernel, facts, gpt_device, gpt_is_right, local, set_env, sgdisk, slots_of, uboot_config

SLOTS = ("-n", "1:64:+9", "-n", "2:2048:+99", "-c", "2:root-a", "-n", "3:4096:+99", "-c", "3:root-b", "-n", "4:6000:+19")


def flags(t):
    return [int(sgdisk(t, t.dir / "disk.img", f"-A={n}:get:2").strip()[-1]) for n in (2, 3)]


def info(t, n):
    return sgdisk(t, t.dir / "disk.img", "-i", str(n))


def test_flag_for_bios_boot_loaders(t):
    config = gpt_device(t, "b", *SLOTS, "-A", "2:set:2", "-A", "2:set:60")
    assert slots_of(t, config) == ("gpt-active", "a", "a", "no")
    # An update.
    sgdisk(t, t.dir / "disk.img", "-A", "2:clear:2", "-A", "3:set:2")
    assert slots_of(t, config) == ("gpt-active", "a", "b", "new")
    r = local(t, config, "--revert", "x")
    assert r.returncode == 0 and flags(t) == [1, 0], r
    gpt_is_right(t)
    assert slots_of(t, config) == ("gpt-active", "a", "a", "no")
    # The old one again.
    assert local(t, config, "--revert", "x").returncode == 0
    assert flags(t) == [0, 1] and slots_of(t, config) == ("gpt-active", "a", "b", "new")
    gpt_is_right(t)
    assert "1000000000000000" in info(t, 2) and "nerves_fw_active=b" in t.run(
        ["fw_printenv", "-c", t.dir / "fw_env.config"]).stdout


def test_flag_where_more_than_two_are_alike(t):
    """Two kernels and two roots of one size: the pair of which one has the flag."""
    more = ("-n", "5:7000:+99", "-n", "6:8000:+99", "-A", "6:set:2", "-t", "5:ea00", "-t", "6:ea00")
    config = gpt_device(t, "a", *SLOTS, *more)
    assert slots_of(t, config) == ("gpt-active", "b", "b", "no")
    # Flags that say nothing.
    sgdisk(t, t.dir / "disk.img", "-A", "5:set:2")
    (t.dir / "state/running-slot").unlink()
    assert slots_of(t, config)[0] == "uboot-env"


def test_entries_that_were_exchanged(t):
    """Their order alone says nothing; that it has changed does."""
    config = gpt_device(t, "a", *SLOTS)
    assert slots_of(t, config) == ("uboot-env", "a", "a", "no")
    first = info(t, 2)
    sgdisk(t, t.dir / "disk.img", "-r", "2:3")
    assert slots_of(t, config) == ("gpt-order", "a", "b", "new")
    r = local(t, config, "--confirm")
    assert r.returncode == 3, r
    assert local(t, config, "--revert", "x").returncode == 0 and info(t, 2) == first
    gpt_is_right(t)
    assert slots_of(t, config) == ("uboot-env", "a", "a", "no")


def test_order_that_the_configuration_names(t):
    config = {**gpt_device(t, "b", *SLOTS, "-A", "2:set:2"), "slot_driver": "gpt-order"}
    assert slots_of(t, config) == ("gpt-order", "a", "a", "no")
    assert local(t, config, "--revert", "x").returncode == 0
    assert slots_of(t, config) == ("gpt-order", "a", "b", "new")
    # The flag stays in its place.
    assert flags(t) == [1, 0] and "root-b" in info(t, 2) and "4096" in info(t, 2)
    gpt_is_right(t)
    assert local(t, config, "--revert", "x").returncode == 0 and "root-a" in info(t, 2)


def test_driver_of_another_kind_of_table(t):
    config = gpt_device(t, "a", *SLOTS)
    r = local(t, {**config, "slot_driver": "mbr-order"}, "--status")
    assert r.returncode == 1 and "no two slots that are alike" in r.stderr, r
    assert local(t, {**config, "slot_driver": "gpt-order"}, "--status").returncode == 0


def test_gpt_with_the_root_below(t):
    config = gpt_device(t, "a", *SLOTS, "-A", "2:set:2")
    with Kernel(t) as kernel:
        kernel.root = kernel.partition(2, 2048, name="root-a")
        assert kernel.slots(config) == ("gpt-active", "a", "a", "no")
        r = kernel.local(config, "--revert", "x")
        assert r.returncode == 0 and kernel.slots(config) == ("gpt-active", "a", "b", "new"), r
        # The first look after the update: the kernel knows what it booted.
        (t.dir / "state/running-slot").unlink()
        assert kernel.slots(config) == ("gpt-active", "a", "b", "new")


def test_boot_script_beside_a_gpt_with_a_flag(t):
    config = gpt_device(t, "a", *SLOTS, "-A", "3:set:2")
    disk = (t.dir / "disk.img").read_bytes()
    set_env(t)  # writes its own disk.img and fw_env.config
    (t.dir / "env.img").write_bytes((t.dir / "disk.img").read_bytes()[:0x8000])
    (t.dir / "fw_env.config").write_text(f"{t.dir}/env.img 0x0 0x4000\n{t.dir}/env.img 0x4000 0x4000\n")
    (t.dir / "disk.img").write_bytes(disk)
    assert slots_of(t, uboot_config(t)) == ("uboot-env", "a", "a", "no") and config
    assert facts(local(t, config, "--status").stdout)["confirmed"] == "no"
