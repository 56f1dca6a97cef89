# SPDX-License-Identifier: Apache-2.0
"""Power loss while a firmware is written that was put together on the device: old or new boots, and whatever the loss has
left, another push that sends only what the device lacks goes through."""
import random

from cut import device
from cut.assembled import Assembled
from power import test_power as power
from support.fixture import seconds
from support.process import is_stopped

SUBSETS = 6
PUSHES = 30


def losses(t, v):
    """Images as a loss of power at each point leaves them, and the slot that each of them boots, which is whole."""
    (t.dir / "stream").write_bytes(v.stream.data)
    events = power.record(t, "stream", "upgrade.b", v.image)
    assert v.state() == "new", "the stream is a firmware"
    replay = power.Replay(v.before, 7)
    for event in events:
        replay.step(event)
        for left in [replay.in_order(), *(replay.at_random() for _ in range(SUBSETS if replay.pending else 0))]:
            v.image.write_bytes(left)
            yield left, v.state()


@seconds(240)
def test_every_point_of_an_assembled_upgrade(t):
    v = Assembled(t)
    left = list(losses(t, v))
    old = [image for image, state in left if state == "old"]
    assert len(old) > PUSHES and len(old) < len(left), (len(old), len(left))
    r = random.Random(11)
    for image in [*r.sample(old, PUSHES - 2), *old[-2:]]:
        v.image.write_bytes(image)
        v.converse(v.host())
        assert v.state() == "new"
        device.wait_clean(t)


def test_everything_dies_with_a_write(t):
    """Half of it arrives, while fwssh-hold goes on reading the medium; then the push is repeated."""
    v = Assembled(t)
    for number in range(1, v.calls("W") + 1):
        host = v.host(updater=v.faulty(f"W{number}", "torn"))
        assert host.await_ok(), host.text
        host.send_bytes(b"".join(v.said))
        t.wait_for(lambda: any(is_stopped(pid) for pid, _ in device.processes(t, "fwpack")), f"write {number}")
        host.process.kill()
        host.receiver.break_connection()
        device.wait_clean(t)
        if v.state() == "old":
            v.converse(v.host())
        assert v.state() == "new", number
        device.wait_clean(t)
        v.reset()
