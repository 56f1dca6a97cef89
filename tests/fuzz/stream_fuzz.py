#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Mutated SSH streams against the real programs: stream_fuzz.py BUILD ssh_stream|ssh_login SECONDS [CASE]

ssh_stream is a stranger: it sends packets before, during and after the key exchange, but has no key. ssh_login logs in
with a good key and then violates the rules of the channels, the transport and the subsystems. Each connection is a case
derived from its number alone, so that it can be repeated: with CASE, only that one is run. A finding is a sanitizer
report, a session or an update that exceeds its time limits, a process killed by a signal, a login without a key, a leak
of the listener's descriptors, or a listener that does not accept a valid update at the end.
"""
import logging
import os
import random
import re
import select
import socket
import struct
import sys
import tempfile
import threading
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(SOURCE / "tests"))
sys.dont_write_bytecode = True
from support import raw_client  # noqa: E402
from support.fixture import Fixture  # noqa: E402

paramiko = raw_client.paramiko

GRACE = IDLE = 12  # seconds: the daemon's login-grace-time and idle-timeout
# For a session whose client stays and says nothing: once during its update, once more after it.
SILENT_LIMIT = 2 * IDLE + 8
GONE_LIMIT = 8  # for one whose client has disconnected
CASE_LIMIT = 10  # for the client itself, which may have to wait for a window
DATA_MAX = 1 << 19

# What must never be in the log: signs of a process that a client has crashed or taken over.
BAD_LOG = re.compile(r"the session (?!has)\S.*signal|protocol violation|"
                     r"fwssh-receive .*(signal|without sending a result)|runtime error:|"
                     r"ERROR: \w+Sanitizer|cannot create|cannot start")

KINDS = [b"session", b"x11", b"direct-tcpip", b"forwarded-tcpip", b"auth-agent@openssh.com", b"", b"session\0", b"s" * 3000]
# Not 10: as the largest packet it lets libssh 0.10 spin until the session's watchdog sees it.
NUMBERS = [0, 1, 2, 9, 11, 64, 1000, 32768, 35000, 1 << 21, (1 << 31) - 1, 1 << 31, (1 << 32) - 10, (1 << 32) - 1]
SUBSYSTEMS = [b"nerves_firmware_ssh", b"fwup", b"sftp", b"", b"x" * 5000, b"fwup\0x", b"%s%n", b"../fwup"]
REQUESTS = [b"pty-req", b"env", b"shell", b"exec", b"subsystem", b"window-change", b"xon-xoff", b"signal", b"break",
            b"exit-status", b"exit-signal", b"x11-req", b"auth-agent-req@openssh.com", b"keepalive@openssh.com",
            b"eow@openssh.com", b"", b"?" * 2000]
GLOBALS = [b"tcpip-forward", b"cancel-tcpip-forward", b"keepalive@openssh.com", b"no-more-sessions@openssh.com",
           b"hostkeys-prove-00@openssh.com", b"streamlocal-forward@openssh.com", b"", b"g" * 4000]
KEX = ["curve25519-sha256", "curve25519-sha256@libssh.org", "diffie-hellman-group16-sha512", "diffie-hellman-group18-sha512",
       "ext-info-c", "kex-strict-c-v00@openssh.com", "diffie-hellman-group-exchange-sha256", "ecdh-sha2-nistp256", "none"]
HOST_KEYS = ["ssh-ed25519", "rsa-sha2-512", "ecdsa-sha2-nistp256", "ssh-rsa", "ssh-dss"]
CIPHERS = ["chacha20-poly1305@openssh.com", "aes256-ctr", "aes128-ctr", "aes256-gcm@openssh.com", "none"]
MACS = ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha1", "none"]
METHODS = [b"none", b"password", b"publickey", b"hostbased", b"keyboard-interactive", b"gssapi-with-mic", b"", b"m" * 3000]
KEY_TYPES = [b"ssh-ed25519", b"rsa-sha2-512", b"ssh-rsa", b"ecdsa-sha2-nistp256", b"ssh-ed25519-cert-v01@openssh.com",
             b"sk-ssh-ed25519@openssh.com", b"ssh-dss", b"", b"k" * 2000]

# The first byte of the firmware says what the updater does with the rest.
UPDATER = """#!/bin/sh
if [ "$1" = --version ]; then echo 1.16.0; exit 0; fi
case $(head -c 1) in
b) exit 3 ;;
c) head -c 200000 /dev/zero | tr '\\0' x ;;
d) sleep 0.3 ;;
e) kill -9 $$ ;;
f) head -c 50000 /dev/zero >&2 ;;
esac
cat >/dev/null
printf 'Success!\\n'
"""


class Finding(Exception):
    pass


def u32(n):
    return struct.pack(">I", n & 0xffffffff)


def text(data):
    return u32(len(data)) + data


def names(*words):
    return text(",".join(words).encode())


def mutate(r, data):
    """A few small faults."""
    data = bytearray(data)
    for _ in range(r.choice((1, 1, 1, 2, 4, 16))):
        at = r.randrange(len(data) + 1)
        what = r.randrange(6)
        if what == 0 and at < len(data):
            data[at] ^= 1 << r.randrange(8)
        elif what == 1 and at < len(data):
            data[at] = r.choice((0, 1, 0x7f, 0x80, 0xff, r.randrange(256)))
        elif what == 2:
            data[at:at] = r.randbytes(r.choice((1, 2, 4, 8, 100)))
        elif what == 3:
            del data[at:at + r.choice((1, 2, 4, 8, 100))]
        elif what == 4:
            data[at:at + 4] = u32(r.choice(NUMBERS))
        else:
            data[at:at] = data[at:at + r.choice((4, 16, 64))]
    return bytes(data)


def some(r, words):
    chosen = [w for w in words if r.random() < 0.6] or words[:1]
    if r.random() < 0.2:
        r.shuffle(chosen)
    if r.random() < 0.05:
        chosen.append("x" * r.choice((1, 64, 1000, 30000)))
    if r.random() < 0.03:
        chosen = [""] * r.choice((0, 2, 5000))
    return names(*chosen)


# Before the key exchange: plain packets


def packet(r, payload):
    padding = 8 - (len(payload) + 5) % 8
    padding += 8 if padding < 4 else 0
    length = len(payload) + padding + 1
    if r.random() < 0.04:
        length = r.choice(NUMBERS)
    if r.random() < 0.04:
        return u32(length) + bytes((r.choice((0, 1, 3, 255)),)) + payload + bytes(padding)
    return u32(length) + bytes((padding,)) + payload + bytes(padding)


def version(r):
    line = r.choice((b"SSH-2.0-OpenSSH_9.9", b"SSH-2.0-x", b"SSH-1.99-x", b"SSH-1.5-x", b"SSH-2.0-", b"SSH-2.0", b"", b"GET / HTTP/1.1",
                     b"SSH-2.0-" + b"v" * r.choice((200, 245, 256, 10000)), b"SSH-2.0-OpenSSH_7.2 \0x")
                    if r.random() < 0.3 else (b"SSH-2.0-OpenSSH_9.9",))
    before = b"hello\r\n" * r.choice((1, 50, 5000)) if r.random() < 0.05 else b""
    return before + line + r.choice((b"\r\n", b"\n", b"\r\n", b"\r", b"") if r.random() < 0.1 else (b"\r\n",))


def kexinit(r):
    lists = [some(r, KEX), some(r, HOST_KEYS), some(r, CIPHERS), some(r, CIPHERS), some(r, MACS), some(r, MACS),
             some(r, ["none", "zlib"]), some(r, ["none", "zlib@openssh.com"]), names(), names()]
    return b"\x14" + r.randbytes(16) + b"".join(lists) + bytes((r.random() < 0.2,)) + u32(0)


def kex_public(r):
    """The client's half: a point, or a number for Diffie-Hellman."""
    size = r.choice((32, 32, 32, 512, 513, 1024, 0, 1, 31, 33, 30000))
    body = r.choice((r.randbytes(size), bytes(size), b"\xff" * size))
    return bytes((r.choice((30, 30, 30, 30, 31, 32, 34)),)) + text(body)


def plain_message(r):
    return r.choice((
        lambda: b"\x02" + text(r.randbytes(r.choice((0, 10, 30000)))),  # IGNORE
        lambda: b"\x04\1" + text(b"debug") + text(b""),
        lambda: b"\x03" + u32(r.choice(NUMBERS)),  # UNIMPLEMENTED
        lambda: b"\x01" + u32(2) + text(b"bye") + text(b""),  # DISCONNECT
        lambda: b"\x15",  # NEWKEYS
        lambda: b"\x05" + text(b"ssh-userauth"),
        lambda: b"\x34",  # USERAUTH_SUCCESS, as in CVE-2018-10933
        lambda: b"\x07" + u32(1) + text(b"server-sig-algs") + text(b"ssh-rsa"),  # EXT_INFO
        lambda: userauth(r, None),
        lambda: channel_open(r),
        lambda: kexinit(r),
        lambda: kex_public(r),
        lambda: r.randbytes(r.choice((1, 8, 300))),
        lambda: b"",
    ))()


def plain_stream(r):
    parts = [version(r), packet(r, kexinit(r)), packet(r, kex_public(r)), packet(r, b"\x15"), r.randbytes(r.choice((0, 64, 4000)))]
    while r.random() < 0.5:
        parts.insert(r.randrange(len(parts) + 1), packet(r, plain_message(r)))
    if r.random() < 0.1:
        del parts[r.randrange(len(parts))]
    if r.random() < 0.1:
        r.shuffle(parts)
    stream = b"".join(parts)
    if r.random() < 0.5:
        stream = mutate(r, stream)
    return stream[:r.randrange(len(stream) + 1)] if r.random() < 0.2 else stream


# Within the encrypted transport: payloads


def userauth(r, d):
    """A login request that must never succeed."""
    user = r.choice((b"any", b"root", b"", b"u" * 4000, b"\xff\n\0"))
    body = b"\x32" + text(user) + text(r.choice((b"ssh-connection", b"ssh-connection", b"ssh-userauth", b"")))
    method = r.choice(METHODS + [b"publickey"] * 8)
    body += text(method)
    if method == b"publickey":
        kind = r.choice(KEY_TYPES[:1] * 6 + KEY_TYPES)
        blob = d.public if d and r.random() < 0.7 else text(kind) + text(r.randbytes(r.choice((0, 32, 64, 400))))
        signature = text(text(kind) + text(r.choice((r.randbytes(64), bytes(64), b"", r.randbytes(500)))))
        has = r.random() < 0.7
        body += bytes((has,)) + text(kind) + text(blob if r.random() < 0.8 else mutate(r, blob)) + (signature if has else b"")
    elif method == b"hostbased":
        body += text(b"ssh-ed25519") + text(d.public if d else b"") + text(b"host") + text(b"root") + text(bytes(83))
    elif method == b"gssapi-with-mic":
        body += u32(r.choice((0, 1, 2, 1 << 30))) + text(bytes.fromhex("06092a864886f712010202"))
    else:
        body += b"\0" + text(b"secret") + text(b"")
    return body


def stranger_message(r, d):
    return r.choice([lambda: userauth(r, d)] * 5 + [
        lambda: b"\x05" + text(r.choice((b"ssh-userauth", b"ssh-connection", b"", b"s" * 5000))),
        lambda: bytes((r.randrange(50, 80),)) + r.randbytes(r.choice((0, 4, 40))),
        lambda: b"\x3d" + u32(r.choice(NUMBERS)) + text(b"answer"),  # INFO_RESPONSE
        lambda: channel_message(r, 0),
        lambda: plain_message(r),
    ])()


def channel_open(r):
    body = b"\x5a" + text(r.choice(KINDS[:1] * 12 + KINDS)) + u32(r.choice(NUMBERS)) + u32(r.choice(NUMBERS)) + u32(r.choice(NUMBERS))
    return body + (text(b"127.0.0.1") + u32(22) + text(b"::1") + u32(r.choice(NUMBERS)) if r.random() < 0.3 else b"")


def channel_number(r, opened):
    """libssh counts from 43."""
    return 43 + r.randrange(opened + 1) if r.random() < 0.9 else r.choice(NUMBERS)


def channel_request(r, number):
    name = r.choice(REQUESTS + [b"subsystem"] * 4)
    body = b"\x62" + u32(number) + text(name) + bytes((r.choice((0, 1, 1, 255)),))
    if name == b"subsystem":
        return body + text(r.choice(SUBSYSTEMS[:2] * 3 + SUBSYSTEMS))
    if name == b"pty-req":
        return body + text(b"xterm") + u32(80) + u32(24) + u32(0) + u32(0) + text(r.randbytes(r.choice((0, 1, 5, 300))))
    if name == b"window-change":
        return body + b"".join(u32(r.choice(NUMBERS)) for _ in range(4))
    if name == b"x11-req":
        return body + b"\0" + text(b"MIT-MAGIC-COOKIE-1") + text(b"00") + u32(0)
    return body + text(r.choice((b"", b"LANG", b"reboot", b"x" * 20000))) + text(b"value")


def header(r):
    return r.choice((b"fwup:%d" % r.choice((1, 5, 1000, 100000, 1 << 40)), b"fwup(5),fwup:7", b"fwup:5,reboot", b"reboot", b"",
                     b"x" * 5000, r.randbytes(20), b"fwup:0")) + b"\n"


def channel_data(r, number):
    data = r.choice((lambda: header(r), lambda: header(r) + r.choice((b"a", b"b", b"c", b"d", b"e", b"f")) + bytes(99),
                     lambda: r.choice((b"abcdef"[:1], b"c", b"d")) + bytes(r.choice((0, 1, 5, 1000, 32000))),
                     lambda: r.randbytes(r.choice((0, 1, 30000, 100000))), lambda: bytes(r.choice((100, 200000)))))()
    if r.random() < 0.2:
        return b"\x5f" + u32(number) + u32(r.choice((0, 1, 2, 1 << 31))) + text(data)
    return b"\x5e" + u32(number) + text(data)


def channel_message(r, opened):
    number = channel_number(r, opened)
    return r.choice([lambda: channel_request(r, number)] * 6 + [lambda: channel_data(r, number)] * 6 + [
        lambda: channel_open(r),
        lambda: b"\x5d" + u32(number) + u32(r.choice(NUMBERS)),  # WINDOW_ADJUST
        lambda: b"\x60" + u32(number),  # EOF
        lambda: b"\x61" + u32(number),  # CLOSE
        lambda: b"\x5b" + u32(number) + u32(r.choice(NUMBERS)) * 3,  # OPEN_CONFIRMATION
        lambda: b"\x5c" + u32(number) + u32(1) + text(b"no") + text(b""),  # OPEN_FAILURE
        lambda: bytes((r.choice((99, 100)),)) + u32(number),  # SUCCESS, FAILURE
        lambda: b"\x50" + text(r.choice(GLOBALS)) + b"\1" + text(b"") + u32(r.choice(NUMBERS)),
        lambda: bytes((r.choice((81, 82)),)) + u32(r.choice(NUMBERS)),
    ])()


def friend_message(r, d, opened):
    message = channel_message(r, opened) if r.random() < 0.93 else stranger_message(r, d)
    return mutate(r, message) if r.random() < 0.08 else message


# Clients


class Swallow(dict):
    """Replaces paramiko's handlers once we send packets of our own: what arrives is ignored."""

    def __contains__(self, kind):
        return True

    def __missing__(self, kind):
        return lambda transport, message: None


def connect(d):
    sock = socket.create_connection(("127.0.0.1", d.port), timeout=CASE_LIMIT)
    d.client = "127.0.0.1:%d" % sock.getsockname()[1]
    return sock


class Client:
    """Exchanges keys with the daemon; after that, payloads are sent as they are."""

    def __init__(self, d, key):
        self.sock = connect(d)
        self.answered = threading.Event()
        self.transport = paramiko.Transport(self.sock)
        self.transport.start_client(timeout=CASE_LIMIT)
        if key:
            self.transport.auth_publickey("any", key)
        table = self.transport._handler_table
        self.transport._handler_table = Swallow({kind: table[kind] for kind in (20, 21)})
        self.transport._handler_table[82] = lambda transport, message: self.answered.set()

    def send(self, payload):
        if payload:
            self.transport.packetizer.send_message(paramiko.Message(payload))

    def settle(self, seconds):
        """Waits until everything has been read (a request that is refused comes last), or until the connection ends."""
        self.answered.clear()
        self.send(b"\x50" + text(b"are-you-there") + b"\1")
        end = time.monotonic() + seconds
        while self.transport.active and not self.answered.is_set() and time.monotonic() < end:
            self.answered.wait(0.01)


def case_plain(r, d):
    sock = connect(d)
    stream = plain_stream(r)
    while stream:
        size = r.choice((1, 5, 100, 1500, 1 << 20, 1 << 20, 1 << 20))
        sock.sendall(stream[:size])
        stream = stream[size:]
        if r.random() < 0.5 and select.select([sock], [], [], 0.02)[0] and not sock.recv(65536):
            break
    return sock


def case_stranger(r, d):
    client = Client(d, None)
    if r.random() < 0.8:
        client.send(b"\x05" + text(b"ssh-userauth"))
    for _ in range(r.choice((1, 3, 8, 20))):
        message = stranger_message(r, d)
        client.send(mutate(r, message) if r.random() < 0.2 else message)
    if r.random() < 0.8:
        client.settle(0.2)
    return client.sock


def case_friend(r, d):
    client = Client(d, d.private)
    opened = budget = 0
    if r.random() < 0.9:  # mostly a channel that works, and an update in it
        window, size = r.choice(NUMBERS[-7:] if r.random() < 0.7 else NUMBERS), r.choice(NUMBERS if r.random() < 0.3 else (32768,))
        client.send(b"\x5a" + text(b"session") + u32(7) + u32(window) + u32(size))
        if r.random() < 0.8:
            client.send(b"\x62" + u32(43) + text(b"subsystem") + b"\1" + text(r.choice(SUBSYSTEMS[:2])))
            client.send(b"\x5e" + u32(43) + text(header(r) + r.choice((b"a", b"b", b"c", b"d", b"e", b"f"))))
    for _ in range(r.choice((1, 5, 15, 40))):
        message = friend_message(r, d, opened)
        opened += message[:1] == b"\x5a" and opened < 20
        budget += len(message)
        if budget > DATA_MAX:
            break
        client.send(message)
        if r.random() < 0.05:
            time.sleep(r.random() / 10)
        if r.random() < 0.01:
            client.transport.renegotiate_keys()
    if r.random() < 0.8:
        client.settle(1)
    return client.sock


def leave(r, sock):
    """How a client leaves: True if it has disconnected, False if it stays and says nothing."""
    how = r.random()
    if how < 0.004:
        return False
    if how < 0.3:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    elif how < 0.5:
        time.sleep(0.05)
    sock.shutdown(socket.SHUT_RDWR if how > 0.1 else socket.SHUT_WR)
    return True


# The daemon and the totals


class Fuzz:
    def __init__(self, t, mode):
        self.t = t
        self.mode = mode
        t.env["ASAN_OPTIONS"] += ":hard_rss_limit_mb=600:quarantine_size_mb=32"
        leaks = t.script("leaks.txt", (SOURCE / "tests/fuzz/leaks.txt").read_text())
        t.env["LSAN_OPTIONS"] += f":suppressions={leaks}:print_suppressions=0"
        updater = t.script("fuzz-updater", UPDATER)
        self.d = t.daemon(updater=str(updater), login_grace_time=GRACE, idle_timeout=IDLE, max_sessions=100,
                          max_unauthenticated=100)
        self.d.private = paramiko.Ed25519Key.from_private_key_file(str(self.d.key))
        self.d.public = self.d.private.asbytes()
        self.seen = self.d.log_path.stat().st_size
        self.d.client = None
        self.fds = self.listener_fds()

    def listener_fds(self):
        return len(os.listdir(f"/proc/{self.d.process.pid}/fd"))

    def reports(self):
        return self.t.findings()

    def living(self):
        return self.d.pids("fwssh-session") + self.d.pids("fwssh-receive")

    def wait_gone(self, limit):
        """Waits until the listener has reaped what it started for this client; returns what it has logged."""
        log, end = "", time.monotonic() + limit
        while f"{self.d.client}: disconnected" not in log or self.d.pids("fwssh-receive"):
            if time.monotonic() > end:
                raise Finding(f"these live on after {limit} s: {self.living()}")
            if self.d.process.poll() is not None:
                raise Finding("the listener has ended")
            time.sleep(0.005)
            log += self.new_log()
        return log + self.new_log()

    def new_log(self):
        with open(self.d.log_path, "rb") as f:
            f.seek(self.seen)
            log = f.read()
        self.seen += len(log)
        return log.decode(errors="replace")

    def check(self, log):
        bad = BAD_LOG.search(log)
        if bad or self.reports():
            raise Finding(f"in the log: {bad.group()}" if bad else "a sanitizer's report")
        if self.mode == "ssh_stream" and ": logged in with " in log:
            raise Finding("logged in without a key")

    def run(self, case):
        r = random.Random(f"{self.mode} {case}")
        make = case_friend if self.mode == "ssh_login" else case_plain if r.random() < 0.6 else case_stranger
        gone, sock = True, None
        try:
            sock = make(r, self.d)
            gone = leave(r, sock)
        except (OSError, EOFError, AttributeError, paramiko.SSHException):
            pass  # the session has ended first, as it may
        self.check(self.wait_gone(GONE_LIMIT if gone else SILENT_LIMIT))
        if sock:
            sock.close()

    def finish(self):
        """The listener is as before, and accepts a valid update."""
        self.t.wait_for(lambda: self.listener_fds() <= self.fds, "the listener to close its descriptors", 5)
        r = self.d.push(b"fwup:5\nahoj\n")
        assert r.returncode == 0 and b"Success!" in r.stdout, r
        self.d.stop()
        assert self.d.process.returncode == 0, self.d.process.returncode
        assert not self.reports(), "a sanitizer's report of the listener"

    def explain(self, what):
        print(f"{self.mode}: {what}")
        print("\n".join(self.d.log().splitlines()[-30:]))
        for report in self.reports():
            print(report)


def fuzz(t, mode, seconds, only):
    f = Fuzz(t, mode)
    case = random.SystemRandom().randrange(1 << 32) if only is None else only
    end, count = time.monotonic() + seconds, 0
    try:
        while not count or (only is None and time.monotonic() < end):
            f.run(case + count)
            count += 1
        f.finish()
    except Finding as finding:
        f.explain(f"{finding}; to see it again: tests/fuzz/stream_fuzz.py {t.build} {mode} 0 {case + count}")
        return 1
    except AssertionError as wrong:
        f.explain(f"{wrong}; after the cases {case} to {case + count - 1}")
        return 1
    print(f"stat::number_of_executed_units: {count}")  # as libFuzzer does
    return 0


def main():
    build, mode, seconds = Path(sys.argv[1]).resolve(), sys.argv[2], float(sys.argv[3])
    if not paramiko:
        print("python3-paramiko is not installed")
        return 1
    only = int(sys.argv[4]) if len(sys.argv) > 4 else None
    logging.getLogger("paramiko").setLevel(logging.CRITICAL + 1)
    threading.excepthook = lambda args: None  # paramiko's threads, whose connections break
    with tempfile.TemporaryDirectory(prefix="fwssh-fuzz-") as directory:
        t = Fixture(SOURCE, build, directory)
        try:
            return fuzz(t, mode, seconds, only)
        finally:
            for daemon in t.daemons:
                daemon.stop()


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    status = main()
    sys.stdout.flush()
    os._exit(status)  # without waiting for paramiko's threads
