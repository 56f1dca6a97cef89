# SPDX-License-Identifier: Apache-2.0
"""A push that sends only what the device lacks (PROTOCOL.md, "assemble")."""
import os
import random
import re
import time

from support.rebooting import events
from support.fixture import seconds
from support.process import at_home, is_asleep, unread
from support.relay import Relay
from support.slots import SLOT_A, SLOT_B, TwoSlots, changed, content, firmware


def sent(r):
    """Bytes that a push says it has sent."""
    return float(re.search(r"Sent ([\d.]+) MB instead of", r.stdout)[1]) * 1e6


def check_pushed(device, r, new, slot="b"):
    assert r.returncode == 0, (r, device.daemon.log())
    assert device.slot(slot).startswith(new)
    # What the device holds is not said to be sent.
    assert "instead of" not in r.stdout or "done 100%" in r.stdout and "sent 100%" not in r.stdout, r.stdout


def test_only_what_is_missing_is_sent(t):
    root = content(1)
    device = TwoSlots(t, root)
    new = changed(root, 2)
    r = device.push(firmware(t, "2.0.0", new))
    check_pushed(device, r, new)
    assert sent(r) < 30_000, r.stdout
    device.daemon.wait_reboot()


def test_it_is_an_update_for_hooks_audit_and_log(t):
    root = content(1)
    hook = t.script("hook", f"#!/bin/sh\necho $FWSSH_HOOK >> {t.dir}/hooks\n")
    device = TwoSlots(t, root, hook_success=hook, hook_failure=hook)
    fw = firmware(t, "2.0.0", changed(root, 2))
    assert device.push(fw, "--dry-run").returncode == 0
    r = device.push(fw)
    assert r.returncode == 0 and "Sent 0.0" in r.stdout, r
    device.daemon.wait_log("update done: 1 firmware written")
    device.daemon.wait_reboot()
    assert (t.dir / "hooks").read_text() == "success\n"
    assert "update done" in (device.daemon.state / "last-update").read_text()


def test_a_known_base_saves_more(t):
    root = content(1)
    device = TwoSlots(t, root)
    new = changed(root, 2)
    fw = firmware(t, "2.0.0", new)
    r = device.push(fw, "--base", device.old)
    check_pushed(device, r, new)
    assert sent(r) < 6_000, r.stdout
    assert "differences from what it runs" in r.stdout


def test_a_known_base_saves_more_where_the_start_has_changed(t):
    """No device holds the headers and the meta.conf before it as the base has them; that makes the rest no less known."""
    root = content(1)
    device = TwoSlots(t, root)
    new = bytearray(root)
    for at in range(0, 512 << 10, 32 << 10):
        new[at:at + 8] = bytes(8)
    r = device.push(firmware(t, "2.0.0", bytes(new)), "--base", device.old)
    check_pushed(device, r, bytes(new))
    assert sent(r) < 6_000, r.stdout


def test_an_older_firmware_beside_the_new_one_is_a_base(t):
    root = content(1)
    device = TwoSlots(t, root)
    r = device.push(firmware(t, "2.0.0", changed(root, 2)))
    check_pushed(device, r, changed(root, 2))
    assert "differences from what it runs" in r.stdout, r.stdout  # 1.0.0.fw lies there, too


def test_a_home_that_is_missing_is_not_made(t):
    """That of a service's user may be /nonexistent."""
    device = TwoSlots(t, content(1))
    device.env.update(HOME=str(t.dir / "none"), XDG_CACHE_HOME="")
    r = device.push(firmware(t, "2.0.0", changed(content(1), 2)))
    assert r.returncode == 0 and not (t.dir / "none").exists(), r


def test_what_was_pushed_is_kept_as_a_base(t):
    root = content(1)
    device = TwoSlots(t, root)
    versions = [firmware(t, f"{n}.0.0", changed(root, n)) for n in (2, 3)]
    assert device.push(versions[0]).returncode == 0
    device.boot("b")
    r = device.push(versions[1])
    check_pushed(device, r, changed(root, 3), "a")
    assert "differences from what it runs" in r.stdout, r.stdout
    kept = sorted(p.name for p in (t.dir / "cache/fwssh").glob("*.fw"))
    assert len(kept) == 2 and all(re.fullmatch(r"[0-9a-f-]{36}\.fw", name) for name in kept)


def test_what_a_killed_push_left_in_the_cache_is_removed(t):
    """But not the copy that another push makes at this moment."""
    device = TwoSlots(t, content(1))
    cache = t.dir / "cache/fwssh"
    cache.mkdir(parents=True)
    left, made, other = (cache / f"{n * 8}-1111-1111-1111-111111111111.fw{end}" for n, end in (("1", ".42"), ("2", ".43"), ("3", ".x")))
    for path in (left, made, other):
        path.write_bytes(b"half")
    for path in (left, other):
        os.utime(path, (1, 1))
    assert device.push(firmware(t, "2.0.0", changed(content(1), 2))).returncode == 0
    assert not left.exists() and made.exists() and other.exists(), list(cache.iterdir())


def remembers(t, device):
    """Two firmwares were pushed, and the first one runs: what the host notes of the device, and the kept file."""
    root = content(1)
    assert device.push(firmware(t, "2.0.0", changed(root, 2))).returncode == 0
    device.boot("b")
    note = t.dir / f"cache/fwssh/devices/[127.0.0.1]:{device.daemon.port}"
    uuid, = re.findall("^runs (.*)$", note.read_text(), re.M)
    return note, t.dir / f"cache/fwssh/{uuid}.fw"


def test_a_kept_firmware_that_was_cut_is_kept_anew(t):
    """As one is after a power failure."""
    device = TwoSlots(t, content(1))
    _, kept = remembers(t, device)
    kept.write_bytes(b"")
    fw = t.dir / "2.0.0.fw"
    assert device.push(fw, "--force", "--adaptive=always").returncode == 0
    assert kept.read_bytes() == fw.read_bytes()


def test_what_probably_runs_is_read_during_the_login(t):
    device = TwoSlots(t, content(1))
    _, kept = remembers(t, device)
    # An ssh that does not begin before fwssh has opened it.
    ssh = t.script("ssh-that-waits", f"""#!/bin/sh
case $* in *-G*) exec ssh "$@";; esac
n=0
until ls -l /proc/[0-9]*/fd 2>/dev/null | grep -q {kept.name}; do n=$((n + 1)); [ $n -lt 300 ] || exit 255; sleep 0.05; done
exec ssh "$@"
""")
    r = device.push(firmware(t, "3.0.0", changed(content(1), 3)), "--ssh", ssh)
    check_pushed(device, r, changed(content(1), 3), "a")
    assert "differences from what it runs" in r.stdout, r.stdout


def test_device_that_runs_something_else_than_the_host_remembers(t):
    device = TwoSlots(t, content(1))
    note, kept = remembers(t, device)
    # Another one that is kept, none that is kept, and what is no UUID.
    other = t.run([t.bin("fwpack"), "metadata", device.old]).stdout
    other = re.search(r'meta-uuid="(.*)"', other)[1]
    (kept.parent / f"{other}.fw").write_bytes(device.old.read_bytes())
    for n, runs in enumerate((other, "0" * 36, "../../etc/passwd", "")):
        note.write_text(f"assemble yes\nrate 0\nruns {runs}\n")
        new = changed(content(1), n + 3)
        r = device.push(firmware(t, f"{n + 3}.0.0", new))
        check_pushed(device, r, new, "ab"[n % 2])
        assert "differences from what it runs" in r.stdout, (runs, r.stdout)
        device.boot("ab"[n % 2])


def test_no_cache_is_used_if_none_is_wanted(t):
    device = TwoSlots(t, content(1))
    assert device.push(firmware(t, "2.0.0", content(2)), "--no-cache").returncode == 0
    assert not list((t.dir / "cache/fwssh").glob("*.fw"))


def test_everything_changed_goes_as_the_whole_archive(t):
    device = TwoSlots(t, content(1))
    new = random.Random(3).randbytes(4 << 20)
    fw = firmware(t, "2.0.0", new)
    before = device.image.read_bytes()
    for options in (["--base", device.old], ["--no-cache"]):
        r = device.push(fw, *options)
        check_pushed(device, r, new)
        assert "Sent the whole firmware: the device holds little of it" in r.stdout, (options, r.stdout)
        assert "Success!" in r.stdout
        for remembered in (t.dir / "cache/fwssh/devices").iterdir():
            remembered.unlink()
        device.image.write_bytes(before)


def test_always_stays_adaptive(t):
    device = TwoSlots(t, content(1))
    new = random.Random(3).randbytes(4 << 20)
    r = device.push(firmware(t, "2.0.0", new), "--adaptive=always")
    check_pushed(device, r, new)
    assert sent(r) < 1.01 * len(new), r.stdout


def test_never_is_a_plain_push(t):
    device = TwoSlots(t, content(1))
    r = device.push(firmware(t, "2.0.0", changed(content(1), 2)), "--adaptive=never")
    check_pushed(device, r, changed(content(1), 2))
    assert "Sent" not in r.stdout and "assemble" not in device.daemon.log()


def test_a_device_that_runs_it_is_only_asked(t):
    device = TwoSlots(t, content(1))
    before = device.image.read_bytes()
    r = device.push(device.old)
    assert r.returncode == 0 and "already runs this firmware; nothing was sent" in r.stdout, r
    assert device.image.read_bytes() == before and not device.daemon.reboots()
    r = device.push(device.old, "--force")
    check_pushed(device, r, content(1))


def test_a_dry_run_writes_nothing(t):
    device = TwoSlots(t, content(1))
    fw = firmware(t, "2.0.0", changed(content(1), 2))
    before = device.image.read_bytes()
    r = device.push(fw, "--dry-run", "--wait")
    said = re.search(r"Dry run: ([\d.]+) of [\d.]+ MB would be sent; nothing was written", r.stdout)
    assert r.returncode == 0 and said, r
    assert device.image.read_bytes() == before and not device.daemon.reboots()
    r = device.push(fw)
    assert abs(sent(r) - float(said[1]) * 1e6) < 6000, (said, r.stdout)


def test_a_device_without_it_gets_nothing_in_a_dry_run_or_over_the_limit(t):
    """Asked for the first time, known not to do it, and asked before the push."""
    device = TwoSlots(t, content(1), adaptive="no")
    fw = firmware(t, "2.0.0", changed(content(1), 2))
    size = fw.stat().st_size
    before = device.image.read_bytes()
    for more in ((), (), ("--wait",), ("127.0.0.1", "--force")):
        r = device.push(fw, "--dry-run", *more)
        assert r.returncode == 0 and f"Dry run: {size / 1e6:.3f} of {size / 1e6:.1f} MB would be sent, the whole" in r.stdout, r
        r = device.push(fw, "--max-bytes", size, *more)
        assert r.returncode == 1 and "--max-bytes" in r.stderr and "nothing was sent" in r.stderr, r
    for more in (("--adaptive=never",), ("--subsystem", "fwup")):
        r = device.push(fw, "--max-bytes", size - 1, *more)
        assert r.returncode == 1 and "--max-bytes" in r.stderr and "nothing was sent" in r.stderr, r
        r = device.push(fw, "--dry-run", *more)
        assert r.returncode == 2 and "--dry-run cannot be used with" in r.stderr, r
    assert device.image.read_bytes() == before and not device.daemon.reboots()
    r = device.push(fw, "--max-bytes", size + 200)
    assert r.returncode == 0, r


def test_a_dry_run_does_nothing_for_a_state(t):
    device = TwoSlots(t, content(1))
    fw = firmware(t, "2.0.0", changed(content(1), 2))
    r = device.push(fw, "--dry-run", "--state", t.dir / "state")
    assert r.returncode == 0 and "Dry run" in r.stdout, r
    r = device.push(fw, "--state", t.dir / "state")
    assert r.returncode == 0 and device.slot("b").startswith(changed(content(1), 2)), r


def test_no_more_than_max_bytes_is_sent(t):
    device = TwoSlots(t, content(1))
    fw = firmware(t, "2.0.0", changed(content(1), 2, count=100))
    before = device.image.read_bytes()
    for options in ((), ("--base", device.old)):
        r = device.push(fw, "--max-bytes", "15k", *options)
        assert r.returncode == 1 and "--max-bytes" in r.stderr and "nothing was activated" in r.stderr, r
    # The whole archive would be shorter than the differences, but is too much, too.
    r = device.push(firmware(t, "3.0.0", random.Random(3).randbytes(4 << 20)), "--max-bytes", "1M")
    assert r.returncode == 1 and "--max-bytes" in r.stderr, r
    assert device.image.read_bytes() == before and not device.daemon.reboots()
    r = device.push(fw, "--max-bytes", "500k")
    assert r.returncode == 0, (r, device.daemon.log())


def test_a_signature_is_checked_before_anything_is_looked_at(t):
    device = TwoSlots(t, content(1), signed=True)
    before = device.image.read_bytes()
    unsigned = firmware(t, "2.0.0", changed(content(1), 2))
    r = device.push(unsigned)
    assert r.returncode == 4 and "signed" in r.stderr, r
    assert device.image.read_bytes() == before
    # The owner of the device learns of it, too.
    device.daemon.wait_log("update failed with status 4: Expecting signed firmware archive")
    assert "audit: update" in device.daemon.log()
    assert "signed" in device.fwssh("log").stdout
    signed = firmware(t, "3.0.0", changed(content(1), 3), signed=True)
    check_pushed(device, device.push(signed), changed(content(1), 3))


def test_a_key_that_is_none_is_named(t):
    """fwssh-hold cannot even begin: the reason is the key, and not fwssh-hold."""
    device = TwoSlots(t, content(1), firmware_public_keys=["/nonexistent/key.pub"])
    r = device.push(firmware(t, "2.0.0", changed(content(1), 2)))
    assert r.returncode == 1 and "/nonexistent/key.pub" in r.stderr.splitlines()[-1], r
    assert "--adaptive=never" not in r.stderr, r


def test_stage_and_no_reboot(t):
    device = TwoSlots(t, content(1))
    fw = firmware(t, "2.0.0", changed(content(1), 2))
    r = device.push(fw, "--stage")
    assert r.returncode == 0 and sent(r) < 30_000, (r, device.daemon.log())
    assert device.slot("b").startswith(changed(content(1), 2)) and not device.daemon.reboots()
    r = device.fwssh("activate")
    assert r.returncode == 0, r
    device.daemon.wait_reboot()


def test_json_says_what_was_sent(t):
    device = TwoSlots(t, content(1))
    r = device.push(firmware(t, "2.0.0", changed(content(1), 2)), "--json", "--no-cache")
    transfer, = [e for e in events(r) if e["event"] == "transfer"]
    assert transfer["bytes"] < 30_000 and transfer["held"] > 4_000_000 and not transfer["base"], transfer
    assert transfer["archive"] == (t.dir / "2.0.0.fw").stat().st_size


def test_a_slot_that_was_written_to_is_no_harm(t):
    """The running slot differs from its firmware: what differs is sent."""
    root = content(1)
    device = TwoSlots(t, root)
    with open(device.image, "r+b") as f:
        f.seek(SLOT_A + (1 << 20))
        f.write(random.Random(9).randbytes(100_000))
    new = changed(root, 2)
    r = device.push(firmware(t, "2.0.0", new), "--base", device.old)
    check_pushed(device, r, new)
    assert 100_000 < sent(r) < 160_000, r.stdout


def test_the_other_slot_helps_too(t):
    """What an earlier push has left there is not sent again."""
    device = TwoSlots(t, content(1))
    new = content(2)
    with open(device.image, "r+b") as f:
        f.seek(SLOT_B)
        f.write(new[:3 << 20])
    r = device.push(firmware(t, "2.0.0", new))
    check_pushed(device, r, new)
    assert sent(r) < 900_000, r.stdout


def test_several_devices_share_the_work(t):
    root = content(1)
    device = TwoSlots(t, root)
    new = changed(root, 2)
    fw = firmware(t, "2.0.0", new)
    r = device.t.run([t.bin("fwssh"), "push", "--firmware", fw, "127.0.0.1", "localhost", *device.options()],
                     env=device.env)
    # One of them finds the other at work, or the slot written: both are answers of one device.
    assert r.returncode in (0, 10), r
    assert device.slot("b").startswith(new)


def test_a_limit_of_the_rate(t):
    """A quarter of a second for 250 kB at 1 MB/s; the pipes in between take some of it at once."""
    root = content(1)
    device = TwoSlots(t, root)
    fw = firmware(t, "2.0.0", root[:1 << 20] + random.Random(5).randbytes(1 << 20))
    for option in ("--bwlimit", "--bwlimit-all"):
        began = time.monotonic()
        r = device.push(fw, option, "1M", "--adaptive=never")
        assert r.returncode == 0 and 1.5 < time.monotonic() - began, r
        device.boot("a" if device.slot("a").startswith(root[:1 << 20]) else "b")


def cutting(t, device):
    """Cuts the first push when 4 MiB have come, and the device has done with them what it can: on a busy machine they may
    all be in some buffer."""
    def is_done():
        programs = ("fwssh-hold", "fwpack", "fwssh-receive", "fwssh-session")
        return all(is_asleep(pid) and (name == "fwssh-session" or not unread(pid))
                   for pid, name in at_home(t.dir) * 2 if name in programs)
    return Relay(device.daemon.port, 4 << 20, before=lambda: t.wait_for(is_done, "the device to be done", timeout=60))


@seconds(240)
def test_an_interrupted_push_goes_on_where_it_stopped(t):
    new = content(2, 12 << 20)
    device = TwoSlots(t, content(1))
    fw = firmware(t, "2.0.0", new)
    r = device.push(fw, "--adaptive=always", port=cutting(t, device).port, timeout=100)
    assert r.returncode == 6 and "the device keeps its running firmware" in r.stderr, r
    t.wait_for(lambda: not device.daemon.pids("fwssh-receive"), "the update to end")
    r = device.push(fw, "--adaptive=always", timeout=100)
    check_pushed(device, r, new)
    whole = fw.stat().st_size
    assert sent(r) < whole - (4 << 20) + (2 << 20), (whole, r.stdout)


@seconds(240)
def test_retries_go_on_by_themselves(t):
    new = content(2, 12 << 20)
    device = TwoSlots(t, content(1))
    fw = firmware(t, "2.0.0", new)
    r = device.push(fw, "--retries", "2", port=cutting(t, device).port, timeout=100)
    check_pushed(device, r, new)
    assert r.stdout.count("trying again in 2 s (1 of 2)") == 1, r.stdout


def test_a_refusal_is_not_tried_again(t):
    device = TwoSlots(t, content(1), hook_precheck="/bin/false")
    r = device.push(firmware(t, "2.0.0", changed(content(1), 2)), "--retries", "3")
    assert r.returncode == 3 and "trying again" not in r.stdout, r


def test_a_server_without_it_gets_a_plain_push_at_once(t):
    """A device that says it does not do it is asked once; after that, it is known. The second login of a plain push asks
    which board it is."""
    device = TwoSlots(t, content(1), adaptive="no")
    fw = firmware(t, "2.0.0", changed(content(1), 2))
    r = device.push(fw)
    assert r.returncode == 0 and "Sent" not in r.stdout, r
    assert device.daemon.log().count("logged in") == 3
    device.boot("b")  # from now on it is known
    r = device.push(fw)
    assert r.returncode == 0 and device.daemon.log().count("logged in") == 5, (r, device.daemon.log())


def test_a_device_that_looks_too_long_gets_the_whole_firmware(t):
    """If all of it could be sent in less time than the device takes to look at what it holds. Slots of 3 GB, nearly empty."""
    size = 3 << 30
    with open(t.dir / "sparse", "wb") as f:
        f.write(random.Random(1).randbytes(200_000))
        f.truncate(size)
    (t.dir / "sparse.conf").write_text(f"""
file-resource root {{ host-path = "{t.dir}/sparse" skip-holes = true }}
task upgrade {{ on-resource root {{ raw_write({size // 512 + 4096}) }} }}
task other {{ on-resource root {{ raw_write(2048) }} }}
""")
    fw = t.dir / "sparse.fw"
    r = t.run([t.bin("fwpack"), "create", "-f", t.dir / "sparse.conf", "-o", fw])
    assert r.returncode == 0, r
    device = TwoSlots(t, content(1))
    with open(device.image, "r+b") as f:
        f.truncate(2 * size + (4 << 20))
    remembered = t.dir / f"cache/fwssh/devices/[127.0.0.1]:{device.daemon.port}"
    remembered.parent.mkdir(parents=True)
    remembered.write_text("assemble yes\nrate 900000000\n")
    r = device.push(fw)
    assert r.returncode == 0 and "longer to look at what it holds" in r.stdout, (r, device.daemon.log())
