# SPDX-License-Identifier: Apache-2.0
"""New keys for firmware and login arrive with a firmware that the old ones are good for (docs/keys.md)."""
from device.device import VirtualDevice, artefacts, expect, long_check
from support.fixture import seconds


@seconds(600)
def test_keys_are_replaced_by_two_firmwares(t):
    long_check(t)
    directory = artefacts(t)
    r = t.run([t.src / "tests/device/rotation.sh", t.build], timeout=200)
    assert r.returncode == 0, r.stdout + r.stderr
    old, new = directory, directory / "rotation"
    both_fw, new_fw = (new / f"firmware/{name}.fw" for name in ("both", "new"))
    device = VirtualDevice(t).start()
    device.wait_running("a", "1.0.0")

    # Nothing of the new ones is accepted yet.
    expect(device.push(new_fw), 4, "signature")
    device.artefacts = new
    expect(device.fwssh("status"), 5)
    device.artefacts = old

    # With the firmware that the old key has signed come both, and either is good for anything.
    expect(device.push(both_fw, "--wait=200"), 0, "version 2.0.0")
    device.wait_running("b", "2.0.0")
    expect(device.fwssh("status"), 0, "2.0.0")
    device.artefacts = new
    expect(device.fwssh("status"), 0, "2.0.0")

    # The one that the new key has signed ends it for the old ones.
    expect(device.push(new_fw, "--wait=200"), 0, "version 3.0.0")
    device.wait_running("a", "3.0.0")
    expect(device.push(old / "firmware/good-2.fw"), 4, "signature")
    expect(device.push(both_fw), 4, "signature")
    device.artefacts = old
    expect(device.fwssh("status"), 5)
    device.artefacts = new
    expect(device.fwssh("status"), 0, "3.0.0")


def host_key(device):
    """As it is written down for fwssh known-hosts."""
    r = device.t.run(["ssh-keyscan", "-t", "ed25519", "-p", device.port, "127.0.0.1"])
    return "127.0.0.1 " + r.stdout.split(" ", 1)[1]


def known(device, *records):
    """Makes the host's known_hosts of these."""
    path = device.t.dir / "records"
    path.write_text("".join(records))
    r = device.t.run([device.host, "known-hosts", "--from", path, "--port", device.port, "-o", device.known_hosts])
    assert r.returncode == 0, r


@seconds(300)
def test_host_key_is_replaced(t):
    """Whoever has the records of both keys notices nothing."""
    long_check(t)
    device = VirtualDevice(t).start()
    device.wait_running("a", "1.0.0")
    old = host_key(device)
    known(device, old)
    expect(device.fwssh("status"), 0, "1.0.0")
    device.stop()
    device.forget()
    device.start().wait_running("a", "1.0.0")
    expect(device.fwssh("status"), 5, "its host key has changed")
    new = host_key(device)
    assert new != old
    known(device, old, new)
    expect(device.push("good-2", "--wait=200"), 0, "version 2.0.0")
    device.wait_running("b", "2.0.0")
    known(device, new)
    expect(device.fwssh("status"), 0, "2.0.0")
