# SPDX-License-Identifier: Apache-2.0
"""Which words mean the same slot: names of different sources are no contradiction, and the one who decides gives the
spelling."""
from support.slot_device import (A_ACTIVE, B_ACTIVE, ENVIRONMENT, NOTES, Kernel, facts, grub, grub_list, local, mbr_device,
                                 receive, uboot, uboot_config, with_cmdline)


def seen(t, words, config):
    r = with_cmdline(t, words, receive(t, config, "--status"))
    assert r.returncode == 0, r
    now = facts(r.stdout)
    return tuple(now.get(name) for name in ("active", "next", "pending", "conflict"))


def test_names_in_another_case(t):
    config = uboot(t)
    for words in ("rauc.slot=A", "fwssh.slot=A", "fwssh.slot=a rauc.slot=A"):
        assert seen(t, words, config) == ("a", "a", "no", None), words
    assert seen(t, "rauc.slot=B", config)[:3] == ("b", "a", "new")


def test_names_of_somebody_else(t):
    """RAUC beside Nerves' variables: its names are not those of the switch."""
    config = uboot(t)
    for words in ("rauc.slot=system0", "fwssh.slot=rescue", "rauc.slot=c"):
        assert seen(t, words, config) == ("a", "a", "no", None), words
    # The next source's word is used.
    assert seen(t, "fwssh.slot=rescue rauc.slot=B", config)[:3] == ("b", "a", "new")


def test_two_words_of_the_command_line(t):
    now = seen(t, "fwssh.slot=a rauc.slot=B", uboot(t))
    assert "slot a runs" in now[3] and "slot b" in now[3], now


def test_names_of_rauc_with_an_order(t):
    variables = ("A_OK=1", "A_TRY=0", "B_OK=1", "B_TRY=0")
    config = {**uboot(t, "x=y\n"), **grub(t, "ORDER=A B", *variables)}
    assert seen(t, "fwssh.slot=b", config) == ("B", "A", "new", None)
    # A slot that was taken out of the order is still one.
    config = {**uboot(t, "x=y\n"), **grub(t, "ORDER=A", *variables)}
    assert seen(t, "rauc.slot=b", config) == ("B", "A", "new", None)
    config = {**uboot(t, "x=y\n"), **grub(t, "ORDER=system1 system0", "system0_OK=1", "system0_TRY=0", "system1_OK=1",
                                          "system1_TRY=0")}
    assert seen(t, "rauc.slot=system1", config) == ("system1", "system1", "no", None)
    assert seen(t, "rauc.slot=system0", config) == ("system0", "system1", "new", None)
    assert seen(t, "fwssh.slot=b", config)[0] is None


def test_grub_and_a_name_in_another_case(t):
    config = {**uboot(t, NOTES % "b"), **grub(t, "boot=1")}
    r = with_cmdline(t, "fwssh.slot=B", receive(t, config, "--revert", "x"))
    assert r.returncode == 0 and grub_list(t)["boot"] == "0", r
    assert seen(t, "fwssh.slot=B", config) == ("b", "a", "new", None)
    assert with_cmdline(t, "fwssh.slot=B", receive(t, config, "--revert", "no")).returncode == 0
    assert seen(t, "fwssh.slot=B", config) == ("b", "b", "no", None) and grub_list(t)["boot"] == "1"


def test_name_of_the_partition_that_is_mounted(t):
    """Letters in the partition's name beside drivers with other names."""
    orders = ("ORDER=system0 system1", "system0_OK=1", "system0_TRY=0", "system1_OK=1", "system1_TRY=0")
    config = {**uboot(t), "slot_driver": "auto"}
    with Kernel(t) as kernel:
        kernel.root = kernel.partition(2, 2048, name="rootfs-B")
        assert kernel.slots(config) == ("uboot-env", "b", "a", "new")
        kernel.partition(2, 2048, name="rootfs-A")
        assert kernel.slots(config) == ("uboot-env", "a", "a", "no")
        kernel.partition(2, 2048, name="home-d")
        assert kernel.slots(config) == ("uboot-env", "a", "a", "no")
        config = {**config, **grub(t, *orders)}
        kernel.partition(2, 2048, name="rootfs-a")
        assert kernel.slots(config)[1:] == (None, "system0", None)
        kernel.words = "rauc.slot=system0"
        assert kernel.slots(config)[1:] == ("system0", "system0", "no")
        assert "conflict" not in facts(kernel.local(config, "--status").stdout)


def test_names_of_a_command(t):
    for said, words, wanted in (("next=B", "rauc.slot=b", ("B", "B", "no", None)),
                                ("next=B", "rauc.slot=A", ("A", "B", "new", None)),
                                ("next=system1", "rauc.slot=system0", ("system0", "system1", "new", None)),
                                ("next=system1", "fwssh.slot=a", ("system1", "system1", "no", None)),
                                ("active=A; echo next=a", "quiet", ("A", "a", "no", None))):
        script = t.script("slots", f"#!/bin/sh\necho {said}\n")
        assert seen(t, words, {**uboot_config(t), "slot_command": script}) == wanted, (said, words)
        (t.dir / "state/running-slot").unlink()


def test_names_beside_a_table(t):
    for table, note in ((A_ACTIVE, "a"), (B_ACTIVE, "b")):
        config = {**mbr_device(t, table, note), "slot_driver": "mbr-active"}
        for words in ("quiet", f"rauc.slot={note.upper()}", "rauc.slot=system0"):
            assert seen(t, words, config) == (note, note, "no", None), (table, words)
        (t.dir / "state/running-slot").unlink()


def test_words_without_a_driver(t):
    config = {"device": t.image(4096), "uboot_env_config": "/nonexistent", "state_dir": t.dir / "state",
              "lock_file": t.dir / "lock"}
    assert seen(t, "rauc.slot=system0", config) == ("system0", None, None, None)
    assert seen(t, "fwssh.slot=A rauc.slot=a", config) == ("A", None, None, None)
    assert seen(t, "fwssh.slot=A rauc.slot=system0", config) == ("A", None, None, None)
    assert "slot A runs" in seen(t, "fwssh.slot=A rauc.slot=B", config)[3]


def test_name_is_looked_up_as_the_driver_spells_it(t):
    r = with_cmdline(t, "rauc.slot=A", receive(t, uboot(t, ENVIRONMENT), "--status"))
    assert facts(r.stdout)["version"] == "2.0", r
    assert local(t, uboot_config(t), "--confirm").returncode == 0
