# SPDX-License-Identifier: Apache-2.0
"""A device that announces itself, found by fwssh discover: two network namespaces with a link between them, and the real
Avahi on both sides."""
import json

from support.fixture import seconds, waits

PLAIN_ONLY = "scenario/discover reads the same with sanitizers"

FACTS = 'active=a\nserial=0001\nproduct=A <b> & "c" 5%\nversion=1.0\nuuid=215818b7-3fc5-5603-3586-4d85df2916f7\n'
# side NAME COMMAND: in namespaces of its own, with a message bus and Avahi.
SIDE = """#!/bin/sh
set -e
name=$1; shift
hostname "$name"
mount --make-rprivate /
mkdir -p /run/dbus /run/avahi-daemon
for place in /run/dbus /run/avahi-daemon /etc/avahi/services; do mount -t tmpfs tmpfs $place; done
[ "$name" = desk ] || cp {dir}/announcement /etc/avahi/services/fwssh.service
dbus-daemon --system --fork --nopidfile
avahi-daemon --no-drop-root --no-rlimits -D
"$@"
"""
NET = """#!/bin/sh
ip link set lo up
unshare -n sh -c 'echo here; exec sleep 100 > /dev/null 2>&1' > {dir}/there 2> /dev/null &
peer=$!
until grep -q here {dir}/there; do sleep 0.05; done
ip link add va type veth peer name vb netns $peer
ip addr add 10.77.0.2/24 dev va
ip link set va up
nsenter -t $peer -n sh -c 'ip addr add 10.77.0.1/24 dev vb; ip link set vb up; ip link set lo up'
own="unshare -m -u -p -f --kill-child --mount-proc"
nsenter -t $peer -n $own {dir}/side nerves-0001 sleep 100 > /dev/null 2>&1 &
side=$!
$own {dir}/side desk sh -c 'for try in 1 2 3 4 5 6 7 8 9 10; do {fwssh} discover --json && break; done' 2> {dir}/errors
kill $peer $side
"""


@waits
@seconds(90)
def test_a_device_that_announces_itself_is_found(t):
    for program in ("avahi-daemon", "avahi-browse", "dbus-daemon", "ip"):
        t.need(program)
    if t.run(["unshare", "-n", "-m", "-p", "-u", "-f", "true"]).returncode:
        t.skip("namespaces need root")
    receive = t.script("receive", f"#!/bin/sh\ncat {t.dir}/facts\n")
    (t.dir / "facts").write_text(FACTS)
    r = t.run([t.src / "packaging/fwsshd-announce", "avahi"], env={"FWSSH_RECEIVE": str(receive)})
    assert r.returncode == 0, r
    (t.dir / "announcement").write_text(r.stdout)
    t.script("side", SIDE.format(dir=t.dir))
    net = t.script("net", NET.format(dir=t.dir, fwssh=t.bin("fwssh")))
    r = t.run(["unshare", "-n", "-m", "-p", "-f", "--kill-child", "--mount-proc", net], timeout=80)
    lines = [json.loads(line) for line in r.stdout.splitlines() if line.startswith("{")]
    assert lines, (r, (t.dir / "errors").read_text())
    one = lines[-1]
    assert (one["name"], one["host"], one["serial"]) == ("nerves-0001", "10.77.0.1", "0001"), one
    assert one["product"] == 'A <b> & "c" 5%' and one["uuid"].startswith("215818b7"), one


def test_the_announcement_for_resolved(t):
    receive = t.script("receive", f"#!/bin/sh\ncat {t.dir}/facts\n")
    (t.dir / "facts").write_text(FACTS)
    r = t.run([t.src / "packaging/fwsshd-announce", "resolved", "22"], env={"FWSSH_RECEIVE": str(receive)})
    assert r.stdout == ('[Service]\nName=%H\nType=_nerves-device._tcp\nPort=22\nTxtText="serial=0001" '
                        '"product=A <b> & \\"c\\" 5%%" "version=1.0" "uuid=215818b7-3fc5-5603-3586-4d85df2916f7"\n'), r
