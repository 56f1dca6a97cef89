# SPDX-License-Identifier: Apache-2.0
"""A note (nerves_fw_active) that contradicts what is known. Archives may choose by it which slot they overwrite: fwpack spares
what is mounted as /, but with fwup only the facts decide."""
from support.slot_device import (A_FIRST, B_FIRST, ENVIRONMENT, NOTES, Kernel, facts, grub, mbr, mbr_device, receive, set_env,
                                 uboot)

FIRMWARE = "fwup:3\nabc"


def push(t, kernel, config, updater="fwup"):
    """Through the updater's stand-in, under a name that selects its driver."""
    path = t.updater(name=updater)
    return kernel.run(kernel.receive({**config, "updater": path, "reboot_command": "/bin/true"}, "-s", "nerves_firmware_ssh"),
                      input=FIRMWARE)


def assert_refused(r, *texts):
    assert r.returncode == 3 and all(text in r.stdout for text in texts), r


def test_note_that_is_not_where_root_lies(t):
    """Nothing shows that a boot script goes by it, and the table starts slot a, which / lies on."""
    config = mbr_device(t, A_FIRST, "b")
    with Kernel(t) as kernel:
        kernel.root = kernel.partition(1, 2048)
        for _ in range(2):
            now = facts(kernel.local(config, "--status").stdout)
            assert (now["driver"], now["active"]) == ("uboot-env", "a"), now
            assert "the partition that / is mounted from says that slot a runs" in now["conflict"], now
            assert "nerves_fw_active says slot b" in now["conflict"], now
        assert_refused(push(t, kernel, config), "contradicts itself", "slot a runs", "nerves_fw_active says slot b")
        r = kernel.local(config, "--revert", "x")
        assert r.returncode == 3 and "contradicts itself" in r.stderr, r
        assert push(t, kernel, {**config, "slot_driver": "uboot-env"}).returncode == 0


def test_note_that_goes_with_root(t):
    config = mbr_device(t, mbr((1, 2048), (0, 4096)), "b")
    with Kernel(t) as kernel:
        kernel.root = kernel.partition(2, 4096)
        assert kernel.slots(config) == ("uboot-env", "b", "b", "no")
        assert push(t, kernel, config).returncode == 0


def test_note_that_was_changed_since_the_boot(t):
    """By an update whose switch is elsewhere: it has not booted yet."""
    config = mbr_device(t, A_FIRST, "a")
    with Kernel(t) as kernel:
        kernel.root = kernel.partition(1, 2048)
        assert kernel.slots(config) == ("uboot-env", "a", "a", "no")
        env = t.dir / "env.img"
        uboot(t, NOTES % "b")
        env.write_bytes((t.dir / "disk.img").read_bytes()[:0x8000])
        (t.dir / "fw_env.config").write_text(f"{env} 0x0 0x4000\n{env} 0x4000 0x4000\n")
        kernel.put(A_FIRST)
        assert kernel.slots(config) == ("uboot-env", "a", "b", "new")


def script_beside(t):
    """A boot script that says slot b, an environment in a file of its own, and a root that lies in a partition."""
    config = mbr_device(t, A_FIRST, "b")
    uboot(t, ENVIRONMENT)
    set_env(t, nerves_fw_active="b")
    env = t.dir / "env.img"
    env.write_bytes((t.dir / "disk.img").read_bytes()[:0x8000])
    (t.dir / "fw_env.config").write_text(f"{env} 0x0 0x4000\n{env} 0x4000 0x4000\n")
    (t.dir / "disk.img").write_bytes(A_FIRST + bytes(1 << 20))
    return config


def test_boot_script_that_fell_back_without_saying_so(t):
    """Or it calls the first slot "b": then the configuration has to say that it is to be believed."""
    config = script_beside(t)
    with Kernel(t) as kernel:
        kernel.root = kernel.partition(1, 2048)
        assert_refused(push(t, kernel, config), "the partition that / is mounted from says that slot a runs",
                       "what decided at boot says slot b", "Set slot-driver")
        config["slot_driver"] = "uboot-env"
        assert kernel.slots(config) == ("uboot-env", "b", "b", "no")
        assert push(t, kernel, config).returncode == 0


def test_boot_script_that_lies_where_it_says(t):
    config = script_beside(t)
    with Kernel(t) as kernel:
        kernel.root = kernel.partition(2, 4096)
        assert kernel.slots(config) == ("uboot-env", "b", "b", "no")


def test_grub_that_fell_back_without_saying_so(t):
    config = {**script_beside(t), **grub(t, "boot=1"), "slot_driver": "auto"}
    with Kernel(t) as kernel:
        kernel.root = kernel.partition(1, 2048)
        assert_refused(push(t, kernel, config), "the partition that / is mounted from says that slot a runs",
                       "what decided at boot says slot b")


def test_note_beside_a_table_that_decides(t):
    config = mbr_device(t, B_FIRST, "a")
    with Kernel(t) as kernel:
        kernel.root = kernel.partition(1, 4096)
        now = facts(kernel.local({**config, "updater": t.updater(name="fwup")}, "--status").stdout)
        assert (now["driver"], now["active"], now["next"]) == ("mbr-order", "b", "b"), now
        assert_refused(push(t, kernel, config), "mbr-order says that slot b runs", "nerves_fw_active says slot a",
                       "fw_setenv nerves_fw_active b")
        # fwpack would not overwrite what is mounted.
        assert push(t, kernel, config, "fwpack").returncode == 0
        assert push(t, kernel, {**config, "slot_driver": "mbr-order"}).returncode == 0


def test_note_beside_grub(t):
    config = {**uboot(t, NOTES % "a"), **grub(t, "boot=1"), "slot_driver": "auto"}
    with Kernel(t) as kernel:
        assert_refused(push(t, kernel, config), "grubenv says that slot b runs", "nerves_fw_active says slot a")
        assert push(t, kernel, config, "fwpack").returncode == 0
    config = {**uboot(t, NOTES % "b"), **grub(t, "boot=1"), "slot_driver": "auto"}
    with Kernel(t) as kernel:
        assert push(t, kernel, config).returncode == 0
