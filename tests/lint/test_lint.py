# SPDX-License-Identifier: Apache-2.0
"""What tools find in the sources without running the programs; `make lint` runs only these."""
import re
import warnings

from support.fixture import seconds
from support.sources import sources

# False findings of gcc -fanalyzer, by file and option, with the reason. Everything else fails.
NOT_FINDINGS = {
    ("src/base/pass_fd.c", "null-dereference"): "CMSG_FIRSTHDR of a message with room for one is never NULL",
    ("src/device/listen/admission.c", "null-dereference"): "a victim is looked for only while there are connections",
    ("src/engine/archive/expression.c", "use-of-uninitialized-value"): "expression_unary() succeeds only with a value",
    ("src/engine/medium/block_cache.c", "null-dereference"): "a run ends at the first segment that is not there",
}


def test_format(t):
    t.need("clang-format")
    r = t.run(["clang-format", "--dry-run", "--Werror", *sources(t, "*.c", "*.h")], cwd=t.src)
    assert r.returncode == 0, r.stderr[:2000] + "\nrun make format"


def test_shell_scripts(t):
    t.need("shellcheck")
    scripts = [p for p in sources(t, "*") if re.match(rb"#!/bin/(ba)?sh\n", p.open("rb").read(16))]
    assert len(scripts) > 10
    # SC1091: a file that exists only on the device.
    r = t.run(["shellcheck", "-x", "-e", "SC1091", *scripts], cwd=t.src)
    assert r.returncode == 0, r.stdout


def test_manuals_are_sound(t):
    t.need("mandoc")
    pages = sources(t, "man/*.1", "man/*.5", "man/*.7", "man/*.8")
    assert pages
    r = t.run(["mandoc", "-T", "lint", "-W", "warning", *pages])
    assert r.returncode == 0, r.stdout


def test_python_compiles(t):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for path in sources(t, "*.py"):
            compile(path.read_text(), str(path), "exec")


@seconds(300)
def test_static_analysis(t):
    """gcc -fanalyzer over the programs: about 20 s on two idle cores."""
    t.need("meson")
    r = t.run(["meson", "setup", "build", t.src, "-Doptimization=1", "-Dc_args=-fanalyzer"], env={"CC": "gcc"})
    assert r.returncode == 0, r.stdout[-2000:] + r.stderr
    programs = [f"src/{name}" for name in ("fwssh", "fwsshd", "fwssh-session", "fwssh-receive", "fwssh-hold", "fwpack")]
    r = t.run(["ninja", "-C", "build", *programs], timeout=290)
    assert r.returncode == 0, r.stdout[-3000:]
    found = set(re.findall(r"(src/\S+?):\d+:\d+: warning: .*\[-Wanalyzer-([\w-]+)\]", r.stdout))
    assert not found - set(NOT_FINDINGS), found - set(NOT_FINDINGS)
    assert not set(NOT_FINDINGS) - found, "no longer reported: take them off the list"
