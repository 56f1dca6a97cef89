# SPDX-License-Identifier: Apache-2.0
"""An update that is put together on the device is cut at each record and at many bytes: lost, or closed by a client that
still listens. Before the last frame nothing is switched, and another push goes on; behind it, the update is completed."""
from cut import device
from cut.assembled import Assembled
from support.assembly import cut, frame, frames, hash64, low, number, record

PLACES = 160
PARTS = 4


def check_old(v, at):
    assert v.state() == "old"
    if at < sum(map(len, v.said[:2])):
        assert v.image.read_bytes() == v.before, "written to before the update was wanted"


def lost(t, v, at, settled):
    """The client disconnects. Returns whether the device has the new firmware."""
    host = v.start(at)
    if settled:
        device.wait_settled(t, host.receiver)
    device.lose(host.receiver, at)
    status = host.process.wait(20)
    result = host.receiver.result()
    device.wait_clean(t)
    assert result["status"] == status and result["reboot"] == (status == 0), result
    if at >= v.needed and (settled or not status):
        assert (status, v.state()) == (0, "new"), result
        return True
    assert status == 1 and result["text"].startswith(device.LOST), result
    return False


def ended(t, v, at, settled):
    """The client ends its input, and is told."""
    host = v.start(at)
    if settled:
        device.wait_settled(t, host.receiver)
    status, err = host.end()
    device.wait_clean(t)
    assert (status == 0) == host.result["reboot"], (status, host.result)
    if at >= v.needed:
        assert (status, v.state()) == (0, "new"), (err, host.text)
        return True
    assert status == 1 and device.LOST in err and "\n" not in err, (status, err)
    assert b"Rebooting" not in host.text and b"Success!" not in host.text, host.text
    return False


def check_part(t, part):
    v = Assembled(t)
    places = v.places(PLACES)
    assert len(places) == PLACES and places[-1] > v.needed, len(places)
    for n, at in enumerate(places[part::PARTS]):
        try:
            if (lost if n & 1 else ended)(t, v, at, n & 2):
                v.reset()
            else:
                check_old(v, at)
            v.assert_goes_on()
        except AssertionError as e:
            raise AssertionError(f"cut behind byte {at} of {sum(map(len, v.said))}, {v.needed} needed: {e}") from e


def test_cut_places_1(t):
    check_part(t, 0)


def test_cut_places_2(t):
    check_part(t, 1)


def test_cut_places_3(t):
    check_part(t, 2)


def test_cut_places_4(t):
    check_part(t, 3)


def late_host(v):
    """A host that claims to ask for what is missing, and names what the device holds: it all has to be sent once more."""
    host = v.host()
    assert host.await_ok(), host.text
    host.send("L", v.stream.list())
    yes = host.answer("L")
    root = (v.t.dir / "root-1").read_bytes()
    held, at = [], 0
    for n in cut(root, 12)[:-1]:
        held.append(root[at:at + n])
        at += n
    body, run, named, lengths = number(5) + number(12), 0, 0, []
    for (_, n), here in [*zip(v.stream.groups, yes), ((0, 0), True)]:
        run += 0 if here else n
        if not here or not run:
            continue
        chunks = []
        while run:
            piece = held[named % len(held)]
            named += 1
            fits = len(piece) <= run
            lengths.append(len(piece) if fits else run)
            chunks.append(number(lengths[-1]) + (low(hash64(piece), 5) if fits else bytes(5)))
            run -= lengths[-1]
        body += number(len(chunks)) + b"".join(chunks)
    host.send("2", body)
    found = host.answer("2")
    assert any(found), "it holds what was named"
    missing, at = b"".join(v.stream.piece(i) for i, here in enumerate(yes) if not here), 0
    host.send("G")
    for n, here in zip(lengths, found):
        if not here:
            host.send("d", next(frames(missing[at:at + n])))
        at += n
    return host


def test_cut_in_what_was_asked_for_again(t):
    """A group that does not match is sent once more; without all of it, nothing is switched."""
    v = Assembled(t)
    for n, back in enumerate((None, 0, 1, 2, 5, 1000)):
        host = late_host(v)
        group = host.await_late()
        data = v.stream.piece(group)
        fill = record("F", number(group) + number(len(data)) + frame(data))
        host.send_bytes(b"" if back is None else fill[:len(fill) - back])
        if back == 0:
            host.await_late()  # there is more than one
        device.wait_settled(t, host.receiver)
        device.lose(host.receiver, n)
        assert host.process.wait(20) == 1 and host.receiver.result()["reboot"] == 0, back
        device.wait_clean(t)
        assert v.state() == "old"
        v.assert_goes_on()


def test_each_process_is_killed(t):
    """In each step of the conversation. Whoever still listens gets a true report."""
    v = Assembled(t)
    ends = [0, *(sum(map(len, v.said[:n])) for n in (1, 2, 3, 6))]
    for at in ends:
        for name in ("fwssh-hold", "fwpack", "fwssh-receive", "fwssh-guard"):
            host = v.start(at)
            device.wait_settled(t, host.receiver)
            if name in ("fwpack", "fwssh-guard") and at < ends[2]:
                assert not device.processes(t, name), "nobody has asked for an update"
                device.lose(host.receiver, at)
                host.process.wait(20)
                device.wait_clean(t)
                continue
            device.kill(device.find(t, name))
            if name == "fwssh-guard":  # it is only there in case that fwssh-receive dies
                device.lose(host.receiver, at)
            host.process.wait(20)
            if name in ("fwssh-hold", "fwpack"):
                out, err = host.process.stdout.read(), host.process.stderr.read().decode()
                assert b"Success!" not in out and b"Rebooting" not in out, (name, out)
                assert "nothing was activated" in err or "fwpack was killed" in err, (name, at, err)
            device.wait_clean(t)
            check_old(v, at)
            v.assert_goes_on()
