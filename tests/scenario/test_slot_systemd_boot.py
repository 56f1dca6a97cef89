# SPDX-License-Identifier: Apache-2.0
"""Boot entries of systemd-boot, which count their tries in their file names (systemd.io, "Automatic Boot Assessment")."""
from support.slot_device import Kernel, facts, uboot


def device(t, kernel, *entries, selected, uki=False, **variables):
    """Puts entries in place of those that are there; returns their directory."""
    directory = kernel.boot / ("EFI/Linux" if uki else "loader/entries")
    directory.mkdir(parents=True, exist_ok=True)
    for old in directory.iterdir():
        old.unlink()
    for entry in entries:
        (directory / entry).write_text("title x\n")
    for name, value in {"Selected": selected, "Default": None, "OneShot": None, **variables}.items():
        kernel.loader(f"LoaderEntry{name}", value)
    return directory


def seen(t, kernel, config):
    r = kernel.local(config, "--status")
    assert r.returncode == 0, r
    now = facts(r.stdout)
    assert now["driver"] == "systemd-boot", now
    return tuple(now.get(name) for name in ("active", "next", "pending", "confirmed", "tries-left"))


def test_entries_that_count(t):
    config = {**uboot(t, "x=y\n")}
    with Kernel(t) as kernel:
        for entries, selected, variables, wanted in (
                (("a.conf", "b+2-1.conf"), "b+3.conf", {}, ("b", None, None, "no", "2")),
                (("a.conf", "b+2-1.conf"), "a.conf", {}, ("a", None, None, "yes", None)),
                (("a.conf", "b+0-3.conf"), "b+1-2.conf", {}, ("b", "a", "fallback", "no", "0")),
                (("a.conf", "c.conf", "b+0-3.conf"), "b+1-2.conf", {}, ("b", None, "fallback", "no", "0")),
                (("a.conf", "b.conf"), "b.conf", {}, ("b", None, None, "none", None)),
                (("a.conf", "b+3.conf"), "a.conf", {"Default": "b+3.conf"}, ("a", "b", "new", "yes", None)),
                (("a.conf", "b+3.conf"), "a.conf", {"OneShot": "b.conf", "Default": "a.conf"}, ("a", "b", "new", "yes", None)),
                (("a.conf", "b+2-1.conf"), "b+3.conf", {"Default": "a.conf"}, ("b", "a", "fallback", "no", "2")),
                (("a.conf", "b.conf"), "a.conf", {"Default": "@saved"}, ("a", None, None, "none", None)),
                (("a.conf", "b.conf"), "a.conf", {"Default": "b*"}, ("a", None, None, "none", None)),
                (("a+x.conf", "b+.conf", "c+1-.conf"), "a+x.conf", {"Default": "b+.conf"}, ("a+x", "b+", "new", "none", None))):
            device(t, kernel, *entries, selected=selected, **variables)
            assert seen(t, kernel, config) == wanted, (entries, selected, variables)
            (t.dir / "state/running-slot").unlink()
        device(t, kernel, selected=None)
        device(t, kernel, "fw_1.0+2-1.efi", "fw_0.9.efi", selected="fw_1.0+3.efi", uki=True)
        assert seen(t, kernel, config) == ("fw_1.0", None, None, "no", "2")


def test_confirm_renames_as_bless_boot_does(t):
    config = uboot(t, "x=y\n")
    with Kernel(t) as kernel:
        entries = device(t, kernel, "a.conf", "b+0-3.conf", selected="b+1-2.conf")
        r = kernel.local(config, "--confirm")
        assert r.returncode == 0 and {p.name for p in entries.iterdir()} == {"a.conf", "b.conf"}, r
        kernel.loader("LoaderBootCountPath", "\\loader\\entries\\b+0-3.conf")
        assert seen(t, kernel, config) == ("b", None, None, "yes", None)
        assert kernel.local(config, "--confirm").returncode == 0
        # Two of one name: which of them booted cannot be told.
        device(t, kernel, "b.conf", "b+1.conf", selected="b+2.conf")
        assert kernel.slots(config)[0] == "uboot-env"


def test_trial_that_would_not_stay(t):
    """Another entry is the default: a good name alone would not keep what runs."""
    config = uboot(t, "x=y\n")
    with Kernel(t) as kernel:
        entries = device(t, kernel, "a.conf", "b+2-1.conf", selected="b+3.conf", Default="a.conf")
        r = kernel.local(config, "--confirm")
        assert r.returncode == 3 and "bootctl set-default" in r.stderr and (entries / "b+2-1.conf").exists(), r
        # A reboot goes back.
        assert kernel.local(config, "--revert", "x").returncode == 0
        kernel.loader("LoaderEntryDefault", None)
        r = kernel.local(config, "--revert", "x")
        assert r.returncode == 3 and "cannot revert on this device" in r.stderr, r


def test_entry_that_is_gone_or_not_named(t):
    config = uboot(t)
    with Kernel(t) as kernel:
        for selected in (None, "gone.conf", ""):
            device(t, kernel, "a.conf", selected=selected)
            assert kernel.slots(config)[0] == "uboot-env"
            r = kernel.local({**config, "slot_driver": "systemd-boot"}, "--status")
            assert r.returncode == 1 and "LoaderEntrySelected" in r.stderr, r
