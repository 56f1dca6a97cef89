# SPDX-License-Identifier: Apache-2.0
"""Whatever has happened to the files in state-dir, or to the configuration, fwsshd starts."""
import os
import shutil
import stat

from scenario.test_full_output import fill, small_disk
from support.adapter import complaint, request, stand_in, update
from support.update import GOOD_TEXT, HELLO

KEY = "ssh_host_ed25519_key"


def assert_works(d):
    r = d.push(HELLO)
    assert (r.returncode, r.stdout) == (0, GOOD_TEXT), r


def seen_key(t, d):
    (t.dir / "known_hosts").unlink(missing_ok=True)
    d.push(b"")
    return (t.dir / "known_hosts").read_text().split()[1:3]


# Host keys


def test_damaged_host_key_is_set_aside(t):
    d = t.daemon()
    key = d.state / KEY
    good, seen = key.read_bytes(), seen_key(t, d)
    damages = (b"", bytes(len(good)), good[:len(good) // 2], b"rubbish", b"x" * 100_000)
    for count, damage in enumerate(damages, 1):
        d.stop()
        key.write_bytes(damage)
        r = t.run([t.bin("fwsshd"), "-f", d.conf, "-t"])
        assert r.returncode != 2 and "is damaged: at the next start it will be set aside" in r.stderr, r
        assert key.read_bytes() == damage
        d.start()
        d.wait_log(f"error: the host key {key} was damaged: it is now {key}.damaged-{count}, and a new one is made")
        assert (d.state / f"{KEY}.damaged-{count}").read_bytes() == damage
        again = seen_key(t, d)
        assert again != seen
        d.stop()
        d.start()
        assert seen_key(t, d) == again  # and it is kept
        seen = again
        assert_works(d)
    # --init-host-key does the same.
    d.stop()
    key.write_bytes(b"")
    r = t.run([t.bin("fwsshd"), "-f", d.conf, "--init-host-key"])
    assert r.returncode == 0 and r.stdout.startswith("ssh-ed25519 ") and "was damaged" in r.stderr, r


def test_damaged_ecdsa_key_of_our_own_is_set_aside(t):
    """The key compatible: without it, older clients are shut out. Also beside a good key, and when both are damaged."""
    d = t.daemon(compatible=True)
    key, other = d.state / "ssh_host_ecdsa_key", d.state / KEY
    good, kept = key.read_bytes(), other.read_bytes()
    for count, damage in enumerate((b"", good[:len(good) // 2], b"x" * 100_000), 1):
        d.stop()
        key.write_bytes(damage)
        r = t.run([t.bin("fwsshd"), "-f", d.conf, "-t"])
        assert r.returncode != 2 and f"{key} is damaged: at the next start it will be set aside" in r.stderr, r
        assert key.read_bytes() == damage
        d.start()
        d.wait_log(f"error: the host key {key} was damaged: it is now {key}.damaged-{count}, and a new one is made")
        assert key.read_bytes() not in (good, damage) and other.read_bytes() == kept
        shown = t.run(["ssh-keygen", "-lf", key]).stdout.split()[1]
        assert f"host key ecdsa-sha2-nistp256 {shown}" in d.log(), d.log()
        assert_works(d)
    d.stop()
    key.write_bytes(b"")
    other.write_bytes(b"")
    d.start()
    assert key.read_bytes() and other.read_bytes()
    assert_works(d)


def test_directory_in_place_of_a_host_key(t):
    d = t.daemon(wait=False)
    (d.state / KEY / "inside").mkdir(parents=True)
    d.start()
    assert (d.state / f"{KEY}.damaged-1" / "inside").is_dir() and (d.state / KEY).is_file()
    assert_works(d)


def test_good_host_key_is_never_set_aside(t):
    """If the check fails for another reason, that is not the key's fault."""
    d = t.daemon()
    d.stop()
    before = (d.state / KEY).read_bytes()
    for kept in d.state.glob("last-good*"):
        kept.unlink()
    for changes in ({"ciphers": ["rot13"]}, {"ciphers": ["aes128-ctr"], "session_program": "/bin/false"}):
        d.write_config(**changes)
        r = t.run([t.bin("fwsshd"), "-f", d.conf])
        assert r.returncode == 2 and "damaged" not in r.stderr, r
        assert (d.state / KEY).read_bytes() == before and not list(d.state.glob("*damaged*"))


def test_damaged_host_key_where_nothing_can_be_written(t):
    if os.geteuid():
        t.skip("mounting needs root")
    state = t.dir / "readonly"
    state.mkdir()
    if t.run(["mount", "-t", "tmpfs", "none", state]).returncode:
        t.skip("nothing can be mounted here")
    try:
        (state / KEY).write_text("rubbish")
        t.run(["mount", "-o", "remount,ro", state])
        d = t.daemon(state_dir=state)
        d.wait_log("using a host key in memory only")
        assert_works(d)
        assert (state / KEY).read_text() == "rubbish"
        d.stop()
    finally:
        t.run(["umount", state])


def test_owner_and_mode_are_repaired(t):
    d = t.daemon()
    d.stop()
    key, newest = d.state / KEY, d.state / "newest-version"
    before = key.read_bytes()
    newest.write_text("1.0\n")
    key.chmod(0o644)
    newest.chmod(0o666)
    if not os.geteuid():
        os.chown(key, 12345, 12345)
    d.start()
    for path, mode in ((key, 0o644), (newest, 0o666)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600 and path.stat().st_uid == os.geteuid()
        assert f"with mode {mode:o}: repaired" in d.log() and str(path) in d.log()
    assert key.read_bytes() == before
    assert_works(d)


def test_key_that_is_gone_is_written_again(t):
    """At a reload, while it is known: clients see the key that they know. To replace one, there has to be another."""
    d = t.daemon(compatible=True)
    seen, key = seen_key(t, d), (d.state / KEY).read_bytes()
    shutil.rmtree(d.state)
    d.reload()
    d.wait_log(f"the host key {d.state / KEY} was gone and is written again")
    assert (d.state / KEY).read_bytes() == key and (d.state / "ssh_host_ecdsa_key").exists()
    assert seen_key(t, d) == seen
    # The same of one that could not be stored.
    d.stop()
    shutil.rmtree(d.state)
    d.state.write_text("in its place")
    d.start()
    seen = seen_key(t, d)
    d.state.unlink()
    d.reload()
    assert seen_key(t, d) == seen
    d.stop()
    d.start()
    assert seen_key(t, d) == seen


def test_keys_of_the_system_are_never_touched(t):
    system = t.dir / "system"
    system.mkdir()
    (system / "ssh_host_ed25519_key").write_text("rubbish")
    (system / "ssh_host_ed25519_key").chmod(0o644)
    d = t.daemon(system_dir=system)
    assert_works(d)
    assert [p.name for p in system.iterdir()] == ["ssh_host_ed25519_key"]
    assert stat.S_IMODE((system / "ssh_host_ed25519_key").stat().st_mode) == 0o644


def test_any_file_may_be_anything(t):
    """Each file that we keep there, in each way that a bad disk has: fwsshd starts, and updates still work."""
    d = t.daemon()
    d.stop()
    for name in ("last-update", "staged", "pending-version", "last-good.conf", "running-slot", KEY):
        for damage in (b"", bytes(100), b"\xff" * 5000, None):
            path = d.state / name
            if path.is_dir():
                path.rmdir()
            path.unlink(missing_ok=True)
            if damage is None and name != "staged":
                path.mkdir()
            else:
                path.write_bytes(damage or b"")
            d.start()
            r = d.push(b"fwssh/1 status\n", subsystem="fwssh")
            assert r.returncode == 0, (name, damage, r)
            assert_works(d)
            d.stop()
        if path.is_dir():
            path.rmdir()


# The configuration


def test_unknown_key_is_a_warning_at_the_start(t):
    """The image before meets the configuration of the image after."""
    d = t.daemon(wait=False)
    good = d.conf.read_text()
    unknown = ['colour = "red"', "colour = red", 'colour = {"red", "} blue"}', 'colour += {"x"}', 'colour { task = "x" }',
               'colour "red" { a = 1 b { c = 2 } }', 'colour("red")', "colour = {\n'multiple',\n'lines' }",
               'colour = "a \\" task = b"', 'colour="red"task2="x"', "colour = 1; shape = 2"]
    for text in unknown:
        d.conf.write_text(text + "\n# colour = 1\n" + good + "colour = 5\n")
        d.start()
        log = d.log()
        assert f"warning: {d.conf}:1: unknown key 'colour'; ignoring it" in log, log
        assert_works(d)
        d.stop()
        r = t.run([t.bin("fwsshd"), "-f", d.conf, "-t"])
        assert r.returncode == 2 and "no such option 'colour'" in r.stderr, r
    d.conf.write_text(good)
    d.start("-o", "colour=red")
    d.wait_log("unknown key in -o colour=red; ignoring it")
    # The lines of later mistakes are still right.
    d.conf.write_text("colour = {\n1,\n2}\n" + "port = red\n")
    d.reload()
    d.wait_log(f"{d.conf}:4: port is 'red'")


def test_broken_configuration_falls_back_to_the_last_good_one(t):
    d = t.daemon(task="special", minimum_version="")
    assert_works(d)
    good = d.conf.read_text()
    kept = d.state / "last-good.conf"
    assert kept.read_text() == good and stat.S_IMODE(kept.stat().st_mode) == 0o600
    broken = (good[:len(good) // 2] + '"', good + "port = red\n", good + "}\n", "\0" * len(good), good + 'ciphers = {"rot13"}\n',
              good.replace("state-dir", "  state-dir") + "task = \n")
    for text in broken:
        d.stop()
        d.conf.write_text(text)
        # As the file cannot say where it is: the option can.
        options = [] if "state-dir" in text else ["-o", f"state-dir={d.state}"]
        d.start(*options)
        assert f"using the last good configuration, {kept}" in d.log() and "error:" in d.log()
        assert_works(d)
        assert "--task special" in (t.dir / "updater.args").read_text().splitlines()[-1]
        assert kept.read_text() == good
        assert t.run([t.bin("fwsshd"), "-f", d.conf, "-t", *options]).returncode == 2
    # The same without fwsshd, for sshd and for start-up scripts; none of them keeps the broken one.
    r = t.run([t.bin("fwssh-receive"), "-f", d.conf, "-s", "fwssh"], input="fwssh/1 status\n")
    assert r.returncode == 0 and "task=special\n" in r.stdout and kept.read_text() == good, r
    r = t.run([t.bin("fwssh-receive"), "-f", d.conf, "--status"])
    assert r.returncode == 0 and "task=special\n" in r.stdout and "using the last good configuration" in r.stderr, r
    # A file that is empty or gone is no better; an empty one that was never anything else is a configuration.
    for text in ("", None):
        d.stop()
        d.conf.unlink() if text is None else d.conf.write_text(text)
        d.start("-o", f"state-dir={d.state}")
        assert_works(d)
        assert "--task special" in (t.dir / "updater.args").read_text().splitlines()[-1]
        assert ("is empty; using the last good" if text == "" else "cannot open") in d.log()
    # Repaired.
    d.stop()
    d.conf.write_text(good.replace("special", "other"))
    before = d.log().count("using the last good")
    d.start()
    assert d.log().count("using the last good") == before
    t.wait_for(lambda: "other" in kept.read_text(), "the new one to be kept")


def test_without_a_last_good_one_a_broken_configuration_is_an_error(t):
    """Defaults in its place would accept what the file refuses."""
    d = t.daemon()
    d.stop()
    kept = d.state / "last-good.conf"
    good = kept.read_text()
    own(d).unlink()
    d.conf.write_text(good + "port = red\n")

    def fails():
        r = t.run([t.bin("fwsshd"), "-f", d.conf])
        assert r.returncode == 2 and "port is 'red'" in r.stderr and "using the last" not in r.stderr, r

    kept.unlink()
    fails()
    kept.write_text("")
    fails()
    kept.write_text(good + "}\n")
    fails()
    kept.write_text(good)
    kept.chmod(0o666)  # anybody may have written it
    fails()
    kept.unlink()
    kept.symlink_to(t.dir / "elsewhere")
    (t.dir / "elsewhere").write_text(good)
    fails()


def own(d):
    """The copy that no other version replaces."""
    found, = d.state.glob("last-good-*.conf")
    return found


def test_going_back_to_a_version_that_cannot_read_what_the_later_one_has_kept(t):
    d = t.daemon(task="special")
    d.stop()
    assert own(d).read_text() == d.conf.read_text()
    later = d.conf.read_text().replace("special", "other") + 'slot-driver = "of-tomorrow"\n'
    d.conf.write_text(later)
    (d.state / "last-good.conf").write_text(later)
    d.start()
    assert f"using the last good configuration, {own(d)}" in d.log()
    assert_works(d)
    r = t.run([t.bin("fwssh-receive"), "-f", d.conf, "-s", "fwssh"], input="fwssh/1 status\n")
    assert r.returncode == 0 and "task=special\n" in r.stdout, r


def test_last_good_configuration_is_not_written_again_and_again(t):
    d = t.daemon()
    kept = d.state / "last-good.conf"
    assert_works(d)
    before = kept.stat().st_ino
    d.reload()
    d.stop()
    d.start()
    assert kept.stat().st_ino == before
    d.write_config(task="other")
    d.reload()
    assert "other" in kept.read_text()


# What a request or an update reads


READ = ("last-update", "slot-files", "unfinished-update", "staged", "newest-version", "pending-version", "last-good.conf")


def test_fifo_in_place_of_a_file_blocks_nobody(t):
    """To open one waits for somebody who writes: without an end, and with the device's lock."""
    d = t.daemon(updater=t.bin("fwpack"), refuse_older=True)
    for name in READ:
        d.stop()
        path = d.state / name
        path.unlink(missing_ok=True)
        os.mkfifo(path, 0o600)
        d.start()
        for words, expected in (("status", (0,)), ("log", (0,)), ("activate", (1, 3)), ("update size=5", (1, 3, 4))):
            r = d.push(f"fwssh/1 {words}\nhello".encode(), subsystem="fwssh", timeout=20)
            assert r.returncode in expected, (name, words, r)
        path.unlink(missing_ok=True)


def test_slot_files_of_another_version_say_nothing_else(t):
    """Whatever is in there: what runs, others know better."""
    d = t.daemon(updater=stand_in(t))
    (d.state / "slot-files").write_text(f"active=z\nversion=9.9\nslot.a.sha256={'a' * 64}\nslot.z.version=9\n")
    status, facts = request(d, "status")
    assert status == 0 and facts["active"] == "a" and facts["sha256"] == facts["slot.a.sha256"] == "a" * 64, facts
    assert "version" not in facts and "slot.z.version" not in facts, facts


def small_state(t):
    """A file system of its own, with room for the files that are in it."""
    state = small_disk(t)
    (state / "rest").unlink()
    return state


def test_full_disk_with_notes_of_both_slots_keeps_no_update_away(t):
    """The update may be the cure. The note of the slot that is overwritten must not stay; the other one need not."""
    state = small_state(t)
    d = t.daemon(updater=stand_in(t), state_dir=state)
    notes = state / "slot-files"
    notes.write_text(f"slot.a.sha256={'a' * 64}\nslot.b.sha256={'b' * 64}\n")
    fill(state / "filled")
    r = update(d, b"hello")
    assert r.returncode == 0 and (t.dir / "test.input").read_bytes() == b"hello", r
    assert not notes.exists()
    d.wait_log("what is in the running slot is no longer noted: cannot write")
    d.stop()


def test_note_that_cannot_be_removed_refuses_the_update(t):
    """It would say of the new firmware that it is the one before."""
    state = small_state(t)
    d = t.daemon(updater=stand_in(t), state_dir=state)
    (state / "slot-files").write_text(f"slot.a.sha256={'a' * 64}\nslot.b.sha256={'b' * 64}\n")
    t.run(["mount", "-o", "remount,ro", state])
    r = update(d, b"hello")
    assert r.returncode == 3 and "slot-files: Read-only file system; nothing was done" in complaint(r), r
    d.stop()
