# SPDX-License-Identifier: Apache-2.0
"""Downgrade protection: the newest version that has proved itself on a device, and the owner's exception."""
import os
import re
import shutil

from support.process import children

CONF = """
%s
uboot-environment env { block-offset = 16 block-count = 8 }
file-resource x { contents = "%s" }
task upgrade {
  on-init { uboot_clearenv(env) }
  on-resource x { raw_write(100) }
  on-finish { %s uboot_setenv(env, "slot", "new") }
}
"""
UNKNOWN = {}  # what a device without a slot driver reports


def firmware(t, version, finish=""):
    line = f'meta-version = "{version}"\n' if version else ""
    (t.dir / "x.conf").write_text(CONF % (line, version or "none", finish))
    fw = t.dir / "x.fw"
    assert t.run([t.bin("fwpack"), "create", "-f", "x.conf", "-o", fw]).returncode == 0
    return fw.read_bytes()


def uuid(t):
    """Of the firmware made last."""
    return re.search(r'meta-uuid="(.*)"', t.run([t.bin("fwpack"), "metadata", "x.fw"]).stdout)[1]


class Device:
    """A daemon with a slot command that reports what the test says."""

    def __init__(self, t, facts=UNKNOWN, **config):
        self.t = t
        self.facts = t.dir / "facts"
        self.report(**facts)
        self.image = t.image()
        self.d = t.daemon(updater=t.bin("fwpack"), refuse_older=True, audit_file=str(t.dir / "audit"), device=self.image,
                          slot_driver="command", slot_command=f"/bin/sh {t.script('slots', self.slots())}", **config)
        self.state = self.d.config["state-dir"]
        self.newest = self.state / "newest-version"
        self.pending = self.state / "pending-version"
        self.wait_for_slots(1)

    def slots(self):
        return f'[ "$1" != status ] || {{ echo asked >> {self.facts}.asked; cat {self.facts}; }}\n'

    def asked(self):
        log = self.facts.with_name("facts.asked")
        return log.read_text().count("asked") if log.exists() else 0

    def report(self, **facts):
        self.facts.write_text("".join(f"{k}={v}\n" for k, v in facts.items()))

    def push(self, *versions, finish=""):
        archives = [firmware(self.t, v, finish) for v in versions]
        header = ",".join(f"fwup:{len(a)}" for a in archives)
        return self.d.push(header.encode() + b"\n" + b"".join(archives))

    def ask(self, line, payload=b""):
        return self.d.push(line.encode() + b"\n" + payload, subsystem="fwssh")

    def reboot(self, **facts):
        """As far as the version is concerned: another boot id, what runs then, and fwsshd's start."""
        self.d.stop()
        if self.pending.exists():
            text = re.sub(r"[0-9a-f-]{36}$", "0" * 36, self.pending.read_text(), flags=re.M)
            self.pending.write_text(text)
        self.report(**facts)
        before = self.asked()
        self.d.start()
        self.wait_for_slots(before + 1)

    def wait_for_slots(self, asked):
        """At its start, once it listens, fwsshd has a child ask what runs."""
        self.t.wait_for(lambda: self.asked() >= asked and not children(self.d.process.pid), "the answer of the slots")

    def floor(self):
        return self.newest.read_text().strip() if self.newest.exists() else None

    def switched(self):
        return b"slot=new" in self.image.read_bytes()

    def wait_audit(self, text):
        self.t.wait_for(lambda: text in (self.t.dir / "audit").read_text(), f"'{text}' in the audit file")
        assert text in self.d.log()


def refused(dev, version, words, status=4):
    before = dev.image.read_bytes()
    r = dev.push(version)
    assert r.returncode == status and words.encode() in r.stdout + r.stderr, (version, r)
    assert dev.image.read_bytes() == before
    dev.wait_audit(words)


def test_newest_version_only_goes_up(t):
    dev = Device(t)
    for version, floor in (("1.5.0", "1.5.0"), ("1.5.0", "1.5.0"), ("v1.10.0", "v1.10.0"), ("1.10.0", "v1.10.0"),
                           ("1.10.0-5-gabcd", "1.10.0-5-gabcd"), ("1.11.0-rc.1", "1.11.0-rc.1"), ("1.11", "1.11"),
                           ("1.11.0.10", "1.11.0.10")):
        assert dev.push(version).returncode == 0, version
        dev.reboot()
        assert dev.floor() == floor, version
    for version in ("1.11.0.2", "1.11", "1.11-4", "1.9.9"):
        refused(dev, version, f"firmware version {version} is not 1.11.0.10 or newer, as this device requires")
    for version in ("", "next", "R5", "1." + "2" * 300):
        refused(dev, version, "cannot be compared with 1.11.0.10")
    assert dev.floor() == "1.11.0.10" and not dev.pending.exists()
    long = "1.12." + "3" * 200
    assert dev.push(long).returncode == 0
    dev.reboot()
    assert dev.floor() == long
    refused(dev, long[:-1] + "2", "is not ")


def test_what_cannot_be_compared_is_refused_from_the_first(t):
    """It could not be recorded either."""
    dev = Device(t)
    for version in ("", "monday", "1.2 beta"):
        refused(dev, version, "cannot be compared with later ones")
    assert dev.push("0.1").returncode == 0


def test_counts_when_it_is_confirmed(t):
    old = {"active": "a", "next": "a", "version": "1.9", "uuid": "1", "confirmed": "yes"}
    dev = Device(t, old)
    assert dev.push("2.0").returncode == 0
    new = {"active": "b", "next": "b", "version": "2.0", "uuid": uuid(t)}
    assert "2.0 " + new["uuid"] in dev.pending.read_text() and dev.pending.stat().st_mode & 0o777 == 0o600
    # It has not booted yet, fails, and the device goes back: 1.9.1 must not be shut out.
    dev.report(**{**old, "next": "b"})
    assert dev.floor() is None
    dev.reboot(**new, confirmed="no")
    assert dev.floor() is None
    dev.reboot(**old)
    assert dev.floor() is None and dev.push("1.9.1").returncode == 0
    # The second time it is confirmed, over SSH or by a script.
    dev.reboot(**new, confirmed="no")
    assert dev.floor() is None
    dev.report(**new, confirmed="yes")
    assert dev.ask("fwssh/1 confirm").returncode == 0 and dev.floor() == "2.0"
    assert "2.0" not in dev.pending.read_text() and "1.9.1" in dev.pending.read_text()
    refused(dev, "1.9.1", "is not 2.0 or newer")


def test_counts_when_a_script_confirms_it(t):
    old = {"active": "a", "next": "a", "version": "1.9", "uuid": "1", "confirmed": "yes"}
    for words in (["--confirm"], ["--confirm-within", "20"]):
        dev = Device(t, old)
        assert dev.push("2.0").returncode == 0
        dev.d.stop()
        dev.report(active="b", next="b", version="2.0", uuid=uuid(t), confirmed="yes")
        r = t.run([t.bin("fwssh-receive"), "-f", dev.d.conf, *words])
        assert r.returncode == 0 and dev.floor() == "2.0", (words, r)


def test_counts_before_the_device_leaves_it(t):
    """Under plain sshd nobody looks at its start: a revert of what has proved itself must not make it unseen."""
    old = {"active": "a", "next": "a", "version": "1.9", "uuid": "1", "confirmed": "yes"}
    for over_ssh in (True, False):
        dev = Device(t, old)
        assert dev.push("2.0").returncode == 0
        new = {"active": "b", "next": "b", "version": "2.0", "uuid": uuid(t)}
        for confirmed, floor in (("no", None), ("yes", "2.0")):
            dev.report(**new, confirmed=confirmed)
            if over_ssh:
                assert dev.ask("fwssh/1 revert").returncode in (0, 3)
            else:
                assert t.run([t.bin("fwssh-receive"), "-f", dev.d.conf, "--revert", "old"]).returncode == 0
            assert dev.floor() == floor, (over_ssh, confirmed)


def test_counts_at_the_first_start_where_nothing_confirms(t):
    dev = Device(t, {"active": "a", "next": "a", "version": "1.0", "uuid": "1"})
    assert dev.push("2.0").returncode == 0
    dev.reboot(active="a", next="a", version="1.0", uuid="1")  # went back
    assert dev.floor() is None
    # On trial: the other one boots next.
    dev.reboot(active="b", next="a", pending="fallback", version="2.0", uuid=uuid(t))
    assert dev.floor() is None
    dev.reboot(active="b", next="b", version="2.0", uuid=uuid(t))
    assert dev.floor() == "2.0" and not dev.pending.exists()


def test_failed_switch_leaves_no_version_behind(t):
    dev = Device(t)
    assert dev.push("2.0", finish='error("not today")').returncode == 4 and not dev.pending.exists()
    assert dev.push("1.0").returncode == 0
    before = dev.pending.read_bytes()
    assert dev.push("2.0", finish='error("not today")').returncode == 4 and dev.pending.read_bytes() == before


def test_exception_is_used_up_and_audited(t):
    dev = Device(t, minimum_version="0.5")
    assert dev.push("2.0").returncode == 0
    dev.reboot()
    exception = dev.state / "allow-older"
    exception.touch()
    # A failed update does not use it up, and it does not override the configuration.
    assert dev.push("0.4").returncode == 4 and exception.exists()
    assert dev.push("1.0").returncode == 0 and not exception.exists()
    assert dev.floor() == "2.0"
    dev.wait_audit("allow-older in state-dir was used; the newest version so far is 2.0")
    dev.reboot()
    assert dev.floor() == "2.0"
    refused(dev, "1.0", "is not 2.0 or newer")
    # Not a directory, a link, or somebody else's file.
    exception.symlink_to(dev.newest)
    refused(dev, "1.0", "is not 2.0 or newer")
    exception.unlink()
    if os.geteuid() == 0:
        exception.touch()
        os.chown(exception, 12345, 12345)
        refused(dev, "1.0", "is not 2.0 or newer")


def test_exception_is_gone_before_the_switch(t):
    """And if it cannot be removed, nothing is switched."""
    dev = Device(t)
    assert dev.push("2.0").returncode == 0
    dev.reboot()
    dev.image.write_bytes(bytes(8 << 20))
    (dev.state / "allow-older").touch()
    fw = firmware(t, "1.0") and t.dir / "x.fw"
    (t.dir / "full").mkdir()
    r = t.run([t.bin("fwpack"), "apply", "-q", "-i", fw, "-t", "upgrade", "-d", dev.image, "--pending-version",
               t.dir / "pending", "--use-up", t.dir / "full"])
    assert r.returncode == 1 and "cannot remove" in r.stdout + r.stderr and not dev.switched(), r
    assert not (t.dir / "pending").exists()


def test_damaged_file_closes(t):
    dev = Device(t)
    assert dev.push("2.0").returncode == 0
    dev.reboot()
    damages = (b"", b"\0" * 4, b"garbage\n", b"2.0\0\0\0", b"2.0\n2.1\n", b"2.0 \n", b"\n2.0\n", b"1" * 1000)
    for damage in damages:
        dev.newest.write_bytes(damage)
        refused(dev, "3.0", "no update is accepted, since it might be older (key refuse-older)", 3)
        assert dev.newest.read_bytes() == damage
        # fwsshd starts all the same, and says so when asked.
        dev.reboot()
        r = t.run([t.bin("fwsshd"), "-f", dev.d.conf, "-t"])
        assert r.returncode == 1 and "FAIL versions: " in r.stderr and "no update will be accepted (key refuse-older)" in r.stderr, r
    dev.newest.unlink()
    dev.newest.mkdir()
    refused(dev, "3.0", "no update is accepted", 3)
    # The two ways out.
    (dev.state / "allow-older").touch()
    assert dev.push("3.0").returncode == 0
    dev.d.write_config(refuse_older=False)
    dev.d.reload()
    assert dev.push("1.0").returncode == 0


def test_pending_version_that_is_damaged(t):
    """What runs counts in its place."""
    dev = Device(t, {"active": "a", "next": "a", "version": "1.5", "uuid": "1", "confirmed": "yes"})
    for damage in (b"", b"\0" * 10, b"2.0 x\n", b"garbage"):
        dev.pending.write_bytes(damage)
        refused(dev, "1.4", "is not 1.5 or newer")
        assert dev.floor() == "1.5" and not dev.pending.exists()
        dev.wait_audit("pending-version is damaged; the version that runs counts instead (1.5)")


def test_version_that_cannot_be_recorded(t):
    """No switch; and fwsshd -t says so beforehand."""
    if os.geteuid() != 0:
        t.skip("mounting needs root")
    full, dev = t.dir / "full", None
    full.mkdir()
    if t.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "none", full]).returncode:
        t.skip("nothing can be mounted here")
    try:
        dev = Device(t, state_dir=full)
        assert "FAIL versions" not in t.run([t.bin("fwsshd"), "-f", dev.d.conf, "-t"]).stderr
        with open(full / "rest", "wb") as f:
            try:
                f.write(b"x" * 131072)
                f.flush()
            except OSError:
                pass
        r = t.run([t.bin("fwsshd"), "-f", dev.d.conf, "-t"])
        assert r.returncode == 1 and "No space left on device" in r.stderr, r
        r = dev.push("1.0")
        assert r.returncode == 1 and b"the version could not be recorded" in r.stdout + r.stderr, r
        dev.wait_audit("No space left on device")
        assert not dev.switched() and not (full / "pending-version").exists()
        (full / "rest").unlink()
        assert dev.push("1.0").returncode == 0 and dev.switched()
        # A version that has proved itself, and no room for it: no update until there is.
        dev.reboot()
        assert (full / "newest-version").exists()
        (full / "newest-version").unlink()
        (full / "pending-version").write_text("1.0 x 00000000-0000-0000-0000-000000000000\n")
        assert t.run(["mount", "-o", "remount,ro", full]).returncode == 0
        refused(dev, "2.0", "cannot record the newest version (key refuse-older)", 3)
        r = t.run([t.bin("fwsshd"), "-f", dev.d.conf, "-t"])
        assert r.returncode == 1 and "Read-only file system" in r.stderr, r
        dev.d.write_config(refuse_older=False)
        dev.d.reload()
        assert dev.push("0.1").returncode == 0
    finally:
        if dev:
            dev.d.stop()
        t.run(["umount", full])


def test_state_directory_is_made_when_it_is_needed(t):
    """Even if the host key is in system-dir."""
    system = t.dir / "system"
    system.mkdir()
    t.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", system / "ssh_host_ed25519_key"])
    dev = Device(t, system_dir=system)
    shutil.rmtree(dev.state)
    assert dev.push("1.0").returncode == 0
    assert dev.state.stat().st_mode & 0o777 == 0o700 and dev.pending.exists() and (dev.state / "last-update").exists()


def test_staged_firmware_counts_when_it_is_activated(t):
    dev = Device(t)
    for version, status in (("2.0", 0), ("monday", 4)):
        data = firmware(t, version)
        r = dev.ask(f"fwssh/1 update size={len(data)} stage=yes", data)
        assert r.returncode == status, r
        assert not dev.pending.exists()
    data = firmware(t, "2.0")
    assert dev.ask(f"fwssh/1 update size={len(data)} stage=yes", data).returncode == 0
    # The floor may have risen since.
    dev.newest.write_text("2.1\n")
    r = dev.ask("fwssh/1 activate")
    assert r.returncode == 4 and b"is not 2.1 or newer" in r.stdout and not dev.switched(), r
    (dev.state / "allow-older").touch()
    assert dev.ask("fwssh/1 activate").returncode == 0 and dev.switched()
    assert not (dev.state / "allow-older").exists() and dev.pending.read_text().startswith("2.0 ")
    dev.wait_audit("allow-older in state-dir was used")


def test_needs_fwpack(t):
    d = t.daemon(refuse_older=True)
    data = firmware(t, "1.0")
    r = d.push(b"fwup:%d\n" % len(data) + data)
    assert r.returncode == 1 and b"the key refuse-older needs fwpack as the updater" in r.stderr, r
    r = t.run([t.bin("fwsshd"), "-f", d.conf, "-t"])
    assert r.returncode == 1 and "the key refuse-older needs fwpack as the updater" in r.stderr, r


def test_minimum_version_that_compares_with_nothing(t):
    d = t.daemon(updater=t.bin("fwpack"), minimum_version="soon")
    r = t.run([t.bin("fwsshd"), "-f", d.conf, "-t"])
    assert r.returncode == 1 and "minimum-version is 'soon', which no version can be compared with" in r.stderr, r
