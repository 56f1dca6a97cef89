# SPDX-License-Identifier: Apache-2.0
"""A hostile host: every record of PROTOCOL.md ("assemble") that does not fit, against the device's programs. Nothing is
ever switched, and nothing is left behind."""
import os
import time

from support.assembly import CREDIT, GROUP_MAX, Host, cut, frame, frames, hash64, low, number, record, signed, stream_of
from support.fixture import waits
from support.process import at_home, is_asleep, peak_memory, unread
from support.slots import SLOT_A, SLOT_B, SLOT_SIZE, TwoSlots, changed, content, firmware

SIZE = 500_000


def pieces(data, lengths):
    at = 0
    for n in lengths:
        yield data[at:at + n]
        at += n


def cuts(data, k):
    return list(pieces(data, cut(data, k)))


class Hostile:
    """A device that runs version 1, and a stream of version 2."""

    def __init__(self, t, new=None, **config):
        self.t = t
        self.root = content(1, SIZE)
        self.new = new or changed(self.root, 2)
        self.device = TwoSlots(t, self.root)
        self.old = stream_of(self.device.old)
        self.stream = stream_of(firmware(t, "2.0.0", self.new))
        self.before = self.device.image.read_bytes()
        self.config = {"device": self.device.image, "updater": t.bin("fwpack"), "uboot_env_config":
                       t.dir / "fw_env.config", **config}

    def host(self, **kw):
        return Host(self.t, **{**self.config, **kw})

    def asked(self, bases=(), **kw):
        """A host whose list has been answered, and the bytes that the device lacks."""
        host = self.host(**kw)
        assert host.await_ok(), host.text
        host.send("L", self.stream.list(bases=len(bases)))
        yes = host.answer("L")
        host.base_yes = []
        for base in bases:
            host.send("B", base)
            host.base_yes.append(host.answer("B"))
        host.yes = yes
        host.missing = b"".join(self.stream.piece(i) for i, held in enumerate(yes) if not held)
        return host

    def runs(self, yes):
        """The lengths of the runs of what is missing."""
        runs, before = [], True
        for (_, n), held in zip(self.stream.groups, yes):
            if not held and before:
                runs.append(0)
            if not held:
                runs[-1] += n
            before = held
        return runs

    def question(self, yes):
        """A question for all that is missing, of one chunk for each 100,000 bytes."""
        body = number(4) + number(12)
        for run in self.runs(yes):
            lengths = [min(100_000, run - at) for at in range(0, run, 100_000)]
            body += number(len(lengths)) + b"".join(number(n) + low(0x12345678, 4) for n in lengths)
        return body

    def check_left(self, written=False):
        """Nothing is switched, no process is left, the lock is free. written: the other slot may be."""
        keep = self.device.daemon.process.pid
        self.t.wait_for(lambda: [p for p in at_home(self.t.dir) if p[0] != keep] == [], "the end of all processes")
        after = self.device.image.read_bytes()
        if written:
            assert after[:SLOT_B] == self.before[:SLOT_B] and after[SLOT_B + SLOT_SIZE:] == self.before[SLOT_B + SLOT_SIZE:]
        else:
            assert after == self.before
        assert after[SLOT_A:].startswith(self.root)

    def check(self, host, status, words="", written=False):
        got, err = host.end()
        assert got == status, (got, err, host.text)
        if status:
            assert words in err and "\n" not in err and len(err) > 10, (words, err, host.text)
            assert err.encode() in host.text or "lost" in err, "the answer gives the reason, too"
        assert not host.result["reboot"], host.result
        self.check_left(written)

    def check_done(self, host):
        host.hear()  # a client that ends its input before the last group is lost
        status, err = host.end()
        assert status == 0 and b"Success!" in host.text, (status, err, host.text)
        assert self.device.slot("b").startswith(self.new)

    def refuse(self, records, status, words=""):
        """Records up to the one that does not fit, each but the last answered."""
        host = self.host()
        assert host.await_ok(), host.text
        try:
            for i, (kind, body) in enumerate(records):
                host.send_bytes(kind.encode("latin-1") + record("x", body)[1:])
                if i + 1 < len(records):
                    host.answer(kind)
            got, err = host.end()
            assert status is None or got == status, (got, err, host.text)
            assert not got or words in err and len(err) > 10, (words, err)
            self.check_left()
        except AssertionError as e:
            raise AssertionError([(kind, body[:80]) for kind, body in records]) from e
        return got

    def refuse_update(self, records, status, words="", bases=()):
        """The same after the questions."""
        host = self.asked(bases)
        host.send("G")
        try:
            for kind, body in records:
                host.send(kind, body)
            self.check(host, status, words, written=True)
        except AssertionError as e:
            raise AssertionError([(kind, body[:80]) for kind, body in records]) from e


def test_an_honest_host_of_another_make(t):
    h = Hostile(t)
    host = h.asked()
    assert any(host.yes) and not all(host.yes), host.yes
    host.send("G")
    for f in frames(host.missing, 100_000):
        host.send("d", f)
    host.send("Z")
    status, err = host.end()
    assert status == 0, (host.text, err)
    assert b"Success!" in host.text and not host.late, (host.text, host.late)
    assert h.device.slot("b").startswith(h.new)


# What is no list, and what comes without one

HUGE = (1 << 62, (1 << 63) - 1)
TOO_LONG = b"\xff" * 9 + b"\x01"  # a number of more than 63 bits


def test_records_before_the_answer(t):
    h = Hostile(t)
    host = h.host(ahead=record("L", h.stream.list()))
    assert host.await_ok()
    h.check(host, 2, "records before the answer")


def test_a_record_that_nobody_expects_before_go(t):
    h = Hostile(t)
    for kind in "B23GdDFIAPCNTx\0\xff":
        h.refuse([(kind, b"")], 2)
        h.refuse([(kind, number(1) * 40)], 2)
    for kind in "GFdDx":
        h.refuse([("L", h.stream.list()), (kind, b"\0")], 2)
    h.refuse([("Z", b"\0")], 2)


def test_no_update_is_wanted(t):
    h = Hostile(t)
    h.refuse([("Z", b"")], 0)
    h.refuse([("L", h.stream.list()), ("Z", b"")], 0)
    h.refuse([("L", h.stream.list(bases=1)), ("B", h.old.base()), ("Z", b"")], 0)


def test_a_list_that_is_cut(t):
    h = Hostile(t)
    body = h.stream.list()
    for at in (*range(12), 40, 60, 100, len(body) // 2, len(body) - 9, len(body) - 8, len(body) - 1):
        h.refuse([("L", body[:at])], 2)
    h.refuse([("L", body + b"\0")], 2)


def test_a_record_that_is_cut(t):
    h = Hostile(t)
    body = record("L", h.stream.list())
    for at in (0, 1, 2, 3, 4, 5, 100, len(body) - 1):
        host = h.host()
        assert host.await_ok()
        host.send_bytes(body[:at])
        h.check(host, 1, "the connection to the client was lost")
    host = h.host()
    assert host.await_ok()
    host.send_bytes(b"L\x20\x00\x01" + bytes(100))
    h.check(host, 2, "a record is too long")


def test_numbers_that_lie_in_a_list(t):
    h = Hostile(t)
    s, size = h.stream, len(h.stream.data)
    one = number(1) + low(0, 8)
    part = number(1) + number(0) + number(10)
    lists = [s.list(size=n) for n in (0, 1, size - 1, size + 1, *HUGE)]
    lists += [TOO_LONG + s.list()[1:], b"\0" + TOO_LONG + s.list()[4:], number(1 << 62) + s.list()[1:]]
    lists += [s.list(bases=n) for n in (5, 255, *HUGE)]
    lists += [s.list(parts=parts) for parts in (
        number(4097) + bytes(3 * 4097), number(HUGE[1]), number(2) + number(0), part + number(513) + bytes(513),
        part + number(HUGE[1]) + b"x", number(1) + number(HUGE[1]) + number(1) + number(0),
        # Backwards, and one over the other.
        number(2) + number(100) + number(10) + number(0) + number(0) + number(10) + number(0),
        number(2) + number(0) + number(10) + number(0) + number(9) + number(10) + number(0),
        number(1) + number(size) + number(1) + number(0))]
    packed = frame(s.data[:s.start])
    lists += [s.list(start=start) for start in (
        number(s.start) + number(len(packed) - 1) + packed[:-1], number(s.start + 1) + number(len(packed)) + packed,
        number(s.start - 1) + number(len(packed)) + packed, number(s.start) + number(HUGE[1]) + packed,
        number(s.start) + number(10) + b"\xff" * 10, number(s.start) + number(0), number(size + 1) + number(0),
        number(131073) + number(len(frame(bytes(131073)))) + frame(bytes(131073)))]
    lists += [s.list(groups=groups) for groups in (
        number(0), number(262145) + one * 100, number(HUGE[1]) + one, number(1) + number(0) + bytes(8),
        number(1) + number(size) + bytes(8) + b"\0", number(2) + number(size) + bytes(8) + number(1) + bytes(8),
        number(1) + number(GROUP_MAX + 1) + bytes(8), number(1) + number(HUGE[1]) + bytes(8))]
    for body in lists:
        h.refuse([("L", body)], 2)
    h.refuse([("L", s.list(size=GROUP_MAX + 1, start=b"\0\0", parts=b"\0",
                           groups=number(1) + number(GROUP_MAX + 1) + bytes(8)))], 2)


def test_a_second_list(t):
    h = Hostile(t)
    h.refuse([("L", h.stream.list()), ("L", h.stream.list())], 2)


def test_a_start_that_is_no_firmware(t):
    h = Hostile(t)
    for start in (bytes(100), b"PK\x03\x04" + bytes(96), h.stream.data[:60]):
        packed = frame(start)
        status = h.refuse([("L", h.stream.list(start=number(len(start)) + number(len(packed)) + packed))], None)
        assert status in (1, 4), status


def test_parts_of_a_list_that_take_time(t):
    """However many parts claim the same place, each is looked at once."""
    h = Hostile(t)
    parts = number(4096) + h.stream.print_parts()[1:] + b"".join(
        number(at) + number(n) + number(len(name)) + name for at, n, name in [h.stream.parts[-1]] * 4095)
    h.refuse([("L", h.stream.list(parts=parts))], 2)


def test_the_next_record_comes_while_the_list_is_looked_at(t):
    """It moves the list in memory (found by the address sanitizer): the list's length is just below a power of two."""
    h = Hostile(t)
    size = len(h.stream.data)

    def listed(more):
        """A list that is longer by parts of no bytes."""
        names = [more[at:at + 500] for at in range(0, len(more), 500)]
        return h.stream.list(bases=1, parts=number(len(h.stream.parts) + len(names)) + h.stream.print_parts()[1:] +
                             b"".join(number(size) + number(0) + number(len(name)) + name for name in names))
    record_size = 1 << (len(listed(b"")) + 100).bit_length()
    for end in range(1, 5):
        more = b"x" * (record_size - len(listed(b"")) - 200)
        while 4 + len(listed(more)) < record_size - end:
            more += b"x"
        assert 4 + len(listed(more)) == record_size - end
        host = h.host()
        assert host.await_ok()
        host.send_bytes(record("L", listed(more)) + record("B", h.old.base()))
        host.answer("L")
        host.answer("B")
        host.send("Z")
        h.check(host, 0)


# Bases


def test_bases_that_do_not_fit(t):
    h = Hostile(t)
    listed, plain = ("L", h.stream.list(bases=1)), ("L", h.stream.list())
    body, count = h.old.base(), len(h.stream.groups)
    h.refuse([plain, ("B", body)], 2)
    h.refuse([listed, ("B", body), ("B", body)], 2)
    h.refuse([listed, ("G", b"")], 2)
    for at in (*range(8), len(body) // 2, len(body) - 1):
        h.refuse([listed, ("B", body[:at])], 2)
    h.refuse([listed, ("B", body + b"\0")], 2)
    named = lambda *steps: b"\0" + number(len(steps)) + b"".join(map(number, steps))  # noqa: E731
    for steps in ((2,), (2 * count + 1,), (2 * count - 1, 3), (3, 4), ((1 << 63) - 1,), ((1 << 63) - 2,)):
        h.refuse([listed, ("B", named(*steps))], 2)
    own = b"\0" + number(1) + number(0)
    for group in (number(0) + bytes(8), number(GROUP_MAX + 1) + bytes(8), number(HUGE[1]) + bytes(8), number(1) + bytes(7)):
        h.refuse([listed, ("B", own + group)], 2)
    for groups in (number(262145), number(HUGE[1]), TOO_LONG):
        h.refuse([listed, ("B", b"\0" + groups + bytes(100))], 2)
    # The last one that fits.
    h.refuse([listed, ("B", named(2 * count - 1, 2, 3)), ("Z", b"")], 0)


def test_a_base_after_a_question(t):
    h = Hostile(t)
    host = h.host()
    assert host.await_ok()
    host.send("L", h.stream.list(bases=1))
    yes = host.answer("L")
    host.send("2", h.question(yes))
    host.send("B", h.old.base())
    h.check(host, 2)


# Questions


def test_questions_that_do_not_fit(t):
    h = Hostile(t)
    host = h.asked()
    yes = host.yes
    host.send("Z")
    h.check(host, 0)
    listed, good = ("L", h.stream.list()), h.question(yes)
    for kind in "23":
        h.refuse([listed, (kind, good), ("Z", b"")], 0)
        h.refuse([listed, (kind, good), (kind, good)], 2)
        h.refuse([listed, (kind, good + b"\0")], 2)
        for at in (0, 1, 2, 3, 4, 5, 9, len(good) // 2, len(good) - 1):
            h.refuse([listed, (kind, good[:at])], 2)
        for size in (0, 1, 9, 255, *HUGE):
            h.refuse([listed, (kind, number(size) + good[1:])], 2)
        for k in (0, 4, 13, 64, *HUGE):
            h.refuse([listed, (kind, good[:1] + number(k) + good[2:])], 2)
        for chunks in ([], [0], [1], [HUGE[0]], [1] * 5):
            body = number(4) + number(12) + number(len(chunks)) + b"".join(number(n) + bytes(4) for n in chunks)
            h.refuse([listed, (kind, body)], 2)
        h.refuse([listed, (kind, number(4) + number(12) + number(262145) + (number(1) + bytes(4)) * 262145)], 2)
        h.refuse([listed, (kind, number(4) + number(12) + number(HUGE[1]))], 2)
    h.refuse([listed, ("2", number(6) + good[1:])], 2)
    h.refuse([listed, ("2", good[:1] + number(11) + good[2:])], 2)


def test_a_question_for_nothing(t):
    """All of the stream was sent with the list."""
    h = Hostile(t)
    s = h.stream
    body = s.list(size=s.start, parts=b"\0", groups=number(1) + number(s.start) + low(hash64(s.data[:s.start]), 8))
    h.refuse([("L", body), ("2", number(4) + number(12)), ("3", number(4) + number(7)), ("Z", b"")], 0)
    h.refuse([("L", body), ("2", number(4) + number(12) + number(0))], 2)


def test_hashes_that_are_all_equal(t):
    """As many chunks as may be asked for, of one hash: they take no longer than others."""
    h = Hostile(t)
    data = h.stream.data[:h.stream.start] + bytes(262144)
    groups = [n for n in (h.stream.start, 131072, 131072)]
    body = h.stream.list(size=len(data), parts=b"\0", groups=number(3) + b"".join(number(n) + bytes(8) for n in groups))
    for kind, count in (("2", 3), ("3", 3)):
        host = h.host()
        assert host.await_ok()
        host.send("L", body)
        yes = host.answer("L")
        missing = sum(n for n, held in zip(groups, yes) if not held)
        asked = min(missing, 262144)
        lengths = [1] * (asked - 1) + [missing - asked + 1]
        host.send(kind, number(count) + number(12) + number(asked) + b"".join(number(n) + b"\1" * count for n in lengths))
        begin = time.monotonic()
        host.answer(kind)
        assert time.monotonic() - begin < 10
        host.send("Z")
        h.check(host, 0)


# Frames


def test_frames_that_do_not_fit(t):
    h = Hostile(t)
    f = lambda prefix, n, data: number(prefix) + number(n) + data  # noqa: E731
    piece = bytes(1000)
    for body in (b"", b"\0", b"\0\0", f(0, 0, b""), f(0, 0, frame(b"")), f(1, 1000, frame(piece)),
                 f(HUGE[1], 1000, frame(piece)), f(0, 999, frame(piece)), f(0, 1001, frame(piece)),
                 f(0, 1000, frame(piece)[:-1]), f(0, 1000, frame(piece) + b"\0"), f(0, 1000, b"\xff" * 50),
                 f(0, GROUP_MAX + 1, frame(bytes(GROUP_MAX + 1))), f(0, HUGE[1], frame(piece)),
                 TOO_LONG + number(1000) + frame(piece), f(0, 1000, b"")):
        h.refuse_update([("d", body)], 2)
    for prefix in (1001, 1 << 20, (1 << 20) + 1):
        h.refuse_update([("d", f(0, 1000, frame(piece))), ("d", f(prefix, 1000, frame(piece)))], 2)
    h.refuse_update([("Z", b"")], 2, "the host has sent too little")
    h.refuse_update([("d", f(0, 1000, frame(piece))), ("Z", b"")], 2, "the host has sent too little")
    h.refuse_update([("Z", b"\0")], 2)
    h.refuse_update([("Z", b""), ("d", f(0, 1000, frame(piece)))], 2)
    h.refuse_update([("D", f(0, 0, b""))], 2)


def test_a_record_that_nobody_expects_behind_go(t):
    h = Hostile(t)
    for kind in "LB23GWIAPCNTx\0":
        h.refuse_update([(kind, b"")], 2)
    h.refuse_update([("2", h.question([True]))], 2)
    h.refuse_update([("F", b"")], 2)
    for group in (0, 1, len(h.stream.groups), HUGE[1]):
        n = h.stream.groups[group][1] if group < len(h.stream.groups) else 100
        h.refuse_update([("F", number(group) + number(n) + frame(bytes(n)))], 2)


def fill_input(t, h, host):
    """Sends frames until the updater, which reads nothing, has got what it can get."""
    host.send("G")
    for body in list(frames(host.missing, 100_000))[:5]:
        host.send("d", body)
    pid, = t.wait_for(h.device.daemon.updater_pids, "the updater")
    t.wait_for(lambda: unread(pid) > 16384 and is_asleep(host.process.pid), "its input to be full")


def test_more_frames_than_were_granted(t):
    """An updater that reads nothing holds everything up."""
    h = Hostile(t, updater=t.updater("await"), new=content(2, 3 << 20))
    host = h.asked()
    assert len(host.missing) > 5 * CREDIT
    fill_input(t, h, host)
    for body in frames(host.missing[500_000:], 200_000):
        if not host.send("d", body):
            break
    h.check(host, 2, "more frames than were granted")


def test_frames_of_nothing(t):
    h = Hostile(t, updater=t.updater("await"), new=content(2, 3 << 20))
    host = h.asked()
    host.send("G")
    for body in frames(host.missing[:GROUP_MAX], 100_000):
        host.send("d", body)
    host.send_bytes(record("d") * 400_000)
    h.check(host, 2)


def step(copy, literals, move=0):
    return number(copy) + number(literals) + signed(move)


def stream3(steps, changes, literals):
    return b"".join(number(len(s)) + (number(len(frame(s))) + frame(s) if s else number(0))
                    for s in (steps, changes, literals))


def test_steps_that_do_not_fit(t):
    h = Hostile(t)
    n, size = 1000, len(h.old.data)
    head = lambda at=0, window=0, length=n: number(length) + number(at) + number(window)  # noqa: E731
    good = stream3(step(n, 0), bytes(n), b"")
    bodies = [head(at, window) + good for at, window in
              ((size, 1), (size - 1, 2), (0, size + 1), (HUGE[1], 1), (HUGE[1], HUGE[1]), (0, (1 << 20) + 1))]
    bodies += [head(length=length) + good for length in (0, n - 1, n + 1, (1 << 20) + 1, HUGE[1])]
    bodies += [head() + stream3(*s) for s in (
        (step(n, 0, size), bytes(n), b""), (step(n, 0, -1), bytes(n), b""), (step(n, 0, size - n + 1), bytes(n), b""),
        (step(n, 0, (1 << 62) - 1), bytes(n), b""), (step(n, 0, -(1 << 62)), bytes(n), b""),
        (step(0, 0, (1 << 62) - 1) * 3 + step(n, 0), bytes(n), b""),
        (step(0, 0, -(1 << 62)) * 4 + step(n, 0), bytes(n), b""),
        (step(n, 1), bytes(n), b"x"), (step(n + 1, 0), bytes(n + 1), b""), (step(n, 0), bytes(n - 1), b""),
        (step(0, n), b"", bytes(n - 1)), (step(0, HUGE[1]), b"", bytes(n)), (step(HUGE[1], 1), bytes(n), bytes(n)),
        (step(1, HUGE[1]), bytes(n), bytes(n)), (b"", b"", b""), (step(n, 0)[:-1], bytes(n), b""),
        (step(n, 0) + b"\1", bytes(n), b""), (TOO_LONG + step(0, 0), bytes(n), b""))]
    bodies += [head() + good[:at] for at in (0, 1, 2, 5, len(good) // 2, len(good) - 1)]
    bodies += [head() + good + b"\0", head() + number(3) + number(0) + good, head() + number(HUGE[1]) + good,
               head() + number((1 << 20) + 1) + number(3) + b"abc" + good]
    for body in bodies:
        h.refuse_update([("D", body)], 2, bases=[h.old.base()])


def test_steps_on_a_base(t):
    """What the device holds of a base, and zeros for the rest, with a window that is used by nobody."""
    h = Hostile(t)
    base = h.old
    host = h.asked(bases=[base.base()])
    old = host.base_bytes = bytearray(base.data)
    at = 0
    for (place, n), held in zip(base.groups, host.base_yes[0]):
        if not held:
            old[place:place + n] = bytes(n)
    host.send("G")
    missing, place = host.missing, 5000
    while at < len(missing):
        new = missing[at:at + 100_000]
        n = min(len(new) - 10, len(old) - 5000)
        changes = bytes((a - b) & 255 for a, b in zip(new[:n], old[5000:]))
        steps = step(0, 0, 7000) + step(n // 2, 0, -2000) + step(n - n // 2, len(new) - n)
        host.send("D", number(len(new)) + number(place) + number(1000) + stream3(steps, changes, new[n:]))
        at += len(new)
    host.send("Z")
    h.check_done(host)


# Groups that do not match, and what is sent for them


def spans(lengths, found):
    """The first and the last byte of what was found."""
    at = 0
    for n, yes in zip(lengths, found):
        if yes:
            yield at, at + n - 1
        at += n


def wrong_groups(h, host, lengths, found):
    """The groups that are missing, and were asked for in chunks that were found."""
    wrong, at = [], 0
    for i, ((_, n), held) in enumerate(zip(h.stream.groups, host.yes)):
        if not held:
            if any(at <= last and first < at + n for first, last in spans(lengths, found)):
                wrong.append(i)
            at += n
    return wrong


def lied_to(h):
    """A host that asked with the hashes of what the device holds, but means other bytes: what was missing is late."""
    host = h.asked()
    held = cuts(h.root, 12)[:-1]  # on the device, other bytes follow the last one
    lengths, said, body = [], [], b""
    for run in h.runs(host.yes):
        chunks, left = [], run
        while left:
            piece = held[len(said) % len(held)]
            said.append(len(piece) <= left)
            n = len(piece) if said[-1] else left
            chunks.append(number(n) + (low(hash64(piece), 5) if said[-1] else bytes(5)))
            lengths.append(n)
            left -= n
        body += number(len(chunks)) + b"".join(chunks)
    host.send("2", number(5) + number(12) + body)
    yes = host.answer("2")
    assert yes == said, "the device holds all that was asked for"
    host.wrong = wrong_groups(h, host, lengths, yes)
    host.missing = b"".join(piece for piece, found in zip(pieces(host.missing, lengths), yes) if not found)
    host.send("G")
    for part in frames(host.missing):
        host.send("d", part)
    return host


def fill(h, group):
    data = h.stream.piece(group)
    return number(group) + number(len(data)) + frame(data)


def test_hashes_that_lie_cost_a_fill(t):
    h = Hostile(t)
    host = lied_to(h)
    host.send("Z")
    for _ in host.wrong:
        host.send("F", fill(h, host.await_late()))
    h.check_done(host)
    assert host.late == host.wrong and host.wrong


def test_short_hashes_that_collide(t):
    """Two bytes of a hash, for chunks of all lengths and any content: what is wrong with them is asked for again."""
    h = Hostile(t)
    host = h.asked()
    lengths, body = [], b""
    held = {}
    for piece in cuts(h.root, 12):
        held.setdefault(len(piece), hash64(piece))
    sizes = sorted(held)
    for run in h.runs(host.yes):
        chunks, left = [], run
        while left:
            n = max((s for s in sizes if s <= left), default=left)
            chunks.append(number(n) + (low(held[n], 2) if n in held else bytes(2)))
            lengths.append(n)
            left -= n
        body += number(len(chunks)) + b"".join(chunks)
    host.send("2", number(2) + number(12) + body)
    yes = host.answer("2")
    assert any(yes)
    host.missing = b"".join(p for p, found in zip(pieces(host.missing, lengths), yes) if not found)
    host.send("G")
    for part in frames(host.missing):
        host.send("d", part)
    host.send("Z")
    for _ in wrong_groups(h, host, lengths, yes):
        host.send("F", fill(h, host.await_late()))
    h.check_done(host)


def test_fills_that_do_not_fit(t):
    for number_, make in enumerate((
            lambda g, n, data: b"", lambda g, n, data: number(g), lambda g, n, data: number(g) + number(n),
            lambda g, n, data: number(g + 1) + number(n) + frame(data), lambda g, n, data: number(HUGE[1]) + number(n) + frame(data),
            lambda g, n, data: number(g) + number(n - 1) + frame(data[:-1]),
            lambda g, n, data: number(g) + number(n) + frame(data[:-1]),
            lambda g, n, data: number(g) + number(n) + frame(data[:-1] + bytes([data[-1] ^ 1])),
            lambda g, n, data: number(g) + number(n) + frame(data)[:-1],
            lambda g, n, data: number(0) + number(n) + frame(data))):
        h = Hostile(t) if not number_ else h
        host = lied_to(h)
        g = host.await_late()
        data = h.stream.piece(g)
        host.send("F", make(g, len(data), data))
        h.check(host, 2, "a fill does not fit", written=True)


def test_a_fill_that_comes_twice(t):
    h = Hostile(t)
    host = lied_to(h)
    g = host.await_late()
    host.send_bytes(record("F", fill(h, g)) * 2)
    # Where it was the only one, the update is complete with the first.
    h.check(host, 2, "a fill does not fit", written=True)


# The archive itself


def test_the_whole_archive_after_all(t):
    h = Hostile(t)
    archive = (t.dir / "2.0.0.fw").read_bytes()
    for steps in ((), (("L", h.stream.list()),)):
        for size in (b"", number(0), number(HUGE[1]) + b"\0", TOO_LONG, number(100) + b"\0"):
            h.refuse([*steps, ("W", size)], 2)
        host = h.host()
        assert host.await_ok()
        for kind, body in steps:
            host.send(kind, body)
            host.answer(kind)
        host.send("W", number(len(archive)))
        host.send_bytes(archive[:-1])
        host.records = False
        h.check(host, 1, "input ended 1 byte short; nothing was activated", written=True)
        host = h.host()
        assert host.await_ok()
        host.send("W", number(len(archive)))
        host.send_bytes(archive + b"x")
        host.records = False
        status, err = host.end()
        assert status == 1 and "received more data than announced (at least 1 byte)" in err, err
        assert "not rebooting" in err and h.device.slot("b").startswith(h.new)
        h.device.image.write_bytes(h.before)


# Silence and death


@waits
def test_silence(t):
    h = Hostile(t, idle_timeout=2)
    good = list(frames(bytes(1000)))
    def list_answered():
        return h.asked()
    def nothing():
        host = h.host()
        assert host.await_ok()
        return host
    def half_a_record():
        host = nothing()
        host.send_bytes(b"L\0\1")
        return host
    def half_a_list():
        host = nothing()
        host.send_bytes(record("L", h.stream.list())[:-1])
        return host
    def go():
        host = h.asked()
        host.send("G")
        return host
    def half_a_frame():
        host = go()
        host.send_bytes(record("d", good[0])[:-1])
        return host
    def a_frame():
        host = go()
        host.send("d", good[0])
        return host
    def no_fill():
        host = lied_to(h)
        host.await_late()
        return host
    def no_archive():
        host = nothing()
        host.send("W", number(10_000))
        host.records = False
        return host
    for make in (nothing, half_a_record, half_a_list, list_answered, go, half_a_frame, a_frame, no_fill, no_archive):
        host = make()
        host.hear()  # until the device gives up
        h.check(host, 1, "no data received for 2 seconds (key idle-timeout)", written=True)


def test_a_client_that_dies(t):
    h = Hostile(t)
    def asked(*records):
        host = h.asked()
        for kind, body in records:
            host.send(kind, body)
        return host
    def nothing():
        host = h.host()
        assert host.await_ok()
        return host
    def late():
        """One group is missing, and all else is there."""
        host = lied_to(h)
        host.send("Z")
        for _ in host.wrong[1:]:
            host.send("F", fill(h, host.await_late()))
        host.await_late()
        return host
    body = next(frames(bytes(1000)))
    for make in (nothing, asked, lambda: asked(("G", b"")), lambda: asked(("G", b""), ("d", body)), late):
        host = make()
        host.receiver.break_connection()
        assert host.process.wait(20) == 1
        h.check_left(written=True)


def test_a_client_that_dies_while_the_updater_reads_nothing(t):
    h = Hostile(t, updater=t.updater("await"), new=content(2, 3 << 20))
    host = h.asked()
    fill_input(t, h, host)
    host.receiver.break_connection()
    assert host.process.wait(20) == 1
    h.check_left(written=True)


def test_memory_is_bounded(t):
    """The longest list and the longest bases that a record can hold."""
    if t.sanitized():
        t.skip("sanitizers use memory of their own")
    h = Hostile(t)
    count = 150_000
    size = h.stream.start + count * 16_000
    groups = number(count + 1) + number(h.stream.start) + bytes(8) + (number(16_000) + bytes(8)) * count
    host = h.host()
    assert host.await_ok()
    host.send("L", h.stream.list(bases=4, size=size, groups=groups))
    host.answer("L")
    for _ in range(4):
        host.send("B", b"\0" + number(count) + (number(0) + number(16_000) + low(1, 8)) * count)
        host.answer("B")
    pid, = [pid for pid, name in at_home(t.dir) if name == "fwssh-hold"]
    assert peak_memory(pid) < 64_000
    host.send("Z")
    h.check(host, 0)


def test_a_bar_of_progress_is_not_sent_each_time(t):
    """All lines of an updater come, and of a bar that is drawn over and over what a user can see."""
    bars = "".join(f"\\r{n}%% of a bar that is drawn all the time" for n in range(101))
    h = Hostile(t, updater=t.updater(f"take\nprintf 'first\\n{bars}\\nlast\\r\\n\\rSuccess!\\n\\rrest'; shake 0"))
    host = h.asked()
    host.send("G")
    for body in frames(host.missing, 100_000):
        host.send("d", body)
    host.send("Z")
    host.hear()
    status, err = host.end()
    assert status == 0, (status, err, host.text)
    text = host.text.decode()
    assert text.startswith("first\n\r0% of a bar") and text.count("% of a bar") <= 4, text
    assert text.endswith("\r100% of a bar that is drawn all the time\nlast\r\n\rSuccess!\n\rrest"), text


def test_an_unsigned_start_is_not_looked_at(t):
    """Nothing is said about what the device holds before the signature is known to be good."""
    h = Hostile(t)
    assert t.run([t.bin("fwpack"), "gen-keys", "-o", t.dir / "sign"]).returncode == 0
    host = h.host(firmware_public_keys=[t.dir / "sign.pub"])
    assert host.await_ok()
    host.send("L", h.stream.list())
    assert host.record() == ("", b"")
    h.check(host, 4, "signed")


def test_fwssh_hold_has_no_rights(t):
    """It reads what a host says, so it is nobody, and cannot become anybody."""
    if os.geteuid():
        t.skip("only root starts it as another user")
    h = Hostile(t)
    host = h.asked(session_uid=54321)
    pid, = [pid for pid, name in at_home(t.dir) if name == "fwssh-hold"]
    status = open(f"/proc/{pid}/status").read()
    host.send("Z")
    h.check(host, 0)
    assert "\nUid:\t54321\t54321\t54321\t54321\n" in status and "\nGid:\t54321\t54321\t54321\t54321\n" in status
    assert "\nGroups:\t \n" in status and "\nNoNewPrivs:\t1\n" in status and "\nCapEff:\t0000000000000000\n" in status
    assert t.sanitized() or "\nSeccomp:\t2\n" in status, "few system calls are left"
