# SPDX-License-Identifier: Apache-2.0
"""Ports that nobody else gets, and what counts as a sanitizer's finding (fixture.py)."""
import socket
import subprocess

from support.fixture import Fixture

TRACER = "==22==Unable to get registers from thread 21.\n"
LEAK = "\n=================================================================\n==21==ERROR: LeakSanitizer: detected memory leaks\n"


def fixture(t):
    directory = t.dir / "other"
    directory.mkdir(exist_ok=True)
    return Fixture(t.src, t.build, directory)


def test_port_is_kept_for_the_test(t):
    port = t.port()
    with socket.socket() as other:
        try:
            other.bind(("127.0.0.1", port))
            raise AssertionError("another test could have it, too")
        except OSError:
            pass
    with socket.create_server(("127.0.0.1", port)):
        pass
    # Nothing listens there until somebody does.
    assert socket.socket().connect_ex(("127.0.0.1", port)) != 0


def test_report_of_a_killed_program_is_no_finding(t):
    f = fixture(t)
    (f.reports / "sanitizer.20").write_text("")
    (f.reports / "sanitizer.21").write_text(TRACER)
    f.close()


def test_report_that_says_more_is_a_finding(t):
    f = fixture(t)
    for text in (LEAK, TRACER + LEAK, "x.c:3:5: runtime error: signed integer overflow\n", "\n", "=="):
        (f.reports / "sanitizer.21").write_text(text)
        assert f.findings() == [text]
        try:
            f.close()
        except AssertionError:
            continue
        raise AssertionError(f"not taken for a finding: {text!r}")


def test_leak_of_a_program_is_a_finding(t):
    """As the sanitizer of the compiler at hand writes it, if it has one."""
    (t.dir / "leak.c").write_text("#include <stdlib.h>\nint main(void) { return malloc(10) == NULL; }\n")
    if t.run(["cc", "-fsanitize=address", "-O0", "-o", "leak", "leak.c"]).returncode:
        t.skip("the compiler has no address sanitizer")
    f = fixture(t)
    subprocess.run([t.dir / "leak"], env=f.env, check=False)
    assert ["LeakSanitizer: detected memory leaks" in text for text in f.findings()] == [True], f.findings()
