# SPDX-License-Identifier: Apache-2.0
"""Several devices in one push."""
import os
import pty
import re
import resource
import signal
import subprocess
import termios
from pathlib import Path

from support.agentless import at_terminal
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


def while_the_first_is_updated(t, change):
    """A push to two devices, one after the other; change(file) is called when the first one has everything."""
    boards = fleet(t, 2, updater=t.updater("take; await; printf 'Success!\\n'; shake 0"))
    words = argv(t, *names(2), "--jobs", "1", "--adaptive=never")
    fw = Path(words[words.index("--firmware") + 1])
    old = fw.read_bytes()
    push = t.start(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    t.wait_for(lambda: boards[0].d.updater_input() == old, "the first device to have everything")
    change(fw)
    t.go()
    out, err = push.communicate(timeout=30)
    return boards, old, subprocess.CompletedProcess(words, push.returncode, out, err)


def test_all_get_the_firmware_of_the_start(t):
    def replace(fw):
        fw.rename(t.dir / "old")
        assert firmware(t, "3.0")[0].read_bytes() != (t.dir / "old").read_bytes()

    boards, old, r = while_the_first_is_updated(t, replace)
    assert r.returncode == 0 and boards[0].d.updater_input() == 2 * old, r


def test_firmware_that_is_written_to_is_sent_no_further(t):
    boards, old, r = while_the_first_is_updated(t, lambda fw: fw.write_bytes(fw.read_bytes()[::-1]))
    assert r.returncode == 10 and boards[0].d.updater_input() == old, r
    assert "fwssh: 1 of 2 devices are done; not: board1" in r.stderr, r
    assert re.search(r"board1: FAILED: .*fw.fw has been written to since this push began; .* keeps its running", r.stdout), r


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


def test_many_devices_without_a_guard_need_a_yes(t):
    fleet(t, 1)
    many = [f"nowhere{i}.invalid" for i in range(9)]

    def run(*args):
        return t.run(argv(t, *args, "--json"))

    r = run(*many)
    assert r.returncode == 2 and "--canary 1" in r.stdout and "nowhere" not in r.stdout.replace(many[0], ""), r
    r = t.run(argv(t, *many))
    assert r.returncode == 2 and "--canary 1" in r.stderr and "connecting" not in r.stdout, r
    for args in (many[:8], [*many, "--yes"], [*many, "--canary", "1"], [*many, "--max-failures", "0"]):
        assert run(*args).returncode == 10, args


def test_many_devices_without_a_guard_are_asked_about_on_a_terminal(t):
    fleet(t, 1)
    many = [f"nowhere{i}.invalid" for i in range(9)]
    for answer, status in (("y", 10), ("n", 7)):
        code, said = at_terminal(t, argv(t, *many), [("[y/N] ", answer)])
        assert code == status and "to 9 devices, with neither --canary" in said, (answer, said)
        assert ("nowhere3" in said) == (status == 10), said


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


def test_interrupt_in_json(t):
    """The summary has the exit status; when all are done nothing was interrupted."""
    boards = fleet(t, 2, updater=t.updater("await; take; printf 'Success!\\n'; shake 0"))
    for hosts, status in (names(2), 7), (names(1), 0):
        p = t.start(argv(t, *hosts, "--jobs", "1", "--json", "--state", t.dir / str(status)), stdout=subprocess.PIPE, text=True)
        t.wait_for(lambda: boards[0].d.updater_pids(), "the first update")
        p.send_signal(signal.SIGINT)
        t.go()
        out = p.communicate(timeout=30)[0]
        summary = events(subprocess.CompletedProcess([], 0, out))[-1]
        assert p.returncode == summary["status"] == status and summary["done"] == 1, out
        assert summary["text"] == ("interrupted" if status else ""), out
        (t.dir / "updater.go").unlink()
        (t.dir / "updater.pid").unlink()


def test_nothing_is_said_to_be_left_when_all_were_started(t):
    r = t.run(argv(t, "no-such.invalid", "nor-this.invalid", "--max-failures", "0"))
    assert r.returncode == 10 and "no more were started" not in r.stderr, r


def on_a_terminal(t, words, rows=0, columns=0, **env):
    """Its exit status and what it has written to a terminal of this size."""
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (rows, columns))
    p = t.start(words, stdout=slave, stderr=slave, env=env)
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
    os.close(master)
    return p.wait(30), text.decode()


def test_lines_are_kept_up_to_date_on_a_terminal(t):
    fleet(t, 2)
    status, text = on_a_terminal(t, argv(t, *names(2)))
    assert status == 0 and "\x1b[2A" in text and "2 of 2 devices are done." in text, text


def test_lines_fit_the_terminal(t):
    """A line that is broken in two is one more than the cursor goes up."""
    fleet(t, 2)
    status, text = on_a_terminal(t, argv(t, *names(2), "--force"), 24, 40)
    lines = [re.sub(r"\x1b\[\d*[AK]", "", line).strip("\r") for line in text.split("\n") if "\x1b[K" in line]
    assert status == 0 and "\x1b[2A" in text and max(map(len, lines)) == 39, lines
    assert any(line.startswith("board1  Done: the device has written") for line in lines), lines
    # Fewer rows than devices, or a terminal that cannot move its cursor: as without one.
    for size, env in ((2, 40), {}), ((24, 80), {"TERM": "dumb"}):
        status, text = on_a_terminal(t, argv(t, *names(2), "--force"), *size, **env)
        assert status == 0 and "\x1b" not in text and "board1: connecting" in text, text
    status, text = on_a_terminal(t, argv(t, "board0"), 24, 80, TERM="dumb")
    assert status == 0 and "\x1b" not in text and "sent 100%" in text, text


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


def lines_until(p, text):
    """What a process has printed so far, to the line with this text."""
    lines = []
    for line in p.stdout:
        lines.append(line)
        if text in line:
            return lines
    raise AssertionError(("it ended without", text, lines))


@waits
def test_what_is_away_is_tried_again(t):
    boards = fleet(t, 3)
    boards[1].d.stop()
    boards[2].d.write_config(updater=t.updater("take; echo no space left; exit 1", name="broken"))
    boards[2].d.reload()
    p = t.start(argv(t, *names(3), "--until", "5m"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines_until(p, "; it is tried again in 5 s")
    boards[1].d.start()
    out, _ = p.communicate(timeout=60)
    assert p.returncode == 10 and "2 of 3 devices are done; not: board2" in out, out
    assert re.search(r"^board1   0 +\d+ s  Done", out, re.M), out
    # A refusal or a failure stays one.
    assert "board2: connecting" not in out.split("board1: connecting")[-1]


@waits
def test_the_time_to_try_again_ends(t):
    boards = fleet(t, 2)
    boards[0].d.stop()
    r = t.run(argv(t, *names(2), "--until", "1s", "--canary", "1"))
    assert r.returncode == 10 and "a canary failed (--canary)" in r.stderr, r
    assert r.stdout.count("board0: connecting") == 2 and "board1  not started" in r.stdout, r
    for time in ("0", "1w", "", "31d", "h"):
        r = t.run(argv(t, *names(2), "--until", time))
        assert r.returncode == 2 and "--until needs a time" in r.stderr, r


def state(t):
    return (t.dir / "rollout").read_text().splitlines()


def test_another_run_goes_on_from_the_state(t):
    boards = fleet(t, 3)
    uuid = firmware(t)[1]
    boards[1].d.write_config(updater=t.updater("take; echo no space left; exit 1", name="broken"))
    boards[1].d.reload()
    args = argv(t, *names(3), "--state", t.dir / "rollout", "--force")
    assert t.run(args).returncode == 10
    head, *records = state(t)
    assert head == f"fwssh-fleet 1 {uuid}" and len(records) == 3
    assert {tuple(r.split(" ")[1:3]) for r in records} == {("0", "board0"), ("1", "board1"), ("0", "board2")}
    assert any("its last words: no space left" in r for r in records), records
    for b in boards:
        b.set(active="b", next="b", confirmed="no", uuid=uuid, **{"boot-id": "2"})
    (t.dir / "updater.args").unlink()
    boards[1].d.write_config(updater=boards[0].d.config["updater"])
    boards[1].d.reload()
    r = t.run(args)
    assert r.returncode == 0 and r.stdout.count("Skipped: an earlier run has updated it.") == 4, r
    assert was_pushed(t, boards) == [False, True, False]
    # What does not run it any more gets it again.
    boards[2].set(active="a", next="a", confirmed="yes", uuid="old-uuid", **{"boot-id": "3"})
    assert t.run(args).returncode == 0
    assert was_pushed(t, boards) == [False, True, True]
    # One that is away is not forgotten as done.
    boards[0].d.stop()
    assert t.run(args).returncode == 10
    boards[0].d.start()
    assert "board0  " in (r := t.run(args)).stdout and r.returncode == 0, r
    assert was_pushed(t, boards) == [False, True, True]


def test_done_before_is_not_confirmed(t):
    """With --wait, status 0 says that it is: a device on trial goes back by itself."""
    board, = fleet(t, 1)
    uuid = firmware(t)[1]
    args = argv(t, "board0", "--state", t.dir / "rollout")
    assert t.run(args).returncode == 0
    board.set(active="b", next="b", confirmed="no", uuid=uuid, **{"boot-id": "2"})
    (t.dir / "updater.args").unlink()
    for _ in range(2):
        r = t.run([*args, "--wait"])
        assert r.returncode == 10 and "is not known to be confirmed; nothing was sent" in r.stdout and "board0   9 " in r.stdout, r
    assert was_pushed(t, [board]) == [False]
    board.set(active="b", next="b", confirmed="yes", uuid=uuid, **{"boot-id": "2"})
    r = t.run([*args, "--wait"])
    assert r.returncode == 0 and "Skipped: an earlier run has updated it." in r.stdout, r


def test_a_state_that_does_not_fit(t):
    fleet(t, 2)
    args = argv(t, *names(2), "--state", t.dir / "rollout")
    for text, words in (("fwssh-fleet 1 another-uuid\n", "of a push of another firmware (another-uuid)"),
                        ("my shopping list\n", "is no state of a push"), ("fwssh-fleet 1 ", "is no state of a push"),
                        ("fwssh-fleet 1 a\0b\n", "is no state of a push"),
                        (f"fwssh-fleet 1 {firmware(t)[1]}\nx\n", "line 2: not a line of a state")):
        (t.dir / "rollout").write_text(text)
        r = t.run(args)
        assert r.returncode == 2 and words in r.stderr and (t.dir / "rollout").read_text() == text, r
    r = t.run([*args, "--json"])
    assert r.returncode == 2 and events(r)[-1]["status"] == 2
    r = t.run(argv(t, *names(2), "--state", t.dir / "no" / "where"))
    assert r.returncode == 1 and "cannot open" in r.stderr, r


def test_a_state_that_ends_in_the_middle_of_a_line(t):
    fleet(t, 2)
    head = f"fwssh-fleet 1 {firmware(t)[1]}\n"
    (t.dir / "rollout").write_text(head + "2026-11-26T08:00:00Z 1 board0 it fail")
    assert t.run(argv(t, *names(2), "--state", t.dir / "rollout")).returncode == 0
    assert len(state(t)) == 3 and "it fail" not in "".join(state(t)), state(t)


def no_large_files():
    """Room for a state's first line only."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60, 60))


def test_a_state_that_cannot_be_written_is_a_failure(t):
    """Also if all devices are done: another run would not know."""
    fleet(t, 2)
    args = argv(t, *names(2), "--adaptive=never", "--no-cache", "--state", t.dir / "rollout", "--json")
    assert t.run(argv(t, *names(2))).returncode == 0  # now ssh knows them, and does not write
    p = t.start(args, preexec_fn=no_large_files, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out, err = p.communicate(timeout=30)
    summary = events(subprocess.CompletedProcess(args, p.returncode, out))[-1]
    assert p.returncode == summary["status"] == 1 and summary["done"] == 2 and summary["failed"] == [], (out, err)
    assert "cannot write" in err and "--state" in err, (summary, err)


def test_two_runs_do_not_share_a_state(t):
    boards = fleet(t, 1, updater=t.updater("await; take; exit 0"))
    args = argv(t, "board0", "--state", t.dir / "rollout")
    p = t.start(args, stdout=subprocess.DEVNULL)
    t.wait_for(lambda: boards[0].d.updater_pids(), "the first update")
    r = t.run(args)
    t.go()
    assert r.returncode == 1 and "another fwssh push uses" in r.stderr, r
    assert p.wait(30) == 0 and len(state(t)) == 2
