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
