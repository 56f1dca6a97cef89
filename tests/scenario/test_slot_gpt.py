# SPDX-License-Identifier: Apache-2.0
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


KERNELS = ("-n", "2:2048:+99", "-t", "2:7f00", "-c", "2:KERN-A", "-n", "3:2200:+1", "-c", "3:ROOT-A", "-n", "4:4096:+99", "-t",
           "4:7f00", "-c", "4:KERN-B", "-n", "5:4300:+1", "-c", "5:ROOT-B")


def attributes(priority, tries, successful):
    return f"{successful << 56 | tries << 52 | priority << 48:x}"


def chrome(t, a, b, *more):
    """A device like ChromeOS's, with (priority, tries, successful) of both kernels."""
    return gpt_device(t, "a", *KERNELS, "-A", f"2:=:{attributes(*a)}", "-A", f"4:=:{attributes(*b)}", *more)


def kernels(t):
    found = []
    for n in (2, 4):
        value = int(info(t, n).split("Attribute flags: ")[1].split()[0], 16)
        found.append((value >> 48 & 15, value >> 52 & 15, value >> 56 & 1))
    return tuple(found)


def test_priorities_that_decide(t):
    for a, b, root, wanted, confirmed, left in (
            ((2, 0, 1), (1, 0, 1), "A", ("a", "a", "no"), "yes", None),
            ((1, 0, 1), (2, 6, 0), "A", ("a", "b", "new"), "yes", None),
            ((1, 0, 1), (2, 5, 0), "B", ("b", "b", "no"), "no", "5"),
            ((1, 0, 1), (2, 0, 0), "B", ("b", "a", "fallback"), "no", "0"),
            ((0, 0, 0), (1, 0, 1), "B", ("b", "b", "no"), "yes", None),
            ((0, 0, 0), (0, 0, 1), "B", None, None, None)):
        config = chrome(t, a, b)
        with Kernel(t) as kernel:
            kernel.root = kernel.partition(3 if root == "A" else 5, 2200 if root == "A" else 4300, name=f"ROOT-{root}")
            if not wanted:
                assert kernel.slots(config)[0] != "gpt-priority"
                continue
            assert kernel.slots(config) == ("gpt-priority", *wanted), (a, b, root)
            now = facts(kernel.local(config, "--status").stdout)
            assert (now["confirmed"], now.get("tries-left")) == (confirmed, left), now


def test_what_runs_is_not_guessed_from_priorities(t):
    """The boot loader has taken a try, which may have been the last one."""
    config = chrome(t, (2, 0, 0), (1, 0, 1))
    for _ in range(2):
        assert slots_of(t, config) == ("gpt-priority", None, "b", None)
    assert facts(local(t, config, "--status").stdout)["confirmed"] == "unknown"
    r = local(t, config, "--revert", "x")
    assert r.returncode == 3 and "cannot tell which slot is running" in r.stderr, r
    assert local(t, config, "--confirm").returncode == 3 and kernels(t) == ((2, 0, 0), (1, 0, 1))


def test_confirm_by_attributes(t):
    for tries in (3, 0):
        config = chrome(t, (1, 0, 1), (2, tries, 0), "-A", "4:set:2")
        with Kernel(t) as kernel:
            kernel.root = kernel.partition(5, 4300, name="ROOT-B")
            r = kernel.local(config, "--confirm")
            assert r.returncode == 0, r
            assert kernel.slots(config) == ("gpt-priority", "b", "b", "no")
        assert kernels(t) == ((1, 0, 1), (2, 0, 1)) and "0104" not in info(t, 2)
        gpt_is_right(t)


def test_revert_by_priorities(t):
    for a, b, after in (((1, 0, 1), (2, 0, 1), ((3, 0, 1), (2, 0, 1))),
                        ((14, 0, 1), (15, 3, 0), ((3, 0, 1), (2, 3, 0)))):
        config = chrome(t, a, b)
        with Kernel(t) as kernel:
            kernel.root = kernel.partition(5, 4300, name="ROOT-B")
            r = kernel.local(config, "--revert", "x")
            assert r.returncode == 0 and kernel.slots(config) == ("gpt-priority", "b", "a", "new"), r
            assert kernels(t) == after
            gpt_is_right(t)
            # And discarded again.
            assert kernel.local(config, "--revert", "x").returncode == 0
            assert kernel.slots(config)[1:] == ("b", "b", "no")


def test_update_that_is_discarded_by_priorities(t):
    """What runs boots next, also if it is out of tries."""
    for a, after in (((1, 0, 1), (2, 0, 1)), ((1, 0, 0), (2, 1, 0))):
        config = chrome(t, a, (2, 6, 0))
        with Kernel(t) as kernel:
            kernel.root = kernel.partition(3, 2200, name="ROOT-A")
            assert kernel.slots(config)[1:] == ("a", "b", "new")
            r = kernel.local(config, "--revert", "x")
            assert r.returncode == 0 and kernel.slots(config)[1:] == ("a", "a", "no"), r
            assert kernels(t)[0][1:] == after[1:] and kernels(t)[0][0] > kernels(t)[1][0]


def test_no_other_slot_that_would_boot(t):
    config = chrome(t, (1, 0, 0), (2, 0, 1))
    with Kernel(t) as kernel:
        kernel.root = kernel.partition(5, 4300, name="ROOT-B")
        r = kernel.local(config, "--revert", "x")
        assert r.returncode == 3 and "no other slot that would boot" in r.stderr and kernels(t) == ((1, 0, 0), (2, 0, 1)), r


def test_slots_without_letters(t):
    """The one that lies first is a."""
    config = chrome(t, (1, 0, 1), (2, 0, 1), "-c", "2:kernel", "-c", "4:kernel")
    with Kernel(t) as kernel:
        kernel.words = "fwssh.slot=B"
        assert kernel.slots(config) == ("gpt-priority", "b", "b", "no")


def test_blocks_of_4096_bytes(t):
    """The table is counted in blocks of the disk, the kernel's partitions in 512 bytes."""
    config = gpt_device(t, "a", "-n", "1:64:+9")
    (t.dir / "disk.img").write_bytes(bytes(32 << 20))
    with Kernel(t, "--sector-size", "4096") as kernel:
        sgdisk(t, kernel.disk, "-n", "1:64:+9", "-n", "2:1024:+99", "-n", "3:2048:+99", "-A", "2:set:2")
        kernel.root = kernel.partition(2, 8192)
        assert kernel.slots(config) == ("gpt-active", "a", "a", "no")
        assert kernel.local(config, "--revert", "x").returncode == 0
        assert kernel.slots(config) == ("gpt-active", "a", "b", "new")
        r = t.run(["sgdisk", "-v", kernel.disk])
        assert "No problems found" in r.stdout and not r.stderr, r
