# SPDX-License-Identifier: Apache-2.0
"""Output that was asked for and could not be written is a failure, and said."""
import json
import os
import subprocess

from scenario.test_fleet import argv as fleet_argv, fleet, names
from scenario.test_push import firmware, options
from support.slot_device import receive, uboot_config


def into(t, argv, out):
    """Runs it with standard output into a file, or closed."""
    with open(os.devnull if out == "closed" else out, "wb") as f:
        close = {"preexec_fn": lambda: os.close(1)} if out == "closed" else {}
        return subprocess.run(argv, cwd=t.dir, env=t.env, stdin=subprocess.DEVNULL, stdout=f, stderr=subprocess.PIPE, text=True,
                              timeout=60, **close)


def assert_said(t, name, argv):
    for out in ("/dev/full", "closed"):
        r = into(t, argv, out)
        assert r.returncode == 1 and f"{name}: cannot write standard output" in r.stderr, (out, r)


def fill(path):
    try:
        with open(path, "wb", buffering=0) as f:
            while True:
                f.write(bytes(4096))
    except OSError:
        pass


def small_disk(t):
    """A file system that is full."""
    path = t.dir / "small"
    path.mkdir()
    if os.getuid() or t.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", path]).returncode:
        t.skip("a small file system needs root")
    fill(path / "rest")
    return path


def test_host(t):
    d = t.daemon()
    fw = firmware(t)
    for word, *more in (("--version",), ("--help",), ("push", "--help"), ("status", "127.0.0.1", *options(t, d)),
                        ("check", "127.0.0.1", *options(t, d)), ("gen-script", "--output", "-"),
                        ("push", "127.0.0.1", "--json", "--firmware", fw, *options(t, d)),
                        ("push", "127.0.0.1", "--firmware", fw, *options(t, d))):
        t.wait_for(lambda: d.push(b"fwssh/1 status\n", subsystem="fwssh").returncode == 0, "the device to be free")
        assert_said(t, "fwssh", [t.bin("fwssh"), word, *map(str, more)])
    # What failed keeps its status, and --quiet has nothing to write.
    r = into(t, [t.bin("fwssh"), "status", "127.0.0.1", "--port", "1"], "/dev/full")
    assert r.returncode == 6, r
    t.wait_for(lambda: d.push(b"fwssh/1 status\n", subsystem="fwssh").returncode == 0, "the device to be free")
    r = into(t, [t.bin("fwssh"), "push", "127.0.0.1", "--quiet", "--firmware", fw, *options(t, d)], "/dev/full")
    assert r.returncode == 0 and not r.stderr, r


def test_engine(t):
    (t.dir / "a.conf").write_text('meta-product = "x"\nfile-resource a { contents = "a" }\n'
                                  'task complete { on-resource a { raw_write(0) } }\n')
    assert t.run([t.bin("fwpack"), "create", "-f", "a.conf", "-o", "a.fw"]).returncode == 0
    for words in (["--version"], ["--help"], ["-m", "-i", "a.fw"], ["-l", "-i", "a.fw"], ["metadata", "a.fw"],
                  ["gen-keys", "-o", "-"], ["create", "-f", "a.conf", "-o", "-"]):
        for out in ("/dev/full", "closed"):
            r = into(t, [t.bin("fwpack"), *words], out)
            assert r.returncode == 1 and "cannot write" in r.stderr, (out, words, r)
    # What was written to the device does not depend on who reads about it.
    r = into(t, [t.bin("fwpack"), "apply", "-t", "complete", "-d", t.image(), "-i", "a.fw"], "/dev/full")
    assert r.returncode == 0, r


def test_device_programs(t):
    d = t.daemon()
    assert_said(t, "fwssh-receive", receive(t, {**uboot_config(t), "device": t.image()}, "--status"))
    assert_said(t, "fwssh-receive", [t.bin("fwssh-receive"), "-f", d.conf, "-t"])
    for words in (["--version"], ["--help"], ["-t", "-f", d.conf]):
        assert_said(t, "fwsshd", [t.bin("fwsshd"), *words])


def test_log_of_a_push(t):
    d = t.daemon()
    logs = small_disk(t)
    push = [t.bin("fwssh"), "push", "127.0.0.1", "--firmware", firmware(t), *options(t, d), "--log-dir", logs]
    r = t.run(push)
    assert r.returncode == 1 and "could not be written: No space left on device" in r.stderr, r
    d.wait_reboot()
    t.wait_for(lambda: d.push(b"fwssh/1 status\n", subsystem="fwssh").returncode == 0, "the device to be free")
    r = t.run([*push, "--json"])
    result = json.loads(r.stdout.splitlines()[-1])
    assert r.returncode == 1 and result["status"] == 1 and "could not be written" in result["text"], r


def test_logs_of_a_fleet(t):
    fleet(t, 2)
    r = t.run(fleet_argv(t, *names(2), "--log-dir", small_disk(t)))
    assert r.returncode == 10 and r.stdout.count("could not be written: No space left on device") >= 2, r
