# SPDX-License-Identifier: Apache-2.0
"""An updater that hangs, and text that nobody reads: neither holds the device's lock for ever."""
import os
import subprocess
import time

from support.fixture import waits
from support.process import is_asleep
from support.update import GOOD_TEXT, HELLO, MB, assert_one_line, finish, marker, wait_gone


def assert_free(d):
    """Nobody holds the lock."""
    name = str(d.config["lock-file"]).replace("DEVICE", str(d.config["device"]).replace("/", "_"))
    d.t.wait_for(lambda: d.t.run(["flock", "-n", name, "true"]).returncode == 0, "the lock")


@waits
def test_updater_that_hangs_after_the_last_byte(t):
    """It may have switched; this one does not say so."""
    d = t.daemon(updater_timeout=1, updater=t.updater("take; exec sleep 1000"))
    r = d.push(HELLO)
    assert r.returncode == 1 and b"no sign of life for 1 seconds (key updater-timeout)" in r.stderr, r
    assert b"rebooting anyway, check fwssh status" in r.stderr, r
    assert_one_line(r.stderr)
    wait_gone(t, d.updater_pids(), "the updater")
    d.wait_reboot()
    assert_free(d)


@waits
def test_no_reboot_that_was_not_asked_for(t):
    d = t.daemon(updater_timeout=1, updater=t.updater("take; exec sleep 1000"))
    r = d.push(b"fwup:5\nhello")
    assert r.returncode == 1 and b"reboot before another update" in r.stderr, r
    assert d.reboots() == 0


@waits
def test_updater_that_hangs_before_the_last_byte(t):
    """It reads no more, with bytes of the client in its pipe: nothing has been switched."""
    d = t.daemon(updater_timeout=1, updater=t.updater("take_some 1000; exec sleep 1000"))
    client = d.client()
    data = os.urandom(8 * MB)
    try:
        client.stdin.write(b"fwup:%d,reboot\n" % len(data) + data)
    except OSError:
        pass
    status, _, err = finish(client)
    assert status == 1 and b"updater-timeout" in err and b"rebooting" not in err, err
    wait_gone(t, d.updater_pids(), "the updater")
    assert d.reboots() == 0
    assert_free(d)


@waits
def test_time_in_which_the_client_owes_bytes_does_not_count(t):
    d = t.daemon(updater_timeout=1)
    client = d.client()
    client.stdin.write(HELLO[:-2])
    t.wait_for(lambda: d.updater_input() == b"hel", "the first bytes")
    time.sleep(3)  # the client's slowness is what is tested
    client.stdin.write(HELLO[-2:])
    assert finish(client)[:2] == (0, GOOD_TEXT)


@waits
def test_updater_that_switches_is_never_killed(t):
    d = t.daemon(updater_timeout=1,
                 updater=t.updater("take; echo switching >&3; sleep 3; printf 'Success!\\n'; shake 0"))
    r = d.push(HELLO)
    assert (r.returncode, r.stdout) == (0, GOOD_TEXT), r


def test_updater_that_switches_goes_on_without_its_client(t):
    """Also if another firmware was to follow."""
    switching, switched = t.dir / "switching", t.dir / "switched"
    d = t.daemon(updater=t.updater(
        f"take; echo switching >&3; touch {switching}; await; touch {switched}; printf 'Success!\\n'; shake 0"))
    client = d.client()
    client.stdin.write(b"fwup:3,fwup:3\nabc")
    t.wait_for(switching.exists, "the updater to switch")
    client.kill()
    d.wait_log("connection lost")
    t.go()
    t.wait_for(switched.exists, "the end of the switch")
    d.wait_log("firmware 2 of 2: the connection to the client was lost")


@waits
def test_updater_that_switches_does_not_wait_for_its_text_to_be_read(t):
    """Also if another firmware was to follow."""
    switched = t.dir / "switched"
    d = t.daemon(idle_timeout=1, updater=t.updater(
        f"take; echo switching >&3; head -c 9000000 /dev/zero; touch {switched}; printf 'Success!\\n'; shake 0"))
    client = d.client()
    client.stdin.write(b"fwup:3,fwup:3\nabc")
    t.wait_for(switched.exists, "the end of the switch")


@waits
def test_updater_that_has_switched_back_may_be_killed(t):
    d = t.daemon(updater_timeout=1,
                 updater=t.updater("take; echo switching >&3; echo switched back >&3; exec sleep 1000"))
    assert d.push(HELLO).returncode == 1


@waits
def test_text_and_result_lines_are_signs_of_life(t):
    for number, line in enumerate(("echo .", "echo unknown line >&3")):
        d = t.daemon(updater_timeout=4, updater=t.updater(
            f"take; for i in 1 2 3 4 5 6; do {line}; sleep 1; done; shake 0", name=f"updater{number}"))
        assert d.push(HELLO).returncode == 0


def receive(t, updater, **config):
    """fwssh-receive as sshd starts it: pipes, no listener."""
    d = t.daemon(wait=False, updater=updater, **config)
    p = t.start([t.bin("fwssh-receive"), "-f", d.conf, "-s", "nerves_firmware_ssh"], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, bufsize=0)
    return d, p


@waits
def test_text_that_nobody_reads_under_sshd(t):
    """The connection is there, so nothing but time tells."""
    d, p = receive(t, t.updater("yes"), idle_timeout=2)
    p.stdin.write(b"fwup:10,reboot\nhello")
    assert p.wait(20) == 1
    wait_gone(t, d.updater_pids(), "the updater")
    assert_free(d)


@waits
def test_text_that_nobody_reads_after_the_last_byte(t):
    """Then it is dropped, and the update is done as asked."""
    d, p = receive(t, t.updater("take; yes | head -c 2000000; echo done > $me.done; shake 0"), idle_timeout=2)
    p.stdin.write(HELLO)
    assert p.wait(20) == 0 and marker(t, "updater.done")
    d.wait_reboot()


@waits
def test_time_in_which_the_client_does_not_read_does_not_count(t):
    d, p = receive(t, t.updater("take; yes | head -c 500000; shake 0"), updater_timeout=1, idle_timeout=60)
    p.stdin.write(HELLO)
    t.wait_for(lambda: is_asleep(p.pid) and len(d.updater_input()) == 5, "the updater's text to be stuck")
    time.sleep(3)  # the client's slowness is what is tested
    p.stdout.read()
    assert p.wait(20) == 0


OPS = """case "$*" in
*"-t status"*) echo a; exit 0;;
*"-t validate"*) echo switching >&3; sleep 3; touch $me.done; exit 0;;
*"-t revert"*) [ ! -e $me.says ] || echo switching >&3; [ ! -e $me.says ] || exit 1; exec sleep 1000;;
esac"""


@waits
def test_task_of_ops_firmware_that_switches_is_never_killed(t):
    """One that does not say so is, and then nobody knows what boots next: the reboot that was asked for decides."""
    (t.dir / "ops.fw").touch()
    d = t.daemon(updater_timeout=1, updater=t.updater(OPS), ops_firmware=t.dir / "ops.fw")
    r = d.push(b"fwssh/1 confirm\n", subsystem="fwssh")
    assert r.returncode == 0 and (t.dir / "updater.done").exists(), r
    r = d.push(b"fwssh/1 revert\n", subsystem="fwssh")
    assert r.returncode == 1 and b"was killed after 1 second" in r.stdout, r
    assert b"what boots next is not known; rebooting, check fwssh status" in r.stdout, r
    d.wait_reboot()
    assert_free(d)
    (t.dir / "updater.says").touch()
    r = d.push(b"fwssh/1 revert\n", subsystem="fwssh")
    assert r.returncode == 1 and b"exited with status 1; what boots next is not known; rebooting" in r.stdout, r
    d.wait_reboot(2)


ACTIVATE = """case "$1" in
activate) echo switching >&3; echo bad disk; exit 1;;
esac
take; printf 'Success!\\n'; shake 0"""


def test_activation_that_fails_when_it_may_have_switched(t):
    (t.dir / "bin").mkdir()
    d = t.daemon(updater=t.updater(ACTIVATE, name="bin/fwpack"))
    assert d.push(b"fwssh/1 update size=1 stage=yes\nx", subsystem="fwssh").returncode == 0
    (d.state / "staged").touch()
    r = d.push(b"fwssh/1 activate\n", subsystem="fwssh")
    assert r.returncode == 1 and b"bad disk; what boots next is not known; rebooting" in r.stdout, r
    d.wait_reboot()


@waits
def test_reboot_command_that_hangs(t):
    """It does not hold the safety net, or a reboot under sshd, for ever."""
    d = t.daemon(wait=False)
    script = d.reboot_script()
    script.write_text(f"echo $$ >> {d.rebooted.with_suffix('.pids')}\n[ -e {d.rebooted}.again ] || {{ touch {d.rebooted}.again; "
                      f"exec sleep 1000; }}\necho reboot >> {d.rebooted}\n")
    r = t.run([t.bin("fwssh-receive"), "-f", d.conf, "-o", "slot-command=/bin/false", "--confirm-within", "1"], timeout=60)
    assert r.returncode == 9 and d.reboots() == 1, r
    assert "did not end within 30 seconds and was killed" in r.stderr, r
    wait_gone(t, [int(pid) for pid in d.rebooted.with_suffix(".pids").read_text().split()], "the reboot command")
