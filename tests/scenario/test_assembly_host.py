# SPDX-License-Identifier: Apache-2.0
"""A hostile device: whatever it answers to an update that is put together, the host ends with an error that says why, sends
no more than it may, and never reports a success that the device has not reported."""
import json
import random
import re

from support.assembly import number, record
from support.fixture import waits

HUGE = (1 << 63) - 1


def text(data):
    return data.decode("latin-1")


class HostileDevice:
    def __init__(self, t, size=300_000):
        self.t = t
        (t.dir / "x.conf").write_text('meta-product = "x"\nfile-resource r { host-path = "r" }\n'
                                      'task upgrade { on-resource r { raw_write(8) } }\n')
        (t.dir / "r").write_bytes(random.Random(1).randbytes(size))
        r = t.run([t.bin("fwpack"), "-c", "-f", "x.conf", "-o", "x.fw"])
        assert r.returncode == 0, r
        self.fw = t.dir / "x.fw"

    def push(self, *steps, options=("--adaptive=always",), timeout=60):
        """(result, bytes of records that the device has got)"""
        (self.t.dir / "steps").write_text(json.dumps(steps))
        got = self.t.dir / "got"
        got.write_bytes(b"")
        ssh = self.t.script("fake-ssh", '#!/bin/sh\ncase "$*" in *-GT*) printf "hostname board\\nport 22\\n"; exit 0;; esac\n'
                            f'exec /usr/bin/python3 {self.t.src}/tests/support/assembly_device.py "$(cat {self.t.dir}/steps)" '
                            f'{got}\n')
        r = self.t.run([self.t.bin("fwssh"), "push", "board", "--firmware", self.fw, "--ssh", ssh, "--no-cache", *options],
                       timeout=timeout)
        return r, got.stat().st_size

    def refuse(self, *steps, words="no record of fwssh|does not fit the question", status=(1,), **kw):
        r, got = self.push(*steps, **kw)
        try:
            assert r.returncode in status, r
            assert re.search(words, r.stderr), r
        except AssertionError as e:
            raise AssertionError(str(steps)[:300]) from e
        return r, got

    def refuse_late(self, *steps, words="no record of fwssh", **kw):
        """When the device has everything, nobody knows whether it has switched."""
        r, _ = self.refuse(*steps, words=words, status=(9,), **kw)
        assert "nothing was activated" not in r.stderr and "check what it runs" in r.stderr, r


def answer(level, *runs, candidates=0):
    return ["raw", text(record("A", level + number(candidates) + b"".join(map(number, runs))))]


OK, LIST, STAY, HOLD, NONE = ["ok"], ["question"], ["stay"], ["hold_all"], ["hold_none"]


def test_an_honest_answer_is_taken(t):
    """The stand-in itself: a success needs the device's word."""
    d = HostileDevice(t)
    r, _ = d.push(OK, LIST, HOLD, ["question", "Z"], ["raw", text(record("T", b"Success!\n"))], ["end", 0])
    assert r.returncode == 0, r


def test_no_success_without_the_devices_word(t):
    d = HostileDevice(t)
    for steps in ((OK, ["end", 1]), (OK, LIST, ["end", 1]), (OK, LIST, HOLD, ["end", 1]),
                  (OK, LIST, HOLD, ["question", "Z"], ["end", 1]), (OK, LIST, HOLD, ["question", "Z"], ["end", 3]),
                  (OK, LIST, NONE, ["question", "Z"], ["end", 255]), (OK, ["end", 0]), (OK, LIST, ["end", 0]),
                  (OK, LIST, NONE, ["question", "G"], ["end", 0])):
        r, _ = d.push(*steps)
        assert r.returncode, (steps, r)
        assert r.stderr.strip(), (steps, r)


def test_a_device_that_is_lost_with_everything(t):
    """The last frame is the last thing that it needs, and not the end behind it: it may have switched."""
    d = HostileDevice(t, size=78_500)
    whole = d.fw.stat().st_size / 1e6
    slow = ("--adaptive=always", "--bwlimit", "100k")  # the end comes after the device is lost
    for steps in ((NONE, ["question", "d"]), (HOLD, ["question", "G"]), (HOLD, ["question", "Z"])):
        d.refuse(OK, LIST, *steps, ["lose"], words="after the last byte.*check what it runs", status=(9,), options=slow)
    d.refuse(OK, LIST, NONE, ["question", "G"], ["lose"], words=f"of {whole:.1f} MB; the device keeps its running firmware",
             status=(6,))


def test_answers_that_do_not_fit(t):
    d = HostileDevice(t)
    for runs in ((), (1,), (0, 1), (1000,), (HUGE,), (0, HUGE), (3, HUGE)):
        d.refuse(OK, LIST, answer(b"L", *runs), STAY)
    for level in (b"", b"B", b"2", b"x"):
        d.refuse(OK, LIST, answer(level, 1), STAY)
    for body in (b"", b"L", b"L\x80", b"L\0\x80", b"L" + b"\xff" * 9 + b"\1" + b"\1"):
        d.refuse(OK, LIST, ["raw", text(record("A", body))], STAY)


def test_what_is_no_record(t):
    d = HostileDevice(t)
    for data in (record("x"), record("L"), record("Z"), b"I\x20\0\1" + bytes(100), b"\xff" * 100,
                 b"Success!\nRebooting...\n" * 10, record("C", number(1)), record("C"), record("C", number(HUGE)),
                 record("C", number(0) + b"x"), record("N"), record("N", b"\x80"), record("N", number(1) + b"x")):
        d.refuse(OK, LIST, ["raw", text(data)], STAY)
        d.refuse_late(OK, LIST, HOLD, ["question", "Z"], ["raw", text(data)], STAY)


def test_groups_that_do_not_exist(t):
    d = HostileDevice(t)
    for group in (1000, 1 << 32, HUGE):
        d.refuse_late(OK, LIST, HOLD, ["question", "Z"], ["raw", text(record("N", number(group)))], STAY,
                      words="not in the firmware")


def test_a_device_that_holds_everything_and_misses_it_all(t):
    """Each group is sent once more, and no more often."""
    d = HostileDevice(t)
    size = d.fw.stat().st_size
    r, got = d.push(OK, LIST, HOLD, ["question", "Z"], ["late_all"], ["filled"],
                    ["raw", text(record("T", b"Success!\n"))], ["end", 0])
    assert r.returncode == 0, r
    assert got < 1.1 * size + 10_000
    d.refuse_late(OK, LIST, HOLD, ["question", "Z"], ["late_all", 50], STAY, words="not in the firmware")


def test_credit_for_what_was_not_sent(t):
    d = HostileDevice(t)
    d.refuse(OK, LIST, NONE, ["question", "G"], ["raw", text(record("C", number(1 << 30)))], STAY)


def test_endless_talk_ends(t):
    if t.sanitized():
        t.skip("it is a matter of quantity, and takes long with sanitizers")
    d = HostileDevice(t)
    for data in (record("P", number(5)), record("T", b"x" * 1000), record("I", b"a=b\n" * 100), record("A", b"L" + bytes(1000)),
                 record("N", number(0)), record("P"), record("C", number(0))):
        for steps in ((OK, LIST), (OK, LIST, HOLD, ["question", "Z"])):
            r, got = d.push(*steps, ["endless", text(data)], timeout=60)
            assert r.returncode, (data[:20], steps, r)
            assert r.stderr.strip() and got < 1_000_000, (data[:20], r)


def test_max_bytes_counts_what_a_device_says(t):
    d = HostileDevice(t)
    for data in (record("P", number(5)), record("T", b"x" * 1000)):
        r, got = d.push(OK, LIST, ["endless", text(data)], options=("--adaptive=always", "--max-bytes", "100k"))
        assert r.returncode == 1 and "--max-bytes" in r.stderr, r
    r, got = d.push(OK, LIST, HOLD, ["question", "Z"], ["late_all"], STAY,
                    options=("--adaptive=always", "--max-bytes", "100k"))
    assert r.returncode == 1 and "--max-bytes" in r.stderr and got < 100_000, (r, got)


def test_bytes_that_suffice_are_no_reason_to_stop_at_the_end(t):
    """What the device says once all is sent may be more than --max-bytes left: the update is done all the same."""
    d = HostileDevice(t, size=70_000)
    words = text(record("T", b"\r 50% of a long bar of progress" * 2000 + b"\nSuccess!\n"))
    r, got = d.push(OK, LIST, HOLD, ["question", "Z"], ["raw", words], ["end", 0],
                    options=("--adaptive=always", "--max-bytes", "10k"))
    assert r.returncode == 0 or "nothing was activated" not in r.stderr, r


@waits
def test_silence(t):
    """--timeout covers every step."""
    d = HostileDevice(t)
    for steps in ([], [OK], [OK, LIST], [OK, LIST, HOLD], [OK, LIST, NONE], [["ok", None]], [OK, LIST, NONE, ["question", "G"]]):
        r, _ = d.push(*steps, STAY, options=("--adaptive=always", "--timeout", "3"), timeout=30)
        assert r.returncode and r.stderr.strip(), (steps, r)


def test_a_lie_about_what_runs_costs_nothing(t):
    """No base is found for it, or none that fits."""
    d = HostileDevice(t)
    for uuid in ("../../etc/passwd", "x" * 1000, "%s%n", "00000000-0000-0000-0000-000000000000", "\x1b[31m"):
        r, _ = d.push(["ok", f"uuid={uuid}\n"], LIST, HOLD, ["question", "Z"],
                      ["raw", text(record("T", b"Success!\n"))], ["end", 0])
        assert r.returncode == 0 and "\x1b" not in r.stdout, r
