# SPDX-License-Identifier: Apache-2.0
"""fwsshd -t finds what an update would fail at, and says what to do."""
import ctypes
import os
import re

from scenario.test_full_output import small_disk


def good(t, **config):
    """A configuration with which everything works; changes is what is different."""
    d = t.daemon(wait=False, receive_program=t.bin("fwssh-receive"), **config)
    d.write_config(reboot_command=config.get("reboot_command", "kernel"))
    return d


def check(t, d):
    r = t.run([t.bin("fwsshd"), "-f", d.conf, "-t"])
    return r, re.findall(r"^FAIL ([\w-]+): (.*)$", r.stderr, re.M)


def test_nothing_to_find(t):
    key = t.dir / "firmware.pub"
    key.write_text("A" * 43 + "=\n")
    raw = t.dir / "raw.pub"
    raw.write_bytes(bytes(range(32)))
    hook = t.script("hook", "#!/bin/sh\nexit 1\n")
    d = good(t, firmware_public_keys=[str(key), str(raw), "B" * 43, "B" * 43 + "="], hook_precheck=f"{hook} word",
             hook_success="true", audit_file=str(t.dir / "audit"))
    r, found = check(t, d)
    assert r.returncode == 0 and not found, r
    for what in ("authorized-keys", "device", "updater", "lock-file", "state-dir", "firmware-public-keys", "hook-precheck",
                 "hook-success", "audit-file"):
        assert f"\n# ok {what}\n" in r.stdout, (what, r.stdout)
    assert "\n# ok slots: which slot runs, or boots next, is not known: updates go on without that check\n" in r.stdout, r
    # All that is printed is still a configuration.
    (t.dir / "again.conf").write_text(r.stdout)
    assert t.run([t.bin("fwsshd"), "-f", t.dir / "again.conf", "-t"]).returncode == 0
    # Nothing was written or kept.
    assert not d.state.exists() and not (t.dir / "audit").exists() and not list(t.dir.glob("lock*"))
    assert (t.dir / "updater.args").exists() is False


def test_the_libssh_that_sessions_run_with_is_named(t):
    library = ctypes.CDLL("libssh.so.4")
    library.ssh_version.restype = ctypes.c_char_p
    running = library.ssh_version(0).decode()
    r, _ = check(t, good(t))
    assert f"\n# libssh {running}\n" in r.stdout, r.stdout
    r = t.run([t.bin("fwssh-session"), "--version"])
    assert r.stdout.endswith(f" (libssh {running})\n"), r


def test_each_fault_is_found(t):
    broken = t.script("broken", "#!/bin/sh\necho 'libfwup.so: cannot open' >&2\nexit 127\n")
    silent = t.script("silent", "#!/bin/sh\n")
    plain = t.dir / "plain"
    plain.write_text("no program, no key")
    expired = t.dir / "expired"
    expired.write_text(f'expiry-time="20200101" {open(f"{t.key()}.pub").read()}')
    closed = {}
    for number, patterns in enumerate(("!*", "!10.0.0.1", "desk.example.com", "*,!*", "10.0.0.0/99")):
        closed[patterns] = t.dir / f"closed-{number}"
        closed[patterns].write_text(f'from="{patterns}" {open(f"{t.key()}.pub").read()}')
    strange = t.script("strange", "#! /no/such/shell -x\n")
    link = t.dir / "link"
    link.symlink_to(plain)
    (t.dir / "bad.conf").write_text("/nonexistent/mtd 0 0x1000\n")
    for config, what, why in (
            (dict(authorized_keys_files=[]), "authorized-keys", "nobody can log in; add your public key"),
            (dict(authorized_keys_files=[str(plain)]), "authorized-keys", "nobody can log in"),
            (dict(authorized_keys_files=[str(expired)]), "authorized-keys", "nobody can log in"),
            *((dict(authorized_keys_files=[str(path)]), "authorized-keys", "nobody can log in") for path in closed.values()),
            (dict(device="/dev/null"), "device", "is no disk"),
            (dict(device="/nonexistent/disk"), "device", "cannot find the device /nonexistent/disk"),
            (dict(device=str(t.dir)), "device", "neither a device nor an image"),
            (dict(device="uboot-env", uboot_env_config="/nonexistent/conf"), "device", "/nonexistent/conf"),
            (dict(updater="/nonexistent/fwup"), "updater", "install fwup or fwpack"),
            (dict(updater=str(plain)), "updater", "cannot find the updater"),
            (dict(updater="rauc"), "updater", "cannot find the adapter fwssh-updater-rauc"),
            (dict(updater=str(broken)), "updater", "libfwup.so"),
            (dict(updater=str(silent)), "updater", "printed nothing"),
            (dict(refuse_older=True), "updater", "refuse-older needs fwpack"),
            (dict(lock_file="/nonexistent/run/DEVICE"), "lock-file", "cannot create the directory /nonexistent/run (key lock-file)"),
            (dict(lock_file=f"{plain}/DEVICE"), "lock-file", "is not a directory"),
            (dict(state_dir="/nonexistent/var/fwssh"), "state-dir", "/nonexistent/var"),
            (dict(state_dir=str(plain)), "state-dir", "is not a directory"),
            (dict(state_dir="/proc/fwssh"), "state-dir", "cannot create the directory /proc/fwssh"),
            (dict(audit_file="/nonexistent/audit"), "audit-file", "create it"),
            (dict(audit_file=str(t.dir)), "audit-file", "is not a regular file"),
            (dict(audit_file=str(link)), "audit-file", "is not a regular file"),
            (dict(metrics_file=str(t.dir)), "metrics-file", "is not a regular file"),
            (dict(listen_address=[]), "listen-address", "nobody can connect"),
            (dict(slot_driver="command"), "slots", "set slot-command"),
            (dict(firmware_public_keys=["/nonexistent/key.pub"]), "firmware-public-keys", "/nonexistent/key.pub"),
            (dict(firmware_public_keys=[str(plain)]), "firmware-public-keys", "is not a public key"),
            (dict(firmware_public_keys=["A" * 42]), "firmware-public-keys", "A" * 42),
            (dict(hook_precheck="/nonexistent/hook x"), "hook-precheck", "cannot find the program /nonexistent/hook"),
            (dict(hook_failure=f"{strange} word"), "hook-failure", "its interpreter /no/such/shell: No such file"),
            (dict(hook_failure=str(plain)), "hook-failure", "not executable"),
            (dict(hook_success=str(t.dir)), "hook-success", "not executable"),
            (dict(reboot_command="/nonexistent/reboot now"), "reboot-command", "cannot find the program"),
            (dict(authorized_keys_command="/nonexistent/keys %u"), "authorized-keys-command", "cannot find the program"),
            (dict(slot_driver="command", slot_command=str(t.script("slots", "exit 3"))), "slots", "slot-command status exited with status 3"),
            (dict(slot_driver="uboot-env", uboot_env_config=str(t.dir / "bad.conf")), "slots", "bad.conf")):
        d = good(t, **config)
        r, found = check(t, d)
        assert r.returncode == 1, (config, r)
        assert [w for w, _ in found] == [what] and why in found[0][1], (config, r.stderr)


def test_fwssh_check_finds_the_same(t):
    """All but what the client can see for itself."""
    d = t.daemon()
    args = [t.bin("fwssh"), "check", "127.0.0.1", "--port", d.port, "--ssh-option", f"UserKnownHostsFile={t.dir}/known_hosts",
            "--ssh-option", f"IdentityFile={d.key}", "--ssh-option", "IdentitiesOnly=yes", "--ssh-option",
            "StrictHostKeyChecking=accept-new"]
    r = t.run(args)
    assert r.returncode == 0 and "OK   device     task upgrade" in r.stdout, r
    for config, why in ((dict(updater="/bin/true"), "which is not a version of fwup"),
                        (dict(reboot_command="/nonexistent/reboot"), "cannot find the program /nonexistent/reboot"),
                        (dict(hook_precheck="/nonexistent/hook"), "cannot find the program /nonexistent/hook"),
                        (dict(firmware_public_keys=["/nonexistent/key.pub"]), "/nonexistent/key.pub"),
                        (dict(lock_file="/nonexistent/run/DEVICE"), "cannot create the directory /nonexistent/run"),
                        (dict(audit_file="/nonexistent/audit", device="/nonexistent/disk"), "; ")):
        d.write_config(**config)
        d.reload()
        r = t.run(args)
        assert r.returncode == 1 and why in r.stdout.splitlines()[-1], (config, r)
        assert r.stdout.splitlines()[-1].startswith("FAIL device     "), r
        assert d.updater_pids() == []


def test_directories_that_cannot_be_written(t):
    if os.geteuid() == 0:
        t.need("setpriv")
        user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        t.dir.chmod(0o755)
        t.dir.parent.chmod(0o755)
    else:
        user = []
    locked = t.dir / "locked"
    locked.mkdir(mode=0o555)
    d = good(t, lock_file=str(locked / "DEVICE"), state_dir=str(locked), audit_file=str(locked / "audit"))
    for path in (d.conf, f"{d.key}.pub"):
        os.chmod(path, 0o644)
    r = t.run([*user, t.bin("fwsshd"), "-f", d.conf, "-t"])
    if "Permission denied" in r.stderr and "FAIL" not in r.stderr:
        t.skip("the build is not readable by others")
    for what in ("lock-file", "state-dir", "audit-file"):
        assert re.search(f"^FAIL {what}: cannot write to the directory {locked} ", r.stderr, re.M), (what, r)
    assert re.search("^FAIL device: cannot write to the device ", r.stderr, re.M) or os.geteuid(), r
    assert r.returncode == 1


def test_a_file_system_that_is_full(t):
    small = small_disk(t)
    (small / "state").mkdir()
    d = good(t, state_dir=str(small / "state"), audit_file=str(small / "audit"))
    r, found = check(t, d)
    assert r.returncode == 1 and [w for w, _ in found] == ["state-dir", "audit-file"], r
    assert all("is full; make room" in why for _, why in found), r
    (small / "rest").unlink()
    r, found = check(t, d)
    assert r.returncode == 0 and not found, r


def test_directory_of_the_lock_is_made_and_must_be_in_safe_hands(t):
    d = good(t, lock_file=str(t.dir / "run" / "DEVICE.lock"))
    r, found = check(t, d)
    assert r.returncode == 0 and not found and (t.dir / "run").stat().st_mode & 0o777 == 0o700, r
    (t.dir / "run").chmod(0o777)
    r, found = check(t, d)
    assert r.returncode == 1 and [w for w, _ in found] == ["lock-file"], r


def test_a_mistake_in_the_configuration_is_another_status(t):
    d = good(t)
    d.conf.write_text(d.conf.read_text() + "port = x\n")
    r, found = check(t, d)
    assert r.returncode == 2 and not found
