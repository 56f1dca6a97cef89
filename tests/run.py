#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs all tests of a build in parallel: run.py BUILD [-j N] [--only TEXT]... [--suite NAME]...

A test is a function test_*(t) in tests/*/test_*.py (t: tests/support/fixture.py), or a program in BUILD/tests/unit.
A file that has PLAIN_ONLY = "REASON" is left out with sanitizers, but for the long check (FWSSH_LONG).
Each runs in its own process and directory. The last line has the totals: N passed, N failed, N skipped.
"""
import argparse
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(SOURCE / "tests"))
sys.dont_write_bytecode = True
from support import isolation, process  # noqa: E402
from support.fixture import Fixture, Skipped  # noqa: E402

SKIPPED = 77
DEFAULT_SECONDS = 120  # far more than any test takes, so that no test fails because the machine is busy
SLOWEST = 10
TIMES = "test-seconds.json"


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def python_tests(suites):
    for path in sorted((SOURCE / "tests").glob("*/test_*.py")):
        if suites and path.parent.name not in suites:
            continue
        module = load(path)
        for name, function in vars(module).items():
            if name.startswith("test_") and callable(function):
                function.plain_only = getattr(module, "PLAIN_ONLY", None)
                yield f"{path.parent.name}/{path.stem[5:]}/{name[5:]}", function


def unit_tests(build, suites):
    if suites and "unit" not in suites:
        return
    for path in sorted((build / "tests").glob("unit_*")):
        if path.is_file() and os.access(path, os.X_OK):
            yield f"unit/{path.name[5:]}", path


def run_unit(path, t):
    """A cmocka program: each of its TAP lines counts as a test."""
    result = subprocess.run([path], cwd=t.dir, env={**t.env, "CMOCKA_MESSAGE_OUTPUT": "TAP"},
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print(result.stdout)
    (t.dir / "count").write_text(str(len(re.findall(r"^ok ", result.stdout, re.M))))
    assert result.returncode == 0, f"{path.name} ended with {result.returncode}"


def child(test, t, log, isolated):
    """Runs in its own process and never returns."""
    os.setsid()
    fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(fd, 1)
    os.dup2(fd, 2)
    status = 1
    try:
        if isolated:
            isolation.isolate()
        if callable(test):
            if test.plain_only and t.sanitized() and "FWSSH_LONG" not in os.environ:
                t.skip(test.plain_only)
            test(t)
        else:
            run_unit(test, t)
        status = 0
    except Skipped as reason:
        print(f"skipped: {reason}")
        status = SKIPPED
    except BaseException:  # a test may fail in any way
        traceback.print_exc()
    finally:
        try:
            t.close(failed=status not in (0, SKIPPED))
        except BaseException:
            traceback.print_exc()
            status = 1
        sys.stdout.flush()
        os._exit(status)


def waits(test):
    return getattr(test, "waits", False)


class Running:
    def __init__(self, name, test, build, base, isolated):
        self.name = name
        self.waits = waits(test)
        self.dir = Path(tempfile.mkdtemp(prefix="t-", dir=base))
        self.log = self.dir.with_suffix(".log")
        self.begin = time.monotonic()
        self.deadline = self.begin + getattr(test, "seconds", DEFAULT_SECONDS)
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            child(test, Fixture(SOURCE, build, self.dir), self.log, isolated)


def kill_left(directory):
    """Cleans up after a killed test, whose processes might hold what others wait for."""
    for pid, _ in process.at_home(directory):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def both_ends(lines, first=30, last=50):
    """The failure comes first, the daemons' logs are behind it: there may be many."""
    return lines if len(lines) <= first + last else [*lines[:first], "...", *lines[-last:]]


def finish(one, status, usage, totals, verbose):
    text = one.log.read_text(errors="replace") if one.log.exists() else ""
    seconds = time.monotonic() - one.begin
    code = os.waitstatus_to_exitcode(status)
    if code == 0:
        count = one.dir / "count"
        totals["passed"] += int(count.read_text() or 1) if count.exists() else 1
        word = "ok"
    elif code == SKIPPED:
        totals["skipped"] += 1
        word = "skipped"
    else:
        totals["failed"] += 1
        totals["names"].append(one.name)
        word = "FAILED" if time.monotonic() < one.deadline else "FAILED (too slow)"
    if verbose or code != 0:
        reason = text.strip().splitlines()[-1] if code == SKIPPED and text.strip() else ""
        print(f"{word:8} {seconds:5.1f} s  {one.name}  {reason}")
    if code not in (0, SKIPPED):
        print("    " + "\n    ".join(both_ends(text.splitlines())))
        kill_left(one.dir)
    totals["times"].append((seconds, usage.ru_utime + usage.ru_stime, one.name))
    shutil.rmtree(one.dir, ignore_errors=True)
    one.log.unlink(missing_ok=True)


def slowest_first(tests, build):
    """Sorted by the times of the last run, so that no long test is left running alone at the end."""
    path = build / TIMES
    known = json.loads(path.read_text()) if path.exists() else {}
    return sorted(tests, key=lambda nf: -known.get(nf[0], getattr(nf[1], "seconds", 0)))


def remember(times, build):
    path = build / TIMES
    known = json.loads(path.read_text()) if path.exists() else {}
    known.update({name: round(seconds, 1) for seconds, _, name in times})
    part = path.with_suffix(f".{os.getpid()}")
    part.write_text(json.dumps(known))
    part.rename(path)


def run_all(tests, build, jobs, verbose):
    totals = {"passed": 0, "failed": 0, "skipped": 0, "names": [], "times": []}
    isolated = isolation.is_allowed()
    if not isolated:
        print(f"Whoever holds {isolation.UBOOT_LOCK} can hold up tests: only root may give each a directory of its own.")
    base = tempfile.mkdtemp(prefix="fwssh-tests-")
    os.chmod(base, 0o755)
    queues, running = {w: [nf for nf in tests if waits(nf[1]) == w] for w in (True, False)}, {}
    while running or any(queues.values()):
        for kind, queue in queues.items():
            # A test that waits uses no CPU, so it does not count towards the limit.
            while queue and sum(one.waits == kind for one in running.values()) < jobs * (2 if kind else 1):
                one = Running(*queue.pop(0), build, base, isolated)
                running[one.pid] = one
        pid, status, usage = os.wait4(-1, os.WNOHANG)
        if pid in running:
            finish(running.pop(pid), status, usage, totals, verbose)
            continue
        for one in running.values():
            if time.monotonic() > one.deadline:
                os.killpg(one.pid, signal.SIGKILL)
        time.sleep(0.01)  # this polls; no test waits by sleeping
    shutil.rmtree(base, ignore_errors=True)
    return totals


def main():
    # nohup(1) and a shell's "&" make them ignored, and then so does everything below.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    p = argparse.ArgumentParser()
    p.add_argument("build", type=Path)
    p.add_argument("-j", "--jobs", type=int, default=3 * (os.cpu_count() or 1))
    p.add_argument("--only", action="append", default=[], help="tests whose name holds this text, or one of these")
    p.add_argument("--suite", action="append", default=[])
    p.add_argument("-v", "--verbose", action="store_true")
    a = p.parse_args()
    build = a.build.resolve()
    tests = [*unit_tests(build, a.suite), *python_tests(a.suite)]
    tests = [(n, f) for n, f in tests if not a.only or any(text in n for text in a.only)]
    totals = run_all(slowest_first(tests, build), build, a.jobs, a.verbose)
    remember(totals["times"], build)
    for seconds, work, name in sorted(totals["times"], reverse=True)[:SLOWEST]:
        print(f"slowest: {seconds:5.1f} s, {work:5.1f} s of work  {name}")
    for name in totals["names"]:
        print(f"failed: {name}")
    print(f"{totals['passed']} passed, {totals['failed']} failed, {totals['skipped']} skipped", flush=True)
    return 1 if totals["failed"] or not totals["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
