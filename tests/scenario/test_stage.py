# SPDX-License-Identifier: Apache-2.0
"""Now or later: a firmware is written, and boots when requested."""
import struct
import zlib

CONF = """
meta-version = "2.0"
file-resource root { contents = "the new root" }
uboot-environment env { block-offset = 16 block-count = 8 block-offset-redund = 24 }
task complete {
  on-init { uboot_clearenv(env) }
  on-resource root { raw_write(100) }
  on-finish { uboot_setenv(env, "slot", "a") }
}
task upgrade.b {
  require-uboot-variable(env, "slot", "a")
  on-resource root { raw_write(200) }
  on-finish { uboot_setenv(env, "slot", "b") }
}
task upgrade.a {
  require-uboot-variable(env, "slot", "b")
  on-resource root { raw_write(100) }
  on-finish { uboot_setenv(env, "slot", "a") }
}
"""


def fwpack(t, *args):
    return t.run([t.bin("fwpack"), *args])


def setup(t):
    (t.dir / "x.conf").write_text(CONF)
    assert fwpack(t, "gen-keys", "-o", "key").returncode == 0
    assert fwpack(t, "create", "-f", "x.conf", "-o", "x.fw", "-s", "key.priv").returncode == 0
    image = t.image()
    assert fwpack(t, "apply", "-q", "-i", "x.fw", "-t", "complete", "-d", image).returncode == 0
    return image


def slot(image):
    """The slot named by the newer valid copy."""
    data, found = image.read_bytes(), []
    for block in (16, 24):
        copy = data[block * 512:(block + 8) * 512]
        crc, counter = struct.unpack("<IB", copy[:5])
        if zlib.crc32(copy[5:]) == crc:
            found.append((counter, dict(v.split(b"=", 1) for v in copy[5:].split(b"\0") if b"=" in v)))
    return max(found, key=lambda f: f[0])[1][b"slot"].decode()


def is_written(image):
    return image.read_bytes()[200 * 512:].startswith(b"the new root")


def stage(t, image):
    r = fwpack(t, "apply", "-q", "-i", "x.fw", "-t", "upgrade", "-d", image, "--stage", "staged", "-p", "key.pub")
    assert r.returncode == 0, r


def test_stage_writes_the_slot_and_leaves_the_switch(t):
    image = setup(t)
    stage(t, image)
    assert is_written(image) and slot(image) == "a"
    assert (t.dir / "staged").stat().st_mode & 0o777 == 0o600
    r = fwpack(t, "activate", "-i", "staged", "-d", image, "-p", "key.pub")
    assert r.returncode == 0 and slot(image) == "b", r


def test_activation_checks_everything_again(t):
    image = setup(t)
    stage(t, image)
    good = (t.dir / "staged").read_bytes()
    before = image.read_bytes()
    assert fwpack(t, "gen-keys", "-o", "other").returncode == 0

    def refused(status, words, *options):
        r = fwpack(t, "activate", "-q", "-i", "staged", "-d", image, *(options or ("-p", "key.pub")))
        assert r.returncode == status and words in r.stdout + r.stderr, r
        assert image.read_bytes() == before

    refused(4, "fails digital signature", "-p", "other.pub")
    refused(4, "is not 3.0 or newer", "--minimum-version", "3.0")
    for damage in (good.replace(b"upgrade.b", b"upgrade.a", 1), good.replace(b"upgrade.b\n", b"upgrade\n", 1)):
        (t.dir / "staged").write_bytes(damage)
        refused(4, "Couldn't find applicable task")
    for damage in (b"", good[:10], good[:20], good.replace(b"\n", b"", 2), b"x" * 5000):
        (t.dir / "staged").write_bytes(damage)
        refused(1, "is damaged")
    (t.dir / "staged").write_bytes(good.replace(b'"slot", "b"', b'"slot", "c"') if b'"slot", "b"' in good else good[:-200])
    refused(4, "")
    (t.dir / "staged").unlink()
    refused(3, "no firmware is staged")


def test_activation_checks_what_is_in_the_slot(t):
    """As after a loss of power in another update: the record is there, the slot holds something else."""
    image = setup(t)
    stage(t, image)
    good, record = image.read_bytes(), (t.dir / "staged").read_bytes()
    assert b"\n102400 512 " in record and b"\nend\n" in record

    def refused(status, words):
        before = image.read_bytes()
        r = fwpack(t, "activate", "-q", "-i", "staged", "-d", image, "-p", "key.pub")
        assert r.returncode == status and words in r.stdout + r.stderr, r
        assert image.read_bytes() == before and slot(image) == "a"

    for at in (200 * 512, 200 * 512 + 511):
        image.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1:])
        refused(4, "the slot has changed since the firmware was staged (in the 512 bytes from byte 102400)")
    image.write_bytes(good[:200 * 512])
    refused(4, "the slot has changed")
    image.write_bytes(good)
    # The list cannot be shortened without notice, nor can it claim anything.
    line = next(x for x in record.split(b"\n") if x.startswith(b"102400 "))
    for damage in (record.replace(b"\nend\n", b"\n", 1), record.replace(line, b"\0" * len(line)), record.replace(line, line[:-1]),
                   record.replace(line, b"-1 512 " + line[-64:]), record.replace(line, b"1 " + b"9" * 25 + b" " + line[-64:]),
                   record.replace(line, line.replace(b" ", b"  ")), record.replace(line, (line + b"\n") * 9000), bytes(len(record)),
                   record.replace(b"staged 2", b"staged 1")):
        (t.dir / "staged").write_bytes(damage)
        refused(1, "is damaged, or of another version")
    # The rest of the device may change: the running slot, and what the switch reads.
    (t.dir / "staged").write_bytes(record)
    image.write_bytes(good[:100 * 512] + b"x" + good[100 * 512 + 1:])
    r = fwpack(t, "activate", "-q", "-i", "staged", "-d", image, "-p", "key.pub")
    assert r.returncode == 0 and slot(image) == "b", r


FAT_CONF = """
file-resource kernel { contents = "the kernel" }
file-resource root { host-path = "holes" }
uboot-environment env { block-offset = 16 block-count = 8 block-offset-redund = 24 }
task upgrade {
  on-init { uboot_clearenv(env) fat_mkfs(1000, 2048) raw_memset(40, 2, 0xff) }
  on-resource kernel { fat_mkdir(1000, "boot") fat_write(1000, "boot/kernel") fat_mv(1000, "boot/kernel", "boot/vmlinuz") }
  on-resource root { raw_write(4000, "cipher=aes-cbc-plain", "secret=" + "%s") }
  on-finish { uboot_setenv(env, "slot", "b") }
}
""".replace('" + "%s', "0" * 64)


def test_whatever_wrote_the_slot_is_checked(t):
    """A file system with its tables, an encrypted resource with a hole, a pattern."""
    with open(t.dir / "holes", "wb") as f:
        f.write(b"start" * 1000)
        f.seek(1 << 20)
        f.write(b"end")
    (t.dir / "x.conf").write_text(FAT_CONF)
    assert fwpack(t, "create", "-f", "x.conf", "-o", "x.fw").returncode == 0
    image = t.image()
    r = fwpack(t, "apply", "-q", "-i", "x.fw", "-t", "upgrade", "-d", image, "--stage", "staged")
    assert r.returncode == 0, r
    good = image.read_bytes()
    kernel = good.index(b"the kernel")
    for at in (40 * 512, 1000 * 512, kernel, 4000 * 512, 4000 * 512 + 4999, (4000 * 512) + (1 << 20)):
        image.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1:])
        r = fwpack(t, "activate", "-q", "-i", "staged", "-d", image)
        assert r.returncode == 4 and "the slot has changed" in r.stdout + r.stderr, (at, r)
    image.write_bytes(good)
    assert fwpack(t, "activate", "-q", "-i", "staged", "-d", image).returncode == 0


def test_activation_when_another_slot_runs_by_now(t):
    image = setup(t)
    stage(t, image)
    assert fwpack(t, "apply", "-q", "-i", "x.fw", "-t", "upgrade", "-d", image).returncode == 0
    assert slot(image) == "b"
    r = fwpack(t, "activate", "-q", "-i", "staged", "-d", image)
    assert r.returncode == 4 and slot(image) == "b", r


def test_stage_on_a_device(t):
    image = setup(t)
    d = t.daemon(updater=t.bin("fwpack"), device=image, firmware_public_keys=[t.dir / "key.pub"])
    data = (t.dir / "x.fw").read_bytes()

    def ask(line, payload=b""):
        return d.push(line.encode() + b"\n" + payload, subsystem="fwssh")

    assert b"staged=no\n" in ask("fwssh/1 status").stdout
    r = ask("fwssh/1 activate")
    assert r.returncode == 3 and b"no firmware is staged" in r.stdout
    r = ask(f"fwssh/1 update size={len(data)} stage=yes", data)
    assert r.returncode == 0 and is_written(image) and slot(image) == "a" and d.reboots() == 0, r
    assert b"staged=yes\n" in ask("fwssh/1 status").stdout
    r = ask("fwssh/1 activate")
    assert (r.returncode, r.stdout) == (0, b"fwssh/1 ok\n") and slot(image) == "b", r
    d.wait_reboot()
    assert b"staged=no\n" in ask("fwssh/1 status").stdout


def test_activation_on_a_device_checks_everything_again(t):
    """Keys and minimum-version may have changed since it was staged."""
    image = setup(t)
    assert fwpack(t, "gen-keys", "-o", "other").returncode == 0
    d = t.daemon(updater=t.bin("fwpack"), device=image, firmware_public_keys=[t.dir / "key.pub"])
    data = (t.dir / "x.fw").read_bytes()
    assert d.push(b"fwssh/1 update size=%d stage=yes\n" % len(data) + data, subsystem="fwssh").returncode == 0

    def activate(**config):
        d.write_config(**config)
        d.reload()
        r = d.push(b"fwssh/1 activate\n", subsystem="fwssh")
        return r.returncode, (r.stdout + r.stderr).decode()

    status, text = activate(firmware_public_keys=[t.dir / "other.pub"])
    assert status == 4 and "digital signature" in text and slot(image) == "a", text
    status, text = activate(firmware_public_keys=[t.dir / "key.pub"], minimum_version="3.0")
    assert status == 4 and "is not 3.0 or newer" in text and slot(image) == "a", text
    status, text = activate(minimum_version="2.0")
    assert status == 0 and slot(image) == "b", text


def test_another_update_makes_the_staged_one_void(t):
    image = setup(t)
    d = t.daemon(updater=t.bin("fwpack"), device=image)
    data = (t.dir / "x.fw").read_bytes()
    assert d.push(b"fwssh/1 update size=%d stage=yes\n" % len(data) + data, subsystem="fwssh").returncode == 0
    # Even an update that fails: it may have written to the slot.
    assert d.push(b"fwup:100\n" + data[:100]).returncode != 0
    r = d.push(b"fwssh/1 activate\n", subsystem="fwssh")
    assert r.returncode == 3 and slot(image) == "a", r


def test_updater_that_cannot_stage(t):
    d = t.daemon()
    r = d.push(b"fwssh/1 update size=3 stage=yes\nabc", subsystem="fwssh")
    assert r.returncode == 3 and b"only fwpack can stage" in r.stdout and not d.updater_input()
