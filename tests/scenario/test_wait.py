# SPDX-License-Identifier: Apache-2.0
"""What really runs in the end: fwssh push --wait, and the commands that query a device."""
import json
import os
import signal
import socket
import subprocess

from support.fixture import waits
from support.rebooting import Rebooting, events, firmware


def push(b, *extra, **kw):
    fw, uuid = firmware(b.t)
    return b.fwssh("push", "--firmware", fw, *extra, **kw), uuid


def uuid_of(t):
    return firmware(t)[1]


def test_device_that_comes_back_with_it(t):
    b = Rebooting(t)
    b.after_reboot(active="b", next="b", version="2.0", uuid=uuid_of(t))
    r, _ = push(b, "--wait")
    assert r.returncode == 0, r
    for words in ("Sent in ", "The device is back after ",
                  "Done: the device runs the new firmware (slot b, version 2.0), and it is confirmed."):
        assert words in r.stdout, r.stdout


def for_board(t, platform="rpi4", architecture="arm"):
    (t.dir / "board.conf").write_text(f'meta-product = "Pump" meta-version = "2.0" meta-platform = "{platform}"\n'
                                      f'meta-architecture = "{architecture}"\n'
                                      "task upgrade { on-init { raw_memset(0, 8, 1) } }\n")
    assert t.run([t.bin("fwpack"), "-c", "-f", "board.conf", "-o", "board.fw"]).returncode == 0
    return t.dir / "board.fw"


def test_firmware_for_another_board_is_not_sent(t):
    b = Rebooting(t)
    b.set(**b.facts, platform="rpi4", architecture="arm")
    for wrong, why in ((dict(platform="rpi0"), "is for the platform rpi0, but the device runs rpi4; nothing was sent"),
                       (dict(architecture="arm64"), "is for the architecture arm64, but the device runs arm;")):
        for mode in ["--wait"], ["--adaptive=always"], ["--adaptive=never"]:
            r = b.fwssh("push", "--firmware", for_board(t, **wrong), *mode)
            assert r.returncode == 4 and why in r.stderr, (mode, r)
    assert not (t.dir / "updater.args").exists()
    assert b.fwssh("push", "--firmware", for_board(t, "rpi0"), "--adaptive=always", "--force").returncode == 0
    b.set(**{k: v for k, v in b.facts.items() if k not in ("platform", "architecture")})
    assert b.fwssh("push", "--firmware", for_board(t), "--adaptive=always").returncode == 0


def test_success_without_wait_says_what_it_is_not(t):
    b = Rebooting(t)
    b.set(**b.facts, serial="4711")
    (t.dir / "ssh_config").write_text("Host nerves.local\n HostName 127.0.0.1\n")
    named = [t.bin("fwssh"), "push", *b.options(), "--ssh", f"ssh -F {t.dir}/ssh_config"]
    fw, _ = firmware(t)
    last = b.fwssh("push", "--firmware", fw).stdout.splitlines()[-1]
    assert last.endswith("Not checked: that the device comes back, runs it and confirms it (--wait checks)."), last
    # What the device has not been asked is not told.
    r = t.run([*named, "--firmware", fw])
    assert r.returncode == 0 and "nerves.local is the device with serial number 4711." in r.stdout, r
    assert r.stdout.splitlines()[-1].endswith("the device has signatures=off."), r
    r = t.run([*named, "--firmware", fw, "nerves.local", "--no-reboot"])
    assert r.returncode == 0 and "4711" not in r.stdout and "Not checked: that it boots and is confirmed then." in r.stdout, r


def test_device_that_goes_back(t):
    b = Rebooting(t)
    b.after_reboot(reason="slot b was not confirmed in 2 starts")
    r, _ = push(b, "--wait")
    assert r.returncode == 8, r
    assert "came back with the old firmware (slot a, version 1.0): slot b was not confirmed in 2 starts" in r.stderr


@waits
def test_device_that_is_not_confirmed(t):
    b = Rebooting(t)
    b.after_reboot(active="b", version="2.0", uuid=uuid_of(t), confirmed="no", tries_left="1")
    r, _ = push(b, "--wait=5")
    assert r.returncode == 9 and "was not confirmed within 5 s; confirm it with fwssh confirm 127.0.0.1" in r.stderr, r


@waits
def test_device_that_runs_it_unconfirmed_is_not_done(t):
    for mode in "always", "never":
        b = Rebooting(t, mode)
        b.set(**{**b.facts, "confirmed": "no", "version": "2.0", "uuid": uuid_of(t)})
        r, _ = push(b, "--wait=2", f"--adaptive={mode}")
        assert r.returncode == 9 and "already runs" not in r.stdout, (mode, r)
        b.after_reboot(active="b", next="b")
        r, _ = push(b, "--confirm", f"--adaptive={mode}")
        assert r.returncode == 0 and "and it is confirmed." in r.stdout, (mode, r)
    b = Rebooting(t, "asks-for-less")
    b.set(**{**b.facts, "confirmed": "no", "version": "2.0", "uuid": uuid_of(t)})
    r, _ = push(b, "--adaptive=always")
    assert r.returncode == 0 and "already runs this firmware; nothing was sent" in r.stdout, r


def test_confirm_from_the_host(t):
    b = Rebooting(t)
    b.after_reboot(active="b", version="2.0", uuid=uuid_of(t), confirmed="no")
    r, _ = push(b, "--confirm")
    assert r.returncode == 0 and "Confirmed." in r.stdout, r


def test_device_that_has_nothing_to_confirm(t):
    b = Rebooting(t)
    b.after_reboot(active="b", next="b", version="2.0", uuid=uuid_of(t), confirmed="none")
    r, _ = push(b, "--wait", "--confirm")
    assert r.returncode == 0 and "no rollback to protect it" in r.stdout, r
    r = b.fwssh("confirm")
    assert r.returncode == 3 and "there is nothing to confirm on this device" in r.stderr, r
    assert "nothing to confirm" in b.fwssh("status").stdout


def test_firmware_on_trial_is_shown(t):
    b = Rebooting(t)
    b.set(active="b", next="a", pending="fallback", confirmed="no", version="2.0")
    assert "on trial: slot a boots next unless it is confirmed" in b.fwssh("status").stdout
    r, _ = push(b)
    assert r.returncode == 3 and "Confirm first (fwssh confirm HOST)" in r.stderr and not b.d.updater_pids(), r


def test_another_board_under_the_same_name(t):
    for serials, status, words in ((("1", "2"), 9, "went to serial number 1, and this is 2"), (("1", "1"), 0, "confirmed.")):
        b = Rebooting(t, f"board-{serials[1]}")
        b.set(**b.facts, serial=serials[0])
        b.after_reboot(active="b", next="b", version="2.0", uuid=uuid_of(t), serial=serials[1])
        r, _ = push(b, "--wait")
        assert r.returncode == status and words in r.stdout + r.stderr and "not verified" not in r.stdout, r


def test_device_that_nothing_identifies(t):
    """A host key that is kept tells, if ssh looks at it; without a serial number, nothing else does."""
    for options, told in (([], False), (["--ssh-option", "StrictHostKeyChecking=no"], True)):
        b = Rebooting(t, f"board{len(options)}")
        b.after_reboot(active="b", next="b", version="2.0", uuid=uuid_of(t))
        r = b.t.run([b.t.bin("fwssh"), "push", "127.0.0.1", "--firmware", firmware(t)[0], "--wait", *options, *b.options()])
        assert r.returncode == 0 and ("identity is not verified" in r.stdout) == told, r


@waits
def test_device_that_cannot_tell(t):
    b = Rebooting(t)
    b.after_reboot(active="b", version="2.0", uuid=uuid_of(t), confirmed="unknown")
    r, _ = push(b, "--wait")
    assert r.returncode == 9 and "does not know whether it is confirmed" in r.stderr
    b = Rebooting(t, "other")
    b.after_reboot(version="", uuid="")
    r, _ = push(b, "--wait")
    assert r.returncode == 9 and "does not know what it runs" in r.stderr


@waits
def test_device_that_does_not_reboot(t):
    b = Rebooting(t)
    r, _ = push(b, "--wait=5")
    assert r.returncode == 9 and "did not reboot within 5 s" in r.stderr, r


@waits
def test_device_that_never_comes_back(t):
    b = Rebooting(t)
    script = t.dir / "board-reboot"
    script.write_text(f"#!/bin/sh\nkill -9 {b.d.process.pid}\n")
    r, _ = push(b, "--wait=2")
    assert r.returncode == 6 and "did not come back within 2 s" in r.stderr, r


def test_version_counts_where_the_uuid_is_not_known(t):
    b = Rebooting(t)
    b.set(active="a", next="a", confirmed="yes", version="1.0", **{"boot-id": "boot-1"})
    b.after_reboot(version="2.0")
    r, _ = push(b, "--wait")
    assert r.returncode == 0, r


def test_same_version_as_before_tells_nothing(t):
    """Without a UUID, unless it runs in another slot."""
    for name, after, status in (("stays", {}, 9), ("moves", {"active": "b", "next": "b"}, 0)):
        b = Rebooting(t, name)
        b.set(active="a", next="a", confirmed="yes", version="2.0", **{"boot-id": "boot-1"})
        b.after_reboot(**after)
        r, _ = push(b, "--wait")
        assert r.returncode == status, r
        assert status == 0 or "had the same version (2.0) before" in r.stderr, r


def restart_with_another_key(b):
    """The reboot script installs another host key and restarts the daemon."""
    script = b.t.dir / "board-reboot"
    pid = b.d.process.pid
    b.t.script(script.name, script.read_text().replace("exit 1", f"""rm -f {b.d.state}/ssh_host_*
kill -9 {pid}
while [ -d /proc/{pid} ] && ! grep -q 'State:.Z' /proc/{pid}/status; do sleep 0.05; done
{b.t.bin("fwsshd")} -f {b.d.conf} > {b.t.dir}/second.log 2>&1 & echo $! > {b.t.dir}/second.pid
"""))


def push_and_end_the_second(b):
    try:
        return push(b, "--wait")[0]
    finally:
        if (b.t.dir / "second.pid").exists():
            subprocess.run(["kill", (b.t.dir / "second.pid").read_text().strip()])


def test_host_key_that_changes(t):
    b = Rebooting(t)
    b.after_reboot(version="2.0", uuid=uuid_of(t))
    restart_with_another_key(b)
    r = push_and_end_the_second(b)
    assert r.returncode == 5 and "after the reboot: its host key has changed" in r.stderr, r


def test_volatile_host_key_is_told_before(t):
    b = Rebooting(t, state_dir="/proc/nonexistent")
    b.after_reboot(version="2.0", uuid=uuid_of(t))
    restart_with_another_key(b)
    r = push_and_end_the_second(b)
    told = r.stdout.index("host key does not survive a reboot")
    assert told < r.stdout.index("Success!"), r.stdout
    assert r.returncode == 9 and "what it runs cannot be verified" in r.stderr, r


def test_device_of_nerves_firmware_ssh(t):
    """Its server is that of nerves_firmware_ssh, which lacks the subsystem fwssh."""
    fake = t.script("fake-ssh", f"""#!/bin/sh
case "$*" in
*-GT*) echo "hostname x"; exit;;
*fwssh) if [ -e {t.dir}/pushed ] && [ ! -e {t.dir}/away ]; then touch {t.dir}/away
echo "ssh: connect to host x: Connection refused" >&2; exit 255; fi
echo "subsystem request failed on channel 0" >&2; exit 255;;
esac
cat > /dev/null
printf 'Running fwup...\\nSuccess!\\nRebooting...\\n'
touch {t.dir}/pushed
""")
    fw, _ = firmware(t)
    r = t.run([t.bin("fwssh"), "push", "x", "--firmware", fw, "--ssh", fake, "--wait=20"])
    assert r.returncode == 9 and "speaks only the nerves_firmware_ssh protocol" in r.stderr, r
    assert r.stdout.index("after the update cannot be verified") < r.stdout.index("Success!")
    r = t.run([t.bin("fwssh"), "status", "x", "--ssh", fake])
    assert r.returncode == 1 and "does not offer the subsystem fwssh" in r.stderr


@waits
def test_device_that_comes_back_and_answers_with_an_error(t):
    """It is there: "did not come back" would be wrong, and its own words say what is."""
    fw, _ = firmware(t)
    for answer, words in (("fwssh/1 error 1 cannot read the U-Boot environment", "cannot read the U-Boot environment"),
                          ("", "all sessions of the device are taken")):
        fake = t.script("fake-ssh", f"""#!/bin/sh
case "$*" in
*-GT*) echo "hostname x"; exit;;
*fwssh) if [ ! -e {t.dir}/pushed ]; then printf 'fwssh/1 ok\\nboot-id=1\\nversion=1.0\\n'; exit 0; fi
if [ ! -e {t.dir}/away ]; then touch {t.dir}/away; echo "ssh: connect to host x: Connection refused" >&2; exit 255; fi
[ -n "{answer}" ] || {{ echo "Received disconnect from x: Too many sessions on this device" >&2; exit 255; }}
echo "{answer}"; exit 1;;
esac
cat > /dev/null
printf 'Running fwup...\\nSuccess!\\nRebooting...\\n'
touch {t.dir}/pushed
""")
        r = t.run([t.bin("fwssh"), "push", "x", "--firmware", fw, "--ssh", fake, "--wait=3"])
        assert r.returncode == 9 and f"the device answers, but: {words}" in r.stderr and "come back" not in r.stderr, r
        (t.dir / "pushed").unlink()
        (t.dir / "away").unlink()


def test_interrupt_while_waiting(t):
    b = Rebooting(t)
    fw, _ = firmware(t)
    p = t.start([t.bin("fwssh"), "push", "127.0.0.1", "--firmware", fw, "--wait", *b.options()],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in p.stdout:
        if "Waiting for the device" in line:
            break
    p.send_signal(signal.SIGINT)
    out, err = p.communicate(timeout=20)
    assert p.returncode == 7 and "interrupted while the device was rebooting" in err


def test_unreachable_before_anything_is_sent(t):
    fw, _ = firmware(t)
    r = t.run([t.bin("fwssh"), "push", "127.0.0.1", "--firmware", fw, "--wait", "--port", t.port()])
    assert r.returncode == 6 and "nothing listens on that port" in r.stderr, r


def test_options_that_exclude_each_other(t):
    for args in (["--wait", "--no-reboot"], ["--stage", "--wait"], ["--stage", "--no-reboot"], ["--task", "x", "--exec"],
                 ["--stage", "--subsystem", "fwup"], ["--no-reboot", "--confirm"], ["--stage", "--canary", "1"], ["--wait=0"], ["--wait=x"], ["--jobs", "0"], ["--max-failures", "x"],
                 ["--max-failures", "101%"], ["--task", "a b"], ["--canary", "-1"], ["--hosts", "/nonexistent"]):
        r = t.run([t.bin("fwssh"), "push", "h", *args])
        assert r.returncode in (1, 2) and r.stderr.count("\n") == 1, (args, r)


def test_commands_that_ask(t):
    b = Rebooting(t)
    b.set(active="a", next="b", confirmed="no", version="1.0", product="Pump", **{"boot-id": "1", "tries-left": "2"})
    r = b.fwssh("status")
    assert r.returncode == 0, r
    assert r.stdout.startswith("127.0.0.1: slot a, Pump 1.0, NOT confirmed (2 boots left), slot b boots next, signatures=off\n"), r.stdout
    r = b.fwssh("confirm")
    assert (r.returncode, r.stdout) == (0, "127.0.0.1: The running firmware is confirmed.\n")
    [event] = events(b.fwssh("status", "--json"))
    assert (event["event"], event["status"], event["facts"]["confirmed"]) == ("status", 0, "yes")
    r = b.fwssh("revert", "--reason", "not good")
    assert r.returncode == 1 and "slot-command revert" in r.stderr
    [event] = events(b.fwssh("revert", "--json"))
    assert event["status"] == 1 and "slot-command revert" in event["text"]
    assert b.fwssh("reboot").returncode == 0
    t.wait_for(lambda: (t.dir / "board.rebooted").exists(), "the reboot")
    t.wait_for(lambda: b.fwssh("activate").returncode == 3, "the device to be free, and to say that nothing is staged")
    assert b.fwssh("log").returncode == 0
    r = b.fwssh("status", "no-such.invalid")
    assert r.returncode == 10 and "cannot resolve the name" in r.stderr and "slot a" in r.stdout


@waits
def test_interrupt_is_for_all_hosts(t):
    """Those that were not asked yet have their line, too."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for word in "status", "check":
            p = t.start([t.bin("fwssh"), word, "--json", "--port", silent.getsockname()[1], "127.0.0.1", "localhost", "::1"],
                        stdout=subprocess.PIPE, text=True)
            connection = silent.accept()[0]
            p.send_signal(signal.SIGINT)
            said = {}
            for event in map(json.loads, p.communicate(timeout=30)[0].splitlines()):
                said[event["host"]] = event["text"]
            assert p.returncode == 7 and "interrupted" in said.pop("127.0.0.1"), said
            assert said == dict.fromkeys(["localhost", "::1"], "interrupted before it was asked"), said
            connection.close()


@waits
def test_request_that_is_not_answered_may_have_been_done(t):
    """Once it is on its way, the device does it, whatever becomes of the connection."""
    for word, more, how, status, words in (
            ("revert", ["--timeout", "5"], lambda b, p: None, 9, "did not answer in time; it may do"),
            ("confirm", ["--json"], lambda b, p: p.send_signal(signal.SIGINT), 7, "interrupted; it may do"),
            ("confirm", [], lambda b, p: os.kill(b.d.pids("fwssh-session")[0], signal.SIGKILL), 9,
             "before the device had answered; it may do")):
        b = Rebooting(t, f"board{status}{word}")
        b.set(**{**b.facts, "confirmed": "no"})
        b.d.write_config(slot_command=str(t.script(f"slow{len(t.daemons)}", f"""#!/bin/sh
[ $1 != status ] || exec cat {b.path}
echo $1 > {b.path}.asked
while [ ! -e {t.dir}/go ]; do sleep 0.02; done
""")))
        b.d.reload()
        p = t.start([t.bin("fwssh"), word, "127.0.0.1", *b.options(), *more], stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT, text=True)
        t.wait_for((t.dir / f"{b.path}.asked").exists, "the request")
        how(b, p)
        said = p.communicate(timeout=30)[0]
        assert p.returncode == status and words in said and "check it with fwssh status" in said, said
    (t.dir / "go").touch()
    # Nothing was asked of whom nobody could log in to.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        r = t.run([t.bin("fwssh"), "revert", "127.0.0.1", "--port", silent.getsockname()[1], "--timeout", "1"])
        assert r.returncode == 6 and r.stderr.endswith("did not answer in time\n"), r


def test_push_of_a_task(t):
    b = Rebooting(t, allowed_tasks=["validate"])
    r, _ = push(b, "--task", "complete")
    assert r.returncode == 3 and "task 'complete' is not in allowed-tasks" in r.stderr, r
    r, _ = push(b, "--task", "validate", "--no-reboot")
    assert r.returncode == 0 and "has done task validate." in r.stdout and "fwssh/1" not in r.stdout, r
    assert "--task validate" in (t.dir / "updater.args").read_text()


def test_stage_needs_an_updater_that_can(t):
    b = Rebooting(t)
    r, _ = push(b, "--stage")
    assert r.returncode == 3 and "cannot stage a firmware; nothing was sent" in r.stderr, r
    assert not b.d.updater_pids()
    b = Rebooting(t, "other", updater=t.bin("fwpack"))
    r, _ = push(b, "--stage")
    assert r.returncode == 0 and "fwssh activate boots it" in r.stdout, r
    r = b.fwssh("activate")
    assert r.returncode == 0 and "the device reboots" in r.stdout, r


def test_help_and_manual_know_every_status(t):
    text = t.run([t.bin("fwssh"), "--help"]).stdout
    lines = text[text.index("Exit status:"):].splitlines()[1:]
    assert [int(line.split()[0]) for line in lines] == list(range(11))
    manual = " ".join((t.src / "man/fwssh.1").read_text().split())
    for line in lines:
        status, meaning = line.split(None, 1)
        assert f".It {status} {meaning}" in manual, line


def test_confirm_that_is_refused(t):
    b = Rebooting(t)
    slots = (t.dir / "board-slots").read_text()
    t.script("board-slots", slots.replace("confirm) sed", "confirm) echo not yet; exit 1; sed"))
    b.after_reboot(active="b", version="2.0", uuid=uuid_of(t), confirmed="no")
    r, _ = push(b, "--confirm")
    assert r.returncode == 9 and "does not confirm it: slot-command confirm exited with status 1: not yet" in r.stderr, r


def test_device_cannot_write_to_the_terminal(t):
    fake = t.script("fake-ssh", """#!/bin/sh
case "$*" in *-GT*) echo "hostname x"; exit;; esac
cat > /dev/null
printf 'fwssh/1 error 1 \\033]0;owned\\007\\302\\233x\\n'
exit 1
""")
    r = t.run([t.bin("fwssh"), "status", "x", "--ssh", fake])
    assert r.returncode == 1 and "?]0;owned???x" in r.stderr and "\x1b" not in r.stderr, r
