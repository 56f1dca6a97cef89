# SPDX-License-Identifier: Apache-2.0
"""Devices with two slots, as image files: what decides there is a U-Boot environment, an MBR or GRUB's environment block.
And a kernel that says what the test wants."""
import os
import struct

ENVIRONMENT = """nerves_fw_active=a
nerves_fw_validated=0
upgrade_available=1
bootcount=1
bootlimit=3
a.nerves_fw_version=2.0
a.nerves_fw_product=Pump
a.nerves_fw_platform=board
a.nerves_fw_architecture=arm
a.nerves_fw_uuid=aaaa
b.nerves_fw_version=1.0
b.nerves_fw_uuid=bbbb
nerves_serial_number=42
"""


def uboot(t, text=ENVIRONMENT):
    """A disk with two copies of an environment, and the configuration that finds it."""
    t.need("mkenvimage")
    (t.dir / "env.txt").write_text(text)
    assert t.run(["mkenvimage", "-r", "-s", "0x4000", "-o", "env.bin", "env.txt"]).returncode == 0
    copy = (t.dir / "env.bin").read_bytes()
    disk = t.dir / "disk.img"
    disk.write_bytes(copy * 2 + bytes(1 << 20))
    (t.dir / "fw_env.config").write_text(f"{disk} 0x0 0x4000\n{disk} 0x4000 0x4000\n")
    return uboot_config(t)


def uboot_config(t):
    disk = t.dir / "disk.img"
    return {"uboot_env_config": t.dir / "fw_env.config", "device": disk, "state_dir": t.dir / "state",
            "lock_file": t.dir / "lock"}


def receive(t, config, *args):
    """The command line of fwssh-receive with this configuration."""
    (t.dir / "state").mkdir(exist_ok=True)
    options = [x for k, v in config.items() for x in ("-o", f"{k.replace('_', '-')}={v}")]
    return [t.bin("fwssh-receive"), "-f", "/dev/null", *options, *args]


def local(t, config, *args):
    return t.run(receive(t, config, *args))


def facts(text):
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def set_env(t, **changes):
    """Replaces the environment on the disk; dots in names are written as a__b."""
    lines = dict(line.split("=", 1) for line in ENVIRONMENT.splitlines())
    lines.update({k.replace("__", "."): v for k, v in changes.items()})
    uboot(t, "".join(f"{k}={v}\n" for k, v in lines.items() if v is not None))


def mbr(*entries):
    """Block 0 with entries (active, start): partitions of type 0x83 with 100 blocks each."""
    block = bytearray(512)
    for i, (active, start) in enumerate(entries):
        block[446 + 16 * i:462 + 16 * i] = struct.pack("<B3xB3xII", 0x80 if active else 0, 0x83, start, 100)
    block[510:] = b"\x55\xaa"
    return bytes(block)


A_FIRST, B_FIRST = mbr((1, 2048), (0, 4096)), mbr((1, 4096), (0, 2048))
A_ACTIVE, B_ACTIVE = A_FIRST, mbr((0, 2048), (1, 4096))
NOTES = "nerves_fw_active=%s\na.nerves_fw_version=1.0\nb.nerves_fw_version=2.0\n"


def mbr_device(t, table, note):
    """A device whose MBR decides; the environment lies behind the partitions, and only notes."""
    uboot(t, NOTES % note)
    env = (t.dir / "disk.img").read_bytes()[:0x4000]
    (t.dir / "env.img").write_bytes(env * 2)
    (t.dir / "fw_env.config").write_text(f"{t.dir}/env.img 0x0 0x4000\n{t.dir}/env.img 0x4000 0x4000\n")
    (t.dir / "disk.img").write_bytes(table + bytes(1 << 20))
    return uboot_config(t)


def slots_of(t, config):
    r = local(t, config, "--status")
    assert r.returncode == 0, r
    now = facts(r.stdout)
    return tuple(now.get(name) for name in ("driver", "active", "next", "pending"))


def table_of(t):
    return (t.dir / "disk.img").read_bytes()[:512]


def new_boot(t):
    (t.dir / "state/running-slot").unlink()


def gpt_device(t, note, *options):
    """A disk with a GPT made by sgdisk; the environment lies elsewhere, and only notes."""
    t.need("sgdisk")
    config = mbr_device(t, bytes(512), note)
    (t.dir / "disk.img").write_bytes(bytes(8 << 20))
    sgdisk(t, t.dir / "disk.img", *options)
    return config


def sgdisk(t, disk, *options):
    r = t.run(["sgdisk", "-a", "1", *options, disk])
    assert r.returncode == 0, r
    return r.stdout


def gpt_is_right(t):
    """Both copies, by sgdisk's own checks; what it would repair is said on its error output."""
    r = t.run(["sgdisk", "-v", t.dir / "disk.img"])
    assert r.returncode == 0 and "No problems found" in r.stdout and not r.stderr, r
    disk = (t.dir / "disk.img").read_bytes()
    assert disk[1024:1024 + 128 * 128] == disk[-33 * 512:-512]


def with_cmdline(t, words, argv):
    """Runs it with another kernel command line, in a mount namespace of its own."""
    t.need("unshare")
    if os.getuid():
        t.skip("another command line needs root")
    (t.dir / "cmdline").write_text(words + "\n")
    return t.run(["unshare", "-m", "sh", "-c", 'mount --bind "$0" /proc/cmdline && exec "$@"', t.dir / "cmdline", *argv])


def grub(t, *variables):
    t.need("grub-editenv")
    path = t.dir / "grubenv"
    path.unlink(missing_ok=True)
    assert t.run(["grub-editenv", path, "create"]).returncode == 0
    assert t.run(["grub-editenv", path, "set", *variables]).returncode == 0
    return {"grubenv": path, "slot_driver": "grubenv"}


def grub_list(t):
    return facts(t.run(["grub-editenv", t.dir / "grubenv", "list"]).stdout)


class Kernel:
    """What a program is told about the disk below /: a loop device on disk.img, whose partitions are as the test says, and
    files below /run. For one process at a time, in a mount namespace of its own."""

    def __init__(self, t, *options):
        self.t, self.options = t, options
        if os.getuid() or t.run(["sh", "-c", "command -v losetup && command -v unshare"]).returncode:
            t.skip("a kernel of its own needs root, losetup and unshare")
        self.words = "quiet"
        self.root = "0:1"
        self.dir = t.dir / f"kernel{len(list(t.dir.glob('kernel*')))}"
        self.run_dir, self.blocks, self.tree = self.dir / "run", self.dir / "blocks", self.dir / "tree"
        self.boot, self.firmware = self.dir / "boot", self.dir / "firmware"
        for path in (self.run_dir, self.blocks, self.tree, self.boot, self.firmware / "efi/efivars"):
            path.mkdir(parents=True)

    def __enter__(self):
        r = self.t.run(["losetup", *self.options, "--show", "-f", self.t.dir / "disk.img"])
        if r.returncode:
            self.t.skip("there is no loop device to be had")
        self.disk = r.stdout.strip()
        number = os.stat(self.disk).st_rdev
        (self.tree / "dev").write_text(f"{os.major(number)}:{os.minor(number)}\n")
        (self.tree / "uevent").write_text(f"DEVNAME={os.path.basename(self.disk)}\n")
        (self.blocks / f"{os.major(number)}:{os.minor(number)}").symlink_to(self.tree)
        return self

    def __exit__(self, *args):
        self.t.run(["losetup", "-d", self.disk])

    def partition(self, number, start, size=100, name=None):
        """A partition as the kernel knows it; returns its number for root."""
        part = self.tree / f"p{number}"
        part.mkdir(exist_ok=True)
        for file, text in (("partition", number), ("start", start), ("size", size), ("dev", f"259:{number}"),
                           ("uevent", f"DEVTYPE=partition\nPARTN={number}\n" + (f"PARTNAME={name}" if name else ""))):
            (part / file).write_text(f"{text}\n")
        link = self.blocks / f"259:{number}"
        if not link.is_symlink():
            link.symlink_to(part)
        return f"259:{number}"

    def loader(self, name, value):
        """Sets one of systemd-boot's variables; None removes it."""
        path = self.firmware / f"efi/efivars/{name}-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
        path.unlink(missing_ok=True)
        if value is not None:
            path.write_bytes(b"\6\0\0\0" + (value + "\0").encode("utf-16-le"))

    def put(self, table):
        """Through the device: what it has cached does not follow the file."""
        with open(self.disk, "r+b") as f:
            f.write(table)
            f.flush()
            os.fsync(f.fileno())

    def run(self, argv, **kw):
        (self.dir / "cmdline").write_text(self.words + "\n")
        (self.dir / "mountinfo").write_text(f"1 0 {self.root} / / rw - ext4 /dev/root rw\n")
        return self.t.run(["unshare", "-m", "sh", "-c", """cd "$0" && mount --bind cmdline /proc/cmdline &&
mount --bind blocks /sys/dev/block && mount --bind run /run && mount --bind boot /boot &&
mount --bind firmware /sys/firmware && mount --bind mountinfo /proc/$$/mountinfo && exec "$@" """,
                           self.dir, *argv], **kw)

    def receive(self, config, *args):
        return receive(self.t, {**config, "device": self.disk}, *args)

    def local(self, config, *args):
        return self.run(self.receive(config, *args))

    def slots(self, config):
        r = self.local(config, "--status")
        assert r.returncode == 0, r
        now = facts(r.stdout)
        return tuple(now.get(name) for name in ("driver", "active", "next", "pending"))
