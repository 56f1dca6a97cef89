"""The end of an update: the text, the status, the close, and last the reboot."""
import signal
import time

from support import raw_client
from support.fixture import waits
from support.update import GOOD_TEXT, HELLO, finish


def test_a_good_update_logs_nothing_bad(t):
    d = t.daemon(reboot_command="/bin/true")
    assert d.push(HELLO).returncode == 0
    d.wait_log("rebooting")
    t.wait_for(lambda: not d.pids("fwssh-session"), "the session to end")
    for word in ("error", "warning", "crash", "killed"):
        assert word not in d.log().lower(), d.log()


def test_reboot_alone_works_with_input_open(t):
    d = t.daemon()
    client = d.client()
    client.stdin.write(b"reboot\n")
    assert finish(client) == (0, b"Rebooting...\n", b"")
    d.wait_reboot()
    assert d.reboots() == 1 and d.updater_pids() == []


def test_update_works_with_input_open(t):
    d = t.daemon()
    client = d.client()
    client.stdin.write(HELLO)
    assert finish(client) == (0, GOOD_TEXT, b"")


def test_no_reboot_unless_asked(t):
    d = t.daemon()
    r = d.push(b"fwup:5\nhello")
    assert (r.returncode, r.stdout) == (0, b"Running fwup...\nSuccess!\n")
    d.wait_log("update done")
    t.wait_for(lambda: not d.pids("fwssh-session"), "the session to end")
    assert d.reboots() == 0 and "rebooting" not in d.log()


def test_reboot_waits_until_the_client_has_closed(t):
    d = t.daemon(updater=t.updater("take; await; printf 'Success!\\n'; shake 0"))
    client = d.client()
    client.stdin.write(HELLO)
    t.wait_for(d.updater_pids, "the updater")
    client.send_signal(signal.SIGSTOP)
    begin = time.monotonic()
    t.go()
    d.wait_log("update done")
    # The stopped client cannot close; it has three seconds, which a busy machine may need for itself.
    assert d.reboots() == 0 and "rebooting" not in d.log() or time.monotonic() - begin > 3
    client.send_signal(signal.SIGCONT)
    assert finish(client) == (0, GOOD_TEXT, b"")
    d.wait_reboot()


@waits
def test_reboot_does_not_wait_for_a_dead_client_for_ever(t):
    d = t.daemon(updater=t.updater("take; await; printf 'Success!\\n'; shake 0"))
    client = d.client()
    client.stdin.write(HELLO)
    t.wait_for(d.updater_pids, "the updater")
    client.send_signal(signal.SIGSTOP)
    t.go()
    d.wait_reboot()


def test_reboot_that_cannot_run_is_told_and_frees_the_device(t):
    d = t.daemon(reboot_command="/nonexistent/reboot now")
    for count in (1, 2):
        assert d.push(HELLO).returncode == 0
        t.wait_for(lambda: d.log().count("(key reboot-command)") == count, "the error")


def test_client_sees_end_status_and_close_in_order(t):
    d = t.daemon()
    transport = raw_client.connect(d)
    seen = []

    def watch(kind, name):
        def handle(channel, message):
            seen.append(name)
            original(channel, message)
        original = transport._channel_handler_table[kind]
        return handle
    transport._channel_handler_table = {**transport._channel_handler_table, 96: watch(96, "end"),
                                        97: watch(97, "close"), 98: watch(98, "status")}
    channel = raw_client.subsystem(transport)
    channel.sendall(HELLO)
    assert channel.recv_exit_status() == 0
    t.wait_for(lambda: "close" in seen, "the close")
    assert seen == ["end", "status", "close"]
    transport.close()
