# SPDX-License-Identifier: Apache-2.0
"""Updates of a virtual device that boots with U-Boot: what its owner sees, and that it always comes back."""
import os
import re
import signal
import subprocess
import time

from device.device import DATA, SLOT_SIZE, VirtualDevice, expect, long_check
from device.power_switch import PowerSwitch, check_running, expect_environment, other
from support.fixture import seconds

# Points at which the power fails, of each kind.
CUTS = int(os.environ.get("FWSSH_DEVICE_CUTS", "2"))

WRITTEN = "Done: the device has written the firmware and reboots."


def started(t):
    device = VirtualDevice(t).start()
    device.wait_running("a", "1.0.0")
    return device


@seconds(300)
def test_good_update(t):
    device = started(t)
    expect(device.push("good-2", "--wait=120"), 0, "Upgrading slot b", "Sent in ", "The device is back after ",
           "Done: the device runs the new firmware (slot b, version 2.0.0), and it is confirmed.")
    # reboot_param of on-finish, as the kernel shows it.
    device.wait("Restarting system with command 'after an update'")
    device.wait("boot: slot b, start 1, upgrade_available 1")
    device.wait_running("b", "2.0.0")
    expect_environment(device, nerves_fw_active="b", nerves_fw_validated="1", upgrade_available="0", bootcount="0",
                       fwssh_revert_reason="")
    assert device.holds("a", "good-1") and device.holds("b", "good-2")

    # And back to the other slot; the host key is still the one in known_hosts.
    expect(device.push("good-1"), 0, "Upgrading slot a", WRITTEN)
    device.wait_running("a", "1.0.0")
    assert device.holds("a", "good-1") and device.holds("b", "good-2")


@seconds(300)
def test_unconfirmed_firmware_is_seen(t):
    long_check(t)
    device = started(t)
    expect(device.push("slow"), 0, WRITTEN)
    device.wait("slot b starts")
    device.wait("listening on 0.0.0.0")
    facts = device.status()
    assert (facts["active"], facts["version"], facts["confirmed"], facts["tries-left"]) == ("b", "2.0.0", "no", "1"), facts
    device.wait_running("b", "2.0.0")
    facts = device.status()
    assert (facts["active"], facts["confirmed"]) == ("b", "yes"), facts


def falls_back(t, firmware, reason):
    """A firmware that does not work: the previous one comes back, untouched, and the environment says why."""
    device = started(t)
    expect(device.push(firmware, "--wait=200"), 8,
           f"the device came back with the old firmware (slot a, version 1.0.0): {reason}")
    device.wait("boot: slot b, start 1")
    device.wait_running("a", "1.0.0")
    expect_environment(device, nerves_fw_active="a", nerves_fw_validated="1", upgrade_available="0", bootcount="0",
                       fwssh_revert_reason=reason)
    assert device.holds("a", "good-1") and device.holds("b", firmware)
    facts = device.status()
    assert (facts["active"], facts["version"], facts["confirmed"]) == ("a", "1.0.0", "yes"), facts
    assert facts["reason"] == reason, facts
    return device


@seconds(300)
def test_kernel_panic(t):
    long_check(t)
    device = falls_back(t, "panic", "slot b was not confirmed in 2 starts")
    # A bad firmware does not prevent the next one.
    expect(device.push("good-2"), 0, WRITTEN)
    device.wait_running("b", "2.0.0")
    expect_environment(device, fwssh_revert_reason="")


@seconds(300)
def test_hanging_init(t):
    long_check(t)
    falls_back(t, "hang", "slot b was not confirmed in 2 starts")


@seconds(300)
def test_failing_self_test(t):
    falls_back(t, "self-test", "the self-test of slot b failed")


@seconds(300)
def test_kernel_that_cannot_be_loaded(t):
    long_check(t)
    falls_back(t, "kernel", "slot b could not be loaded")


@seconds(300)
def test_refused_firmware_writes_nothing(t):
    device = started(t)
    before = device.read(0, DATA)
    expect(device.push("other"), 4, "Platform: other arm64", "is for the platform other, but the device runs virt; nothing was sent")
    expect(device.push("other", "--force"), 4, "Platform: other arm64", "Couldn't find applicable task 'upgrade'",
           "this device is: fwssh virtual device, virt arm64",
           "the firmware does not fit the device or is damaged")
    expect(device.push("unsigned"), 4, "Expecting signed firmware archive.",
           "the firmware does not fit the device or is damaged")
    assert device.read(0, DATA) == before


@seconds(300)
def test_damaged_firmware(t):
    device = started(t)
    damaged = t.dir / "damaged.fw"
    data = bytearray(device.firmware("good-2").read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data)
    # The host itself would notice it, if it read the firmware to send only what is missing.
    expect(device.push(damaged, "--adaptive=never"), 4, "The update was stopped; slot a keeps running",
           "the firmware does not fit the device or is damaged")
    expect_environment(device, **{"nerves_fw_active": "a", "upgrade_available": "0", "b.nerves_fw_version": ""})
    device.stop()
    device.start().wait_running("a", "1.0.0")
    assert device.holds("a", "good-1")


@seconds(300)
def test_host_key_changed(t):
    long_check(t)
    device = started(t)
    expect(device.push("other"), 4)  # this host knows the key now
    device.stop()
    device.forget()  # as if another device answered
    device.start().wait_running("a", "1.0.0")
    before = device.read(0, DATA)
    expect(device.push("good-2"), 5, "its host key has changed", "remove the old key with")
    assert device.read(0, DATA) == before


@seconds(300)
def test_host_key_survives_a_power_cut_at_the_first_start(t):
    device = VirtualDevice(t).start(listener=lambda *event: None)
    made = device.wait("fwsshd: host key ")
    device.wait("listening on 0.0.0.0")
    device.power_cut()
    device.start()
    assert device.wait("fwsshd: host key ") == made


@seconds(300)
def test_two_pushes_at_once(t):
    long_check(t)
    device = started(t)
    firmware = device.firmware("good-2").read_bytes()
    half = len(firmware) // 2
    first = t.start(device.ssh_args("nerves_firmware_ssh"), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    first.stdin.write(b"fwup:%d,reboot\n" % len(firmware) + firmware[:half])
    first.stdin.flush()
    device.wait("update started")
    expect(device.push("good-1"), 3, "refused")
    output, _ = first.communicate(firmware[half:], timeout=60)
    assert first.returncode == 0 and b"Success!" in output, output
    device.wait_running("b", "2.0.0")
    assert device.holds("b", "good-2")


@seconds(300)
def test_network_that_is_gone_for_a_while(t):
    """The device is stopped for some seconds, and no data moves; then everything continues."""
    device = started(t)
    firmware = device.firmware("good-2").read_bytes()
    half = len(firmware) // 2
    client = t.start(device.ssh_args("nerves_firmware_ssh"), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    client.stdin.write(b"fwup:%d,reboot\n" % len(firmware) + firmware[:half])
    client.stdin.flush()
    device.wait("update started")
    device.process.send_signal(signal.SIGSTOP)
    time.sleep(3)  # the absence itself
    device.process.send_signal(signal.SIGCONT)
    output, _ = client.communicate(firmware[half:], timeout=60)
    assert client.returncode == 0 and b"Success!" in output, output
    device.wait_running("b", "2.0.0")
    assert device.holds("b", "good-2")


@seconds(300)
def test_stage_and_activate(t):
    """Written now, booted later, even after a reboot, which boots the old one."""
    long_check(t)
    device = started(t)
    expect(device.push("good-2", "--stage"), 0, "fwssh activate boots it")
    facts = device.status()
    assert (facts["active"], facts["next"], facts["staged"]) == ("a", "a", "yes"), facts
    device.power_cut()
    device.start().wait_running("a", "1.0.0")
    assert device.holds("b", "good-2")
    expect(device.fwssh("activate"), 0, "the device reboots")
    device.wait_running("b", "2.0.0")
    facts = device.status()
    assert (facts["active"], facts["version"], facts["confirmed"], facts["staged"]) == ("b", "2.0.0", "yes", "no"), facts


@seconds(300)
def test_revert_by_hand(t):
    long_check(t)
    device = started(t)
    expect(device.push("good-2", "--wait=120"), 0)
    expect(device.fwssh("revert", "--reason", "the pump is too loud"), 0)
    device.wait_running("b", "2.0.0")
    device.wait_running("a", "1.0.0")
    expect(device.fwssh("status"), 0, "slot a, fwssh virtual device 1.0.0, confirmed", "the pump is too loud")


def boots(device, choice):
    """When switched on, U-Boot says that it chooses this slot."""
    device.start().wait(f"boot: {choice}")
    device.stop()


@seconds(300)
def test_boot_script_and_the_copies_of_the_environment(t):
    device = VirtualDevice(t)
    old = {"nerves_fw_active": "b", "upgrade_available": "0", "bootcount": "0"}
    new = {"nerves_fw_active": "a", "upgrade_available": "1", "bootcount": "0", "bootlimit": "2"}
    for counters in ((1, 2), (254, 255), (255, 0)):
        for copy in (0, 1):
            device.write_environment(1 - copy, counters[0], old)
            device.write_environment(copy, counters[1], new)
            boots(device, "slot a, start 1, upgrade_available 1")
            assert device.environment()["bootcount"] == "1", (counters, copy)

    # The valid copy counts, whatever the counter of the other one.
    for copy in (0, 1):
        device.write_environment(1 - copy, 9, old, good=False)
        device.write_environment(copy, 1, new)
        boots(device, "slot a, start 1, upgrade_available 1")

    device.write_environment(0, 1, old, good=False)
    device.write_environment(1, 2, old, good=False)
    boots(device, "neither copy of the environment is good")
    boots(device, "slot a, start 0, upgrade_available 0")


@seconds(300)
def test_boot_script_keeps_what_it_knows_and_nothing_else(t):
    device = VirtualDevice(t)
    before = device.environment()
    known = {**before, "upgrade_available": "1", "nerves_fw_validated": "0", "fwssh_revert_reason": "two words; echo x",
             **{f"b.nerves_fw_{name}": "x" * 40 for name in ("version", "product", "platform", "architecture", "uuid")}}
    for copy in (0, 1):
        device.write_environment(copy, 7, {**known, "start": "reset", "bootargs": "init=/bin/sh", "kernel_addr_r": "0"})
    device.start().wait_running("a", "1.0.0")
    have = device.environment()
    # Its confirmation has set these. An empty variable is none.
    confirmed = {"upgrade_available": "0", "nerves_fw_validated": "1"}
    known.pop("fwssh_revert_reason")
    assert not have.pop("fwssh_revert_reason", ""), have
    assert have == {**known, **confirmed}, have


def cut_power(t, places):
    """For each point (arguments of arm), an update that is cut there. Yields the point, the status of the push and whether the
    new firmware runs, once the device is up again and has been checked."""
    device = VirtualDevice(t)
    switch = PowerSwitch(device)
    device.start(switch).wait_running("a", "1.0.0")
    slot, version = "a", "1.0.0"
    for place in places:
        new_slot, firmware = other(slot, version)
        switch.arm(new_slot, *place)
        status = device.push(firmware).returncode
        assert switch.off.wait(60), f"{place} was not reached"
        device.start(switch)
        slot, version = check_running(device)
        print(f"cut at {place}: the push ended with {status}, slot {slot} runs {version}")
        yield place, status, slot == new_slot


@seconds(120 + 40 * CUTS)
def test_power_cut_during_transfer(t):
    places = [(SLOT_SIZE * (i + 1) // (CUTS + 1),) for i in range(CUTS)]
    for place, status, new in cut_power(t, places):
        # 9: the last bytes had left the host, but the device had not read them.
        assert status in (6, 9) and not new, (place, status, new)


@seconds(120 + 40 * CUTS)
def test_power_cut_around_the_switch(t):
    """on-finish writes a copy of the environment (1) and flushes it (2), then the other (3, 4); then come the answer, the reboot,
    the first boot and its confirmation, which are about 60 writes and flushes. The first copy has all but the last change,
    which is the switch: it is made when the flush of the other copy is done, and not before."""
    places = [(3, 0), (1, 0), (4, 1), (2, 0), (4, 0)] + [(4, 2 + i * 54 // max(CUTS - 5, 1)) for i in range(CUTS - 5)]
    for (_, switches, events), status, new in cut_power(t, [(SLOT_SIZE, *place) for place in places[:CUTS]]):
        assert status in (6, 9) or events > 0 and status == 0, (switches, events, status)
        assert new == (events > 0), (switches, events, new)


def sent_bytes(result):
    """What a push says it has sent, and what the firmware has."""
    found = re.search(r"Sent ([\d.]+) MB instead of ([\d.]+) MB", result.stdout)
    assert found, (result.stdout, result.stderr)
    return float(found[1]) * 1e6, float(found[2]) * 1e6


@seconds(300)
def test_differences_go_on_after_a_power_cut(t):
    """From slot a to b, the plug pulled in the middle; the second push sends no more than what was missing."""
    device = VirtualDevice(t)
    switch = PowerSwitch(device)
    device.start(switch).wait_running("a", "1.0.0")
    switch.arm("b", SLOT_SIZE // 2)
    result = device.push("good-2", "--adaptive=always")
    assert result.returncode in (6, 9) and switch.off.wait(60), (result.stdout, result.stderr)
    device.start(switch).wait_running("a", "1.0.0")
    result = device.push("good-2", "--adaptive=always", "--wait=120")
    expect(result, 0, "runs the new firmware (slot b, version 2.0.0)")
    sent, whole = sent_bytes(result)
    assert sent < whole / 5, (sent, whole)
    assert device.holds("a", "good-1") and device.holds("b", "good-2")
