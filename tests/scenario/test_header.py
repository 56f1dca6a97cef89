# SPDX-License-Identifier: Apache-2.0
"""The header: split anywhere, unfinished, wrong, or without an end."""
from support.process import peak_memory
from support.receiver import Receiver
from support.update import GOOD_TEXT, HELLO, MB, assert_one_line, assert_works, finish, master, send_part


def test_header_split_at_every_byte(t):
    for at in range(1, len(HELLO)):
        r = Receiver(t)
        r.send_and_wait(HELLO[:at])
        r.send(HELLO[at:])
        status, out, err = r.end()
        assert (status, out, err) == (0, GOOD_TEXT, b""), at
        assert r.result()["reboot"] == 1, at
    assert r.device.updater_input() == b"hello" * (len(HELLO) - 1)


def test_header_split_between_ssh_packets(t):
    d = t.daemon()
    for count, at in enumerate((4, 7, 13, 14), 1):
        client = d.client()
        send_part(t, d, client, HELLO[:at])
        client.stdin.write(HELLO[at:])
        assert finish(client) == (0, GOOD_TEXT, b""), at
        d.wait_reboot(count)


def test_unfinished_header_never_reboots(t):
    """nerves_firmware_ssh rebooted with exit 0 and no update on exactly this."""
    d = t.daemon(idle_timeout=1)
    client = d.client()
    send_part(t, d, client, b"fwup:5,")
    client.stdin.write(b"reboot\n")
    status, out, err = finish(client)
    assert status == 1 and b"Rebooting" not in out, (status, out, err)
    assert d.reboots() == 0


def test_unfinished_header_and_empty_session(t):
    d = t.daemon(max_sessions=1)
    for data in (b"", b"f", b"fwup:5,reboot", b"x" * 3000):
        r = d.push(data)
        assert r.returncode == 2 and (r.stdout == r.stderr) == (data != b""), (data, r)
        assert_one_line(r.stderr)
    assert d.updater_pids() == []
    assert_works(d)


def test_size_in_parentheses(t):
    d = t.daemon()
    r = d.push(b"fwup(5),reboot\nhello")
    assert (r.returncode, r.stdout) == (0, GOOD_TEXT)
    assert d.updater_input() == b"hello"


def test_longest_header(t):
    d = t.daemon()
    zeros = b"0" * (4095 - len("fwup:5,reboot"))
    assert d.push(b"fwup:" + zeros + b"5,reboot\nhello").returncode == 0
    assert d.push(b"fwup:" + zeros + b"05,reboot\nhello").returncode == 2


BAD_HEADERS = (
    b"rebot", b"fwup", b"fwup:10,format", b"", b"reboot\r", b"REBOOT", b"fwup:5, reboot", b"reboot,", b",reboot",
    b"reboot\0", b"\xff\xfe", b"fwup:", b"fwup:12x", b"fwup: 12", b"fwup:0x10", b"fwup:1_000", b"fwup:1.5",
    b"fwup:5\r", "fwup:５".encode(), b"fwup:-5,reboot", b"fwup:+5,reboot", b"fwup:0,reboot", b"fwup:0",
    b"fwup:" + b"9" * 40 + b",reboot", b"fwup:" + b"9" * 20000, b"fwup:9223372036854775808", b"fwup(5", b"fwup()",
    b"fwup(5))", b"fwup(5),", b"reboot,fwup:5", b"reboot,reboot", b"fwup:5,reboot,reboot", b"fwup:5\0", b" fwup:5",
    b"fwup:5,,reboot", b"fwup:1," * 64 + b"fwup:1", b"\x1b[31m",
)


def test_bad_header_gets_one_line_and_a_status(t):
    d = t.daemon()
    for header in BAD_HEADERS:
        r = d.push(header + b"\nhello")
        assert (r.returncode, r.stdout) == (2, r.stderr), (header, r)
        assert_one_line(r.stderr)
        assert b"bad header" in r.stderr and len(r.stderr) < 200, (header, r.stderr)
        assert all(0x20 <= byte < 0x7f for byte in r.stderr[:-1]), r.stderr
    assert d.updater_pids() == [] and d.reboots() == 0
    assert_works(d)


def test_endless_header_takes_no_memory(t):
    d = t.daemon()
    options = master(t, d)
    session, = d.pids("fwssh-session")
    r = d.push(b"x" * (64 * MB), *options)
    assert r.returncode == 2
    assert_one_line(r.stderr)
    assert t.sanitized() or peak_memory(session) < 16000


def test_endless_header_is_not_read_to_its_end(t):
    r = Receiver(t)
    sent = 0
    try:
        while sent < 64 * MB:
            r.send(b"x" * 65536)
            sent += 65536
    except BrokenPipeError:
        pass
    assert sent < MB
    assert r.process.wait(20) == 2
