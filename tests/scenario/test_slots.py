# SPDX-License-Identifier: Apache-2.0
"""What a device knows about its slots: fwssh-receive --status, --confirm, --revert, and the subsystem fwssh."""
import fcntl
import os
import re
import struct
from pathlib import Path

from support.slot_device import (A_ACTIVE, A_FIRST, B_ACTIVE, B_FIRST, ENVIRONMENT, NOTES, facts, grub, grub_list, local, mbr,
                                 mbr_device, new_boot, receive, set_env, slots_of, table_of, uboot, uboot_config,
                                 with_cmdline)


def ask(d, line, status=0):
    r = d.push(line.encode() + b"\n", subsystem="fwssh")
    assert r.returncode == status, (line, r)
    return r.stdout.decode()


def test_status_of_a_uboot_environment(t):
    r = local(t, uboot(t), "--status")
    wanted = {"driver": "uboot-env", "active": "a", "next": "a", "confirmed": "no", "tries-left": "2", "serial": "42",
              "slot.a.version": "2.0", "slot.b.version": "1.0", "version": "2.0", "product": "Pump", "platform": "board",
              "architecture": "arm", "uuid": "aaaa"}
    assert r.returncode == 0 and wanted.items() <= facts(r.stdout).items(), r
    assert re.fullmatch(r"[0-9a-f-]{36}", facts(r.stdout)["boot-id"])


def test_confirm(t):
    config = uboot(t)
    assert local(t, config, "--confirm").returncode == 0
    now = facts(local(t, config, "--status").stdout)
    assert now["confirmed"] == "yes" and "tries-left" not in now
    # Confirming twice is not an error, and writes nothing.
    before = (t.dir / "disk.img").read_bytes()
    assert local(t, config, "--confirm").returncode == 0 and (t.dir / "disk.img").read_bytes() == before


def test_what_has_not_run_cannot_be_confirmed(t):
    config = uboot(t)
    assert local(t, config, "--status").returncode == 0  # slot a runs
    set_env(t, nerves_fw_active="b")
    r = local(t, config, "--confirm")
    assert r.returncode == 3 and "slot a is running, but slot b boots next" in r.stderr
    now = facts(local(t, config, "--status").stdout)
    assert (now["active"], now["next"], now["confirmed"]) == ("a", "b", "unknown")


def test_revert(t):
    config = uboot(t)
    assert local(t, config, "--revert", "the self-test failed").returncode == 0
    now = facts(local(t, config, "--status").stdout)
    assert (now["active"], now["next"], now["reason"]) == ("a", "b", "the self-test failed")
    # An update that has not booted yet is discarded.
    assert local(t, config, "--revert", "changed my mind").returncode == 0
    now = facts(local(t, config, "--status").stdout)
    assert (now["active"], now["next"]) == ("a", "a")


def test_nothing_to_go_back_to(t):
    config = uboot(t, "nerves_fw_active=a\na.nerves_fw_version=1\n")
    r = local(t, config, "--revert", "x")
    assert r.returncode == 3 and "no other slot with a firmware" in r.stderr


def test_environments_of_other_habits(t):
    for text, confirmed in (("nerves_fw_active=a\n", "none"), ("nerves_fw_active=a\nupgrade_available=0\n", "yes"),
                            ("nerves_fw_active=a\nupgrade_available=1\n", "no"),
                            ("nerves_fw_active=a\nnerves_fw_validated=1\nupgrade_available=1\n", "no"),
                            ("nerves_fw_active=a\nnerves_fw_validated=1\n", "yes"),
                            ("nerves_fw_active=a\nnerves_fw_validated=1\na.nerves_fw_validated=0\n", "no"),
                            ("nerves_fw_active=a\na.nerves_fw_validated=1\nb.nerves_fw_validated=0\n", "yes"),
                            ("x=y\n", "none")):
        r = local(t, uboot(t, text), "--status")
        assert r.returncode == 0 and facts(r.stdout)["confirmed"] == confirmed, (text, r)


def test_damaged_environment(t):
    config = uboot(t)
    (t.dir / "disk.img").write_bytes(bytes(1 << 20))
    for word in ("--status", "--confirm"):
        r = local(t, config, word)
        assert r.returncode == 1 and "cannot read the U-Boot environment" in r.stderr, r


def test_damaged_environment_does_not_keep_the_lock(t):
    """libubootenv locks the machine's environment when it opens it, also when that fails."""
    config = uboot(t)
    (t.dir / "disk.img").write_bytes(bytes(1 << 20))
    d = t.daemon(**config)
    for _ in range(2):
        assert "cannot read the U-Boot environment" in ask(d, "fwssh/1 status", 1)
    r = local(t, config, "--status")
    assert r.returncode == 1, r


def test_requests_over_ssh(t):
    d = t.daemon(**uboot(t))
    out = ask(d, "fwssh/1 status")
    assert out.startswith("fwssh/1 ok\n") and facts(out)["confirmed"] == "no"
    assert facts(out)["host-key"] == "kept" and "stage" not in facts(out)["can"].split()
    assert facts(ask(d, "fwssh/1 confirm")) == {"active": "a", "next": "a", "pending": "no", "confirmed": "yes"}
    assert facts(ask(d, "fwssh/1 status"))["confirmed"] == "yes" and d.reboots() == 0
    out = facts(ask(d, "fwssh/1 revert reason=not_good_enough"))
    assert out == {"active": "a", "next": "b", "pending": "new", "confirmed": "unknown"}, out
    d.wait_reboot()
    t.wait_for(lambda: "status=0 reboot=yes" in d.log(), "the audit line")
    assert 'audit: request from="127.0.0.1' in d.log() and 'request="revert"' in d.log()
    assert facts(ask(d, "fwssh/1 status"))["reason"] == "not good enough"
    t.wait_for(lambda: d.push(b"fwssh/1 reboot\n", subsystem="fwssh").returncode == 0, "the device to be free")
    d.wait_reboot(2)


def test_what_is_not_known_is_answered(t):
    d = t.daemon(**uboot(t))
    for line, words in (("fwssh/2 status", "unknown protocol 'fwssh/2'; this device speaks fwssh/1"),
                        ("fwssh/1 dance", "unknown request 'dance'; this device knows: status"), ("", "unknown protocol ''"),
                        ("fwssh/1", "unknown request ''"), ("fwssh/1 status x", "'x' is not NAME=VALUE"),
                        ("fwssh/1 status x=y", "the request status has no parameter 'x'"), ("fwssh/1 update", "needs a size"),
                        ("fwssh/1 update size=-1", "size must be"), ("fwssh/1 update size=3 reboot=maybe", "yes or no"),
                        ("fwssh/1 " + "x" * 2000, "no newline in the first")):
        out = ask(d, line, 2)
        assert out.startswith("fwssh/1 error 2 ") and words in out and out.count("\n") == 1, (line, out)
    assert d.reboots() == 0 and not d.updater_pids()


def test_update_with_a_task(t):
    d = t.daemon(allowed_tasks=["upgrade", "validate"], slot_command="/bin/true")
    r = d.push(b"fwssh/1 update size=3 task=complete\nabc", subsystem="fwssh")
    assert r.returncode == 3 and b"task 'complete' is not in allowed-tasks" in r.stdout and not d.updater_pids()
    r = d.push(b"fwssh/1 update size=3 task=validate reboot=no\nabc", subsystem="fwssh")
    assert (r.returncode, r.stdout) == (0, b"fwssh/1 ok\nSuccess!\n"), r
    assert "--task validate" in (t.dir / "updater.args").read_text() and d.updater_input() == b"abc"
    assert d.reboots() == 0
    r = d.push(b"fwssh/1 update size=3\nabc", subsystem="fwssh")
    assert r.returncode == 0
    d.wait_reboot()


def test_only_the_own_task_by_default(t):
    d = t.daemon(slot_command="/bin/true")
    assert d.push(b"fwssh/1 update size=3 task=complete\nabc", subsystem="fwssh").returncode == 3
    assert d.push(b"fwssh/1 update size=3 task=upgrade reboot=no\nabc", subsystem="fwssh").returncode == 0


def test_unconfirmed_firmware_and_an_update(t):
    d = t.daemon(**uboot(t))
    r = d.push(b"fwup:3\nabc")
    assert r.returncode == 0 and b"is not confirmed yet" in r.stderr and b"fwssh confirm" in r.stderr, r
    d.write_config(unconfirmed="refuse")
    d.reload()
    r = d.push(b"fwup:3\nabc")
    assert r.returncode == 3 and b"slot a, version 2.0" in r.stderr and d.updater_input() == b"abc", r
    d.write_config(unconfirmed="ignore")
    d.reload()
    r = d.push(b"fwup:3\nabc")
    assert r.returncode == 0 and r.stderr == b"", r
    ask(d, "fwssh/1 confirm")
    d.write_config(unconfirmed="refuse")
    d.reload()
    assert d.push(b"fwup:3\nabc").returncode == 0


def test_command_of_the_site(t):
    script = t.script("slots", f"""#!/bin/sh
echo "$1 $FWSSH_REASON" >> {t.dir}/called
case $1 in
status) echo active=x; echo next=x; echo "slot.x.version=7"; echo 'odd name=1'; echo "confirmed=$(cat {t.dir}/confirmed)";;
confirm) test ! -e {t.dir}/works || echo yes > {t.dir}/confirmed;;
revert) echo 'not now'; exit 4;;
esac
""")
    (t.dir / "confirmed").write_text("no\n")
    d = t.daemon(slot_command=script)
    now = facts(ask(d, "fwssh/1 status"))
    assert (now["driver"], now["active"], now["version"], now["confirmed"]) == ("command", "x", "7", "no")
    assert "odd name" not in now
    # What it says it has done is looked at.
    assert "command to confirm, and it reported no failure, but" in ask(d, "fwssh/1 confirm", 1)
    (t.dir / "works").touch()
    ask(d, "fwssh/1 confirm")
    out = ask(d, "fwssh/1 revert reason=why_not", 1)
    assert "slot-command revert exited with status 4: not now" in out and d.reboots() == 0
    assert "revert why not" in (t.dir / "called").read_text()


def test_revert_that_did_nothing(t):
    """A command that says that it has discarded an update, and has not."""
    script = t.script("slots", "#!/bin/sh\ncase $1 in\nstatus) echo active=x; echo next=y;;\nesac\n")
    d = t.daemon(slot_command=script)
    out = ask(d, "fwssh/1 revert", 1)
    assert "command to revert, and it reported no failure, but slot y still boots next" in out and d.reboots() == 0, out


def test_ops_firmware(t):
    conf = """
task status { on-init { info("a->b") } }
task validate { on-init { raw_memset(0, 1, 1) } }
task revert.no { require-path-on-device("/", "/nonexistent") on-init { raw_memset(0, 1, 2) } }
"""
    (t.dir / "ops.conf").write_text(conf)
    assert t.run([t.bin("fwpack"), "create", "-f", "ops.conf", "-o", "ops.fw"]).returncode == 0
    d = t.daemon(updater=t.bin("fwpack"), ops_firmware=t.dir / "ops.fw")
    now = facts(ask(d, "fwssh/1 status"))
    assert (now["driver"], now["active"], now["next"], now["confirmed"]) == ("ops.fw", "a", "b", "unknown")
    assert "stage" in now["can"].split()
    ask(d, "fwssh/1 confirm")
    assert (t.dir / "device0.img").read_bytes()[:1] == b"\x01"
    assert "task revert of" in ask(d, "fwssh/1 revert", 1)


def test_device_without_slots(t):
    d = t.daemon(uboot_env_config="/nonexistent")
    assert facts(ask(d, "fwssh/1 status"))["driver"] == "none"
    assert "no information about slots" in ask(d, "fwssh/1 confirm", 1)


def test_log_tells_the_last_update(t):
    d = t.daemon(**uboot(t))
    assert ask(d, "fwssh/1 log") == "fwssh/1 ok\n"
    d.push(b"fwup:3\nabc")
    assert re.fullmatch(r"\S+Z update done: 1 firmware written", facts(ask(d, "fwssh/1 log"))["last-update"])


def test_requests_wait_for_no_update_but_changes_do(t):
    d = t.daemon(**uboot(t), updater=t.updater("await; take; exit 0"))
    client = d.client()
    client.stdin.write(b"fwup:3\n")
    t.wait_for(d.updater_pids, "the update")
    assert facts(ask(d, "fwssh/1 status"))["active"] == "a"
    for request in ("confirm", "revert", "reboot"):
        assert "another update is running" in ask(d, f"fwssh/1 {request}", 3)
    t.go()
    client.stdin.write(b"abc")
    out, _ = client.communicate(timeout=20)
    assert client.returncode == 0


def test_under_another_ssh_server(t):
    """The same without a listener, over standard input and output."""
    config = uboot(t)
    r = t.run(receive(t, config, "-s", "fwssh"), input="fwssh/1 status\n")
    assert r.returncode == 0 and facts(r.stdout)["active"] == "a"


def test_confirmed_in_time(t):
    config = {**uboot(t), "reboot_command": t.script("reboot", f"#!/bin/sh\ntouch {t.dir}/rebooted\n"),
              "watchdog": t.dir / "watchdog"}
    (t.dir / "watchdog").touch()
    guard = t.start(receive(t, config, "--confirm-within", "60"))
    t.wait_for(lambda: (t.dir / "watchdog").read_bytes(), "the watchdog to be fed")
    assert local(t, config, "--confirm").returncode == 0
    assert guard.wait(20) == 0 and not (t.dir / "rebooted").exists()
    # Disabled with a V, as the kernel requires.
    assert (t.dir / "watchdog").read_bytes().startswith(b".")


def test_not_confirmed_in_time(t):
    config = {**uboot(t), "reboot_command": t.script("reboot", f"#!/bin/sh\ntouch {t.dir}/rebooted\n")}
    r = local(t, config, "--confirm-within", "0")
    assert r.returncode == 9 and (t.dir / "rebooted").exists() and "not confirmed within 0 seconds" in r.stderr, r


def test_firmware_that_does_not_fit_names_the_device(t):
    (t.dir / "x.conf").write_text('meta-platform = "other"\ntask upgrade { require-path-on-device("/", "/nonexistent") }\n')
    assert t.run([t.bin("fwpack"), "create", "-f", "x.conf", "-o", "x.fw"]).returncode == 0
    d = t.daemon(**uboot(t), updater=t.bin("fwpack"))
    data = (t.dir / "x.fw").read_bytes()
    r = d.push(b"fwup:%d\n" % len(data) + data)
    assert r.returncode == 4 and b"this device is: Pump, board arm" in r.stderr, r


def test_confirming_on_the_device_waits_for_no_update(t):
    """Both write to the environment."""
    config = uboot(t)
    d = t.daemon(**config, updater=t.updater("await; take; exit 0"))
    client = d.client()
    client.stdin.write(b"fwup:3\n")
    t.wait_for(d.updater_pids, "the update")
    for args in (["--confirm"], ["--revert", "x"]):
        r = local(t, config, *args)
        assert r.returncode == 3 and "another update is running" in r.stderr, r
    assert local(t, config, "--status").returncode == 0
    t.go()
    client.stdin.write(b"abc")
    client.communicate(timeout=20)
    t.wait_for(lambda: local(t, config, "--confirm").returncode == 0, "the lock to be free")


def test_second_firmware_of_a_session_does_not_go_to_the_running_slot(t):
    """The first one has switched; the next task would write the running slot."""
    config = uboot(t)
    d = t.daemon(**config, updater=t.updater(f"take; cp {t.dir}/switched.img {t.dir}/disk.img; exit 0"))
    ask(d, "fwssh/1 confirm")
    good = (t.dir / "disk.img").read_bytes()
    set_env(t, nerves_fw_active="b", nerves_fw_validated="0")
    (t.dir / "switched.img").write_bytes((t.dir / "disk.img").read_bytes())
    (t.dir / "disk.img").write_bytes(good)
    r = d.push(b"fwup:3,fwup:3\nabcdef")
    assert r.returncode == 3 and b"slot b holds an update that has not booted yet" in r.stderr, r
    assert d.updater_input() == b"abc"


def test_running_slot_is_known_from_the_start_of_the_daemon(t):
    """Even if nobody asks before an update, or state-dir is not writable."""
    for extra in ({"unconfirmed": "ignore"}, {"state_dir": "/proc/nonexistent"}):
        config = {**uboot(t), **extra}
        d = t.daemon(**config)
        places = Path(d.config["state-dir"], "running-slot"), Path(f"{d.config['lock-file']}.running-slot")
        t.wait_for(lambda: any(place.exists() for place in places), "the slot to be known")
        set_env(t, nerves_fw_active="b", nerves_fw_validated="0")
        now = facts(ask(d, "fwssh/1 status"))
        assert (now["active"], now["next"]) == ("a", "b"), (extra, now)
        assert "boots next and has not been tested" in ask(d, "fwssh/1 confirm", 3)
        r = d.push(b"fwup:3\nabc")
        assert r.returncode == 3 and not d.updater_pids(), r
        d.stop()


def test_no_way_back_into_a_slot_that_an_update_has_left_half_written(t):
    """An update removes the slot's version first; the other variables may still be there."""
    uboot(t)
    set_env(t, b__nerves_fw_version=None)
    r = local(t, uboot_config(t), "--revert", "x")
    assert r.returncode == 3 and "no other slot with a firmware" in r.stderr, r


def test_confirmation_clears_the_reason(t):
    config = uboot(t)
    set_env(t, fwssh_revert_reason="long ago")
    assert local(t, config, "--confirm").returncode == 0
    assert "reason" not in facts(local(t, config, "--status").stdout)


def test_guard_of_a_device_that_cannot_know_does_not_reboot(t):
    reboot = t.script("reboot", f"#!/bin/sh\ntouch {t.dir}/rebooted\n")
    r = t.run([t.bin("fwssh-receive"), "-f", "/dev/null", "-o", "uboot-env-config=/nonexistent", "-o",
               f"reboot-command={reboot}", "--confirm-within", "0"])
    assert r.returncode == 1 and "not waiting for a confirmation" in r.stderr and not (t.dir / "rebooted").exists(), r
    r = local(t, {**uboot(t, "nerves_fw_active=a\n"), "reboot_command": reboot}, "--confirm-within", "0")
    assert r.returncode == 1 and not (t.dir / "rebooted").exists(), r


def test_kind_of_the_device_is_known_whichever_slot_runs(t):
    script = t.script("slots", f"#!/bin/sh\ncat {t.dir}/facts\n")
    d = t.daemon(slot_command=script)
    for lines, platform in (("slot.a.platform=board", "board"), ("slot.a.platform=board\nslot.b.platform=board", "board"),
                            ("slot.a.platform=board\nslot.b.platform=other", None), ("slot.a.platformx=board", None),
                            ("active=b\nslot.a.platform=board\nslot.b.platform=other", "other")):
        (t.dir / "facts").write_text(lines + "\nslot.a.architecture=arm\n")
        now = facts(ask(d, "fwssh/1 status"))
        assert (now.get("platform"), now["architecture"]) == (platform, "arm"), (lines, now)


def test_command_that_closes_its_output_and_goes_on_is_ended(t):
    hook = t.script("hook", "#!/bin/sh\nexec > /dev/null 2>&1\nsleep 1000\n")
    d = t.daemon(hook_precheck=str(hook), hook_timeout=1)
    r = d.push(b"fwup:3\nabc")
    assert r.returncode == 3 and b"was killed after 1 second" in r.stderr, r


def test_table_in_force_decides_and_not_the_note(t):
    for driver, a, b in (("mbr-order", A_FIRST, B_FIRST), ("mbr-active", A_ACTIVE, B_ACTIVE)):
        config = mbr_device(t, b, "a")
        assert slots_of(t, config) == (driver, "b", "b", "no")
        r = local(t, config, "--revert", "try the old one")
        assert r.returncode == 0, r
        # What decides has changed, and the note is in step.
        assert bytes(table_of(t)[446:478:16]) == bytes(a[446:478:16])
        assert [table_of(t)[446 + 16 * i + 8:446 + 16 * i + 16] for i in (0, 1)] == \
            [a[446 + 16 * i + 8:446 + 16 * i + 16] for i in (0, 1)]
        now = facts(local(t, config, "--status").stdout)
        assert (now["active"], now["next"], now["pending"], now["reason"]) == ("b", "a", "new", "try the old one")
        # An update would overwrite the running slot; the way back is open.
        assert local(t, config, "--revert", "no").returncode == 0 and slots_of(t, config) == (driver, "b", "b", "no")
        new_boot(t)


def test_table_that_moves_shows_itself_to_be_the_switch(t):
    for new, driver in ((B_FIRST, "mbr-order"), (B_ACTIVE, "mbr-active")):
        config = mbr_device(t, A_FIRST, "a")
        assert slots_of(t, config) == ("uboot-env", "a", "a", "no")
        (t.dir / "disk.img").write_bytes(new + bytes(1 << 20))
        assert slots_of(t, config) == (driver, "a", "b", "new")
        assert local(t, config, "--revert", "no").returncode == 0
        assert table_of(t)[446:470] == A_FIRST[446:470], new
        assert slots_of(t, config)[1:] == ("a", "a", "no"), (new, slots_of(t, config))
        new_boot(t)


def test_flag_that_goes_back_to_the_first_partition(t):
    """What such a table looks like says nothing: only that it was another one at boot."""
    config = mbr_device(t, B_ACTIVE, "b")
    assert slots_of(t, config) == ("mbr-active", "b", "b", "no")
    (t.dir / "disk.img").write_bytes(A_ACTIVE + bytes(1 << 20))
    assert slots_of(t, config) == ("mbr-active", "b", "a", "new")
    assert local(t, config, "--revert", "no").returncode == 0 and table_of(t)[446:478] == B_ACTIVE[446:478]


def test_partition_that_is_not_in_the_other_table(t):
    """Each table has the boot partition and the root of one slot: what was in force at boot is put back."""
    config = mbr_device(t, mbr((1, 64), (0, 2048)).replace(b"\x64\0\0\0", b"\x64\0\0\0"), "a")
    first = bytearray(table_of(t))
    first[450] = 0x0c  # the boot partition is of another type: no two slots in one table
    (t.dir / "disk.img").write_bytes(bytes(first) + bytes(1 << 20))
    assert slots_of(t, config) == ("uboot-env", "a", "a", "no")
    second = bytes(first).replace(struct.pack("<I", 2048), struct.pack("<I", 4096))
    (t.dir / "disk.img").write_bytes(second + bytes(1 << 20))
    assert slots_of(t, config) == ("uboot-env", "a", "b", "new")
    d = t.daemon(**config)
    r = d.push(b"fwup:3\nabc")
    assert r.returncode == 3 and b"slot b holds an update that has not booted yet" in r.stderr, r
    assert local(t, config, "--revert", "no").returncode == 0 and table_of(t) == bytes(first)
    # Now nothing has moved, and nothing shows what would boot the other slot.
    r = local(t, config, "--revert", "again")
    assert r.returncode == 3 and "cannot revert on this device" in r.stderr and table_of(t) == bytes(first), r


def test_added_or_grown_partition_is_no_update(t):
    config = mbr_device(t, A_FIRST, "a")
    assert slots_of(t, config)[3] == "no"
    grown = bytearray(A_FIRST)
    grown[446 + 32:446 + 48] = struct.pack("<B3xB3xII", 0, 0x83, 9000, 50)
    (t.dir / "disk.img").write_bytes(bytes(grown) + bytes(1 << 20))
    assert slots_of(t, config)[1:] == ("a", "a", "no")


def test_note_alone_promises_no_revert(t):
    config = uboot(t, NOTES % "a")
    r = local(t, config, "--revert", "x")
    assert r.returncode == 3 and "which may be only a note" in r.stderr, r
    assert slots_of(t, config)[1:] == ("a", "a", "no")
    r = local(t, {**config, "slot_driver": "uboot-env"}, "--revert", "x")
    assert r.returncode == 0 and slots_of(t, config)[1:] == ("a", "b", "new")
    r = local(t, uboot(t, NOTES % "a"), "--confirm")
    assert r.returncode == 3 and "there is nothing to confirm on this device" in r.stderr, r


def test_count_that_has_run_out(t):
    """The next boot goes back to the other slot, unless what runs is confirmed first."""
    uboot(t)
    set_env(t, bootcount="3")
    config = uboot_config(t)
    assert slots_of(t, config) == ("uboot-env", "a", "b", "fallback")
    d = t.daemon(**config)
    r = d.push(b"fwup:3\nabc")
    assert r.returncode == 3 and b"slot a is on trial" in r.stderr and not d.updater_pids(), r
    ask(d, "fwssh/1 revert")
    d.wait_reboot()
    assert slots_of(t, config)[3] == "fallback"  # nothing to write
    d.stop()
    assert local(t, config, "--confirm").returncode == 0
    assert slots_of(t, config)[1:] == ("a", "a", "no")


def test_count_past_its_limit(t):
    """U-Boot has run altbootcmd, which may have booted the other slot without writing so: nothing is confirmed, and no
    archive goes by the variable."""
    uboot(t)
    set_env(t, bootcount="4")
    config = uboot_config(t)
    now = facts(local(t, config, "--status").stdout)
    assert "active" not in now and "bootcount has passed bootlimit" in now["conflict"], now
    assert now["confirmed"] == "unknown"  # or --confirm-within would reboot for ever
    for word in ("--confirm", "--revert=x"):
        r = local(t, config, word)
        assert r.returncode == 3 and "altbootcmd" in r.stderr, r
    d = t.daemon(**config)
    r = d.push(b"fwup:3\nabc")
    assert r.returncode == 3 and b"Set slot-driver" in r.stderr and not d.updater_pids(), r
    d.stop()
    now = facts(with_cmdline(t, "fwssh.slot=b", receive(t, config, "--status")).stdout)
    assert now["active"] == "b" and "conflict" not in now, now
    new_boot(t)
    # The configuration says that altbootcmd writes what it boots.
    assert slots_of(t, {**config, "slot_driver": "uboot-env"}) == ("uboot-env", "a", "b", "fallback")


def test_command_line_of_the_kernel_goes_before_the_note(t):
    config = uboot(t)
    argv = receive(t, config, "--status")
    for words in ("quiet fwssh.slot=b", "rauc.slot=b quiet"):
        now = facts(with_cmdline(t, words, argv).stdout)
        assert (now["active"], now["next"], now["pending"]) == ("b", "a", "new"), now
    assert facts(with_cmdline(t, "notfwssh.slot=b", argv).stdout)["active"] == "a"


def test_contradiction_refuses_an_update(t):
    (t.dir / "ops.conf").write_text('task status { on-init { info("a") } }\n')
    assert t.run([t.bin("fwpack"), "create", "-f", "ops.conf", "-o", "ops.fw"]).returncode == 0
    options = ["-f", "/dev/null", "-o", f"ops-firmware={t.dir}/ops.fw", "-o", f"device={t.image(4096)}", "-o",
               f"updater={t.bin('fwpack')}", "-o", f"lock-file={t.dir}/lock", "-o", f"state-dir={t.dir}"]
    argv = [t.bin("fwssh-receive"), *options]
    r = with_cmdline(t, "fwssh.slot=b", [*argv, "--confirm"])
    assert r.returncode == 3 and "the kernel's command line says that slot b runs, but what decides what boots says slot a" \
        in r.stderr, r
    now = facts(with_cmdline(t, "fwssh.slot=b", [*argv, "--status"]).stdout)
    assert now["active"] == "b" and "slot a" in now["conflict"], now
    r = with_cmdline(t, "fwssh.slot=b", ["sh", "-c", 'printf "fwup:3\nabc" | "$@"', "sh", *argv, "-s", "nerves_firmware_ssh"])
    assert r.returncode == 3 and "contradicts itself" in r.stderr + r.stdout, r
    # The configuration names who decides.
    now = facts(with_cmdline(t, "fwssh.slot=b", [*argv, "-o", "slot-driver=ops.fw", "--status"]).stdout)
    assert now["active"] == "a" and "conflict" not in now, now


def test_memory_that_others_could_write_says_nothing(t):
    config = uboot(t)
    boot = facts(local(t, config, "--status").stdout)["boot-id"]
    memory = t.dir / "state/running-slot"
    memory.write_text(f"{boot} b -\n")
    assert slots_of(t, config)[1:3] == ("b", "a")
    memory.chmod(0o666)
    assert slots_of(t, config)[1:3] == ("a", "a")


def test_memory_of_another_boot_or_owner_says_nothing(t):
    config = uboot(t)
    boot = facts(local(t, config, "--status").stdout)["boot-id"]
    memory = t.dir / "state/running-slot"
    memory.write_text(f"{boot[::-1]} b -\n")
    assert slots_of(t, config)[1:3] == ("a", "a")
    if os.getuid():
        return  # only root can give a file away
    memory.write_text(f"{boot} b -\n")
    assert slots_of(t, config)[1:3] == ("b", "a")
    os.chown(memory, 65534, 65534)
    assert slots_of(t, config)[1:3] == ("a", "a")


def test_tryboot(t):
    """Slots that are validated one by one: what runs is on trial until ops.fw's validate; the environment has the names."""
    uboot(t, "a.nerves_fw_version=1.0\na.nerves_fw_validated=1\nb.nerves_fw_version=2.0\nb.nerves_fw_uuid=bbbb\n"
             "b.nerves_fw_validated=0\n")
    (t.dir / "ops.conf").write_text("""
uboot-environment env { block-offset = 0 block-count = 32 block-offset-redund = 32 }
task status.ba { require-uboot-variable(env, "b.nerves_fw_validated", "0") on-init { info("b->a") } }
task status.b { on-init { info("b") } }
task validate { on-init { uboot_setenv(env, "b.nerves_fw_validated", "1") } }
task revert { on-init { raw_memset(100, 1, 7) } }
""")
    assert t.run([t.bin("fwpack"), "create", "-f", "ops.conf", "-o", "ops.fw"]).returncode == 0
    config = {**uboot_config(t), "ops_firmware": t.dir / "ops.fw", "updater": t.bin("fwpack")}
    assert slots_of(t, config) == ("ops.fw", "b", "a", "fallback")
    now = facts(local(t, config, "--status").stdout)
    assert (now["confirmed"], now["version"], now["uuid"]) == ("no", "2.0", "bbbb")
    r = local(t, config, "--confirm")
    assert r.returncode == 0, r
    assert slots_of(t, config) == ("ops.fw", "b", "b", "no")
    assert facts(local(t, config, "--status").stdout)["confirmed"] == "yes"
    assert "nerves_fw_active" not in t.run(["fw_printenv", "-c", t.dir / "fw_env.config"]).stdout
    assert local(t, config, "--revert", "x").returncode == 0
    assert (t.dir / "disk.img").read_bytes()[51200] == 7


def test_grub_boots_by_its_own_variable(t):
    config = {**uboot(t, NOTES % "a"), **grub(t, "boot=1", r"quoted=a\b" + "\nboot=7")}
    # The environment notes slot a; GRUB decides.
    assert slots_of(t, config) == ("grubenv", "b", "b", "no")
    assert facts(local(t, config, "--status").stdout)["confirmed"] == "none"
    assert local(t, config, "--revert", "x").returncode == 0
    assert t.run(["grub-editenv", t.dir / "grubenv", "list"]).stdout.startswith("boot=0\n")
    assert grub_list(t)["boot"] == "7" and (t.dir / "grubenv").stat().st_size == 1024
    assert slots_of(t, config) == ("grubenv", "b", "a", "new")
    assert "nerves_fw_active=a" in t.run(["fw_printenv", "-c", t.dir / "fw_env.config"]).stdout
    assert local(t, config, "--confirm").returncode == 3
    assert local(t, config, "--revert", "no").returncode == 0 and slots_of(t, config)[2] == "b"


def test_grub_that_counts(t):
    config = {**uboot(t, NOTES % "a"), **grub(t, "boot=0", "upgrade_available=1", "bootcount=1")}
    assert facts(local(t, config, "--status").stdout)["confirmed"] == "no"
    r = local(t, config, "--confirm")
    assert r.returncode == 0 and grub_list(t)["upgrade_available"] == "0", r


def test_variables_of_rauc_are_read(t):
    for variables, wanted in ((("A_OK=1", "A_TRY=1", "B_OK=1", "B_TRY=0"), ("A", "B", "fallback", "no")),
                              (("A_OK=1", "A_TRY=0", "B_OK=1", "B_TRY=0"), ("A", "A", "no", "yes")),
                              (("A_OK=0", "A_TRY=0", "B_OK=0", "B_TRY=0"), ("A", None, None, "unknown"))):
        config = {**uboot_config(t), **grub(t, "ORDER=A B", *variables)}
        now = facts(with_cmdline(t, "rauc.slot=A", receive(t, config, "--status")).stdout)
        assert tuple(now.get(k) for k in ("active", "next", "pending", "confirmed")) == wanted, now
    (t.dir / "disk.img").write_bytes(bytes(512))
    r = with_cmdline(t, "rauc.slot=A", receive(t, config, "--confirm"))
    assert r.returncode == 3 and "rauc status mark-good" in r.stderr, r
    for words in ("rauc.slot=A", "quiet"):
        r = with_cmdline(t, words, receive(t, config, "--revert", "x"))
        assert r.returncode == 3 and "rauc status mark-active other" in r.stderr, r
    config = {**config, **grub(t, "ORDER=B A", "A_OK=1", "A_TRY=0", "B_OK=1", "B_TRY=0")}
    r = with_cmdline(t, "rauc.slot=A", receive(t, config, "--revert", "x"))
    assert r.returncode == 3 and "rauc status mark-active booted" in r.stderr, r


def test_damaged_environment_of_grub(t):
    config = {**uboot_config(t), "grubenv": t.dir / "grubenv", "slot_driver": "grubenv"}
    for content in (b"", b"x" * 1024, b"# GRUB Environment Block\nboot=1\n", b"# GRUB Environment Block\n" + bytes(999)):
        (t.dir / "grubenv").write_bytes(content)
        r = local(t, config, "--status")
        assert r.returncode == 1 and "is no environment block of GRUB" in r.stderr, (content, r)
    (t.dir / "grubenv").write_bytes((b"# GRUB Environment Block\nboot=\\" + b"#" * 1024)[:1023] + b"\\")
    assert local(t, config, "--status").returncode == 0


def test_device_named_by_the_environment(t):
    """The library's lock is held by one at a time: nothing may open the environment twice."""
    config = uboot(t, ENVIRONMENT + f"nerves_fw_devpath={t.dir}/disk.img\n")
    d = t.daemon(**{**config, "device": "uboot-env"})
    for verb in ("status", "confirm", "revert", "status"):
        ask(d, f"fwssh/1 {verb}")
    assert slots_of(t, {**config, "device": "uboot-env"}) == ("uboot-env", "a", "b", "new")


def test_ops_firmware_is_asked_while_an_update_runs(t):
    """Its status writes nothing, so it waits for no lock."""
    (t.dir / "ops.conf").write_text('task status { on-init { info("a") } }\n')
    assert t.run([t.bin("fwpack"), "create", "-f", "ops.conf", "-o", "ops.fw"]).returncode == 0
    config = {"device": t.image(4096), "updater": t.bin("fwpack"), "ops_firmware": t.dir / "ops.fw",
              "lock_file": t.dir / "lock", "state_dir": t.dir / "state"}
    with open(config["device"], "rb") as disk, open(config["lock_file"], "wb") as lock:
        fcntl.flock(disk, fcntl.LOCK_EX)
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert slots_of(t, config) == ("ops.fw", "a", "a", "no")


def test_boot_script_that_chooses_between_partitions_that_lie_anyhow(t):
    """The table never changes; the variables of a boot script show who decides."""
    mbr_device(t, B_FIRST, "a")
    config = uboot_config(t)
    uboot_env = t.dir / "env2.txt"
    uboot_env.write_text(NOTES % "a" + "upgrade_available=0\nbootcount=0\n")
    assert t.run(["mkenvimage", "-r", "-s", "0x4000", "-o", "env2.bin", "env2.txt"]).returncode == 0
    (t.dir / "env.img").write_bytes((t.dir / "env2.bin").read_bytes() * 2)
    assert slots_of(t, config) == ("uboot-env", "a", "a", "no")
    assert local(t, config, "--revert", "x").returncode == 0
    assert slots_of(t, config) == ("uboot-env", "a", "b", "new") and table_of(t) == B_FIRST


def test_environment_that_cannot_be_read_may_be_that_of_a_boot_script(t):
    """So partitions that lie anyhow decide nothing."""
    config = mbr_device(t, B_FIRST, "a")
    assert slots_of(t, config)[0] == "mbr-order"
    (t.dir / "env.img").write_bytes(bytes(0x8000))
    new_boot(t)
    for word in ("--status", "--revert=x"):
        r = local(t, config, word)
        assert r.returncode == 1 and "bad checksum" in r.stderr, r
    assert table_of(t) == B_FIRST
    assert slots_of(t, {**config, "slot_driver": "mbr-order"})[0] == "mbr-order"
    # One that has moved since the boot decides all the same.
    (t.dir / "disk.img").write_bytes(A_FIRST + bytes(1 << 20))
    assert slots_of(t, config)[0] == "mbr-order" and slots_of(t, config)[3] == "new"


def test_data_partition_that_is_like_a_slot(t):
    """Of two partitions that are alike, one is no slot: what was in force at boot is put back."""
    config = mbr_device(t, mbr((1, 2048), (0, 9000)), "a")
    first = table_of(t)
    assert slots_of(t, config)[1:] == ("a", "a", "no")
    (t.dir / "disk.img").write_bytes(mbr((1, 4096), (0, 9000)) + bytes(1 << 20))
    assert slots_of(t, config)[1:] == ("a", "b", "new")
    assert local(t, config, "--revert", "x").returncode == 0 and table_of(t) == first
    assert slots_of(t, config)[1:] == ("a", "a", "no")


def test_hybrid_table_is_that_of_its_gpt(t):
    hybrid = bytearray(B_FIRST)
    hybrid[446 + 32 + 4] = 0xee
    config = mbr_device(t, bytes(hybrid), "a")
    assert slots_of(t, config) == ("uboot-env", "a", "a", "no")


def test_name_of_somebody_else_is_not_written_into_the_switch(t):
    config = uboot(t)
    r = with_cmdline(t, "rauc.slot=system0", receive(t, config, "--revert", "x"))
    assert r.returncode == 0, r
    assert "nerves_fw_active=b" in t.run(["fw_printenv", "-c", t.dir / "fw_env.config"]).stdout


def test_no_limit_is_not_a_count_that_has_run_out(t):
    uboot(t)
    set_env(t, bootlimit="0")
    now = facts(local(t, uboot_config(t), "--status").stdout)
    assert (now["next"], now["pending"]) == ("a", "no") and "tries-left" not in now, now


def test_guard_does_not_reboot_a_device_that_says_nothing_of_confirmation(t):
    reboot = t.script("reboot", f"#!/bin/sh\ntouch {t.dir}/rebooted\n")
    script = t.script("slots", "#!/bin/sh\necho active=a; echo next=a\n")
    r = local(t, {**uboot_config(t), "slot_command": script, "reboot_command": reboot}, "--confirm-within", "0")
    assert r.returncode == 1 and not (t.dir / "rebooted").exists(), r
