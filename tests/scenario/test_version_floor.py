"""Downgrade protection: the newest version that a device has installed, and the owner's override."""
import os


def firmware(t, version):
    line = f'meta-version = "{version}"\n' if version else ""
    (t.dir / "x.conf").write_text(line + "task upgrade { on-init { raw_memset(0, 8, 1) } }")
    fw = t.dir / "x.fw"
    assert t.run([t.bin("fwpack"), "create", "-f", "x.conf", "-o", fw]).returncode == 0
    return fw.read_bytes()


def push(t, d, *versions):
    archives = [firmware(t, v) for v in versions]
    header = ",".join(f"fwup:{len(a)}" for a in archives)
    return d.push(header.encode() + b"\n" + b"".join(archives))


def daemon(t, **config):
    return t.daemon(updater=t.bin("fwpack"), refuse_older=True, audit_file=str(t.dir / "audit"), **config)


def test_newest_version_only_goes_up(t):
    d = daemon(t)
    newest = d.state / "newest-version"
    for version, status, kept in (("1.5.0", 0, "1.5.0\n"), ("1.4.9", 4, "1.5.0\n"), ("1.5.0", 0, "1.5.0\n"),
                                  ("1.10.0", 0, "1.10.0\n"), ("1.9.0", 4, "1.10.0\n"), ("", 4, "1.10.0\n"),
                                  ("next", 4, "1.10.0\n")):
        r = push(t, d, version)
        assert r.returncode == status, (version, r)
        assert newest.read_text() == kept
        assert status == 0 or b"as this device requires; nothing was written" in r.stdout + r.stderr
    # Even within one session.
    assert push(t, d, "1.12.0", "1.11.0").returncode == 4
    assert newest.read_text() == "1.12.0\n"


def test_firmware_without_a_version_counts_for_nothing(t):
    d = daemon(t)
    assert push(t, d, "").returncode == 0 and push(t, d, "monday").returncode == 0
    assert not (d.state / "newest-version").exists()
    assert push(t, d, "0.1").returncode == 0


def test_override_is_used_up_and_audited(t):
    d = daemon(t, minimum_version="0.5")
    assert push(t, d, "2.0").returncode == 0
    (d.state / "allow-older").touch()
    # A failed update does not use it up, and it does not override the configuration.
    assert push(t, d, "0.4").returncode == 4 and (d.state / "allow-older").exists()
    assert push(t, d, "1.0").returncode == 0 and not (d.state / "allow-older").exists()
    assert (d.state / "newest-version").read_text() == "2.0\n"
    told = "allow-older in state-dir accepted version 1.0; the newest so far is 2.0"
    t.wait_for(lambda: f'note="{told}"' in (t.dir / "audit").read_text(), "the audit line")
    assert told in d.log()
    assert push(t, d, "1.0").returncode == 4


def test_damaged_file_locks_nobody_out(t):
    d = daemon(t)
    for damage in (b"", b"\0" * 10, b"garbage\n", b"1" * 100):
        (d.state / "newest-version").write_bytes(damage)
        assert push(t, d, "1.0").returncode == 0, damage
        assert (d.state / "newest-version").read_text() == "1.0\n"


def test_file_that_cannot_be_written_is_told(t):
    if os.geteuid() != 0:
        t.skip("needs a directory that root cannot write to")
    d = daemon(t)
    d.write_config(state_dir="/proc/self")
    d.reload()
    assert push(t, d, "1.0").returncode == 0
    d.wait_log("refuse-older: cannot create /proc/self/newest-version")


def test_needs_fwpack(t):
    d = t.daemon(refuse_older=True)
    r = push(t, d, "1.0")
    assert r.returncode == 1 and b"the key refuse-older needs fwpack as the updater" in r.stderr, r
