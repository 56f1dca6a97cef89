"""A push that sends only what the device lacks (PROTOCOL.md, "assemble")."""
import re

from support.slots import TwoSlots, changed, content, firmware


def sent(r):
    """Bytes that a push says it has sent."""
    return float(re.search(r"Sent ([\d.]+) MB instead of", r.stdout)[1]) * 1e6


def test_only_what_is_missing_is_sent(t):
    root = content(1)
    device = TwoSlots(t, root)
    new = changed(root, 2)
    r = device.push(firmware(t, "2.0.0", new))
    assert r.returncode == 0, (r, device.daemon.log())
    assert sent(r) < 60_000, r.stdout
    assert device.slot("b").startswith(new)
    device.daemon.wait_reboot()
