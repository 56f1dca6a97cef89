# SPDX-License-Identifier: Apache-2.0
"""All sources against the headers of musl, with the options of the build: a call that only glibc has is an error.

Debian has no libraries for musl, so nothing is linked. The libraries' headers and the kernel's are the system's, and by
name: with all of /usr/include, those of glibc would be found, too."""
import json
import shlex
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

INCLUDE = Path("/usr/include")
HEADERS = ("confuse.h", "isa-l", "libdeflate.h", "libssh", "libuboot.h", "nettle", "seccomp*.h", "sodium", "sodium.h",
           "xxhash.h", "zconf.h", "zlib.h", "zstd*.h", "asm", "asm-generic", "linux", "mtd")
# With an argument of their own.
OF_THE_OUTPUT = ("-MQ", "-MF", "-o")


def headers(t):
    to = t.dir / "include"
    to.mkdir()
    machine = t.run(["gcc", "-print-multiarch"]).stdout.strip()
    for pattern in HEADERS:
        found = [*INCLUDE.glob(pattern), *(INCLUDE / machine).glob(pattern)]
        assert found, f"no header {pattern}"
        for path in found:
            (to / path.name).symlink_to(path)
    return to


def options(command):
    """Those of one compilation that say how to read the source."""
    words = iter(shlex.split(command)[1:])
    for word in words:
        if word in OF_THE_OUTPUT:
            next(words)
        elif word not in ("-MD", "-c"):
            yield word


def compilations(t):
    """One for each source, whatever it is compiled for."""
    found = {}
    for one in json.loads((t.build / "compile_commands.json").read_text()):
        path = (Path(one["directory"]) / one["file"]).resolve()
        if path.is_relative_to(t.src / "src"):
            found.setdefault(path, list(options(one["command"])))
    return found


def complaint(t, words, include):
    # musl's own CMSG_NXTHDR converts signs.
    r = t.run(["musl-gcc", *words, "-Werror", "-Wno-sign-conversion", "-idirafter", include, "-fsyntax-only"], cwd=t.build)
    return r.stderr


def test_sources_need_no_glibc(t):
    t.need("musl-gcc")
    include = headers(t)
    found = compilations(t)
    assert len(found) > 200, f"only {len(found)} compilations are known"
    with ThreadPoolExecutor(2) as pool:
        complaints = [text for text in pool.map(lambda words: complaint(t, words, include), found.values()) if text]
    assert not complaints, "\n".join(complaints)
