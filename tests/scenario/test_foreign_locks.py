# SPDX-License-Identifier: Apache-2.0
"""Locks that other programs hold, above all libubootenv's: nobody waits for them without a limit, and who holds them is
named."""
import fcntl
import os
import re
import struct
import subprocess
import zlib

from support.slot_device import B_FIRST, facts, grub, local, mbr_device, receive, set_env, uboot, uboot_config
from scenario.test_two_at_once import has_open
from support import isolation
from support.fixture import waits
from support.process import alive, children
from support.update import HELLO


def hold_environment(t):
    """Takes the lock of the U-Boot environment."""
    if os.getuid():
        t.skip("needs a lock directory of its own")
    lock = open(isolation.UBOOT_LOCK, "a")
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def environment_is_free(t):
    with open(isolation.UBOOT_LOCK, "a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True


def environment(size, flag=b""):
    body = b"nerves_fw_active=a\0a.nerves_fw_version=1\0\0".ljust(size - 4 - len(flag), b"\xff")
    return struct.pack("<I", zlib.crc32(body)) + flag + body


def test_no_place_for_the_lock_of_the_environment(t):
    """A /run that is read-only, without /run/lock: the library cannot do without, so that is said."""
    t.need("unshare")
    if os.getuid():
        t.skip("a /run of its own needs root")
    config = uboot(t)
    for word in ("--status", "--confirm"):
        r = t.run(["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o ro none /run && exec "$@"', "sh",
                   *receive(t, config, word)])
        assert r.returncode == 1 and "mount a tmpfs on /run/lock" in r.stderr and "fw_printenv.lock" in r.stderr, r


@waits
def test_status_does_not_wait_for_the_environment(t):
    config = uboot(t)
    with hold_environment(t):
        r = local(t, config, "--status")
        assert r.returncode == 3 and f"process {os.getpid()} (" in r.stderr, r
        assert "was not free within 5 seconds" in r.stderr
    assert local(t, config, "--status").returncode == 0


def test_lock_that_is_held_for_a_moment_is_waited_for(t):
    config = uboot(t)
    (t.dir / "state").mkdir()
    options = [x for k, v in config.items() for x in ("-o", f"{k.replace('_', '-')}={v}")]
    with hold_environment(t):
        p = t.start([t.bin("fwssh-receive"), "-f", "/dev/null", *options, "--status"], stdout=subprocess.PIPE)

        name = os.path.realpath(isolation.UBOOT_LOCK)
        t.wait_for(lambda: has_open(p.pid, name) or p.poll() is not None, "fwssh-receive to ask for the lock")
        assert p.poll() is None
    assert p.wait(20) == 0 and b"active=a" in p.stdout.read()


@waits
def test_daemon_listens_while_somebody_holds_the_environment(t):
    """The listener asks afterwards, in a child. A push is refused: that an update waits may be noted there."""
    config = uboot(t)
    assert local(t, config, "--status").returncode == 0
    set_env(t, nerves_fw_active="b")
    with hold_environment(t):
        d = t.daemon(**config)
        r = d.push(HELLO)
        assert r.returncode == 3 and not d.updater_pids(), r
        assert re.search(rb"cannot read the state of the slots: .* held by process %d \(" % os.getpid(), r.stderr), r
        d.wait_log("cannot read the U-Boot environment")
    assert environment_is_free(t)
    assert b"update that has not booted yet" in d.push(HELLO).stderr


@waits
def test_notes_in_use_are_not_taken_for_none(t):
    """Beside a table or GRUB, that decide: archives choose by the notes, and confirmation is among them."""
    table = mbr_device(t, B_FIRST, "a")
    for config in ({**table, "slot_driver": "mbr-order"}, {**table, **grub(t, "boot=1"), "slot_driver": "auto"}):
        with hold_environment(t):
            d = t.daemon(**config, updater=t.updater(name="fwup"))
            for word in ("--status", "--confirm", "--revert=x"):
                r = local(t, config, word)
                assert r.returncode == 3 and "was not free" in r.stderr, r
            r = d.push(HELLO)
            assert r.returncode == 3 and b"was not free" in r.stderr and not d.updater_pids("fwup"), r
            p = t.run([t.bin("fwssh-receive"), "-f", d.conf, "--confirm-within", "1"])
            assert p.returncode == 9 and d.reboots() == 1, p
        d.stop()


def test_daemon_keeps_no_lock_of_a_broken_environment(t):
    disk = t.image(size=1 << 20, name="disk.img")
    (t.dir / "fw_env.config").write_text(f"{disk} 0x0 0x4000\n{disk} 0x4000 0x4000\n")
    d = t.daemon(**uboot_config(t))
    d.wait_log("cannot read the U-Boot environment")
    t.wait_for(lambda: environment_is_free(t), "the lock")
    assert d.push(HELLO).returncode == 0


def test_child_that_still_asks_has_nothing_of_the_daemon(t):
    """No socket, so that a new daemon finds the port free; and it ends with the daemon."""
    uboot(t)
    with hold_environment(t):
        d = t.daemon(**uboot_config(t))
        child, = t.wait_for(lambda: children(d.process.pid), "the child")
        lock = os.path.realpath(isolation.UBOOT_LOCK)
        t.wait_for(lambda: has_open(child, lock), "the child to ask for the lock")
        targets = [os.readlink(f"/proc/{child}/fd/{fd}") for fd in os.listdir(f"/proc/{child}/fd") if int(fd) > 2]
        assert set(targets) <= {lock}, targets
        d.process.kill()
        d.process.wait()
        t.wait_for(lambda: not alive(child), "the child to end", 3)
        d.start()


@waits
def test_confirm_within_acts_whoever_holds_the_environment(t):
    config = {k.replace("_", "-"): v for k, v in uboot(t).items()}
    d = t.daemon(wait=False)
    d.config.update(config)
    d.write_config()
    with hold_environment(t):
        p = t.start([t.bin("fwssh-receive"), "-f", d.conf, "--confirm-within", "1"], stderr=subprocess.PIPE)
        t.wait_for(lambda: d.reboots() == 1, "the reboot", 4)
        assert p.wait(4) == 9


def test_confirm_within_acts_on_a_broken_environment(t):
    disk = t.image(size=1 << 20, name="disk.img")
    (t.dir / "fw_env.config").write_text(f"{disk} 0x0 0x4000\n")
    d = t.daemon(wait=False, **uboot_config(t))
    r = t.run([t.bin("fwssh-receive"), "-f", d.conf, "--confirm-within", "1"], timeout=20)
    assert r.returncode == 9 and d.reboots() == 1, r


def test_system_without_run_lock(t):
    """As with a bare tmpfs on /run."""
    if os.getuid():
        t.skip("needs root")
    config = uboot(t)
    assert not isolation.call("mount", b"tmpfs", b"/run", b"tmpfs", 0, b"mode=0755")
    assert not os.path.exists("/run/lock")
    config["lock_file"] = "/run/fwssh/DEVICE.lock"
    r = local(t, config, "--status")
    assert r.returncode == 0 and facts(r.stdout)["active"] == "a", r
    assert local(t, config, "--confirm").returncode == 0
    d = t.daemon(**config)
    assert d.push(HELLO).returncode == 0


def explain(t, text):
    (t.dir / "fw_env.config").write_text(text)
    r = local(t, uboot_config(t), "--status")
    assert r.returncode == 1, r
    return r.stderr


def test_each_fault_of_fw_env_config_has_a_message(t):
    disk = t.dir / "disk.img"
    disk.write_bytes(environment(0x2000) + bytes(0xe000))
    start = "fwssh-receive: cannot read the U-Boot environment: "
    assert "missing device: cannot open /dev/nosuch" in explain(t, "/dev/nosuch 0 0x2000\n")
    assert re.search(r"bad syntax in .*fw_env.config, line 2", explain(t, f"# disk\nhello world\n{disk}\n"))
    assert "bad syntax" in explain(t, "# nothing\n") and "bad syntax" in explain(t, "")
    wrong = explain(t, f"{disk} 0 0x4000\n")
    assert wrong.startswith(start + "wrong size") and "an environment of 0x2000 bytes, a single copy" in wrong, wrong
    assert "0x8192 bytes, a single copy (SIZE is hexadecimal)" in explain(t, f"{disk} 0 8192\n")
    assert "byte order mark" in explain(t, f"\ufeff{disk} 0 0x2000\n")
    assert "wrong size" in explain(t, f"{disk} 0xf000 0x2000\n")
    assert "wrong size" in explain(t, f"{disk} 0x20000000 0x2000\n")
    assert "bad checksum" in explain(t, f"{disk} 0x2000 0x2000\n")
    disk.write_bytes((environment(0x2000, b"\1") + environment(0x2000, b"\0")))
    assert "one of two copies" in explain(t, f"{disk} 0 0x2000\n")
    good = f"{disk} 0 0x2000\n{disk} 0x2000 0x2000\n"
    (t.dir / "fw_env.config").write_text(good)
    assert local(t, uboot_config(t), "--status").returncode == 0


def test_programs_open_descriptors_0_to_2(t):
    """Otherwise a lock, a file or a connection becomes one of them: strangers read log lines, locks are kept."""
    uboot(t)
    d = t.daemon(wait=False, **uboot_config(t))
    d.wrapper = ["/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"]
    d.write_config(log_to="syslog")
    d.process = t.start([*d.wrapper, t.bin("fwsshd"), "-f", d.conf])

    def is_up():
        return d.process.poll() is not None or d.push(b"", "-o", "ConnectTimeout=5").returncode != 255
    t.wait_for(is_up, "the daemon")
    assert d.process.poll() is None
    for fd in range(3):
        assert os.readlink(f"/proc/{d.process.pid}/fd/{fd}") == "/dev/null"
    assert d.push(HELLO).returncode == 0
    t.wait_for(lambda: environment_is_free(t), "the lock of the environment")


def test_closed_output_is_still_an_error(t):
    """What is opened in its place cannot be written to."""
    r = t.run(["/bin/sh", "-c", f"{t.bin('fwpack')} --version >&-"])
    assert r.returncode != 0, r
