"""Several devices in one push."""
import os
import pty
import re
import signal
import subprocess

from support.fixture import waits
from support.rebooting import Rebooting, events, firmware


def fleet(t, count, **config):
    """Boards with names, and an ssh configuration to reach them."""
    boards = [Rebooting(t, f"board{i}", **config) for i in range(count)]
    text = "".join(f"Host board{i}\n HostName 127.0.0.1\n Port {b.d.port}\n" for i, b in enumerate(boards))
    (t.dir / "ssh_config").write_text(text + f"Host *\n IdentityFile {boards[0].d.key}\n IdentitiesOnly yes\n"
                                      f" UserKnownHostsFile {t.dir}/known_hosts\n StrictHostKeyChecking accept-new\n")
    return boards


def argv(t, *args):
    fw, _ = firmware(t)
    return [t.bin("fwssh"), "push", "--firmware", fw, "--ssh", f"ssh -F {t.dir}/ssh_config", *args]


def names(count):
    return [f"board{i}" for i in range(count)]


def was_pushed(t, boards):
    """Which boards' updaters ran: they share one stand-in, which records its device."""
    text = (t.dir / "updater.args").read_text() if (t.dir / "updater.args").exists() else ""
    return [str(b.d.config["device"]) in text for b in boards]


def test_each_device_has_its_line_and_the_table_follows(t):
    fleet(t, 3)
    r = t.run(argv(t, *names(3), "--jobs", "2"))
    assert r.returncode == 0, r
    assert r.stdout.startswith("Pump 2.0 (") and "3 of 3 devices are done." in r.stdout
    for name in names(3):
        assert f"{name}: connecting\n" in r.stdout
        assert re.search(rf"^{name}: Done: the device has written .* \(\d+ s\)$", r.stdout, re.M), r.stdout
        assert re.search(rf"^{name}   0 +\d+ s  Done", r.stdout, re.M), r.stdout


def test_failures_are_named(t):
    boards = fleet(t, 2)
    boards[1].d.write_config(updater=t.updater("take; echo no space left; exit 1", name="broken"))
    boards[1].d.reload()
    r = t.run(argv(t, "board0", "board1", "no-such.invalid"))
    assert r.returncode == 10, r
    assert "fwssh: 1 of 3 devices are done; not: board1 no-such.invalid" in r.stderr
    assert "board1: no space left" in r.stdout and "board1: FAILED: " in r.stdout


def test_devices_that_run_it_already_are_skipped(t):
    boards = fleet(t, 2)
    boards[0].set(active="a", uuid=firmware(t)[1], **{"boot-id": "1"})
    r = t.run(argv(t, *names(2)))
    assert r.returncode == 0 and "board0: Skipped: the device already runs this firmware" in r.stdout, r
    assert was_pushed(t, boards) == [False, True]
    assert t.run(argv(t, *names(2), "--force")).returncode == 0
    assert was_pushed(t, boards) == [True, True]


def test_hosts_from_a_file(t):
    fleet(t, 2)
    (t.dir / "hosts").write_text("# the lab\nboard0  # on the shelf\n\n  board1\r\n")
    r = t.run(argv(t, "--hosts", t.dir / "hosts"))
    assert r.returncode == 0 and "2 of 2 devices are done." in r.stdout, r


def test_too_many_failures_end_it(t):
    boards = fleet(t, 6)
    for b in boards[:2]:
        b.d.write_config(task="")  # causes no error until it is read
        b.d.stop()
    r = t.run(argv(t, *names(6), "--jobs", "1", "--max-failures", "1"))
    assert r.returncode == 10 and "no more were started: too many devices failed (--max-failures)" in r.stderr, r
    assert was_pushed(t, boards) == [False] * 6 and "board5  not started" in r.stdout
    r = t.run(argv(t, *names(6), "--jobs", "1", "--max-failures", "50%"))
    assert was_pushed(t, boards) == [False] * 2 + [True] * 4
    assert "4 of 6 devices are done; not: board0 board1\n" in r.stderr


@waits
def test_canaries_go_first(t):
    boards = fleet(t, 3)
    boards[0].after_reboot(reason="it did not start")
    r = t.run(argv(t, *names(3), "--canary", "1"))
    assert r.returncode == 10 and "a canary failed (--canary)" in r.stderr, r
    assert "board0: FAILED: the device came back with the old firmware" in r.stdout
    assert was_pushed(t, boards) == [True, False, False]
    uuid = firmware(t)[1]
    for b in boards:
        b.after_reboot(active="b", uuid=uuid, version="2.0")
    r = t.run(argv(t, *names(3), "--canary", "2"))
    assert r.returncode == 0, r
    # The third starts when the first two are done.
    assert r.stdout.index("board2: connecting") > max(r.stdout.index(f"board{i}: Done") for i in range(2))


def test_json(t):
    fleet(t, 2)
    r = t.run(argv(t, "board0", "board1", "no-such.invalid", "--json"))
    all_events = events(r)
    assert r.returncode == 10 and {e.get("host") for e in all_events[:-1]} == {"board0", "board1", "no-such.invalid"}
    assert all_events[-1] == {"event": "summary", "status": 10, "devices": 3, "done": 2, "failed": ["no-such.invalid"],
                              "text": ""}


def test_logs_are_one_for_each(t):
    fleet(t, 2)
    r = t.run(argv(t, *names(2), "--log-dir", t.dir / "logs"))
    assert r.returncode == 0, r
    assert {re.sub(r".*(board\d).*", r"\1", p.name) for p in (t.dir / "logs").iterdir()} == {"board0", "board1"}


def test_interrupt_begins_no_more_and_a_second_one_stops(t):
    boards = fleet(t, 3, updater=t.updater("await; take; exit 0"))
    args = argv(t, *names(3), "--jobs", "1")
    p = t.start(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    t.wait_for(lambda: boards[0].d.updater_pids(), "the first update")
    p.send_signal(signal.SIGINT)
    t.go()
    out, err = p.communicate(timeout=30)
    assert p.returncode == 7 and "no more were started: interrupted" in err, (out, err)
    assert was_pushed(t, boards) == [True, False, False] and "board0: Done" in out
    (t.dir / "updater.go").unlink()
    (t.dir / "updater.pid").unlink()
    p = t.start(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    t.wait_for(lambda: boards[0].d.updater_pids(), "the first update")
    p.send_signal(signal.SIGINT)
    p.send_signal(signal.SIGTERM)
    out, err = p.communicate(timeout=30)
    t.go()
    assert p.returncode == 7 and "board0: FAILED: interrupted" in out, (out, err)


def test_lines_are_kept_up_to_date_on_a_terminal(t):
    fleet(t, 2)
    master, slave = pty.openpty()
    p = t.start(argv(t, *names(2)), stdout=slave, stderr=slave)
    os.close(slave)
    text = b""
    while True:
        try:
            more = os.read(master, 4096)
        except OSError:
            break
        if not more:
            break
        text += more
    assert p.wait(30) == 0
    assert b"\x1b[2A" in text and b"2 of 2 devices are done." in text
    os.close(master)


@waits
def test_canary_that_runs_it_unconfirmed_is_not_skipped(t):
    boards = fleet(t, 2)
    boards[0].set(active="a", next="a", confirmed="no", uuid=firmware(t)[1], **{"boot-id": "1"})
    r = t.run(argv(t, *names(2), "--canary", "1", "--wait=2"))
    assert r.returncode == 10 and "a canary failed" in r.stderr and was_pushed(t, boards) == [True, False], r


def test_unknown_host_key_is_no_question_that_hangs(t):
    boards = fleet(t, 2)
    config = (t.dir / "ssh_config").read_text().replace("StrictHostKeyChecking accept-new", "StrictHostKeyChecking ask")
    (t.dir / "ssh_config").write_text(config)
    master, slave = pty.openpty()
    p = t.start(argv(t, *names(2)), stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    assert p.wait(30) == 10 and was_pushed(t, boards) == [False, False]
    os.close(master)
