# SPDX-License-Identifier: Apache-2.0
"""A one-time boot that waits for the next reboot (tryboot), and the way back from it."""
from support.slot_device import A_FIRST, B_FIRST, NOTES, Kernel, facts, mbr_device, table_of, uboot


def waiting(kernel, text="0 tryboot"):
    (kernel.run_dir / "reboot-param").write_text(text)


def test_trial_that_waits_is_discarded_without_a_switch(t):
    config = mbr_device(t, B_FIRST, "b")
    with Kernel(t) as kernel:
        kernel.root = kernel.partition(1, 4096)
        assert kernel.slots(config) == ("mbr-order", "b", "b", "no")
        waiting(kernel)
        assert kernel.slots(config) == ("mbr-order", "b", "a", "new")
        r = kernel.local(config, "--revert", "x")
        assert r.returncode == 0, r
        assert table_of(t) == B_FIRST and not (kernel.run_dir / "reboot-param").exists()
        assert kernel.slots(config) == ("mbr-order", "b", "b", "no")


def test_trial_is_discarded_with_any_driver(t):
    """None of them would do anything but choose the other slot."""
    script = t.script("slots", f"#!/bin/sh\necho $1 >> {t.dir}/called\necho active=a; echo next=a\n")
    for config in ({**uboot(t), "slot_command": script}, uboot(t, NOTES % "a")):
        with Kernel(t) as kernel:
            waiting(kernel)
            assert kernel.slots(config)[1:] == ("a", "b", "new")
            r = kernel.local(config, "--revert", "x")
            assert r.returncode == 0 and not (kernel.run_dir / "reboot-param").exists(), r
            assert kernel.slots(config)[1:] == ("a", "a", "no")
    assert "revert" not in (t.dir / "called").read_text()


def test_trial_and_a_table_that_has_moved(t):
    config = mbr_device(t, A_FIRST, "a")
    with Kernel(t) as kernel:
        assert kernel.slots(config)[1:] == ("a", "a", "no")
        waiting(kernel)
        kernel.put(B_FIRST)
        assert kernel.slots(config)[1:] == ("a", "b", "new")
        r = kernel.local(config, "--revert", "x")
        assert r.returncode == 0, r
        assert not (kernel.run_dir / "reboot-param").exists() and kernel.slots(config)[1:] == ("a", "a", "no")


def test_other_parameters_stay(t):
    config = mbr_device(t, A_FIRST, "a")
    with Kernel(t) as kernel:
        assert kernel.slots(config)[1:] == ("a", "a", "no")
        waiting(kernel, "recovery")
        kernel.put(B_FIRST)
        r = kernel.local(config, "--revert", "x")
        assert r.returncode == 0, r
        assert (kernel.run_dir / "reboot-param").read_text() == "recovery"


def test_trial_of_a_device_that_does_not_know_what_runs(t):
    """That something waits is known: another update is refused."""
    config = {**uboot(t, "a.nerves_fw_validated=1\n"), "updater": t.updater()}
    with Kernel(t) as kernel:
        assert kernel.slots(config)[3] is None
        waiting(kernel)
        assert facts(kernel.local(config, "--status").stdout)["pending"] == "new"
        r = kernel.run(kernel.receive(config, "-s", "nerves_firmware_ssh"), input="fwup:3\nabc")
        assert r.returncode == 3 and "an update has not booted yet, and another" in r.stdout, r
        r = kernel.local(config, "--confirm")
        assert r.returncode == 3 and "an update has not booted yet: reboot first, or discard it" in r.stderr, r
        failing = {**config, "updater": t.updater("take; exit 1", name="failing"), "slot_command": t.script(
            "slots", f"#!/bin/sh\n[ ! -e {t.dir}/failing.args ] || echo pending=new\n")}
        waiting(kernel, "")
        r = kernel.run(kernel.receive(failing, "-s", "nerves_firmware_ssh"), input="fwup:3\nabc")
        assert r.returncode == 1 and "an update boots next anyway" in r.stdout and "slot  " not in r.stdout, r
        waiting(kernel)
        assert kernel.local(config, "--revert", "x").returncode == 0 and kernel.slots(config)[3] is None
