# SPDX-License-Identifier: Apache-2.0
"""The updater as fwssh-receive sees it: how it is called, what it says, and how it ends."""
import os
import signal
import time

from support.fixture import waits
from support.process import alive
from support.update import GOOD_TEXT, HELLO, MB, assert_one_line, assert_works, marker, wait_gone


# How it is called


def test_missing_updater(t):
    for path in (t.dir / "none", "no-such-updater", t.image(name="not-executable")):
        d = t.daemon(updater=path)
        r = d.push(HELLO)
        assert r.returncode == 1, r
        assert str(path).encode() in r.stderr and b"updater" in r.stderr, r
        assert_one_line(r.stderr)
        assert d.reboots() == 0


def test_updater_version_is_garbage(t):
    for number, version in enumerate(("abc", "", "-1.2", "fwup 1.2.3")):
        name = f"updater{number}"
        d = t.daemon(updater=t.updater(version=version, name=name))
        r = d.push(HELLO)
        assert r.returncode == 1 and b"--version" in r.stderr, (version, r)
        assert_one_line(r.stderr)
        assert d.updater_pids(name) == []


NO_HANDSHAKE = "take\nprintf 'Success!\\n'; exit 0"


def test_updater_version_decides_the_handshake(t):
    for number, (version, knows) in enumerate({"0.17.0": False, "0.16.9": False, "0.17.1": True, "0.18": True,
                                               "1.0.0": True, "1.10": True, "1.10.0-dev": True}.items()):
        name = f"updater{number}"
        d = t.daemon(updater=t.updater(NO_HANDSHAKE, version=version, name=name))
        r = d.push(HELLO)
        assert (r.returncode, r.stdout) == (0, GOOD_TEXT), (version, r)
        device = d.config["device"]
        option = "--exit-handshake " if knows else ""
        assert marker(t, f"{name}.args") == f"{option}--apply --no-unmount -d {device} --task upgrade\n"


@waits
def test_updater_whose_version_never_comes(t):
    updater = t.script("hang", f"#!/bin/sh\necho $$ > {t.dir}/hang.pid\nsleep 100\n")
    d = t.daemon(updater=updater)
    r = d.push(HELLO)
    assert r.returncode == 1 and b"--version" in r.stderr
    wait_gone(t, d.updater_pids("hang"), "the hanging updater")


# What it says


def test_text_of_an_early_failure_is_kept(t):
    """It reads nothing, says why, and is gone while the client still sends."""
    for number, end in enumerate(("exit 1", "shake 1")):
        d = t.daemon(updater=t.updater(f"echo 'fwup: bad option'; echo more >&2\n{end}", name=f"updater{number}"))
        for _ in range(5):
            r = d.push(b"fwup:%d,reboot\n" % (20 * MB) + bytes(20 * MB))
            assert r.returncode == 1, r
            assert r.stdout.startswith(b"Running fwup...\nfwup: bad option\nfwssh: updater%d exited" % number), r
            assert b"more\n" in r.stderr and b"status 1;" in r.stderr


def test_all_of_a_long_text_arrives_and_soon(t):
    """A session that naps at each piece would take longer than push() waits."""
    d = t.daemon(updater=t.updater("take; i=0; while [ $i -lt 100000 ]; do echo line $i; i=$((i+1)); done\nexit 0"))
    lines = d.push(HELLO).stdout.splitlines()
    assert lines[1:-1] == [b"line %d" % i for i in range(100000)]


def test_last_words_do_not_wait(t):
    """More text than the pipes hold comes at the very end, in one go: the session must not nap between pieces. A nap is
    a second; on a busy machine some push or other takes less than that."""
    text = t.dir / "text"
    text.write_bytes(b"word\n" * 60000)
    silent = t.daemon(updater=t.updater("take; exit 0", name="silent"))
    d = t.daemon(updater=t.updater(f"take; exec cat {text}"))

    def took(daemon, words):
        begin = time.monotonic()
        r = daemon.push(b"fwup:5\nhello")
        assert r.stdout == b"Running fwup...\n" + words, r
        return time.monotonic() - begin
    t.wait_for(lambda: took(d, text.read_bytes()) < took(silent, b"") + 1, "a push without a nap", 40)


def test_stderr_of_the_updater_reaches_the_client(t):
    d = t.daemon(updater=t.updater("take; echo to-stderr >&2; echo to-stdout; shake 0"))
    r = d.push(HELLO)
    assert r.returncode == 0 and r.stderr == b"to-stderr\n"
    assert r.stdout == b"Running fwup...\nto-stdout\nRebooting...\n"


def test_control_bytes_of_progress_pass_unchanged(t):
    d = t.daemon(updater=t.updater(r"take; printf '\r 50%%\033[K\000\377\r100%%\n'; shake 0"))
    assert d.push(HELLO).stdout == b"Running fwup...\n\r 50%\x1b[K\0\xff\r100%\nRebooting...\n"


# How it ends


def test_status_of_the_updater_is_named(t):
    for number, (end, status) in enumerate((("shake 1", 1), ("exit 3", 3), ("shake 77", 77), ("exit 255", 255))):
        d = t.daemon(updater=t.updater(f"take; echo words\n{end}", name=f"updater{number}"))
        r = d.push(HELLO)
        assert r.returncode == 1 and r.stdout == b"Running fwup...\nwords\n" + r.stderr, r
        assert_one_line(r.stderr)
        assert b"status %d;" % status in r.stderr and d.reboots() == 0


def test_updater_killed_by_a_signal(t):
    for number, (name, text) in enumerate((("KILL", b"signal 9"), ("SEGV", b"signal 11"))):
        d = t.daemon(updater=t.updater(f"take_some 5\necho words\nkill -{name} $$", name=f"updater{number}"))
        r = d.push(HELLO)
        assert r.returncode == 1 and text in r.stderr, r
        assert_one_line(r.stderr)
        assert r.stdout == b"Running fwup...\nwords\n" + r.stderr and d.reboots() == 0


def test_a_failed_updater_leaves_no_child_behind(t):
    """It would write on, and hold the lock, when nobody knows of it."""
    d = t.daemon(updater=t.updater("[ -e $me.go ] || { sleep 100 > /dev/null 2>&1 & echo $! > $me.child; exit 1; }\n"
                                   "take; printf 'Success!\\n'; shake 0"))
    assert d.push(HELLO).returncode == 1
    child = int(marker(t, "updater.child"))
    t.go()
    try:
        assert_works(d)
        assert not alive(child)
    finally:
        if alive(child):
            os.kill(child, signal.SIGKILL)


# The handshake is not the status


def test_handshake_without_its_status(t):
    bodies = (r"take; printf '\032'; exit 1", r"take; printf '\032'; sleep 0.3; exit 1",
              r"take; printf '\032\000'; cat > /dev/null; exit 1",
              r"take; printf '\032'; sleep 0.3; printf '\000'; exit 1",
              r"take; printf 'x\032\000yz'; kill -9 $$")
    for number, body in enumerate(bodies):
        d = t.daemon(updater=t.updater(body, name=f"updater{number}"))
        r = d.push(HELLO)
        assert r.returncode == 1 and b"Rebooting" not in r.stdout, (body, r)
        assert b"\x1a" not in r.stdout and d.reboots() == 0


def test_handshake_split_over_two_reads(t):
    d = t.daemon(updater=t.updater(r"take; printf 'Success!\n\032'; sleep 0.3; printf '\000'; cat > /dev/null"))
    assert_works(d)


def test_handshake_with_an_error_that_the_exit_denies(t):
    """waitpid decides."""
    d = t.daemon(updater=t.updater(r"take; printf 'Success!\n\032\001'; cat > /dev/null; exit 0"))
    assert_works(d)
