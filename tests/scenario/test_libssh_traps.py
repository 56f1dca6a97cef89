# SPDX-License-Identifier: Apache-2.0
"""Mistakes that libssh makes easy (the measured traps): none of them may harm a device."""
import hashlib
import os
import re
import select
import signal
import socket
import struct
import subprocess
import threading
import time

from support import raw_client
from support.fixture import waits
from support.process import alive, children, peak_memory, unread
from support.receiver import Receiver
from support.update import GOOD_TEXT, HELLO, MB, feed, has_sent_all, master, queued

CIPHERS = ("chacha20-poly1305@openssh.com", "aes256-ctr", "aes128-ctr")
# Trusts every clean end of its input, as a simple script would.
TRUSTING = "take; echo complete >> $me.complete\nprintf 'Success!\\n'; shake 0"


def trusting(t):
    return t.updater(TRUSTING)


def complete(t):
    return (t.dir / "updater.complete").exists()


def wait_gone(t, pids):
    t.wait_for(lambda: not any(alive(pid) for pid in pids), "the processes to end")


class Relay:
    """A TCP relay in front of a daemon, for one connection. flip: where in the client's bytes one bit is flipped."""

    def __init__(self, port, flip=None):
        self.there = port
        self.flip = flip
        self.flipped = False
        self.passed = 0  # bytes of the client
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.stop, self.stopper = socket.socketpair()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        client, _ = self.listener.accept()
        server = self.server = socket.create_connection(("127.0.0.1", self.there))
        other = {client: server, server: client}
        while True:
            ready, _, _ = select.select([client, server, self.stop], [], [])
            if self.stop in ready:
                # Both sides see a reset, as from a router that has lost the connection.
                for s in (client, server):
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            for s in (s for s in ready if s in other):
                try:
                    data = bytearray(s.recv(65536))
                except OSError:
                    data = b""
                if s is client:
                    if self.flip is not None and self.passed <= self.flip < self.passed + len(data):
                        data[self.flip - self.passed] ^= 1
                        self.flipped = True
                    self.passed += len(data)
                try:
                    other[s].sendall(data)
                except OSError:
                    data = b""
                if not data:
                    self.stopper.send(b"x")
            if self.stop in ready:
                client.close()
                server.close()
                return

    def reset(self):
        self.stopper.send(b"x")

    def inject(self, data):
        """As if the client had sent this."""
        self.server.sendall(data)


def push_through(d, relay, data, *options, **kw):
    args = d.ssh_args(*options, **kw)
    args[args.index("-p") + 1] = str(relay.port)
    return d.t.run(args, input=data, text=False)


# Trap 1: integrity of the stream


def test_flipped_bit_never_reaches_the_updater_as_good(t):
    data = os.urandom(4 * MB)
    for cipher in CIPHERS:
        for at in (MB, 2 * MB + 7, 3 * MB + 12345):
            (t.dir / "updater.input").unlink(missing_ok=True)
            d = t.daemon(updater=trusting(t))
            relay = Relay(d.port, flip=at)
            r = push_through(d, relay, b"fwup:%d,reboot\n" % len(data) + data, "-c", cipher)
            assert relay.flipped and r.returncode == 255, (cipher, at, r)
            d.wait_log("update failed")
            wait_gone(t, d.updater_pids())
            assert not complete(t) and d.reboots() == 0
            assert data.startswith(d.updater_input()), "damaged bytes reached the updater"
            d.stop()


def test_flipped_bit_subsystem_fwup(t):
    """Here the updater has nothing but the end of its input to rely on."""
    data = os.urandom(2 * MB)
    for cipher in CIPHERS:
        (t.dir / "updater.input").unlink(missing_ok=True)
        d = t.daemon(updater=trusting(t))
        relay = Relay(d.port, flip=MB)
        r = push_through(d, relay, data, "-c", cipher, subsystem="fwup")
        assert relay.flipped and r.returncode == 255, (cipher, r)
        d.wait_log("update failed")
        wait_gone(t, d.updater_pids())
        assert not complete(t) and d.reboots() == 0


def preloaded_session(t, mark):
    """fwssh-session, with late_data.c."""
    shim = t.build / "tests/liblate_data.so"
    if t.sanitized() or not shim.exists():
        t.skip("nothing to preload, or something else that has to be first")
    return t.script("session", f"#!/bin/sh\nLATE_DATA={mark} LD_PRELOAD={shim} exec {t.bin('fwssh-session')} \"$@\"\n")


def test_damage_that_is_not_found_at_the_socket(t):
    """libssh reads from it also when it is asked for the channel's data; what it finds then, nobody hears of again."""
    mark = t.dir / "mark"
    mark.write_bytes(b"0")
    d = t.daemon(updater=t.updater("await"), session_program=preloaded_session(t, mark))
    relay = Relay(d.port)
    args = d.ssh_args()
    args[args.index("-p") + 1] = str(relay.port)
    with t.start(args, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as client:
        feed(client, b"fwup:%d\n" % (8 * MB) + bytes(8 * MB))
        receive, = t.wait_for(lambda: d.pids("fwssh-receive"), "fwssh-receive")
        t.wait_for(lambda: unread(receive) > MB - 65536 and not queued(d) and has_sent_all(d, client),
                   "the client's window to be used up")
        mark.write_bytes(b"1")
        relay.inject(os.urandom(1000))
        t.wait_for(lambda: not queued(d), "that to be read")
        mark.write_bytes(b"0")
        d.wait_log("connection lost")
        client.kill()


def test_relay_itself_changes_nothing(t):
    """The control for the two tests above."""
    d = t.daemon()
    data = os.urandom(MB)
    r = push_through(d, Relay(d.port), b"fwup:%d,reboot\n" % len(data) + data)
    assert r.returncode == 0 and d.updater_input() == data


# What is offered


def proposal(t, d):
    """The server's lists, as printed by OpenSSH's client."""
    r = d.push(b"", "-vv")
    text = r.stderr.decode(errors="replace").split("peer server KEXINIT proposal", 1)[1]
    names = ("KEX algorithms", "host key algorithms", "ciphers ctos", "ciphers stoc", "MACs ctos", "MACs stoc",
             "compression ctos", "compression stoc")
    return {name: re.search(rf"debug2: {name}: (\S+)", text).group(1).split(",") for name in names}


POST_QUANTUM = ["mlkem768x25519-sha256", "sntrup761x25519-sha512", "sntrup761x25519-sha512@openssh.com"]
EXCHANGES = ["curve25519-sha256", "curve25519-sha256@libssh.org", "diffie-hellman-group16-sha512", "diffie-hellman-group18-sha512"]


def post_quantum(t, d):
    """Those that the libssh that is here must offer: 0.12 is the first that has any."""
    r = t.run([t.bin("fwsshd"), "-t", "-f", d.conf])
    version = re.search(r"^# libssh (\d+)\.(\d+)\.", r.stdout, re.M)
    return POST_QUANTUM if (int(version[1]), int(version[2])) >= (0, 12) else []


def test_offered_algorithms(t):
    d = t.daemon()
    p = proposal(t, d)
    for way in ("ctos", "stoc"):
        assert p[f"ciphers {way}"] == list(CIPHERS)
        assert p[f"MACs {way}"] == ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com"]
        assert p[f"compression {way}"] == ["none"]
    assert p["KEX algorithms"] == [*post_quantum(t, d), *EXCHANGES, "kex-strict-s-v00@openssh.com"]
    assert p["host key algorithms"] == ["ssh-ed25519"]


def test_compression_that_is_asked_for_is_not_used(t):
    d = t.daemon()
    assert d.push(HELLO, "-C").returncode == 0
    r = d.push(HELLO, "-o", "Compression=yes", "-v")
    assert b"compression: none" in r.stderr and b"compression: zlib" not in r.stderr


def test_not_offered_is_refused(t):
    d = t.daemon()
    for option in ("Ciphers=aes128-gcm@openssh.com", "Ciphers=aes256-gcm@openssh.com", "Ciphers=aes128-cbc",
                   "MACs=hmac-sha1", "MACs=hmac-sha2-256", "KexAlgorithms=diffie-hellman-group14-sha1",
                   "KexAlgorithms=ecdh-sha2-nistp256"):
        cipher = ("-o", "Ciphers=aes128-ctr") if option.startswith("MACs") else ()
        r = d.push(HELLO, "-v", "-o", option, *cipher)
        assert r.returncode == 255 and b"no matching" in r.stderr, (option, r)
    assert d.updater_pids() == []


def test_each_offered_algorithm_works(t):
    d = t.daemon()
    known = t.run(["ssh", "-Q", "kex"]).stdout.split()
    exchanges = [name for name in post_quantum(t, d) if name in known] + EXCHANGES
    options = [("Ciphers", c) for c in CIPHERS] + [("KexAlgorithms", k) for k in exchanges]
    for count, (name, value) in enumerate(options, 1):
        assert d.push(HELLO, "-o", f"{name}={value}").returncode == 0, value
        d.wait_reboot(count)
    for mac in ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com"):
        assert d.push(HELLO, "-o", "Ciphers=aes128-ctr", "-o", f"MACs={mac}").returncode == 0, mac


def test_post_quantum_key_exchange_is_what_a_client_gets(t):
    """Without asking for it; newer ones warn of any other."""
    d = t.daemon()
    ours = post_quantum(t, d)
    if not ours:
        t.skip("needs libssh 0.12")
    r = d.push(HELLO, "-v")
    assert r.returncode == 0 and re.search(rb"kex: algorithm: (\S+)", r.stderr)[1].decode() in ours, r
    assert b"not using a post-quantum" not in r.stderr, r


def test_kinds_of_keys(t):
    keys = [t.key("ed"), t.key("ec", "ecdsa"), t.key("ec521", "ecdsa", bits=521), t.key("rsa", "rsa", bits=3072)]
    d = t.daemon(authorized_keys_files=[f"{key}.pub" for key in keys])
    for key in keys:
        assert d.push(b"fwup:5\nhello", key=key).returncode == 0, key
    r = d.push(b"fwup:5\nhello", "-o", "PubkeyAcceptedAlgorithms=ssh-rsa", key=keys[3])
    assert r.returncode == 255, "a SHA-1 signature was accepted"


def test_certificate_of_an_authorized_key_does_not_log_in(t):
    """libssh checks neither its signer nor its dates nor its principals."""
    d = t.daemon()
    authority = t.key("authority")
    t.run(["ssh-keygen", "-q", "-s", authority, "-I", "x", "-n", "nobody", "-V", "-2d:-1d", f"{d.key}.pub"])
    certificate = f"{d.key}-cert.pub"
    assert os.path.exists(certificate)
    r = d.push(HELLO, "-o", f"CertificateFile={certificate}", "-o", "PubkeyAcceptedAlgorithms=*-cert-v01@openssh.com")
    assert r.returncode == 255, r
    line = "cert-authority " + open(f"{authority}.pub").read().strip()
    d = t.daemon(authorized_keys_files=[], authorized_keys=[line])
    r = d.push(HELLO, "-o", f"CertificateFile={certificate}")
    assert r.returncode == 255, r


# Trap 2: memory with a slow updater


SLOW = "while take_some 1000000 && [ $(stat -c %s $me.input) -lt %d ]; do sleep 0.03; done\ntake; exit 0"


def test_memory_behind_a_slow_updater(t):
    data = os.urandom(64 * MB)
    d = t.daemon(updater=t.updater(SLOW.replace("%d", str(len(data)))))
    options = master(t, d)
    session, = d.pids("fwssh-session")
    r = d.push(b"fwup:%d,reboot\n" % len(data) + data, *options)
    assert r.returncode == 0, r
    assert hashlib.sha256(d.updater_input()).digest() == hashlib.sha256(data).digest()
    assert t.sanitized() or peak_memory(session) < 16000, peak_memory(session)


@waits
def test_memory_behind_an_updater_that_stalls_at_once(t):
    """Everything that the client may send ahead is in flight, and nobody reads it."""
    d = t.daemon(updater=t.updater("await; take; exit 0"))
    options = master(t, d)
    session, = d.pids("fwssh-session")
    client = d.client(*options)
    data = os.urandom(64 * MB)
    feed(client, b"fwup:%d,reboot\n" % len(data) + data)
    t.wait_for(d.updater_pids, "the updater")
    time.sleep(2)  # there is no event for "nothing more arrives"
    assert t.sanitized() or peak_memory(session) < 16000, peak_memory(session)
    t.go()
    assert client.wait(60) == 0
    assert d.updater_input() == data
    assert t.sanitized() or peak_memory(session) < 16000, peak_memory(session)


def test_client_that_ignores_the_window_is_stopped(t):
    """The server must not store what it never allowed."""
    d = t.daemon(updater=t.updater("await; take; exit 0"))
    transport = raw_client.connect(d)
    channel = raw_client.subsystem(transport)
    session, = d.pids("fwssh-session")
    data = bytes(96 * MB)
    channel.sendall(b"fwup:%d,reboot\n" % len(data))
    t.wait_for(d.updater_pids, "the updater")

    def work():
        try:
            for at in range(0, len(data), 30000):
                message = raw_client.paramiko.Message()
                message.add_byte(b"\x5e")  # SSH_MSG_CHANNEL_DATA
                message.add_int(channel.remote_chanid)
                message.add_string(data[at:at + 30000])
                transport._send_user_message(message)
        except Exception:  # the server may close the connection
            pass
    thread = threading.Thread(target=work, daemon=True)
    used = [peak_memory(session)]
    thread.start()

    def is_over():
        try:
            used.append(peak_memory(session))
        except (AssertionError, OSError):  # the session has ended for it
            return True
        return not thread.is_alive()
    t.wait_for(is_over, "the client to be stopped, or to have sent all")
    assert t.sanitized() or max(used) < 32000, used
    t.go()
    transport.close()


# Trap 3: the loop


def test_rekeying_keeps_every_byte(t):
    d = t.daemon(updater=t.updater("sha256sum > $me.sum; exit 0"))
    data = os.urandom(64 * MB)
    for cipher in CIPHERS[:2]:
        r = d.push(b"fwup:%d,reboot\n" % len(data) + data, "-c", cipher, "-o", "RekeyLimit=4M", "-v")
        assert r.returncode == 0, r.stderr[-500:]
        assert r.stderr.count(b"SSH2_MSG_NEWKEYS sent") >= 10
        assert (t.dir / "updater.sum").read_text().split()[0] == hashlib.sha256(data).hexdigest()


def test_rekeying_behind_a_slow_updater(t):
    data = os.urandom(16 * MB)
    d = t.daemon(updater=t.updater(SLOW.replace("%d", str(len(data)))))
    r = d.push(b"fwup:%d,reboot\n" % len(data) + data, "-o", "RekeyLimit=1M")
    assert r.returncode == 0 and d.updater_input() == data


def test_rekeying_while_much_text_goes_out(t):
    d = t.daemon(updater=t.updater("take_some 1000000; yes 0123456789 | head -c 20000000; take; exit 0"))
    data = os.urandom(8 * MB)
    r = d.push(b"fwup:%d\n" % len(data) + data, "-o", "RekeyLimit=1M")
    assert r.returncode == 0 and d.updater_input() == data
    text = (b"0123456789\n" * 2000000)[:20000000]
    assert r.stdout == b"Running fwup...\n" + text


@waits
def test_client_idle_for_longer_than_a_tick_wastes_no_time(t):
    """A busy loop shows up as CPU time."""
    d = t.daemon(updater=t.updater("take_some 3; await; take; exit 0"))
    client = d.client()
    client.stdin.write(b"fwup:5\nabc")
    t.wait_for(lambda: d.updater_input() == b"abc", "the first bytes")
    processes = [*d.pids("fwssh-session"), *d.pids("fwssh-receive"), d.process.pid]
    before = [ticks(pid) for pid in processes]
    time.sleep(1.5)  # idleness is what is being tested
    spent = [ticks(pid) - b for pid, b in zip(processes, before)]
    assert max(spent) <= 15, spent
    t.go()
    client.stdin.write(b"de")
    assert client.wait(20) == 0


def ticks(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(") ", 1)[1].split()
    return int(fields[11]) + int(fields[12])


@waits
def test_stalled_updater_wastes_no_time(t):
    """Everything is full: each process has to wait for the next one instead of polling."""
    d = t.daemon(updater=t.updater("await; take; exit 0"))
    client = d.client()
    data = bytes(16 * MB)
    feed(client, b"fwup:%d\n" % len(data) + data)
    t.wait_for(d.updater_pids, "the updater")
    time.sleep(1)  # the pipes fill
    processes = [*d.pids("fwssh-session"), *d.pids("fwssh-receive"), d.process.pid]
    before = [ticks(pid) for pid in processes]
    time.sleep(1.5)
    spent = [ticks(pid) - b for pid, b in zip(processes, before)]
    assert max(spent) <= 15, spent
    t.go()
    assert client.wait(20) == 0


def test_lost_client_behind_a_stalled_updater_is_noticed(t):
    """The end of the socket must be noticed although nobody reads the data before it."""
    d = t.daemon(updater=t.updater("sleep 100"))
    client = d.client()
    feed(client, b"fwup:%d\n" % (64 * MB) + bytes(32 * MB))
    pids = t.wait_for(d.updater_pids, "the updater")
    time.sleep(0.5)  # the pipes fill
    client.kill()
    d.wait_log("update failed")
    wait_gone(t, pids)


# Trap 4: a broken connection is not the end of the input


def begin(t, d, subsystem):
    client = d.client(subsystem=subsystem)
    data = b"hello" if subsystem == "fwup" else b"fwup:10,reboot\nhello"
    client.stdin.write(data)
    t.wait_for(lambda: d.updater_input() == b"hello", "the first bytes")
    return client


def assert_never_completed(t, d):
    t.wait_for(lambda: re.search("update (failed|done)|fwssh-receive was killed", d.log()), "the end of the update")
    wait_gone(t, d.updater_pids())
    assert not complete(t) and d.reboots() == 0


def each_subsystem(t, breakage, rounds=3):
    for subsystem in ("nerves_firmware_ssh", "fwup") * rounds:
        for name in ("updater.input", "updater.pid"):
            (t.dir / name).unlink(missing_ok=True)
        d = t.daemon(updater=trusting(t))
        client = begin(t, d, subsystem)
        breakage(d, client)
        assert_never_completed(t, d)
        client.kill()
        d.stop()


def test_killed_client_never_completes(t):
    each_subsystem(t, lambda d, client: client.kill())


def test_killed_session_never_completes(t):
    """The kernel closes the pipes of a killed process in its own order."""
    each_subsystem(t, lambda d, client: os.kill(d.pids("fwssh-session")[0], signal.SIGKILL), rounds=15)


def test_crashed_session_never_completes(t):
    # Not SIGSEGV, which a sanitizer would report.
    each_subsystem(t, lambda d, client: os.kill(d.pids("fwssh-session")[0], signal.SIGABRT))


def test_reset_connection_never_completes(t):
    for subsystem in ("nerves_firmware_ssh", "fwup"):
        (t.dir / "updater.input").unlink(missing_ok=True)
        d = t.daemon(updater=trusting(t))
        relay = Relay(d.port)
        args = d.ssh_args(subsystem=subsystem)
        args[args.index("-p") + 1] = str(relay.port)
        client = t.start(args, stdin=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
        client.stdin.write(b"hello" if subsystem == "fwup" else b"fwup:10,reboot\nhello")
        t.wait_for(lambda: d.updater_input() == b"hello", "the first bytes")
        relay.reset()
        client.kill()
        assert_never_completed(t, d)


def test_closed_channel_without_end_of_input_never_completes(t):
    for subsystem, data in (("nerves_firmware_ssh", b"fwup:10,reboot\nhello"), ("fwup", b"hello")):
        (t.dir / "updater.input").unlink(missing_ok=True)
        d = t.daemon(updater=trusting(t))
        transport = raw_client.connect(d)
        channel = raw_client.subsystem(transport, subsystem)
        channel.sendall(data)
        t.wait_for(lambda: d.updater_input() == b"hello", "the first bytes")
        message = raw_client.paramiko.Message()
        message.add_byte(b"\x61")  # SSH_MSG_CHANNEL_CLOSE, and no SSH_MSG_CHANNEL_EOF before it
        message.add_int(channel.remote_chanid)
        transport._send_user_message(message)
        assert_never_completed(t, d)
        transport.close()


def test_disconnect_message_never_completes(t):
    """A client that disconnects properly, but without ending its input."""
    d = t.daemon(updater=trusting(t))
    transport = raw_client.connect(d)
    channel = raw_client.subsystem(transport, "fwup")
    channel.sendall(b"hello")
    t.wait_for(lambda: d.updater_input() == b"hello", "the first bytes")
    message = raw_client.paramiko.Message()
    message.add_byte(b"\x01")  # SSH_MSG_DISCONNECT
    message.add_int(11)
    message.add_string("bye")
    message.add_string("")
    transport._send_user_message(message)
    assert_never_completed(t, d)
    transport.close()


def test_killed_listener_never_completes(t):
    for subsystem in ("nerves_firmware_ssh", "fwup"):
        (t.dir / "updater.input").unlink(missing_ok=True)
        d = t.daemon(updater=trusting(t))
        client = begin(t, d, subsystem)
        pids = [*d.pids("fwssh-session"), *d.pids("fwssh-receive"), *d.updater_pids()]
        d.process.kill()
        d.process.wait()
        wait_gone(t, d.updater_pids())
        t.wait_for(lambda: not any(alive(pid) for pid in pids), "its processes to end")
        client.kill()
        assert not complete(t) and d.reboots() == 0


def test_killed_receiver_never_completes(t):
    """The kernel closes its pipes, the updater's input among them, before it kills the updater for us."""
    each_subsystem(t, lambda d, client: os.kill(d.pids("fwssh-receive")[0], signal.SIGKILL), rounds=10)


def quick_updater(t):
    """Sees the end of its input at once, without the delay of a shell, like a real updater."""
    return t.script("updater", f"""#!/usr/bin/python3
import os, sys
if sys.argv[1:] == ["--version"]:
    print("1.16.0")
    sys.exit()
me = "{t.dir}/updater"
open(me + ".pid", "a").write(str(os.getpid()) + "\\n")
out = os.open(me + ".input", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
mark = os.open(me + ".mark", os.O_WRONLY | os.O_CREAT)
while data := os.read(0, 65536):
    os.write(out, data)
os.write(mark, b"complete")
""")


def test_killed_receiver_never_completes_a_quick_updater(t):
    d = t.daemon(updater=quick_updater(t))
    for _ in range(20):
        (t.dir / "updater.input").unlink(missing_ok=True)
        client = begin(t, d, "fwup")
        os.kill(d.pids("fwssh-receive")[0], signal.SIGKILL)
        wait_gone(t, d.updater_pids())
        assert (t.dir / "updater.mark").read_bytes() == b""
        client.wait(20)


def test_killed_group_of_the_receiver_never_completes(t):
    """Whoever kills fwssh-receive with all that belongs to it does not kill its guard."""
    d = t.daemon(updater=quick_updater(t))
    client = begin(t, d, "fwup")
    receive, = d.pids("fwssh-receive")
    guard, = (pid for pid in children(receive) if pid not in d.updater_pids())
    t.wait_for(lambda: os.getpgid(guard) == guard, "the guard's own group", timeout=5)
    assert os.getsid(guard) == guard
    # Nothing is open in it but its end of a pipe, and the updater's input.
    t.wait_for(lambda: len(os.listdir(f"/proc/{guard}/fd")) == 2, "the guard to have closed the rest", timeout=5)
    os.killpg(os.getpgid(receive), signal.SIGKILL)
    wait_gone(t, [*d.updater_pids(), guard])
    assert (t.dir / "updater.mark").read_bytes() == b""
    client.wait(20)


def test_killed_receiver_never_completes_a_grandchild(t):
    """A shell is killed with its parent; the program that it runs is not."""
    grandchild = t.script("grandchild", f"#!/bin/sh\necho $$ > {t.dir}/grandchild.pid\n"
                          f"cat >> {t.dir}/updater.input; echo complete >> {t.dir}/updater.complete\n")
    d = t.daemon(updater=t.updater(f"{grandchild}; exit 0"))
    client = begin(t, d, "nerves_firmware_ssh")
    os.kill(d.pids("fwssh-receive")[0], signal.SIGKILL)
    assert client.wait(20) == 1, "the client was told something else than a failure"
    assert b"fwssh-receive" in client.stderr.read() or "fwssh-receive" in d.log()
    wait_gone(t, d.updater_pids("grandchild"))
    assert not complete(t)


def test_receiver_killed_just_after_its_updater_began(t):
    """Nothing, or only the first bytes, has been passed on."""
    d = t.daemon(updater=quick_updater(t))
    for number in range(25):
        client = d.client(subsystem="fwup")
        client.stdin.write(b"hello")
        receive, = t.wait_for(lambda: d.pids("fwssh-receive"), "fwssh-receive")
        t.wait_for(lambda: len(d.updater_pids()) > 0 or children(receive) or not alive(receive), "its updater")
        time.sleep(0.001 * (number % 12))  # at a different moment each time
        os.kill(receive, signal.SIGKILL)
        assert client.wait(20) == 1
    wait_gone(t, d.updater_pids())
    mark = t.dir / "updater.mark"
    assert not mark.exists() or mark.read_bytes() == b""


def test_killed_guard_harms_no_update(t):
    """The guard is not needed as long as fwssh-receive is alive."""
    d = t.daemon()
    client = begin(t, d, "nerves_firmware_ssh")
    receive, = d.pids("fwssh-receive")
    guard, = (pid for pid in children(receive) if pid not in d.updater_pids())
    os.kill(guard, signal.SIGKILL)
    client.stdin.write(b"world")
    assert client.wait(20) == 0 and d.updater_input() == b"helloworld"
    wait_gone(t, [guard])


def test_killed_receiver_leaves_the_lock_to_a_living_updater(t):
    """An updater that survives for a while, here as a process in its own session, keeps others out."""
    d = t.daemon(updater=t.updater("setsid sh -c 'echo $$ > %s/stray.pid; while [ ! -e %s/updater.go ]; do sleep 0.02; "
                                   "done' &\ntake; exit 0" % (t.dir, t.dir)))
    client = d.client()
    client.stdin.write(b"fwup:10,reboot\nhello")
    stray, = t.wait_for(lambda: d.updater_pids("stray"), "the stray process")
    os.kill(d.pids("fwssh-receive")[0], signal.SIGKILL)
    client.wait(20)
    assert alive(stray)
    r = d.push(HELLO)
    assert r.returncode == 3 and b"another update is running (started" in r.stderr, r
    t.go()
    wait_gone(t, [stray])
    t.script("updater", (t.dir / "updater").read_text().replace("setsid", ": "))
    assert d.push(HELLO).returncode == 0


def test_direct_broken_pipe_is_no_end_of_input(t):
    """fwssh-receive alone: the death of a session as it appears on the pipes, in the order of a broken connection."""
    for subsystem in ("nerves_firmware_ssh", "fwup"):
        (t.dir / "updater.input").unlink(missing_ok=True)
        r = Receiver(t, subsystem, updater=trusting(t))
        r.send(b"hello" if subsystem == "fwup" else b"fwup:10,reboot\nhello")
        t.wait_for(lambda: r.device.updater_input() == b"hello", "the first bytes")
        r.break_connection()
        assert r.process.wait(20) == 1
        result = r.result()
        assert result["reboot"] == 0 and result["told"] == 0
        assert not complete(t)


# Trap 5: the session keeps answering


@waits
def test_keepalives_are_answered_during_a_stall(t):
    d = t.daemon(updater=t.updater("sleep 8; take\nprintf 'Success!\\n'; shake 0"))
    data = bytes(16 * MB)
    r = d.push(b"fwup:%d,reboot\n" % len(data) + data, "-o", "ServerAliveInterval=1", "-o", "ServerAliveCountMax=3")
    assert (r.returncode, r.stdout) == (0, GOOD_TEXT), r


# How sessions end


def test_half_close(t):
    """The end of the client's input, and the text and status that follow it."""
    d = t.daemon(updater=t.updater("take; await; echo late; exit 0"))
    client = d.client(subsystem="fwup")
    client.stdin.write(b"hello")
    client.stdin.close()
    t.wait_for(lambda: d.updater_input() == b"hello", "the bytes")
    t.go()
    assert client.wait(20) == 0 and client.stdout.read() == b"late\n"


def test_status_while_the_client_still_sends(t):
    d = t.daemon(updater=t.updater("take_some 100000; echo enough; exit 7"))
    for _ in range(5):
        r = d.push(b"fwup:%d\n" % (32 * MB) + bytes(32 * MB))
        assert r.returncode == 1 and r.stdout == b"Running fwup...\nenough\n" + r.stderr, r


def test_data_behind_the_end_of_input_harms_nothing(t):
    d = t.daemon()
    transport = raw_client.connect(d)
    channel = raw_client.subsystem(transport)
    channel.sendall(HELLO)
    channel.shutdown_write()
    for _ in range(50):
        message = raw_client.paramiko.Message()
        message.add_byte(b"\x5e")
        message.add_int(channel.remote_chanid)
        message.add_string(b"x" * 1000)
        transport._send_user_message(message)
    status = channel.recv_exit_status()
    assert status in (0, 1)
    transport.close()
    t.wait_for(lambda: not d.pids("fwssh-session"), "the session to end")
    assert "the session was killed" not in d.log(), d.log()
    assert d.push(HELLO).returncode == 0


def test_data_behind_the_close_harms_nothing(t):
    """Some versions of libssh used freed memory."""
    d = t.daemon(updater=t.updater("take_some 3; exit 1"))
    transport = raw_client.connect(d)
    for _ in range(10):
        if not transport.is_active():
            transport = raw_client.connect(d)
        channel = raw_client.reopen(t, transport)
        channel.invoke_subsystem("nerves_firmware_ssh")
        channel.sendall(HELLO)
        number = channel.remote_chanid
        channel.recv_exit_status()
        for kind in (b"\x5e", b"\x60", b"\x61") * 20:  # data, end, close
            message = raw_client.paramiko.Message()
            message.add_byte(kind)
            message.add_int(number)
            if kind == b"\x5e":
                message.add_string(b"x" * 1000)
            try:
                transport._send_user_message(message)
            except (OSError, EOFError):
                break
    transport.close()
    t.wait_for(lambda: not d.pids("fwssh-session"), "the sessions to end")
    assert "the session was killed" not in d.log(), d.log()


@waits
def test_odd_packets_harm_nothing(t):
    """After the login: empty data, unknown channels, repeated requests, an overflowing window, unknown messages."""
    paramiko = raw_client.paramiko or t.skip("python3-paramiko is not installed")

    def packet(*parts):
        message = paramiko.Message()
        for part in parts:
            if isinstance(part, bytes):
                message.add_bytes(part)
            elif isinstance(part, str):
                message.add_string(part)
            elif isinstance(part, bool):
                message.add_boolean(part)
            else:
                message.add_int(part)
        return message
    d = t.daemon()
    packets = [
        lambda c: packet(b"\x5e", c, ""), lambda c: packet(b"\x5e", c + 7, "x"), lambda c: packet(b"\x5e", c),
        lambda c: packet(b"\x5f", c, 1, "x" * 5000), lambda c: packet(b"\x5f", c, 99, "x"),
        lambda c: packet(b"\x5d", c, 0xffffffff), lambda c: packet(b"\x5d", c + 9, 1),
        lambda c: packet(b"\x62", c, "subsystem", True, "fwup"), lambda c: packet(b"\x62", c, "shell", True),
        lambda c: packet(b"\x62", c, "exec", True, "id"), lambda c: packet(b"\x62", c, "exit-status", False, 1),
        lambda c: packet(b"\x62", c, "window-change", False, 1, 1, 1, 1),
        lambda c: packet(b"\x62", c, "signal", False, "KILL"),
        lambda c: packet(b"\x62", c, "x" * 30000, True), lambda c: packet(b"\x62", c),
        lambda c: packet(b"\x5a", "session", 0, 0, 0), lambda c: packet(b"\x5a", "session", 5, 1, 1),
        lambda c: packet(b"\x5a", "direct-tcpip", 6, 100, 100, "127.0.0.1", 22, "127.0.0.1", 22),
        lambda c: packet(b"\x5a", "x11", 6, 100, 100, "127.0.0.1", 22),
        lambda c: packet(b"\x50", "tcpip-forward", True, "", 0), lambda c: packet(b"\x50", "x" * 30000, True),
        lambda c: packet(b"\x50", "streamlocal-forward@openssh.com", True, "/tmp/x"),
        lambda c: packet(b"\x63", c), lambda c: packet(b"\x64", c), lambda c: packet(b"\x51"),
        lambda c: packet(b"\x5b", c, 0, 0, 0), lambda c: packet(b"\x32", "any", "ssh-connection", "none"),
        lambda c: packet(b"\x32", "any", "ssh-connection", "password", False, "x"),
        lambda c: packet(b"\x34"), lambda c: packet(b"\x05", "ssh-userauth"), lambda c: packet(b"\x15"),
        lambda c: packet(b"\x1e", "x"), lambda c: packet(b"\xc8", "unknown"),
        lambda c: packet(b"\x02", "x" * 30000), lambda c: packet(b"\x04", True, "x", ""), lambda c: packet(b"\x03", 0),
    ]
    for make in packets:
        transport = raw_client.connect(d)
        channel = raw_client.subsystem(transport)
        channel.sendall(b"fwup:5\nhel")
        try:
            transport._send_user_message(make(channel.remote_chanid))
            channel.sendall(b"lo")
            channel.status_event.wait(1)  # to some of these even the client gets no answer
        except (OSError, EOFError, paramiko.SSHException):
            pass  # the server may close such a connection
        transport.close()
    t.wait_for(lambda: not d.pids("fwssh-session"), "the sessions to end", 40)
    assert "the session was killed" not in d.log() and "the session ended" not in d.log(), d.log()
    assert d.push(HELLO).returncode == 0
    assert d.process.poll() is None


def test_nothing_works_before_the_login(t):
    """A client that claims to have logged in, or sends requests without having done so."""
    paramiko = raw_client.paramiko or t.skip("python3-paramiko is not installed")
    d = t.daemon(login_grace_time=20)
    public = paramiko.Ed25519Key.from_private_key_file(str(d.key)).asbytes()

    def packet(kind, *texts):
        message = paramiko.Message()
        message.add_byte(kind)
        for text in texts:
            message.add_boolean(text) if isinstance(text, bool) else message.add_string(text)
        return message
    service = packet(b"\x05", "ssh-userauth")
    question = packet(b"\x32", "any", "ssh-connection", "publickey", False, "ssh-ed25519", public)
    unsigned = packet(b"\x32", "any", "ssh-connection", "publickey", True, "ssh-ed25519", public)
    empty = packet(b"\x32", "any", "ssh-connection", "publickey", True, "ssh-ed25519", public, "")
    none = packet(b"\x32", "any", "ssh-connection", "none")
    success = packet(b"\x34")
    connection = packet(b"\x05", "ssh-connection")
    for packets in ((), (success,), (service, success), (service, none), (service, question), (service, unsigned),
                    (service, empty), (service, question, success), (connection,),
                    (service, none, success, connection)):
        transport = raw_client.connect(d, key=False)
        try:
            for message in packets:
                transport._send_message(message)
            # paramiko itself refuses to continue without a login.
            transport.auth_handler = type("LoggedIn", (), {"is_authenticated": lambda self: True,
                                                           "abort": lambda self: None, "_handler_table": {}})()
            channel = transport.open_session(timeout=1)
            channel.invoke_subsystem("nerves_firmware_ssh")
            raise AssertionError(f"a channel without a login after {len(packets)} packets")
        except (OSError, EOFError, paramiko.SSHException):
            pass
        transport.close()
    assert "logged in with key" not in d.log() and "update started" not in d.log()
    assert d.push(HELLO).returncode == 0
    assert "the session was killed" not in d.log(), d.log()


@waits
def test_garbage_before_the_login_harms_nothing(t):
    d = t.daemon(login_grace_time=5, max_unauthenticated=50)
    starts = (b"", b"\r\n", b"SSH-1.5-x\r\n", b"SSH-2.0-x\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\0" * 70000,
              b"SSH-2.0-" + b"x" * 100000, b"SSH-2.0-x\r\n" + b"\xff" * 70000, b"SSH-2.0-x\r\n" + b"\0" * 70000,
              b"SSH-2.0-x\r\n\0\0\0\x0c\x0a\x14" + os.urandom(10), b"SSH-2.0-x\r\n" + b"\0\0\1\0" + os.urandom(3000))
    sockets = []
    for start in starts:
        s = socket.create_connection(("127.0.0.1", d.port))
        sockets.append(s)
        try:
            s.sendall(start)
        except OSError:
            pass
    assert d.push(HELLO).returncode == 0
    for s in sockets:
        s.settimeout(20)
        try:
            while s.recv(65536):
                pass
        except ConnectionError:
            pass
    t.wait_for(lambda: not d.pids("fwssh-session"), "the sessions to end")
    assert "the session was killed" not in d.log(), d.log()


def ask_for_login(transport, method, key_type="", blob=b"", signature=b""):
    """A request to log in, byte by byte."""
    m = raw_client.paramiko.Message()
    m.add_byte(bytes([50]))
    for word in ("any", "ssh-connection", method):
        m.add_string(word)
    if method == "publickey":
        m.add_boolean(bool(signature))
        m.add_string(key_type)
        m.add_string(blob)
        if signature:
            m.add_string(signature)
    transport._send_message(m)


def ask_for_service(t, d):
    transport = raw_client.connect(d, key=False)
    answers = []

    class Handler(raw_client.paramiko.auth_handler.AuthHandler):
        """Only takes note of the answers: the service, and a login that is refused."""
        _client_handler_table = {6: lambda *_: answers.append(6), 51: lambda *_: answers.append(51)}

    transport.auth_handler = Handler(transport)
    m = raw_client.paramiko.Message()
    m.add_byte(bytes([5]))
    m.add_string("ssh-userauth")
    transport._send_message(m)
    t.wait_for(lambda: answers, "the service")
    return transport, answers


@waits
def test_login_that_libssh_gives_no_answer_to_ends_at_once(t):
    """A signature that is wrong, and a type of key that it does not know: the client would wait for login-grace-time."""
    paramiko = raw_client.paramiko or t.skip("python3-paramiko is not installed")
    d = t.daemon(login_grace_time=100)
    blob = paramiko.Ed25519Key.from_private_key_file(str(d.key)).asbytes()

    def text(*parts):
        m = paramiko.Message()
        for part in parts:
            m.add_string(part)
        return m.asbytes()
    logins = (("ssh-ed25519", blob, text("ssh-ed25519", bytes(64))), ("ssh-ed25519", blob, b"x"),
              ("ssh-new@example.com", text("ssh-new@example.com", b"abc"), b""))
    for count, (key_type, its_blob, signature) in enumerate(logins, 1):
        transport, answers = ask_for_service(t, d)
        begin = time.monotonic()
        ask_for_login(transport, "publickey", key_type, its_blob, signature)
        t.wait_for(lambda: not transport.is_active() or answers != [6], f"the end of the connection with {key_type}", timeout=30)
        assert time.monotonic() - begin < 30 and answers == [6], (key_type, answers)
        said = "disconnected: the last key or signature is not understood"
        t.wait_for(lambda: d.log().count(said) == count, "the reason in the log")
        transport.close()


@waits
def test_client_that_thinks_before_it_logs_in_is_not_cut_off(t):
    """It has its answer, and may be waiting for a passphrase."""
    raw_client.paramiko or t.skip("python3-paramiko is not installed")
    d = t.daemon()
    transport, answers = ask_for_service(t, d)
    ask_for_login(transport, "none")
    t.wait_for(lambda: answers == [6, 51], "the answer")
    end = time.monotonic() + 8
    t.wait_for(lambda: time.monotonic() > end or not transport.is_active(), "the client to think")
    assert transport.is_active()
    transport.close()
    late = raw_client.connect(d, key=False)  # not even the service is asked for
    end = time.monotonic() + 8
    t.wait_for(lambda: time.monotonic() > end or not late.is_active(), "the client to think")
    assert late.is_active()
    late.auth_publickey("any", raw_client.paramiko.Ed25519Key.from_private_key_file(str(d.key)))
    assert late.is_authenticated()
    late.close()
