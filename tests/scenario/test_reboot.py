# SPDX-License-Identifier: Apache-2.0
"""The end of an update: the text, the status, the close, and last the reboot."""
import os
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
    log = "".join(line for line in d.log().lower().splitlines() if "signatures=off" not in line)
    for word in ("error", "warning", "crash", "killed"):
        assert word not in log, log


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


def test_parameter_that_nobody_passes_on_is_refused_before_anything_is_written(t):
    """BusyBox as init, and a reboot that leaves it to init: a tryboot system would come back with the old firmware."""
    t.need("busybox")
    if os.getuid():
        t.skip("another init needs root")
    (t.dir / "fw.conf").write_text('task upgrade { on-init { raw_memset(0, 1, 7) reboot_param("0 tryboot") } }\n')
    assert t.run([t.bin("fwpack"), "create", "-f", "fw.conf", "-o", "fw.fw"]).returncode == 0
    fw = (t.dir / "fw.fw").read_bytes()
    (t.dir / "input").write_bytes(b"fwup:%d\n" % len(fw) + fw)
    for command, status in (("/sbin/reboot", 3), ("kernel", 0), ("/usr/bin/our-reboot", 0)):
        image = t.image(4096)
        options = ["-f", "/dev/null", "-o", f"device={image}", "-o", f"updater={t.bin('fwpack')}", "-o",
                   f"lock-file={t.dir}/lock", "-o", f"state-dir={t.dir}", "-o", f"reboot-command={command}"]
        r = t.run(["unshare", "-mpf", "--mount-proc", "busybox", "sh", "-c",
                   'mount -t tmpfs none /run; "$@" < "$0"; exit $?', t.dir / "input",
                   t.bin("fwssh-receive"), *options, "-s", "nerves_firmware_ssh"])
        assert r.returncode == status, (command, r)
        assert ("does not pass it on to the kernel; nothing was written" in r.stdout) == bool(status), r
        assert image.read_bytes()[:1] == (b"\0" if status else b"\7")
