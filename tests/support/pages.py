# SPDX-License-Identifier: Apache-2.0
"""The shell blocks of a page in docs/, run by the test word for word."""
import re

from support.agentless import bind


def blocks(t, page):
    """Where each is run ("desk" or "device"), and what it says."""
    return re.findall(r"^```sh (\w+)\n(.*?)^```$", (t.src / page).read_text(), re.M | re.S)


def desk(t):
    """A directory to work in, with the sources in it. The home of who works there is this test's own, and board.local is this
    machine."""
    home, work = t.dir / "home", t.dir / "work"
    (home / ".ssh").mkdir(parents=True, mode=0o700)
    t.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", home / ".ssh/id_ed25519"])
    # Instead of somebody who compares the fingerprint and types yes.
    (home / ".ssh/config").write_text("Host *\nStrictHostKeyChecking accept-new\n")
    bind(t, "/root", home)
    hosts = t.dir / "hosts"
    hosts.write_text("127.0.0.1 localhost board.local\n")
    bind(t, "/etc/hosts", hosts)
    work.mkdir()
    (work / "fwssh").symlink_to(t.src)
    return work
