# SPDX-License-Identifier: Apache-2.0
"""The names of the log's events: one table, which the manual has, too, and nothing beside it."""
import re

from support.sources import sources


def table(t):
    text = (t.src / "src/device/config/log_events.h").read_text()
    return dict(re.findall(r'^#define (EVENT_\w+) "([a-z-]+)"$', text, re.M))


def test_the_manual_has_each(t):
    manual = (t.src / "man/fwsshd.8").read_text()
    part = manual[manual.index("\n.Ss Events\n"):manual.index("\n.Sh SIGNALS\n")]
    listed = re.findall(r"^\.It Cm ([a-z-]+)$", part, re.M)
    assert listed == sorted(listed) and set(listed) == {*table(t).values(), "message"}


def test_each_is_used_and_none_is_written_out(t):
    code = {path: path.read_text() for path in sources(t, "src/*.c", "src/device/**/*.c", "src/device/**/*.h")}
    for name in table(t):
        assert any(re.search(rf"\b{name}\b", text) for path, text in code.items() if path.name != "log_events.h"), name
    for path, text in code.items():
        assert not re.search(r'log_event\([^;]*?,\s*"[a-z-]+",\s*(NULL|fields|CONNECTION)', text), path
