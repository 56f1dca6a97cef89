# SPDX-License-Identifier: Apache-2.0
"""Hosts and devices of different versions, and what a device finds that another version has written (VERSIONING.md)."""
import json
import os
import re

from support.fixture import seconds
from support.previous import builds, mixed
from support.slots import TwoSlots, changed, content, firmware

ROOTS = [content(1)]
for seed in range(2, 8):
    ROOTS.append(changed(ROOTS[-1], seed))
WAYS = ((), ("--subsystem", "fwup"), ("--subsystem", "nerves_firmware_ssh"), ("--json",))


def previous(t):
    """N-1 and N-2."""
    if not os.environ.get("FWSSH_LONG"):
        t.skip("make check-long does this")
    return enumerate(builds(t), 1)


def signed(t, number):
    return firmware(t, f"{number}.0.0", ROOTS[number - 1], signed=True)


def ok(r, *words):
    assert r.returncode == 0 and all(word in r.stdout for word in words), r
    return r


def refused(r, words, status=3):
    assert r.returncode == status and words in r.stderr, r


def push_in_each_way(device):
    """The firmware changes a little each time, so what knows how to sends differences. The slot that runs at the end."""
    for number, options in enumerate(WAYS, 2):
        slot = "b" if number % 2 == 0 else "a"
        r = ok(device.push(signed(device.t, number), *options))
        assert device.slot(slot).startswith(ROOTS[number - 1]), (options, r)
        device.boot(slot)
        ok(device.fwssh("status"), f"{number}.0.0")
        if "--json" in options:
            last = json.loads(r.stdout.splitlines()[-1])
            assert (last["event"], last["status"]) == ("result", 0), r
    return slot


def converse(t):
    """Whatever a host can ask of a device."""
    device = TwoSlots(t, ROOTS[0], signed=True, slot_driver="uboot-env")
    ok(device.fwssh("status"), "1.0.0")
    ok(device.fwssh("check"))
    runs = push_in_each_way(device)
    refused(device.fwssh("activate"), "no firmware is staged")
    ok(device.push(signed(t, 6), "--stage"), "fwssh activate")
    ok(device.fwssh("status", "--json"), '"staged":"yes"')
    ok(device.fwssh("activate"))
    device.boot("b" if runs == "a" else "a")
    ok(device.fwssh("status"), "6.0.0")
    ok(device.fwssh("log"), "update done: 1 firmware written")
    refused(device.fwssh("confirm"), "nothing to confirm")
    ok(device.fwssh("revert"))
    device.boot(runs)
    ok(device.fwssh("status"), "5.0.0")
    reboots = device.daemon.reboots()
    ok(device.fwssh("reboot"))
    device.daemon.wait_reboot(reboots + 1)
    return device


@seconds(500)
def test_old_host_and_new_device(t):
    for n, build in previous(t):
        with mixed(t, f"n-{n}", host=build, device=t.build) as inside:
            converse(inside)


@seconds(500)
def test_new_host_and_old_device(t):
    for n, build in previous(t):
        with mixed(t, f"n-{n}", host=t.build, device=build) as inside:
            device = converse(inside)
            if n == 1:
                assert "assemble" in device.daemon.log(), "no differences were sent"


def start_as(device, build):
    """Stops the device's programs and starts those of another version, with all keys of the configuration as the first
    one prints them. What the log says from there on."""
    t, daemon = device.t, device.daemon
    report = t.run([t.bin("fwsshd"), "-f", daemon.conf, "-t"])
    assert report.returncode in (0, 1) and "state-dir = " in report.stdout, report
    daemon.stop()
    before = len(daemon.log())
    daemon.conf.write_text(report.stdout.replace(f"{t.device}/", f"{build}/"))
    t.device = build
    daemon.start()
    return daemon.log()[before:]


def exchange(t, other):
    """A device gets the programs of another version while an update is staged and an older one is in its log."""
    device = TwoSlots(t, ROOTS[0], signed=True, slot_driver="uboot-env", refuse_older=True)
    if not os.path.exists(t.bin("fwssh-hold")):
        device.daemon.config.pop("hold-program")
        device.daemon.write_config()
    ok(device.push(signed(t, 3)))
    device.boot("b")
    ok(device.push(signed(t, 4), "--stage"))
    key = re.search(r"host key ssh-ed25519 (\S+)", device.daemon.log()).group(1)
    files = {path.name for path in device.daemon.state.iterdir()}
    log = start_as(device, other)
    assert f"host key ssh-ed25519 {key}" in log and "error" not in log, log
    assert all(": unknown key '" in line for line in log.splitlines() if "warning" in line), log
    assert files <= {path.name for path in device.daemon.state.iterdir()}, "something was set aside"
    ok(device.fwssh("status", "--json"), '"staged":"yes"', '"version":"3.0.0"')
    ok(device.fwssh("log"), "update done: 1 firmware written")
    ok(device.fwssh("activate"))
    device.boot("a")
    ok(device.fwssh("status"), "4.0.0")
    refused(device.push(signed(t, 2)), "firmware version 2.0.0 is not", status=4)
    ok(device.push(signed(t, 5)))
    assert device.slot("b").startswith(ROOTS[4])


@seconds(500)
def test_device_goes_back(t):
    for n, build in previous(t):
        with mixed(t, f"n-{n}", host=t.build, device=t.build) as inside:
            exchange(inside, build)


@seconds(500)
def test_device_goes_on(t):
    for n, build in previous(t):
        with mixed(t, f"n-{n}", host=t.build, device=build) as inside:
            exchange(inside, t.build)
