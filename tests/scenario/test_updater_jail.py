# SPDX-License-Identifier: Apache-2.0
"""What an updater has and does not have."""
import os

LOOK = "cat /proc/self/status > $me.status; readlink /proc/self/ns/net > $me.net; ls -l /proc/self/fd > $me.fds; " \
       "ps -o pgid= -p $$ > $me.group; take; printf 'Success!\\n'; shake 0"


def network(t):
    return (t.dir / "updater.net").read_text().strip()


def test_updater_has_no_network_and_gains_no_rights(t):
    d = t.daemon(updater=t.updater(LOOK))
    assert d.push(b"fwup:3\nabc").returncode == 0
    assert "\nNoNewPrivs:\t1\n" in (t.dir / "updater.status").read_text()
    # A process group of its own: the leader is the updater.
    assert int((t.dir / "updater.group").read_text()) == d.updater_pids()[-1]
    if "updaters keep network access" in d.log():
        t.skip("this kernel, or this user, cannot take the network away")
    here = os.readlink("/proc/self/ns/net")
    assert network(t) != here
    d.write_config(updater_network=True)
    d.reload()
    assert d.push(b"fwup:3\nabc").returncode == 0
    assert network(t) == here


def test_updater_has_its_descriptors_only(t):
    d = t.daemon(updater=t.updater(LOOK))
    assert d.push(b"fwup:3\nabc").returncode == 0
    # 0 to 2, the descriptor for the result, two locks; and the directory that ls reads.
    rows = [line.split() for line in (t.dir / "updater.fds").read_text().splitlines()[1:]]
    targets = {int(r[-3]): r[-1] for r in rows}
    assert set(targets) <= {0, 1, 2, 3, 4, 5, 6}, targets
    assert os.path.basename(targets[4]).startswith("lock0-")
    assert targets[5] == str(d.config["device"])
