# SPDX-License-Identifier: Apache-2.0
"""A real block device under fwpack: O_DIRECT, mounts, flushes, the end of the medium."""
import os
import random

from support.adapter import ADAPTERS

CONF = '''
file-resource data { host-path = "data" }
task complete { on-init { raw_memset(0, 8, 0xff) } on-resource data { raw_write(77) } on-finish { raw_memset(3, 1, 7) } }
task safe { require-unmounted-destination = true on-init { raw_memset(9000, 1, 0) } }
task loose { on-init { raw_memset(9000, 1, 0) } }
task over { on-init { raw_memset(10239, 1, 1) } }
task other { on-init { raw_memset(10240, 1, 1) } }
task behind { on-init { raw_memset(0, 1, 1) raw_memset(16384, 1, 1) } }
task reads { on-init { info("nothing to write") } }
task trims { on-init { trim(4096, 4096) } }
'''
SIZE = 8 << 20


class Loop:
    """A loop device on a file of the test; skipped if there can be none."""

    def __init__(self, t, name="loop.img"):
        self.t = t
        if os.getuid() or t.run(["sh", "-c", "command -v losetup"]).returncode:
            t.skip("loop devices need root and losetup")
        self.file = t.image(size=SIZE, name=name)

    def __enter__(self):
        r = self.t.run(["losetup", "--show", "-f", self.file])
        if r.returncode:
            self.t.skip("there is no loop device to be had")
        self.path = r.stdout.strip()
        return self

    def __exit__(self, *args):
        self.t.run(["losetup", "-d", self.path])


def apply(t, device, task, *args):
    data = random.Random(4).randbytes(3_000_001)
    (t.dir / "data").write_bytes(data)
    (t.dir / "x.conf").write_text(CONF)
    if not (t.dir / "x.fw").exists():
        assert t.run([t.bin("fwpack"), "-c", "-f", "x.conf", "-o", "x.fw"]).returncode == 0
    return t.run([t.bin("fwpack"), "-a", "-i", "x.fw", "-t", task, "-d", device, "-q", *args]), data


def test_direct_io_writes_the_same_as_into_a_file(t):
    with Loop(t) as loop:
        r, data = apply(t, loop.path, "complete")
        assert (r.returncode, r.stdout) == (0, "")
        t.run(["sync", loop.path])
        image = loop.file.read_bytes()
    assert len(image) == SIZE
    assert image[:512 * 8] == b"\xff" * 1536 + b"\x07" * 512 + b"\xff" * 2048
    assert image[77 * 512:77 * 512 + len(data)] == data
    assert not any(image[77 * 512 + len(data):])


def test_what_does_not_fit_is_refused_before_the_first_write(t):
    with Loop(t) as loop:
        r, _ = apply(t, loop.path, "behind")
        assert r.returncode == 1 and "nothing was written" in r.stdout
        assert not any(loop.file.read_bytes())


def test_read_only_device_is_named_as_such(t):
    """As a boot partition of an eMMC is: it can be opened, but not written. A task that only reads works."""
    with Loop(t) as loop:
        t.run(["losetup", "-d", loop.path])
        r = t.run(["losetup", "--show", "-r", "-f", loop.file])
        assert r.returncode == 0, r
        loop.path = r.stdout.strip()
        r, _ = apply(t, loop.path, "loose")
        assert r.returncode == 1 and "the device is read-only" in r.stdout and "media size" not in r.stdout, r
        assert t.run([t.bin("fwpack"), "-a", "-q", "-i", "x.fw", "-t", "reads", "-d", loop.path]).returncode == 0


def test_trim_of_a_device_takes_its_range_and_no_more(t):
    with Loop(t) as loop:
        loop.file.write_bytes(b"\x55" * SIZE)
        r, _ = apply(t, loop.path, "trims", "--enable-trim")
        assert r.returncode == 0
        if "failed" in r.stdout:
            t.skip("the loop device cannot discard here")
        t.run(["sync", loop.path])
        image = loop.file.read_bytes()
    assert image == b"\x55" * (2 << 20) + bytes(2 << 20) + b"\x55" * (4 << 20)


def test_mounted_destinations(t):
    t.need("mkfs.ext2")
    with Loop(t) as loop:
        mount = t.dir / "mnt"
        mount.mkdir()
        assert t.run(["mkfs.ext2", "-q", "-F", loop.path]).returncode == 0
        if t.run(["mount", "-t", "ext2", loop.path, mount]).returncode:
            t.skip("nothing can be mounted here")
        try:
            before = loop.file.read_bytes()
            r, _ = apply(t, loop.path, "safe", "-U")
            assert r.returncode == 1 and str(mount) in r.stdout and "nothing was written" in r.stdout
            assert loop.file.read_bytes() == before
            # Without -U fwpack unmounts it first.
            r, _ = apply(t, loop.path, "safe")
            assert r.returncode == 0, r
            assert not mount.is_mount()
        finally:
            t.run(["umount", mount])


def test_mounted_destinations_by_other_names(t):
    """The device may be a link (as below /dev/disk), and so may what is in the mount table."""
    for program in ("mkfs.ext2", "busybox"):
        t.need(program)
    mount, card, alias = t.dir / "mnt", t.dir / "card", t.dir / "alias"
    mount.mkdir()
    with Loop(t) as loop:
        card.symlink_to(loop.path)
        alias.symlink_to(loop.path)
        for mounted, device in ((loop.path, card), (alias, loop.path), (alias, card)):
            assert t.run(["mkfs.ext2", "-q", "-F", loop.path]).returncode == 0
            if t.run(["busybox", "mount", "-t", "ext2", mounted, mount]).returncode:
                t.skip("nothing can be mounted here")
            try:
                r, _ = apply(t, device, "loose")
                assert r.returncode == 0 and not mount.is_mount(), (mounted, device, r)
            finally:
                t.run(["umount", mount])


def test_mounts_within_mounts_are_unmounted_from_the_inside(t):
    t.need("mkfs.ext2")
    mount = t.dir / "mnt"
    mount.mkdir()
    with Loop(t) as loop:
        assert t.run(["mkfs.ext2", "-q", "-F", loop.path]).returncode == 0
        if t.run(["mount", "-t", "ext2", loop.path, mount]).returncode:
            t.skip("nothing can be mounted here")
        try:
            inner = mount / "inner"
            inner.mkdir()
            assert t.run(["mount", "--bind", mount, inner]).returncode == 0
            r, _ = apply(t, loop.path, "loose")
            assert r.returncode == 0 and not mount.is_mount(), r
        finally:
            t.run(["umount", "-R", mount])


def lend_system(t, mount):
    """What fwpack needs when this is its root directory."""
    for folder in ("/usr", "/lib", "/lib64", "/proc", "/sys", "/dev", str(t.dir), os.path.dirname(t.bin("fwpack"))):
        if os.path.isdir(folder):
            (mount / folder[1:]).mkdir(parents=True, exist_ok=True)
            assert t.run(["mount", "--rbind", folder, str(mount) + folder]).returncode == 0
    (mount / "run").mkdir()  # for fwpack's lock


def test_nothing_is_unmounted_if_the_root_is_on_the_device(t):
    """It stays busy, and must not become read-only. One that is read-only may stay, as on a device with squashfs."""
    for program in ("mkfs.ext2", "chroot"):
        t.need(program)
    mount = t.dir.parent / f"{t.dir.name}-root"  # not below t.dir, which is lent
    data = mount / "data"
    mount.mkdir()
    with Loop(t) as loop:
        assert apply(t, loop.path, "reads")[0].returncode == 0  # makes the archive
        assert t.run(["mkfs.ext2", "-q", "-F", loop.path]).returncode == 0
        if t.run(["mount", "-t", "ext2", loop.path, mount]).returncode:
            t.skip("nothing can be mounted here")
        argv = ["chroot", mount, t.bin("fwpack"), "-a", "-q", "-i", t.dir / "x.fw", "-d", loop.path, "-t", "reads"]
        try:
            data.mkdir()
            assert t.run(["mount", "--bind", mount, data]).returncode == 0
            lend_system(t, mount)
            r = t.run(argv)
            assert r.returncode == 1 and f"cannot unmount {loop.path} from /: Device or resource busy" in r.stdout, r
            assert data.is_mount()
            (mount / "still-writable").touch()
            assert t.run(["mount", "-t", "tmpfs", "none", mount / "run"]).returncode == 0
            assert t.run(["mount", "-o", "remount,ro", loop.path, mount]).returncode == 0
            r = t.run(argv)
            assert r.returncode == 0 and not data.is_mount(), r
        finally:
            t.run(["umount", "-R", "-l", mount])
            mount.rmdir()


def enter_root(t, loop, mount):
    """Mounts partition 1 of the loop device (blocks 2048 to 10239), ready for chroot(8); returns its node."""
    assert t.run(["sfdisk", "-q", loop.path], input="start=2048,size=8192,type=83\n").returncode == 0
    if t.run(["partx", "-a", loop.path]).returncode:
        t.skip("the kernel takes no partitions of a loop device here")
    name = os.path.basename(loop.path)
    major, minor = open(f"/sys/block/{name}/{name}p1/dev").read().split(":")
    part = t.dir / "root"
    assert t.run(["mknod", part, "b", major, minor.strip()]).returncode == 0
    assert t.run(["mkfs.ext2", "-q", "-F", part]).returncode == 0
    if t.run(["mount", "-t", "ext2", part, mount]).returncode:
        t.skip("nothing can be mounted here")
    lend_system(t, mount)
    return part


def test_running_root_is_never_written_over(t):
    """Whatever the tasks believe, and whether or not they ask for an unmounted destination."""
    for program in ("mkfs.ext2", "sfdisk", "partx", "chroot"):
        t.need(program)
    mount = t.dir / "mnt"
    mount.mkdir()
    with Loop(t) as loop:
        try:
            enter_root(t, loop, mount)
            assert apply(t, loop.path, "trims")[0].returncode == 0  # also makes the archive
            for options in ([], ["-U"]):
                argv = ["chroot", mount, t.bin("fwpack"), "-a", "-q", "-i", t.dir / "x.fw", "-d", loop.path, *options]
                r = t.run([*argv, "-t", "over"])
                assert r.returncode == 1 and "over the running root file system; nothing was written" in r.stdout, r
                assert loop.file.read_bytes()[10239 * 512:10240 * 512] == bytes(512)
                r = t.run([*argv, "-t", "other"])
                assert r.returncode == 0, r
        finally:
            t.run(["umount", "-R", "-l", mount])
            t.run(["partx", "-d", loop.path])


IMAGE_CONF = """
slot_a={a}
slot_b={b}
running() {{ echo a; }}
next() {{ echo a; }}
switch_to() {{ echo "$1" > {dir}/switched; }}
"""


def write_image(t, a, b, *shell):
    """The adapter for plain images, whose site says that slot a runs: its result and reason."""
    (t.dir / "image.conf").write_text(IMAGE_CONF.format(a=a, b=b, dir=t.dir))
    env = {"FWSSH_UPDATER_CONF": str(t.dir / "image.conf"), "FWSSH_RESULT_FD": "3", "FWSSH_SIZE": "5"}
    adapter = t.src / ADAPTERS / "fwssh-updater-image"
    r = t.run(["sh", "-c", f"echo hello | {' '.join(shell)} {adapter} write 3>{t.dir}/because"], env=env)
    assert (t.dir / "switched").exists() == (r.returncode == 0), r
    return r, (t.dir / "because").read_text()


def test_plain_image_never_goes_over_what_is_in_use(t):
    """Whatever the site says, and whatever the mount table calls it: as /dev/root,."""
    for program in ("mkfs.ext2", "busybox"):
        t.need(program)
    mount, alias = t.dir / "mnt", t.dir / "alias"
    mount.mkdir()
    with Loop(t) as loop, Loop(t, "other.img") as other:
        assert t.run(["mkfs.ext2", "-q", "-F", loop.path]).returncode == 0
        alias.symlink_to(loop.path)
        if t.run(["busybox", "mount", "-t", "ext2", alias, mount]).returncode:
            t.skip("nothing can be mounted here")
        try:
            before = loop.file.read_bytes()
            for shell in ((), ("busybox", "sh")):
                r, because = write_image(t, other.path, loop.path, *shell)
                assert r.returncode == 3 and "slot b" in because and "in use" in because, (r, because)
                assert loop.file.read_bytes() == before
        finally:
            t.run(["umount", mount])
        r, because = write_image(t, other.path, loop.path)
        assert r.returncode == 0 and loop.file.read_bytes()[:5] == b"hello", (r, because)
