# SPDX-License-Identifier: Apache-2.0
"""fwssh discover and push --discovered, with stand-ins for the programs that ask the network (interop/test_discovery.py has
the real ones). Their output is what Avahi 0.8 and systemd 252 print."""
import json
import os
import pty
import subprocess

from support.rebooting import Rebooting, events, firmware

# A device with an odd name and two families; one with IPv6 only; one that repeats a name; and what is not to be believed.
AVAHI = r'''+;va;IPv4;pump;_nerves-device._tcp;local
=;va;IPv6;pump\059\032\034x\034\032\\o\047;_nerves-device._tcp;local;pump.local;fe80::88a5:bdff:fe4e:48fa;8989;"uuid=u-1" "serial=0001" "version=1.0.0" "product=Go \"lden; x"
=;va;IPv4;pump\059\032\034x\034\032\\o\047;_nerves-device._tcp;local;pump.local;10.77.0.1;8989;"uuid=u-1" "serial=0001" "version=1.0.0" "product=Go \"lden; x"
=;va;IPv6;six;_nerves-device._tcp;local;six.local;fe80::1;8990;"serial=\027[2J0006"
=;va;IPv4;a-script;_nerves-device._tcp;local;x.local;$(reboot);8989;"serial=1"
=;va;IPv4;no-port;_nerves-device._tcp;local;x.local;10.77.0.9;0;"serial=1"
=;va;IPv4;far;_nerves-device._tcp;local;x.local;10.77.0.9;65536;"serial=1"
=;va;IPv4;short;_nerves-device._tcp;local
'''
INSTANCES = '''_nerves-device._tcp.local IN PTR pump._nerves-device._tcp.local -- link: va
_nerves-device._tcp.local IN PTR gone._nerves-device._tcp.local -- link: va

-- Information acquired via protocol mDNS/IPv6 in 1.1ms.
-- Data from: network
'''
SERVICE = r'''pump/_nerves-device._tcp/local: pump.local:8990 [priority=0, weight=0]
                                       fe80::2              -- link: va
                                       10.77.0.2            -- link: va
                                       product=Go \"lden; x
                                       version=2.0.0

-- Information acquired via protocol mDNS/IPv4 in 524us.
-- Data from: cache
'''


def path(t, avahi=None, resolvectl=None):
    """An environment whose PATH has only these, and what a shell script needs."""
    (t.dir / "bin").mkdir(exist_ok=True)
    for name in ("cat", "ssh", "sh", "sed", "echo"):
        link = t.dir / "bin" / name
        link.exists() or link.symlink_to(t.run(["which", name]).stdout.strip())
    for name, body in (("avahi-browse", avahi), ("resolvectl", resolvectl)):
        (t.dir / "bin" / name).unlink(missing_ok=True)
        if body is not None:
            t.script(f"bin/{name}", f"#!/bin/sh\n{body}\n")
    return {"PATH": str(t.dir / "bin")}


def discover(t, *args, **env):
    return t.run([t.bin("fwssh"), "discover", *args], env=env)


def prints(t, name, text):
    (t.dir / name).write_text(text)
    return f"cat {t.dir}/{name}"


def test_what_avahi_knows(t):
    env = path(t, avahi=prints(t, "avahi", AVAHI))
    r = discover(t, **env)
    assert r.returncode == 0 and r.stderr == "", r
    assert r.stdout.splitlines() == ['pump; "x" \\o/  10.77.0.1        serial 0001, Go "lden; x 1.0.0 (u-1)',
                                     "six            [fe80::1%va]:8990  serial ?[2J0006, unknown product"], r.stdout
    one, six = events(discover(t, "--json", **env))
    assert (one["name"], one["host"], one["product"], one["platform"]) == ('pump; "x" \\o/', "10.77.0.1", 'Go "lden; x', None)
    assert six["host"] == "[fe80::1%va]:8990" and six["address"] == "fe80::1%va" and six["port"] == 8990


def test_two_devices_of_one_name_are_two(t):
    """A name is unique on one link only, and Nerves devices at two USB ports are on two."""
    line = '=;{};nerves;_nerves-device._tcp;local;nerves.local;{};8989;"serial={}" "version={}"\n'
    text = "".join(line.format(*x) for x in (("usb0;IPv4", "172.31.1.1", "one", "1.0"), ("usb1;IPv6", "fe80::2", "two", "2.0"),
                                             ("usb1;IPv4", "172.31.2.1", "two", "2.0"), ("usb0;IPv6", "fe80::1", "one", "1.0")))
    found = events(discover(t, "--json", **path(t, avahi=prints(t, "avahi", text))))
    assert sorted((x["host"], x["serial"], x["version"]) for x in found) == [("172.31.1.1", "one", "1.0"),
                                                                            ("172.31.2.1", "two", "2.0")], found


def test_without_avahi_resolved_is_asked(t):
    answers = (f'case "$1 $2" in "query --protocol=mdns") {prints(t, "instances", INSTANCES)};; "service pump")'
               f' {prints(t, "service", SERVICE)};; *) exit 1;; esac')
    for avahi in (None, "echo 'Failed to create client object: Daemon not running' >&2; exit 1"):
        [one] = events(discover(t, "--json", **path(t, avahi=avahi, resolvectl=answers)))
        assert (one["name"], one["host"], one["version"]) == ("pump", "10.77.0.2:8990", "2.0.0"), one


def test_none_is_said(t):
    r = discover(t, **path(t, avahi="exit 0"))
    assert r.returncode == 6 and r.stdout == "" and "no device announces itself here" in r.stderr, r
    r = discover(t, **path(t))
    assert r.returncode == 6 and "install avahi-daemon and avahi-utils" in r.stderr, r
    for words in ["discover"], ["push", "--discovered", "--firmware", firmware(t)[0]]:
        r = t.run([t.bin("fwssh"), *words, "--json"], env=path(t, avahi="exit 0"))
        [error] = events(r)
        assert r.returncode == error["status"] == 6 and "no device announces itself here" in error["text"], r


def on_a_terminal(t, argv, answer, env):
    master, slave = pty.openpty()
    p = t.start(argv, stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
    os.close(slave)
    os.write(master, answer.encode())
    out, err = p.communicate(timeout=60)
    os.close(master)
    return p.returncode, out.decode(), err.decode()


def test_a_push_to_what_is_found_asks_first(t):
    boards = [Rebooting(t, f"board{i}") for i in range(2)]
    lines = "".join(f'=;lo;IPv4;board{i};_nerves-device._tcp;local;b.local;127.0.0.1;{b.d.port};"serial=000{i}"\n'
                    for i, b in enumerate(boards))
    env = path(t, avahi=prints(t, "avahi", lines))
    options = boards[0].options()[2:]
    argv = [t.bin("fwssh"), "push", "--discovered", "--firmware", firmware(t)[0], *options]
    r = t.run(argv, env=env)
    assert r.returncode == 2 and "--yes answers" in r.stderr and not boards[0].d.updater_input(), r
    status, out, err = on_a_terminal(t, [*argv, "--json"], "n\n", env)
    assert status == 2 and json.loads(out)["event"] == "error" and "--yes answers" in err, (out, err)
    status, out, err = on_a_terminal(t, argv, "n\n", env)
    assert status == 7 and "Push to these 2 devices? [y/N]" in out and "serial 0001" in out, (out, err)
    assert "nothing was pushed" in err and not boards[0].d.updater_input()
    status, out, err = on_a_terminal(t, argv, "y\n", env)
    assert status == 0 and "2 of 2 devices are done." in out, (out, err)
    r = t.run([*argv, "--yes", "--force"], env=env)
    assert r.returncode == 0 and "2 of 2 devices are done." in r.stdout, r
