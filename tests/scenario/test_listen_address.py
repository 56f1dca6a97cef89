# SPDX-License-Identifier: Apache-2.0
"""Addresses that are not there yet when fwsshd starts: DHCP, an IPv6 address that is still checked, an interface."""
import os

from support.update import GOOD_TEXT, HELLO


# Without any interface, Linux would let anybody bind any IPv4 address.
START = "ip link set lo up; exec \"$0\" \"$@\""


class Namespace:
    """A daemon in a network of its own, which has only the addresses of loopback at first."""

    def __init__(self, t, *addresses):
        self.t = t
        for program in ("unshare", "nsenter", "ip"):
            t.need(program)
        if os.geteuid() or t.run(["unshare", "-n", "true"]).returncode:
            t.skip("a network namespace needs root")
        self.d = t.daemon(wait=False, listen_address=addresses)
        with open(self.d.log_path, "ab") as log:
            self.d.process = t.start(["unshare", "-n", "sh", "-c", START, t.bin("fwsshd"), "-f", self.d.conf], stdout=log,
                                     stderr=log)

    def run(self, *words, **kw):
        return self.t.run(["nsenter", "-n", "-t", self.d.process.pid, *words], **kw)

    def ip(self, *words):
        r = self.run("ip", *words)
        assert r.returncode == 0, r

    def push(self, address):
        args = self.d.ssh_args()
        args[args.index("any@127.0.0.1")] = f"any@{address}"
        r = self.run(*args, input=HELLO, text=False)
        assert (r.returncode, r.stdout) == (0, GOOD_TEXT), r


def awaits(n, address):
    n.d.wait_log(f"cannot listen on {address} yet")


def test_address_that_comes_later(t):
    n = Namespace(t, "192.0.2.77", "127.0.0.1", "2001:db8::77")
    awaits(n, "192.0.2.77")
    awaits(n, "2001:db8::77")
    n.push("127.0.0.1")
    # The others are served meanwhile, and a reload changes nothing.
    n.d.reload()
    n.push("127.0.0.1")
    assert "listening on 192.0.2.77" not in n.d.log()
    n.ip("addr", "add", "192.0.2.77/32", "dev", "lo")
    n.d.wait_log("listening on 192.0.2.77 port")
    n.push("192.0.2.77")
    n.ip("addr", "add", "2001:db8::77/128", "dev", "lo")
    n.d.wait_log("listening on 2001:db8::77 port")
    n.push("2001:db8::77")


def test_only_address_comes_later(t):
    n = Namespace(t, "192.0.2.77")
    awaits(n, "192.0.2.77")
    assert n.d.process.poll() is None
    n.ip("addr", "add", "192.0.2.77/32", "dev", "lo")
    n.d.wait_log("listening on 192.0.2.77 port")
    n.push("192.0.2.77")


def test_interface_that_comes_later(t):
    n = Namespace(t, "127.0.0.1", "fe80::77%late0", "2001:db8::77")
    awaits(n, "fe80::77%late0")
    awaits(n, "2001:db8::77")
    if n.run("ip", "link", "add", "late0", "type", "veth", "peer", "name", "late1").returncode:
        t.skip("no virtual interface can be made here")
    n.ip("link", "set", "late1", "up")
    n.ip("link", "set", "late0", "up")
    # Both are tentative at first.
    n.ip("addr", "add", "fe80::77/64", "dev", "late0")
    n.ip("addr", "add", "2001:db8::77/64", "dev", "late0")
    n.d.wait_log("listening on fe80::77%late0 port")
    n.d.wait_log("listening on 2001:db8::77 port")
    n.push("fe80::77%late0")
    n.push("2001:db8::77")


def test_stopping_while_an_address_is_awaited(t):
    n = Namespace(t, "192.0.2.77")
    awaits(n, "192.0.2.77")
    n.d.process.terminate()
    assert n.d.process.wait(20) == 0


def test_zones(t):
    d = t.daemon(wait=False)
    for address, good in (("fe80::1%eth0", True), ("fe80::1%2", True), ("::1%lo", True), ("127.0.0.1%lo", False), ("fe80::1%", False),
                          ("%eth0", False), ("fe80::1", False), ("fe80::x%eth0", False), ("1" * 60, False)):
        d.write_config(listen_address=[address])
        r = t.run([t.bin("fwsshd"), "-f", d.conf, "-t"])
        assert r.returncode == (0 if good else 2), (address, r)
        assert good or "an IPv4 or IPv6 address" in r.stderr
