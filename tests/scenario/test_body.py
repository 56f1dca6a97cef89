# SPDX-License-Identifier: Apache-2.0
"""What follows the header: several firmwares, more bytes than were announced, and fewer."""
import threading

from support.fixture import waits
from support.process import peak_memory
from support.update import (GOOD_TEXT, HELLO, MB, assert_one_line, assert_works, finish, finish_input, marker, master,
                            wait_gone)


# Several firmwares


def test_each_firmware_goes_to_its_own_updater(t):
    for number, end in enumerate(("shake 0", "exit 0")):
        name = f"updater{number}"
        d = t.daemon(updater=t.updater(f"take; printf '|' >> $me.input\nprintf 'Success!\\n'; {end}", name=name))
        r = d.push(b"fwup:3,fwup:4,reboot\nabcdefg")
        assert r.returncode == 0, r
        assert r.stdout == b"Running fwup...\nSuccess!\n" * 2 + b"Rebooting...\n"
        assert d.updater_input(name) == b"abc|defg|"
        d.wait_reboot()
        assert d.reboots() == 1


def test_second_firmware_may_come_later(t):
    d = t.daemon(updater=t.updater("take; printf '|' >> $me.input\nprintf 'Success!\\n'; shake 0"))
    client = d.client()
    client.stdin.write(b"fwup:3,fwup:4,reboot\nabc")
    t.wait_for(lambda: d.updater_input() == b"abc|", "the first firmware")
    client.stdin.write(b"defg")
    status, out, _ = finish(client)
    assert status == 0 and out.endswith(b"Success!\nRebooting...\n")
    assert d.updater_input() == b"abc|defg|"


def test_updaters_never_overlap(t):
    d = t.daemon(updater=t.updater("mkdir $me.busy || echo overlap > $me.overlap\ntake; rmdir $me.busy\nexit 0"))
    assert d.push(b"fwup:1,fwup:1,fwup:1,fwup:1,reboot\nabcd").returncode == 0
    assert not marker(t, "updater.overlap")


def test_a_failed_firmware_ends_it_all(t):
    d = t.daemon(updater=t.updater("take; exit 1"))
    r = d.push(b"fwup:3,fwup:4,reboot\nabcdefg")
    assert r.returncode == 1 and b"firmware 1 of 2" in r.stderr
    assert d.updater_input() == b"abc" and d.reboots() == 0


# Surplus bytes


def test_announced_surplus_is_swallowed(t):
    for number, end in enumerate(("shake 0", "exit 0")):
        d = t.daemon(updater=t.updater(f"take_some 5\nprintf 'Success!\\n'; {end}", name=f"updater{number}"))
        r = d.push(b"fwup:%d,reboot\nhello" % (20 * MB + 5) + bytes(20 * MB))
        assert (r.returncode, r.stdout) == (0, GOOD_TEXT), r
        d.wait_reboot()


def test_announced_surplus_between_two_firmwares(t):
    d = t.daemon(updater=t.updater("take_some 5\nexit 0"))
    r = d.push(b"fwup:%d,fwup:5,reboot\nhello" % (3 * MB + 5) + bytes(3 * MB) + b"again")
    assert r.returncode == 0, r
    assert d.updater_input() == b"helloagain"
    d.wait_reboot()


@waits
def test_announced_surplus_behind_an_updater_slower_than_the_idle_time(t):
    """It has closed its input and flushes; that the client had to wait meanwhile is not the client's silence."""
    d = t.daemon(idle_timeout=3, updater=t.updater("take_some 5; exec < /dev/null; sleep 4\nprintf 'Success!\\n'"))
    r = d.push(b"fwup:%d,reboot\nhello" % (8 * MB + 5) + bytes(8 * MB))
    assert (r.returncode, r.stdout) == (0, GOOD_TEXT), r
    d.wait_reboot()


def test_surplus_not_announced_is_an_error(t):
    for number, extra in enumerate((1, 5000, 64 * MB)):
        d = t.daemon(updater=t.updater(name=f"updater{number}", body="take; shake 0"))
        r = d.push(HELLO + bytes(extra))
        assert r.returncode == 1 and b"Rebooting" not in r.stdout, r
        assert_one_line(r.stderr)
        assert b"received more data than announced" in r.stderr and d.reboots() == 0


def test_bytes_behind_reboot_are_an_error(t):
    d = t.daemon()
    r = d.push(b"reboot\nhello")
    assert r.returncode == 1 and d.reboots() == 0
    assert_one_line(r.stderr)


def test_unannounced_surplus_counts_though_the_client_is_gone(t):
    d = t.daemon(updater=t.updater("take; await; exit 0"))
    client = d.client()
    client.stdin.write(b"fwup:5,reboot\nhelloEXTRA")
    client.stdin.flush()
    t.wait_for(lambda: d.updater_input() == b"hello", "the updater to have all")
    client.kill()
    d.wait_log("disconnected")
    t.go()
    d.wait_log("received more data than announced")
    assert d.reboots() == 0


def test_surplus_takes_no_memory(t):
    d = t.daemon(updater=t.updater("take; await; shake 0"))
    options = master(t, d)
    session, = d.pids("fwssh-session")
    client = d.client(*options)
    sent = []

    def work():
        try:
            for _ in range(1024):
                client.stdin.write(bytes(65536))
                sent.append(1)
        except OSError:
            pass
    client.stdin.write(HELLO)
    threading.Thread(target=work, daemon=True).start()
    t.wait_for(d.updater_pids, "the updater")
    t.wait_for(lambda: len(sent) >= 10, "surplus on its way")
    receive, = d.pids("fwssh-receive")
    assert t.sanitized() or peak_memory(receive) < 8000
    t.go()
    assert finish(client)[0] == 1
    assert t.sanitized() or peak_memory(session) < 16000


# Too few


def test_too_few_bytes(t):
    d = t.daemon(max_sessions=1, updater=t.updater("take; printf 'Success!\\n'; echo done >> $me.done; shake 0"))
    r = d.push(b"fwup:10,reboot\nhello")
    assert r.returncode == 1 and b"Rebooting" not in r.stdout, r
    assert_one_line(r.stderr)
    assert b"input ended 5 bytes short" in r.stderr
    assert d.reboots() == 0 and not marker(t, "updater.done")
    assert_works(d)


def test_too_few_bytes_behind_an_updater_that_has_ended(t):
    """Whether the updater or the end of input comes first must not decide between success and failure."""
    d = t.daemon(updater=t.updater("take_some 5; exec < /dev/null > /dev/null 2>&1; exit 0"))
    client = d.client()
    client.stdin.write(b"fwup:10,reboot\nhello")
    wait_gone(t, t.wait_for(d.updater_pids, "the updater"), "the updater")
    status, out, err = finish_input(client)
    assert status == 1 and b"Rebooting" not in out, (status, out, err)
    assert_one_line(err)
    assert d.reboots() == 0
