# SPDX-License-Identifier: Apache-2.0
"""What an update is put together from changes under it, on the device and on the host, or the device has no room: the
updater gets what was meant, or the push ends with a reason and nothing switched."""
import os
import random
import subprocess

from support.assembly import CREDIT, Host, Reader, Stream, frame, frames, number, stream_of
from support.fixture import seconds
from support.slots import SLOT_A, SLOT_B, TwoSlots, changed, content, firmware

SIZE = 1_000_000


class Device(TwoSlots):
    """It runs version 1; a client of another make pushes version 2."""

    def __init__(self, t, **config):
        self.root = content(1, SIZE)
        super().__init__(t, self.root, **config)
        self.new = changed(self.root, 2, count=0)
        self.stream = stream_of(firmware(t, "2.0.0", self.new))
        self.base = stream_of(self.old)
        self.before = self.image.read_bytes()

    def host(self):
        host = Host(self.t, device=self.image, updater=self.t.bin("fwpack"), uboot_env_config=self.t.dir / "fw_env.config")
        host.sent = 0
        assert host.await_ok(), host.text
        return host

    def spoil(self, seed):
        """Everything in the running slot is overwritten."""
        with open(self.image, "r+b") as f:
            f.seek(SLOT_A)
            f.write(random.Random(seed).randbytes(SIZE + 4096))

    def cut_off(self, _):
        """Nothing behind the environment can be read any more."""
        with open(self.image, "r+b") as f:
            f.truncate(SLOT_A)

    def serve(self, host):
        """One record: sends what is asked for again. False at the end."""
        kind, body = host.record()
        if kind == "N":
            host.late.append(Reader(body).number())
            data = self.stream.piece(host.late[-1])
            host.send("F", number(host.late[-1]) + number(len(data)) + frame(data))
        elif kind == "C":
            host.credit += Reader(body).number()
        return kind

    def send(self, host, kind, body):
        """A frame, once it may come."""
        while host.sent and host.sent + len(body) - host.credit > CREDIT:
            assert self.serve(host), host.text
        host.sent += len(body)
        host.send(kind, body)

    def check(self, host):
        """Serves it to the end. Returns the groups that were asked for again."""
        while self.serve(host):
            pass
        late = host.late
        status, err = host.end()
        assert status == 0 and b"Success!" in host.text, (status, err, host.text)
        assert self.slot("b").startswith(self.new)
        assert len(late) == len(set(late)), late
        return late


def question(runs):
    """For all that is missing, with hashes that nothing has."""
    body = number(4) + number(12)
    for run in runs:
        lengths = [min(100_000, run - at) for at in range(0, run, 100_000)]
        body += number(len(lengths)) + b"".join(number(n) + bytes(4) for n in lengths)
    return body


def push(d, change, place):
    """A push in which the device's bytes change at one place. Returns the groups that it asked for again."""
    step = iter(range(10))

    def here():
        if next(step) == place:
            change(place)
    host = d.host()
    here()  # before anything is looked at
    host.send("L", d.stream.list(bases=1))
    yes = host.answer("L")
    here()
    host.send("B", d.base.base())
    host.answer("B")
    here()
    runs, before = [], True
    for (_, n), held in zip(d.stream.groups, yes):
        if not held:
            runs.append(n if before else runs.pop() + n)
        before = held
    for kind in "23":
        host.send(kind, question(runs))
        host.answer(kind)
        here()
    missing = b"".join(d.stream.piece(i) for i, held in enumerate(yes) if not held)
    host.send("G")
    sent = list(frames(missing, 50_000))
    for i, body in enumerate(sent):
        if i == len(sent) // 2:
            here()
        d.send(host, "d", body)
    host.send("Z")
    return d.check(host)


def test_the_running_slot_changes_at_each_place(t):
    d = Device(t)
    for change in (d.spoil, d.cut_off):
        for place in range(6):
            late = push(d, change, place)
            if 1 <= place <= 4:
                assert late, f"what was held at place {place} is not what it was"
            d.image.write_bytes(d.before)


def step(copy, literals, move=0):
    return number(copy) + number(literals) + number(2 * move)


def test_a_base_changes_before_its_differences_come(t):
    """They make other bytes than was meant: the groups are asked for as they are."""
    d = Device(t)
    for change in (d.spoil, d.cut_off):
        host = d.host()
        host.send("L", d.stream.list(bases=1))
        yes = host.answer("L")
        host.send("B", d.base.base())
        held = host.answer("B")
        change(3)
        host.send("G")
        old = bytearray(d.base.data)
        for (at, n), here in zip(d.base.groups, held):
            if not here:
                old[at:at + n] = bytes(n)
        missing = b"".join(d.stream.piece(i) for i, held in enumerate(yes) if not held)
        for at in range(0, len(missing), 100_000):
            new = missing[at:at + 100_000]
            n = len(new) - 10
            changes = bytes((a - b) & 255 for a, b in zip(new[:n], old[8192:]))
            d.send(host, "D", number(len(new)) + number(0) + number(0) + b"".join(
                number(len(s)) + number(len(frame(s))) + frame(s) for s in (step(n, 10, 8192), changes, new[n:])))
        host.send("Z")
        assert d.check(host), "what the base made was wrong"
        d.image.write_bytes(d.before)


# On the host, with its own tools. The device is this machine, so what it runs can change the host's files.


def truncate(path):
    return f"truncate -s 100000 '{path}'"


def overwrite(path):
    return f"head -c 200000 /dev/urandom | dd of='{path}' conv=notrunc bs=4096 seek=3 2>/dev/null"


def replace(path):
    return f"head -c 200000 /dev/urandom > '{path}.x'; mv '{path}.x' '{path}'"


def remove(path):
    return f"rm -f '{path}'"


CHANGES = (truncate, overwrite, replace, remove)


def changing_device(t, when):
    """It runs a script before it answers ("hook"), or when the update is wanted ("updater")."""
    act = t.dir / "act"
    act.write_text("")
    hook = t.script("hook", f"#!/bin/sh\nexec /bin/sh {act}\n")
    (t.dir / "bin").mkdir()
    updater = t.script("bin/fwpack", f'#!/bin/sh\n/bin/sh {act}\nexec {t.bin("fwpack")} "$@"\n')
    return TwoSlots(t, content(1, SIZE), **({"hook_precheck": hook} if when == "hook" else {})), act, updater


def check_host_files(t, when):
    d, act, updater = changing_device(t, when)
    if when == "updater":
        d.daemon.write_config(updater=updater)
        d.daemon.reload()
    before = d.image.read_bytes()
    kept = d.old.read_bytes()
    for change in CHANGES:
        for what in ("base", "firmware", "cache"):
            fw = firmware(t, "2.0.0", changed(content(1, SIZE), 2))
            base = t.dir / "base.fw"
            base.write_bytes(kept)
            cache = t.dir / f"cache/fwssh/{uuid_of(t, d.old)}.fw"
            cache.parent.mkdir(parents=True, exist_ok=True)
            cache.write_bytes(kept)
            act.write_text(change({"base": base, "firmware": fw, "cache": cache}[what]) + "\n")
            options = ["--base", base] if what == "base" else []
            r = d.push(fw, *options)
            assert r.returncode == 0 and "differences" in r.stdout or r.returncode == 0 and when == "hook", (change, what, r)
            assert d.slot("b").startswith(changed(content(1, SIZE), 2)), (change, what)
            d.image.write_bytes(before)
            for path in (t.dir / "cache/fwssh").glob("*.fw"):
                path.unlink()


def uuid_of(t, fw):
    r = t.run([t.bin("fwpack"), "metadata", "-i", fw])
    return r.stdout.partition('meta-uuid="')[2].partition('"')[0]


def test_files_of_the_host_change_before_the_device_answers(t):
    check_host_files(t, "hook")


def test_files_of_the_host_change_while_the_update_is_sent(t):
    check_host_files(t, "updater")


def test_a_firmware_that_changes_is_not_kept_as_another_one(t):
    """The cache never has a file that is not the firmware of its name."""
    d, act, updater = changing_device(t, "updater")
    d.daemon.write_config(updater=updater)
    d.daemon.reload()
    fw = firmware(t, "2.0.0", changed(content(1, SIZE), 2))
    good = fw.read_bytes()
    act.write_text(overwrite(fw) + "\n")
    r = d.push(fw)
    assert r.returncode == 0, r
    for path in (t.dir / "cache/fwssh").glob("*.fw"):
        assert path.read_bytes() == good, "rubbish under the firmware's name"


# A payload that says nothing of the device


def test_sources_of_the_configuration(t):
    """What is no firmware of ours names no slots: the key adaptive-sources does. One that is not there is no harm."""
    old = content(1, SIZE)
    (t.dir / "slot").write_bytes(bytes(5000) + old)
    new = b"a bundle" * 100 + old
    stream = Stream(new).cut()
    updater = t.updater("take\nprintf 'Success!\\n'; shake 0")
    for sources, held in (([], False), ([t.dir / "nothing", t.dir / "slot"], True)):
        host = Host(t, updater=updater, adaptive_sources=sources)
        assert host.await_ok(), host.text
        host.send("L", stream.list())
        yes = host.answer("L")
        missing = b"".join(stream.piece(i) for i, here in enumerate(yes) if not here)
        assert any(yes) == held and (len(missing) < len(new) * 0.8) == held, (sources, yes)
        if not held:
            host.send("Z")
            assert host.end()[0] == 0
            continue
        host.send("G")
        sent, host.credit = 0, 0
        for body in frames(missing, 50_000):
            while sent and sent + len(body) - host.credit > CREDIT:
                kind, record = host.record()
                host.credit += Reader(record).number() if kind == "C" else 0
            sent += len(body)
            host.send("d", body)
        host.send("Z")
        host.hear()
        status, err = host.end()
        assert status == 0 and not host.late, (status, err, host.late)
    assert (t.dir / "updater.input").read_bytes() == new


# No room


def limited(t, name, kib):
    return t.script(f"limited-{name}-{kib}", f'#!/bin/sh\nulimit -v {kib}\nexec {t.bin(name)} "$@"\n')


@seconds(200)
def test_too_little_memory_for_fwssh_hold(t):
    if t.sanitized():
        t.skip("sanitizers use memory of their own")
    d = TwoSlots(t, content(1))
    fw = firmware(t, "2.0.0", changed(content(1), 2))
    before = d.image.read_bytes()
    failed = 0
    for kib in (2_000, 6_000, 10_000, 11_000, 12_000, 13_000, 14_000, 16_000, 18_000, 20_000, 24_000, 60_000):
        d.daemon.write_config(hold_program=limited(t, "fwssh-hold", kib))
        d.daemon.reload()
        r = d.push(fw, "--base", d.old)
        if r.returncode == 0:
            assert d.slot("b").startswith(changed(content(1), 2))
        else:
            failed += 1
            assert r.returncode == 1 and "nothing was activated" in r.stderr, (kib, r)
            assert "fwssh-hold" in r.stderr and r.stderr.count("fwssh: ") == 1, (kib, r)
            assert not d.daemon.reboots() or d.image.read_bytes()[:SLOT_A] == before[:SLOT_A], kib
        d.image.write_bytes(before)
    assert 3 <= failed < 12, failed


def test_too_little_memory_for_the_updater(t):
    if t.sanitized():
        t.skip("sanitizers use memory of their own")
    d = TwoSlots(t, content(1))
    fw = firmware(t, "2.0.0", changed(content(1), 2))
    before = d.image.read_bytes()
    for kib in (2_000, 6_000, 8_000):
        d.daemon.write_config(updater=limited(t, "fwpack", kib))
        d.daemon.reload()
        r = d.push(fw)
        assert r.returncode and r.stderr.count("fwssh: 127") == 1, (kib, r)
        assert d.image.read_bytes()[:SLOT_A] == before[:SLOT_A] and not d.daemon.reboots(), (kib, r)


def full(t, path):
    """A directory on a file system without room."""
    if os.getuid():
        t.skip("mounting needs root")
    path.mkdir(parents=True, exist_ok=True)
    if t.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", path]).returncode:
        t.skip("nothing can be mounted here")
    return path


def fill(path):
    subprocess.run(["dd", "if=/dev/zero", f"of={path}/filler", "bs=1024"], stderr=subprocess.DEVNULL)


def test_a_full_state_dir_changes_nothing(t):
    """An update that is put together goes as a plain one does."""
    ends = []
    state = full(t, t.dir / "state")
    try:
        d = TwoSlots(t, content(1), state_dir=state)
        fill(state)
        before = d.image.read_bytes()
        for options in (["--adaptive=never"], ["--adaptive=always"]):
            r = d.push(firmware(t, "2.0.0", changed(content(1), 2)), *options)
            ends.append((r.returncode, d.slot("b").startswith(changed(content(1), 2))))
            d.image.write_bytes(before)
        assert ends[0] == ends[1] and ends[0][0] in (0, 1, 3), ends
        assert (ends[0][0] == 0) == ends[0][1], ends
    finally:
        for daemon in t.daemons:
            daemon.stop()
        t.run(["umount", state])


def test_a_full_cache_of_the_host_is_no_failure(t):
    cache = full(t, t.dir / "cache")
    try:
        fill(cache)
        d = TwoSlots(t, content(1))
        r = d.push(firmware(t, "2.0.0", changed(content(1), 2)))
        assert r.returncode == 0 and "differences from what it runs" in r.stdout, r
        assert [p for p in cache.rglob("*") if p.is_file() and p.stat().st_size] == [cache / "filler"]
    finally:
        t.run(["umount", cache])


# The same records, through SSH


class SshHost(Host):
    """A client behind OpenSSH, at a daemon."""

    def __init__(self, t, daemon):
        self.t, self.text, self.got, self.late, self.credit, self.records = t, b"", b"", [], 0, True
        self.process = daemon.client(subsystem="fwssh")
        self.send_bytes(b"fwssh/1 assemble reboot=yes\n")

    def end(self):
        self.process.stdin.close()
        self.hear()
        err = self.process.stderr.read().decode()
        return self.process.wait(20), err.strip().removeprefix("fwssh: ")


def test_hostile_records_through_a_daemon(t):
    """Each is refused with a reason, and the next push goes through."""
    d = Device(t)
    listed = ("L", d.stream.list())
    huge = number((1 << 63) - 1)
    cases = [
        ([("x", b"")], 2), ([("G", b"")], 2), ([("d", b"abc")], 2), ([("L", d.stream.list()[:-1])], 2),
        ([("L", d.stream.list(bases=5))], 2), ([("L", huge)], 2), ([listed, listed], 2), ([listed, ("B", b"")], 2),
        ([listed, ("2", huge)], 2), ([listed, ("3", b"\xff" * 20)], 2), ([listed, ("G", b"x")], 2), ([listed, ("W", huge + b"x")], 2),
        ([listed, ("G", b""), ("d", b"\0\0\0")], 2), ([listed, ("G", b""), ("D", bytes(40))], 2),
        ([listed, ("G", b""), ("F", number(0) + number(1) + b"x")], 2), ([listed, ("G", b""), ("Z", b"")], 2),
        ([listed, ("G", b""), ("L", d.stream.list())], 2), ([listed, ("Z", b"")], 0), ([listed], 1), ([], 1),
        ([listed, ("G", b"")], 1), ([listed, ("G", b""), ("d", next(frames(bytes(1000))))], 1)]
    for records, expected in cases:
        host = SshHost(t, d.daemon)
        assert host.await_ok(), host.text
        for kind, body in records:
            host.send(kind, body)
        status, err = host.end()
        what = [(kind, body[:20]) for kind, body in records]
        assert status == expected, (what, status, err, host.text)
        assert expected == 0 or len(err) > 10 and "\n" not in err, (what, err)
        after = d.image.read_bytes()
        assert after[:SLOT_B] == d.before[:SLOT_B] and not d.daemon.reboots(), what
    t.wait_for(lambda: not d.daemon.pids("fwssh-receive"), "the end of all updates")
    r = d.push(t.dir / "2.0.0.fw")
    assert r.returncode == 0 and d.slot("b").startswith(d.new), r


def test_records_too_long_and_without_end_through_a_daemon(t):
    d = Device(t)
    for data in (b"L\x20\x00\x01" + bytes(3 << 20), b"L\xff\xff\xff", b"\xff" * (4 << 20), os.urandom(1 << 20)):
        host = SshHost(t, d.daemon)
        assert host.await_ok(), host.text
        host.send_bytes(data)
        status, err = host.end()
        assert status in (1, 2) and len(err) > 10, (data[:8], status, err)
        assert d.image.read_bytes() == d.before and not d.daemon.reboots()
