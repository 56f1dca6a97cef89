#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Breaks the program at one place at a time, and sees whether the test that should notice does: mutate.py [TEXT]...

tests/mutate/*.txt list the mutations; TEXT chooses those whose name holds it. One is:

    == NAME
    file: src/...
    test: SUITE/FILE/TEST          as tests/run.py prints it, or its beginning; it has to fail
    ---
    lines as they are in the file, where they occur once
    +++
    lines in their place

Works in a copy of the tree (FWSSH_MUTATE_DIR, or one that is removed afterwards), where only what changed is built
again. First all the tests are run without any mutation: one that fails or is skipped there could not catch anything.
The last line has the totals, in the words of tests/run.py: caught is passed, survived or in error is failed.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
BUILD_SECONDS = 900
TEST_SECONDS = 400  # tests/run.py ends the tests itself before that


class Mutation:
    def __init__(self, text, where):
        head, sep, body = text.partition("\n---\n")
        self.old, plus, self.new = body.partition("\n+++\n")
        self.name, *fields = head.strip().splitlines()
        known = dict(line.split(": ", 1) for line in fields)
        if not sep or not plus or set(known) != {"file", "test"}:
            sys.exit(f"{where}: '{self.name}' is not complete")
        self.file, self.test = known["file"], known["test"]
        self.old, self.new = self.old.strip("\n"), self.new.rstrip("\n")

    def apply(self, tree):
        """The text before; None if the mutation does not apply."""
        path = tree / self.file
        before = path.read_text() if path.exists() else ""
        if before.count(self.old + "\n") != 1:
            return None
        after = before.replace(self.old + "\n", self.new + "\n" if self.new else "")
        if after == before:
            return None
        path.write_text(after)
        return before


def mutations(chosen):
    every = []
    for path in sorted((SOURCE / "tests/mutate").glob("*.txt")):
        parts = re.split(r"^== ", path.read_text(), flags=re.M)[1:]
        every += [Mutation(part, path.name) for part in parts]
    names = [m.name for m in every]
    if len(set(names)) != len(names):
        sys.exit(f"named twice: {sorted(n for n in names if names.count(n) > 1)}")
    return [m for m in every if not chosen or any(text in m.name for text in chosen)]


def copy_tree(tree):
    """What git knows, and what it does not ignore. Files that are the same keep their time, for ninja."""
    files = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=SOURCE,
                           stdout=subprocess.PIPE, check=True).stdout.decode().split("\0")
    for name in filter(None, files):
        here, there = SOURCE / name, tree / name
        if not here.exists() or here.is_dir() or there.exists() and here.read_bytes() == there.read_bytes():
            continue
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(here, there)


def build(tree):
    directory = tree / "build"
    if not (directory / "build.ninja").exists():
        subprocess.run(["meson", "setup", directory, tree], env={**os.environ, "CC": os.environ.get("CC", "gcc")},
                       stdout=subprocess.DEVNULL, check=True)
    return subprocess.run(["ninja", "--quiet", "-C", directory], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=BUILD_SECONDS, check=False)


def run_test(tree, name):
    """The numbers of passed, failed and skipped tests, and the output."""
    command = ["tests/run.py", "build", "--suite", name.split("/")[0], "--only", name, "-j", "2"]
    p = subprocess.Popen(command, cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        text, _ = p.communicate(timeout=TEST_SECONDS)
    except subprocess.TimeoutExpired:
        p.kill()
        p.communicate()
        return (0, 1, 0), "the test did not end"
    found = re.search(r"(\d+) passed, (\d+) failed, (\d+) skipped\n\Z", text)
    return tuple(map(int, found.groups())) if found else (0, 0, 0), text


def judge(tree, m):
    """"caught", or what is wrong."""
    before = m.apply(tree)
    if before is None:
        return f"ERROR: does not apply to {m.file}"
    try:
        done = build(tree)
        if done.returncode:
            return "ERROR: does not build\n" + done.stdout[-2000:]
        (passed, failed, skipped), text = run_test(tree, m.test)
    finally:
        (tree / m.file).write_text(before)
    if failed:
        return "caught"
    return "SURVIVED" if passed else f"ERROR: no such test, or skipped ({skipped}): {m.test}\n{text[-500:]}"


def check_tests(tree, chosen):
    """The tests that cannot catch anything, because they fail or are skipped without a mutation."""
    names = sorted({m.test for m in chosen})
    only = [word for name in names for word in ("--only", name)]
    done = subprocess.run(["tests/run.py", "build", "-v", *only], cwd=tree, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=len(names) * TEST_SECONDS, check=False)
    lines = re.findall(r"^(ok|skipped|FAILED)\b.*? s  (\S+)", done.stdout, re.M)
    useless = {}
    for name in names:
        words = {word for word, test in lines if name in test}
        if "FAILED" in words or "ok" not in words:
            useless[name] = "fails without it" if "FAILED" in words else "is skipped" if words else "does not exist"
    if done.returncode and not set(useless.values()) <= {"is skipped"}:
        print(done.stdout, flush=True)
    return useless


def run(tree, chosen):
    copy_tree(tree)
    done = build(tree)
    if done.returncode:
        sys.exit("the tree does not build without a mutation:\n" + done.stdout[-2000:])
    useless = check_tests(tree, chosen)
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for m in chosen:
        if m.test in useless:
            verdict = "skipped" if useless[m.test] == "is skipped" else f"ERROR: the test {useless[m.test]}"
        else:
            verdict = judge(tree, m)
        kind = {"caught": "passed", "skipped": "skipped"}.get(verdict, "failed")
        counts[kind] += 1
        print(f"{m.name}: {verdict}" + (f"  ({m.test})" if kind == "failed" else ""), flush=True)
    print(", ".join(f"{n} {kind}" for kind, n in counts.items()), flush=True)
    return 1 if counts["failed"] or not counts["passed"] else 0


def main():
    chosen = mutations(sys.argv[1:])
    kept = os.environ.get("FWSSH_MUTATE_DIR")
    if kept:
        Path(kept).mkdir(parents=True, exist_ok=True)
        return run(Path(kept).resolve(), chosen)
    with tempfile.TemporaryDirectory(prefix="fwssh-mutate-") as tree:
        os.chmod(tree, 0o755)  # daemons of other users have to reach the programs
        return run(Path(tree), chosen)


if __name__ == "__main__":
    sys.exit(main())
