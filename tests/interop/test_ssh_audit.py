# SPDX-License-Identifier: Apache-2.0
"""ssh-audit checks the algorithms on offer."""


def test_nothing_to_complain_about(t):
    t.need("ssh-audit")
    d = t.daemon()
    r = t.run(["ssh-audit", "-p", d.port, "--no-colors", "127.0.0.1"])
    lines = [line for line in r.stdout.splitlines() if "[warn]" in line or "[fail]" in line]
    # The marker of strict key exchange is newer than some versions of ssh-audit.
    assert [x for x in lines if "kex-strict-s-v00@openssh.com" not in x] == [], r.stdout
    assert "kex-strict-s-v00@openssh.com" in r.stdout and "ssh-ed25519" in r.stdout
