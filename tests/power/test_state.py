# SPDX-License-Identifier: Apache-2.0
"""A loss of power and the files in state-dir: what must be on the disk before the next step is."""
import os
import re
import shutil
import struct
import zlib

CONF = """
meta-version = "%s"
file-resource root { host-path = "root-%s" }
uboot-environment env { block-offset = 16 block-count = 8 block-offset-redund = 24 }
task complete {
  on-init { uboot_clearenv(env) }
  on-resource root { raw_write(100) }
  on-finish { uboot_setenv(env, "slot", "a") }
}
task upgrade {
  require-uboot-variable(env, "slot", "a")
  on-resource root { raw_write(20000) }
  on-finish { uboot_setenv(env, "slot", "b") }
}
"""
ROOT = 2 << 20
CALLS = "openat,open,creat,unlink,unlinkat,rename,renameat,renameat2,fsync,fdatasync,pwrite64,pwritev,pwritev2"


def firmware(t, version):
    """It does not compress, so that a part of it arrives with a part of the archive."""
    (t.dir / f"root-{version}").write_bytes(b"".join(
        struct.pack("<8sQ", version.encode(), i) + os.urandom(16) for i in range(ROOT // 32)))
    (t.dir / "x.conf").write_text(CONF % (version, version))
    fw = t.dir / f"{version}.fw"
    assert t.run([t.bin("fwpack"), "create", "-1", "-f", "x.conf", "-o", fw]).returncode == 0
    return fw


def slot(image):
    found = []
    for block in (16, 24):
        copy = image[block * 512:(block + 8) * 512]
        if struct.unpack("<I", copy[:4])[0] == zlib.crc32(copy[5:]):
            found.append((copy[4], b"slot=b" in copy))
    return "b" if max(found)[1] else "a"


def setup(t, **config):
    image = t.image(size=16 << 20)
    old = firmware(t, "1.0")
    assert t.run([t.bin("fwpack"), "apply", "-q", "-i", old, "-t", "complete", "-d", image]).returncode == 0
    d = t.daemon(wait=False, updater=t.bin("fwpack"), device=image, slot_driver="command", slot_command="/bin/true",
                 **config)
    return image, d


class Trace:
    """The calls of fwssh-receive and its updater, in their order."""

    def __init__(self, t, d, request):
        t.need("strace")
        if t.sanitized():
            t.skip("the leak sanitizer does not work below strace")
        path = t.dir / "trace"
        r = t.run(["strace", "-f", "-y", "-s", "300", "-o", path, "-e", f"trace={CALLS}", t.bin("fwssh-receive"), "-f",
                   d.conf, "-s", "fwssh"], input=request, text=False)
        if b"PTRACE" in r.stderr or not path.exists():
            t.skip("strace may not trace here")
        assert r.returncode == 0, r
        self.lines = list(self.whole(path.read_text().splitlines()))

    def whole(self, lines):
        """A call during which another process made one comes in two halves: as one line, where it ended."""
        begun = {}
        for line in lines:
            pid, _, rest = line.partition(" ")
            resumed = re.match(r" *<\.\.\. \w+ resumed>(.*)", rest)
            if line.endswith("<unfinished ...>"):
                begun[pid] = line.removesuffix("<unfinished ...>").rstrip()
            else:
                yield begun.pop(pid, pid + " ") + resumed[1] if resumed else line

    def find(self, pattern, start=0):
        """The first call that fits, from there on."""
        for i in range(start, len(self.lines)):
            if re.search(pattern, self.lines[i]):
                return i
        raise AssertionError(f"no {pattern} after line {start}:\n" + "\n".join(self.lines))


def ask(line, fw=None):
    return line.encode() + b"\n" + (fw.read_bytes() if fw else b"")


def update(fw, more=""):
    return ask(f"fwssh/1 update size={fw.stat().st_size} reboot=no{more}", fw)


def flushed(name):
    return rf"fsync\(\d+<[^>]*/{name}>\) += 0"


def test_record_of_a_staged_firmware_is_gone_before_the_first_write(t):
    image, d = setup(t)
    before = image.read_bytes()
    Trace(t, d, update(firmware(t, "2.0"), " stage=yes"))
    assert (d.state / "staged").exists()
    # Even if an earlier attempt has removed it and was killed before the flush.
    for removed in (r"unlink\(\"[^\"]*/staged\"\) += 0", r"unlink\(\"[^\"]*/staged\"\) += -1 ENOENT"):
        image.write_bytes(before)
        trace = Trace(t, d, update(firmware(t, "3.0")))
        at = trace.find(flushed(d.state.name), trace.find(removed))
        assert at < trace.find(rf"pwritev?\d*\(\d+<[^>]*/{image.name}>")


def test_note_of_an_unfinished_update_is_there_before_the_first_write(t):
    """And after the last one it goes."""
    image, d = setup(t)
    trace = Trace(t, d, update(firmware(t, "2.0")))
    at = trace.find(flushed("unfinished-update\\.[^/]*"))
    at = trace.find(r"rename\(\"[^\"]*\", \"[^\"]*/unfinished-update\"\) += 0", at)
    at = trace.find(flushed(d.state.name), at)
    written = [i for i, line in enumerate(trace.lines) if re.search(rf"pwritev?\d*\(\d+<[^>]*/{image.name}>", line)]
    assert at < written[0]
    at = trace.find(r"unlink\(\"[^\"]*/unfinished-update\"\) += 0", written[-1])
    trace.find(flushed(d.state.name), at)


def test_version_is_recorded_before_the_switch(t):
    image, d = setup(t, refuse_older=True)
    d.state.mkdir()
    (d.state / "allow-older").touch()
    trace = Trace(t, d, update(firmware(t, "2.0")))
    at = trace.find(flushed("pending-version\\.[^/]*"))
    at = trace.find(r"rename\(\"[^\"]*\", \"[^\"]*/pending-version\"\) += 0", at)
    at = trace.find(flushed(d.state.name), at)
    at = trace.find(r"unlink\(\"[^\"]*/allow-older\"\) += 0", at)
    at = trace.find(flushed(d.state.name), at)
    # All of the slot was written, and flushed, before; the switch comes after. 8192: block 16.
    before = [i for i, line in enumerate(trace.lines) if re.search(rf"pwritev?\d*\(\d+<[^>]*/{image.name}>", line)]
    assert any(i < at for i in before)
    for i in before:
        offset = int(trace.lines[i].rsplit(") ", 1)[0].rsplit(", ", 1)[1])
        assert (offset < 100 * 512) == (i > at), trace.lines[i]


def test_power_cut_in_the_update_after_a_staged_one(t):
    """On a real file system: what its medium holds at this moment is all that is left."""
    for program in ("mkfs.ext4", "losetup"):
        t.need(program)
    if os.getuid():
        t.skip("mounting needs root")
    medium, mount = t.image(size=16 << 20, name="medium"), t.dir / "data"
    mount.mkdir()
    assert t.run(["mkfs.ext4", "-q", "-F", medium]).returncode == 0
    # Nothing reaches the medium by the clock.
    if t.run(["mount", "-o", "loop,commit=300", medium, mount]).returncode:
        t.skip("no loop device can be mounted here")
    image = None
    try:
        image, d = setup(t, state_dir=mount / "state")
        d.start()
        staged = firmware(t, "2.0")
        r = d.push(update(staged, " stage=yes"), subsystem="fwssh")
        assert r.returncode == 0 and (mount / "state/staged").exists(), r
        t.run(["sync", "-f", mount])
        client = d.client(subsystem="fwssh")
        data = update(firmware(t, "3.0"))
        client.stdin.write(data[:len(data) * 3 // 4])
        t.wait_for(lambda: b"3.0\0" in image.read_bytes()[20000 * 512:], "a part of the new firmware in the slot")
        # The power goes.
        shutil.copyfile(medium, t.dir / "cut")
        shutil.copyfile(image, t.dir / "disk")
        client.kill()
    finally:
        for x in t.daemons:
            x.stop()
        t.run(["umount", mount])
    assert t.run(["mount", "-o", "loop", t.dir / "cut", mount]).returncode == 0
    try:
        assert (mount / "state/ssh_host_ed25519_key").exists() and not (mount / "state/staged").exists()
        d.write_config(device=t.dir / "disk")
        d.start()
        r = d.push(b"fwssh/1 activate\n", subsystem="fwssh")
        assert r.returncode == 3 and slot((t.dir / "disk").read_bytes()) == "a", r
        d.stop()
    finally:
        t.run(["umount", mount])
