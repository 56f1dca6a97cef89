# SPDX-License-Identifier: Apache-2.0
"""The rules for the shape of the code (CONTRIBUTING.md)."""
import re
import sys

from support.fixture import seconds
from support.sources import sources

LINES_PER_FILE = 1000
LINES_PER_FUNCTION = 100


def functions(path):
    """Name and length of each function: from its opening brace in column 0 to its closing one."""
    lines = path.read_text().splitlines()
    start = None
    for i, line in enumerate(lines):
        if line == "{":
            start = i
        elif line == "}" and start is not None:
            yield lines[start - 1].strip(), i - start + 1
            start = None


def test_files_and_functions_are_short(t):
    lengths = []
    for path in sources(t, "*.c", "*.h"):
        count = len(path.read_text().splitlines())
        assert count <= LINES_PER_FILE, f"{path} has {count} lines"
        for name, length in functions(path):
            assert length <= LINES_PER_FUNCTION, f"{path}: {name} has {length} lines"
            lengths.append(length)
    lengths.sort()
    assert lengths[len(lengths) // 2] < 20, "half of the functions should be under 20 lines"


PARAMETERS_PER_FUNCTION = 6
# libssh calls it.
CALLBACKS = {"channel_pty"}


def parameters(path):
    """Name and number of parameters of each function that the file defines."""
    pattern = r"^[a-z][\w *]*?\b(\w+)\(((?:[^;{}()]|\([^()]*\))*)\)\n\{"
    for name, text in re.findall(pattern, path.read_text(), re.M):
        yield name, re.sub(r"\([^()]*\)", "", text).count(",") + 1


def test_functions_take_few_parameters(t):
    seen = 0
    for path in sources(t, "src/*.c", "src/**/*.c"):
        for name, count in parameters(path):
            seen += 1
            assert count <= PARAMETERS_PER_FUNCTION or name in CALLBACKS, f"{path}: {name} takes {count}"
    assert seen > 1000, "the pattern finds them no longer"


# Who may include whom, folder by folder: ARCHITECTURE.md, "Layout".
ENGINE = {
    "engine/archive": set(),
    "engine/chunks": {"wire"},
    "engine/medium": set(),
    "engine/fat": {"engine/medium"},
    "engine/delta": {"engine/medium", "engine/fat"},
    "engine/apply": {"engine/archive", "engine/medium", "engine/fat", "engine/delta"},
    "engine/hold": {"wire", "engine/archive", "engine/chunks", "engine/medium", "engine/fat", "engine/apply"},
    "engine/pack": {"wire", "engine/archive", "engine/medium", "engine/delta", "engine/apply"},
}
DEVICE = {
    "device/config": set(),
    "device/monitor": set(),
    "device/updaters": {"wire", "device/config"},
    "device/slots": {"wire", "device/config", "device/updaters"},
    "device/receive": {"wire", "device/config", "device/updaters", "device/slots"},
    "device/session": {"wire", "device/monitor"},
    "device/listen": {"wire", "device/config", "device/monitor", "device/receive"},
}
HOST = {
    "host/output": {"wire", "engine/archive"},
    "host/remote": {"wire", "engine/archive", "host/output"},
    "host/adaptive": {"wire", "engine/archive", "engine/chunks", "host/output", "host/remote"},
    "host/agentless": {"wire", "host/remote"},
    "host/command": {"host/adaptive", "host/agentless", "wire", "engine/archive", "host/output", "host/remote"},
}
ALLOWED = {"base": set(), "wire": set(), **ENGINE, **DEVICE, **HOST}


def test_arrows_go_one_way(t):
    """programs -> device, host -> engine, wire -> base; host and device never meet, nor do session and slots"""
    folders = set()
    for path in sources(t, "src/**/*.c", "src/**/*.h"):
        here = str(path.parent.relative_to(t.src / "src"))
        if here == ".":
            continue
        folders.add(here)
        for other in re.findall(r'^#include "([\w/]+)/\w+\.h"', path.read_text(), re.M):
            assert other in ALLOWED[here] | {here, "base"}, f"{path} includes {other}/"
    assert folders == set(ALLOWED), folders ^ set(ALLOWED)


def test_only_the_session_links_libssh(t):
    for path in sources(t, "src/*.c", "src/**/*.c", "src/**/*.h"):
        name = str(path.relative_to(t.src / "src"))
        if "<libssh/" in path.read_text():
            assert name.startswith(("device/session/", "fwssh-session.c")), name


def test_documents_fit_120_columns(t):
    for path in sources(t, "*.md"):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            assert len(line) <= 120 or line.startswith("|"), f"{path}:{number} has {len(line)} characters"


def test_mutations_apply(t):
    """Each finds the lines that it changes, once, and its test has a function or a file."""
    sys.path.insert(0, str(t.src / "tests"))
    import mutate
    every = mutate.mutations([])
    assert len(every) > 80
    for m in every:
        assert (t.src / m.file).read_text().count(m.old + "\n") == 1, f"{m.name} does not apply to {m.file}"
        suite, file, *test = m.test.split("/")
        where = t.src / "tests" / suite / (f"test_{file}.py" if suite != "unit" else f"{file}_test.c")
        assert where.exists() and (not test or f"test_{test[0]}" in where.read_text()), f"{m.name}: no test {m.test}"
