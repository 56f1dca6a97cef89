# SPDX-License-Identifier: Apache-2.0
"""A push that sends only what the device lacks, behind OpenSSH's sshd."""
from interop.test_servers import receive_command, sshd
from support.slots import TwoSlots, changed, content, firmware


def test_sshd_serves_it_too(t):
    root = content(1)
    device = TwoSlots(t, root)
    more = f"Subsystem fwssh {receive_command(t, device.daemon, False) % 'fwssh'}"
    server = sshd(t, device.daemon, more=more)
    new = changed(root, 2)
    r = device.push(firmware(t, "2.0.0", new), "--user", "root", port=server.port)
    assert r.returncode == 0 and "Sent 0.0" in r.stdout, r
    assert device.slot("b").startswith(new)
