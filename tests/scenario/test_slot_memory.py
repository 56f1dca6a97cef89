# SPDX-License-Identifier: Apache-2.0
"""What is remembered of the first look since the boot, and what a look that fails is worth."""
import os

from support.slot_device import (A_FIRST, B_FIRST, NOTES, facts, grub, local, mbr_device, receive, set_env,
                                 slots_of, uboot, uboot_config, with_cmdline)


def printed(t):
    return facts(t.run(["fw_printenv", "-c", t.dir / "fw_env.config"]).stdout)


def test_order_of_rauc_is_no_memory_of_what_runs(t):
    """GRUB has marked what it boots as tried, so the next one is another, and was never what ran."""
    variables = ("A_OK=1", "A_TRY=1", "B_OK=1", "B_TRY=0")
    config = {**uboot(t, "x=y\n"), **grub(t, "ORDER=A B", *variables)}
    for _ in range(2):
        assert slots_of(t, config) == ("grubenv", None, "B", None)
        assert facts(local(t, config, "--status").stdout)["confirmed"] == "unknown"
    now = facts(with_cmdline(t, "rauc.slot=A", receive(t, config, "--status")).stdout)
    assert (now["active"], now["pending"], now["confirmed"]) == ("A", "fallback", "no")


def test_first_look_that_fails_leaves_what_runs_unknown(t):
    config = uboot(t)
    good = (t.dir / "disk.img").read_bytes()
    (t.dir / "disk.img").write_bytes(bytes(len(good)))
    assert local(t, config, "--status").returncode == 1
    (t.dir / "disk.img").write_bytes(good)
    # An update may have been written since then.
    assert slots_of(t, config) == ("uboot-env", None, "a", None)
    r = local(t, config, "--confirm")
    assert r.returncode == 3 and "cannot tell which slot is running" in r.stderr, r


def test_first_look_that_fails_remembers_the_table(t):
    config = mbr_device(t, A_FIRST, "a")
    env = (t.dir / "env.img").read_bytes()
    (t.dir / "env.img").write_bytes(bytes(len(env)))
    assert local(t, config, "--status").returncode == 1
    (t.dir / "env.img").write_bytes(env)
    (t.dir / "disk.img").write_bytes(B_FIRST + bytes(1 << 20))
    assert slots_of(t, config)[3] == "new"


def test_memory_is_no_link_and_no_pipe(t):
    config = uboot(t)
    boot = facts(local(t, config, "--status").stdout)["boot-id"]
    memory = t.dir / "state/running-slot"
    (t.dir / "elsewhere").write_text(f"{boot} b -\n")
    memory.unlink()
    memory.symlink_to(t.dir / "elsewhere")
    assert slots_of(t, config)[1:3] == ("a", "a")
    memory.unlink(missing_ok=True)
    os.mkfifo(memory, 0o600)
    assert slots_of(t, config)[1:3] == ("a", "a")


def test_second_firmware_is_refused_if_the_slots_cannot_be_read(t):
    """The first one may have switched."""
    config = uboot(t)
    d = t.daemon(**config, updater=t.updater(f"take; dd if=/dev/zero of={t.dir}/disk.img bs=32k count=1 conv=notrunc; exit 0"))
    r = d.push(b"fwup:3,fwup:3\nabcdef")
    assert r.returncode == 3 and b"cannot read the state of the slots" in r.stderr, r
    assert d.updater_input() == b"abc"


def test_confirm_and_revert_create_no_variable(t):
    """A new one would mask another: upgrade_available goes before those of the slots."""
    for text in ("nerves_fw_active=a\na.nerves_fw_version=1\nb.nerves_fw_version=2\nupgrade_available=1\n",
                 "nerves_fw_active=a\na.nerves_fw_version=1\nb.nerves_fw_version=2\na.nerves_fw_validated=0\n"
                 "b.nerves_fw_validated=1\n",
                 "nerves_fw_active=a\na.nerves_fw_version=1\nb.nerves_fw_version=2\nnerves_fw_validated=0\n",
                 "nerves_fw_active=a\na.nerves_fw_version=1\nb.nerves_fw_version=2\nbootcount=1\nupgrade_available=1\n"):
        config = {**uboot(t, text), "slot_driver": "uboot-env"}
        names = set(printed(t))
        assert local(t, config, "--confirm").returncode == 0
        assert facts(local(t, config, "--status").stdout)["confirmed"] == "yes"
        assert set(printed(t)) == names, (text, printed(t))
        assert local(t, config, "--revert", "x").returncode == 0
        assert set(printed(t)) - names == {"fwssh_revert_reason"}, text
        (t.dir / "state/running-slot").unlink()


def test_revert_of_a_note_does_not_make_it_a_switch(t):
    config = uboot(t, NOTES % "a")
    assert local(t, {**config, "slot_driver": "uboot-env"}, "--revert", "x").returncode == 0
    assert "nerves_fw_validated" not in printed(t) and facts(local(t, config, "--status").stdout)["confirmed"] == "none"


def test_table_without_an_environment_has_nothing_to_confirm(t):
    config = {**mbr_device(t, B_FIRST, "b"), "uboot_env_config": "/nonexistent"}
    assert slots_of(t, config) == ("mbr-order", "b", "b", "no")
    assert facts(local(t, config, "--status").stdout)["confirmed"] == "none"
    r = local(t, config, "--confirm")
    assert r.returncode == 3 and "there is nothing to confirm" in r.stderr, r
    # One that cannot be read may say anything.
    config = mbr_device(t, B_FIRST, "b")
    config["slot_driver"] = "mbr-order"
    (t.dir / "env.img").write_bytes(bytes(0x8000))
    assert facts(local(t, config, "--status").stdout)["confirmed"] == "unknown"


def test_slots_are_looked_at_before_a_staged_firmware_is_activated(t):
    config = {**uboot(t), "updater": t.bin("fwpack")}
    assert slots_of(t, config)[1:] == ("a", "a", "no")
    (t.dir / "state/staged").write_text("x")
    set_env(t, nerves_fw_active="b", nerves_fw_validated="0")
    r = t.run(receive(t, config, "-s", "fwssh"), input="fwssh/1 activate\n")
    assert r.returncode == 3 and "slot b holds an update that has not booted yet" in r.stdout, r
    assert (t.dir / "state/staged").exists()
    set_env(t, bootcount="3")
    r = t.run(receive(t, uboot_config(t) | {"updater": t.bin("fwpack")}, "-s", "fwssh"), input="fwssh/1 activate\n")
    assert r.returncode == 3 and "is on trial" in r.stdout, r
