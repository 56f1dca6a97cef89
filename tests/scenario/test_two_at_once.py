# SPDX-License-Identifier: Apache-2.0
"""Two that write at once: a push, and an fwpack that somebody runs by hand. One of them is refused, and knows by whom."""
import fcntl
import os
import re
import subprocess

from support import isolation
from support.fixture import waits
from support.update import HELLO, assert_one_line, finish

CONF = """
task upgrade { on-init { raw_memset(0, 8, 1) } }
task status { on-init { info("a") } }
"""
STATUS_REFUSED = 3


def archive(t):
    (t.dir / "x.conf").write_text(CONF)
    assert t.run([t.bin("fwpack"), "create", "-f", "x.conf", "-o", "x.fw"]).returncode == 0
    return t.dir / "x.fw"


def by_hand(t, device, *options, env=None, task="upgrade"):
    fw = archive(t)
    return t.run([t.bin("fwpack"), "apply", "-q", "-t", task, "-d", device, "-i", fw, *options], env=env)


def lock_of(d):
    """fwpack run by hand on a device whose lock-file is not the default."""
    return {**os.environ, "FWSSH_LOCK_FILE": str(d.config["lock-file"])}


def has_open(pid, path):
    """How many descriptors a process has of a file."""
    try:
        fds = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return 0
    count = 0
    for fd in fds:
        try:
            count += os.readlink(f"/proc/{pid}/fd/{fd}") == str(path)
        except OSError:
            pass
    return count


def hold(path):
    f = open(path, "rb")
    fcntl.flock(f, fcntl.LOCK_EX)
    return f


def test_fwpack_by_hand_beside_a_push_is_refused(t):
    d = t.daemon(updater=t.updater("take; await\nprintf 'Success!\\n'; shake 0"))
    first = d.client()
    first.stdin.write(HELLO)
    t.wait_for(d.updater_pids, "the updater")
    receive, = d.pids("fwssh-receive")
    r = by_hand(t, d.config["device"], env=lock_of(d))
    assert r.returncode == STATUS_REFUSED, r
    assert re.search(rf"another update is running \(started 20.* UTC\).* held by process {receive} \(fwssh-receive\)",
                     r.stdout + r.stderr), r
    t.go()
    assert finish(first)[0] == 0
    assert not any((t.dir / "device0.img").read_bytes()[:4096]), "the refused one has written"


@waits
def test_the_disk_is_locked_whatever_the_lock_file(t):
    """Ten seconds are waited for it; the one that is refused may be the push."""
    d = t.daemon()
    with hold(d.config["device"]):
        r = d.push(HELLO)
        assert r.returncode == STATUS_REFUSED and str(d.config["device"]).encode() in r.stderr, r
        assert f"process {os.getpid()} (".encode() in r.stderr, r
        assert_one_line(r.stderr.splitlines(True)[-1])
        assert d.updater_pids() == [] and d.reboots() == 0
    assert d.push(HELLO).returncode == 0


@waits
def test_fwpack_by_hand_locks_the_image(t):
    image = t.image()
    with hold(image):
        r = by_hand(t, image)
        assert r.returncode == STATUS_REFUSED and f"process {os.getpid()} (" in r.stdout + r.stderr, r
    assert not any(image.read_bytes()[:4096])
    assert by_hand(t, image).returncode == 0 and image.read_bytes()[0] == 1


def test_push_beside_fwpack_by_hand_is_refused_at_once(t):
    """Whatever the lock file. It is not waited for: the slots would be others then."""
    d = t.daemon()
    image, fw = d.config["device"], archive(t)
    p = t.start([t.bin("fwpack"), "apply", "-q", "-t", "upgrade", "-d", image, "-i", "-"], stdin=subprocess.PIPE,
                env={"FWSSH_RESULT_FD": "2"})  # so that it waits for the end of its input
    p.stdin.write(fw.read_bytes())
    p.stdin.flush()
    t.wait_for(lambda: has_open(p.pid, image) == 2, "fwpack to lock the image")
    r = d.push(HELLO, timeout=9)
    assert r.returncode == STATUS_REFUSED and f"locked by process {p.pid} (fwpack)".encode() in r.stderr, r
    assert d.updater_pids() == []
    p.stdin.close()
    assert p.wait(20) == 0
    assert d.push(HELLO).returncode == 0


@waits
def test_wrapper_that_closes_what_it_inherits(t):
    """As Python's subprocess does, and many other languages: who holds the lock is still an ancestor. Anybody else is refused."""
    fw = archive(t).read_bytes()
    wrapper = t.script("wrapper", f"""#!/usr/bin/python3
import subprocess, sys
sys.exit(subprocess.run(["{t.bin('fwpack')}", *sys.argv[1:]]).returncode)
""")
    d = t.daemon(updater=wrapper)
    r = d.push(b"fwup:%d\n" % len(fw) + fw)
    assert r.returncode == 0, r
    # And no descriptor that is opened now is taken for one that was handed down: the words for fwsshd stay out of the device.
    assert d.config["device"].read_bytes() == b"\1" * 4096 + bytes(d.config["device"].stat().st_size - 4096)
    # That somebody says that it was handed down is not enough.
    holder = t.start(["flock", "-x", d.config["device"], "sh", "-c", "echo locked; exec cat"], stdin=subprocess.PIPE,
                     stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"locked\n"
    r = by_hand(t, d.config["device"], env={**lock_of(d), "FWSSH_LOCK_FD": "4", "FWSSH_DISK_LOCK_FD": "5"})
    assert r.returncode == STATUS_REFUSED, r


def test_slots_are_looked_at_when_the_disk_is_ours(t):
    """Whoever held it has switched slots meanwhile."""
    now = t.dir / "now"
    now.write_text("active=a\nnext=a\n")
    d = t.daemon(slot_command=t.script("slots", f'#!/bin/sh\n[ "$1" = status ] && cat {now}\n'),
                 slot_driver="command")
    with hold(d.config["device"]):
        client = d.client()
        client.stdin.write(HELLO)
        receive, = t.wait_for(lambda: d.pids("fwssh-receive"), "fwssh-receive")
        t.wait_for(lambda: has_open(receive, d.config["device"]), "fwssh-receive to look at the lock")
        now.write_text("active=a\nnext=b\n")
    status, _, err = finish(client)
    assert status == STATUS_REFUSED and b"has not booted yet" in err, err
    assert d.updater_pids() == []


def test_a_lock_that_is_held_for_a_moment_is_waited_for(t):
    """As udevd holds it."""
    image, fw = t.image(), archive(t)
    with hold(image):
        p = t.start([t.bin("fwpack"), "apply", "-q", "-t", "upgrade", "-d", image, "-i", fw])
        # One to write, one to lock.
        t.wait_for(lambda: has_open(p.pid, image) == 2 or p.poll() is not None, "fwpack to look at the lock")
        assert p.poll() is None and not any(image.read_bytes()[:4096])
    assert p.wait(20) == 0 and image.read_bytes()[0] == 1


def test_partition_locks_the_whole_disk(t):
    if os.getuid() or t.run(["sh", "-c", "command -v losetup && command -v addpart"]).returncode:
        t.skip("needs root, losetup and addpart")
    fw = archive(t)
    r = t.run(["losetup", "-P", "--show", "-f", t.image()])
    if r.returncode:
        t.skip("there is no loop device to be had")
    disk = r.stdout.strip()
    part = disk + "p1"
    try:
        if t.run(["addpart", disk, "1", "2048", "4096"]).returncode or not os.path.exists(part):
            t.skip("loop devices have no partitions here")
        with hold(disk):
            p = t.start([t.bin("fwpack"), "apply", "-q", "-t", "upgrade", "-d", part, "-i", fw])
            t.wait_for(lambda: has_open(p.pid, disk) == 1 or p.poll() is not None, "fwpack to open the disk")
            assert p.poll() is None
        assert p.wait(20) == 0
    finally:
        t.run(["delpart", disk, "1"])
        t.run(["losetup", "-d", disk])


def test_task_that_only_reports_needs_no_lock(t):
    """An ops.fw's status, asked for while an update runs."""
    image = t.image()
    with hold(image):
        assert by_hand(t, image, task="status").returncode == 0


def test_fwpack_below_a_script_uses_the_locks_that_it_inherits(t):
    fw = archive(t)
    d = t.daemon(updater=t.updater(f"take; exec {t.bin('fwpack')} -a -q -i {fw} -t upgrade -d "
                                   f"{t.dir}/device0.img"), device=t.image(name="device0.img"))
    r = d.push(HELLO)
    assert r.returncode == 0, r
    assert (t.dir / "device0.img").read_bytes()[0] == 1


def test_an_inherited_descriptor_is_checked(t):
    """One of another file, or of this one opened anew while somebody else holds it, is not the lock."""
    image, fw = t.image(), archive(t)
    pattern = t.dir / "lock-DEVICE"
    name = str(pattern).replace("DEVICE", str(image).replace("/", "_"))
    command = [t.bin("fwpack"), "apply", "-q", "-t", "upgrade", "-d", image, "-i", fw]
    open(name, "w").close()
    with hold(name), open(name) as anew, open(fw) as other:
        for f in (anew, other):
            os.set_inheritable(f.fileno(), True)
            env = {**os.environ, "FWSSH_LOCK_FILE": str(pattern), "FWSSH_LOCK_FD": str(f.fileno())}
            r = subprocess.run(command, env=env, pass_fds=[f.fileno()], capture_output=True, text=True, timeout=60)
            assert r.returncode == STATUS_REFUSED, r
    with hold(name) as ours:
        env = {**os.environ, "FWSSH_LOCK_FILE": str(pattern), "FWSSH_LOCK_FD": str(ours.fileno())}
        r = subprocess.run(command, env=env, pass_fds=[ours.fileno()], capture_output=True, timeout=60)
        assert r.returncode == 0, r


def test_two_by_hand(t):
    """The default lock file, in a directory that only root looks into."""
    if os.getuid():
        t.skip("needs root")
    image, fw = t.image(), archive(t)
    feed = subprocess.PIPE
    first = t.start([t.bin("fwpack"), "apply", "-q", "-t", "upgrade", "-d", image, "-i", "-"], stdin=feed)
    first.stdin.write(fw.read_bytes()[:-1])  # all but the end of the archive's directory
    first.stdin.flush()
    name = f"{isolation.DEVICE_LOCKS}/{str(image).replace('/', '_')}.lock"
    t.wait_for(lambda: os.path.exists(name) or first.poll() is not None, "the lock file")
    assert first.wait(20) == 0  # by hand, fwpack does not wait for the end of its input
    assert os.stat(isolation.DEVICE_LOCKS).st_mode & 0o7777 == 0o700 and os.stat(name).st_mode & 0o7777 == 0o600
    with hold(name):
        r = by_hand(t, image)
        assert r.returncode == STATUS_REFUSED, r


def test_holder_that_has_inherited_the_lock_is_named(t):
    """Until the reboot it is fwsshd; fwssh-receive, which took it, has ended."""
    d = t.daemon(reboot_command="/bin/true")
    assert d.push(HELLO).returncode == 0
    d.wait_log("rebooting")
    t.wait_for(lambda: not d.pids("fwssh-receive"), "fwssh-receive to end")
    r = d.push(HELLO)
    assert r.returncode == STATUS_REFUSED, r
    assert f"held by process {d.process.pid} (fwsshd)".encode() in r.stderr, r


def test_lock_directory_is_created(t):
    d = t.daemon(lock_file=t.dir / "new" / "DEVICE.lock")
    assert d.push(HELLO).returncode == 0
    assert (t.dir / "new").stat().st_mode & 0o7777 == 0o700


def test_lock_file_of_somebody_else_is_neither_read_nor_waited_for(t):
    if os.getuid():
        t.skip("needs root, to make files of another user")
    locks = t.dir / "locks"
    locks.mkdir()
    locks.chmod(0o1777)
    d = t.daemon(lock_file=locks / "DEVICE.lock")
    name = locks / (str(d.config["device"]).replace("/", "_") + ".lock")
    name.write_text("\033]0;owned\007 for ever, said nobody")
    os.chown(name, 65534, 65534)
    r = d.push(HELLO)
    assert r.returncode == 1 and b"owner 65534" in r.stderr and b"\033" not in r.stderr, r
    assert_one_line(r.stderr)
    locks.chmod(0o755)  # without the sticky bit the kernel has no opinion (fs.protected_regular)
    r = d.push(HELLO)
    assert r.returncode == 1 and b"owner 65534" in r.stderr and b"\033" not in r.stderr, r
    name.unlink()
    name.symlink_to(t.dir / "elsewhere")
    assert d.push(HELLO).returncode == 1 and not (t.dir / "elsewhere").exists()
    name.unlink()
    assert d.push(HELLO).returncode == 0


def test_lock_directory_that_others_can_write_to_is_refused(t):
    if os.getuid():
        t.skip("needs root, to make directories of another user")
    for owner, mode in ((65534, 0o700), (0, 0o777)):
        locks = t.dir / f"locks{owner}"
        locks.mkdir()
        locks.chmod(mode)
        os.chown(locks, owner, 0)
        d = t.daemon(lock_file=locks / "DEVICE.lock")
        r = d.push(HELLO)
        assert r.returncode == 1 and str(locks).encode() in r.stderr, r
        assert_one_line(r.stderr)


def test_mode_of_an_old_lock_file_is_narrowed(t):
    """Whoever can open it can lock it."""
    d = t.daemon()
    name = str(d.config["lock-file"]).replace("DEVICE", str(d.config["device"]).replace("/", "_"))
    open(name, "w").close()
    os.chmod(name, 0o666)
    assert d.push(HELLO).returncode == 0
    assert os.stat(name).st_mode & 0o777 == 0o600
