# SPDX-License-Identifier: Apache-2.0
"""THIRD-PARTY.md and the lists of libraries (packaging/sbom.py) name what programs are really linked with."""
import importlib.util
import json
import re

PROGRAMS = ("fwssh", "fwpack", "fwssh-hold", "fwsshd", "fwssh-receive", "fwssh-session", "fwssh-agent")


def sbom(t):
    """The program as a module."""
    spec = importlib.util.spec_from_file_location("sbom", t.src / "packaging/sbom.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def linked(t, program):
    """From the program itself: NEEDED, and the only code that includes the header xxHash."""
    text = t.run(["readelf", "-d", t.bin(program)]).stdout
    found = set(re.findall(r"NEEDED.*\[(lib[\w-]+)\.so", text))
    assert found, f"{program} is not linked with anything"
    return found | ({"libxxhash"} if " chunk_hash" in t.run(["nm", t.bin(program)]).stdout else set())


def test_third_party_names_every_library(t):
    if t.sanitized():
        t.skip("sanitizers bring libraries of their own")
    known = sbom(t).libraries().values()
    for program in PROGRAMS:
        named = {one.file for one in known if program in one.shared or "all" in one.shared}
        found = linked(t, program)
        assert named - {"libisal"} <= found <= named, (program, named ^ found)


def test_each_program_has_its_list(t):
    if t.sanitized():
        t.skip("sanitizers bring libraries of their own")
    r = t.run([t.src / "packaging/sbom.py", t.dir / "sbom", *(t.bin(name) for name in PROGRAMS)])
    assert r.returncode == 0, r
    licences = {one.file: one.licence for one in sbom(t).libraries().values()}
    for program in PROGRAMS:
        told = json.loads((t.dir / f"sbom/{program}.cdx.json").read_text())
        found = {c["bom-ref"]: c for c in told["components"]}
        assert set(found) == linked(t, program) == set(told["dependencies"][0]["dependsOn"]), program
        assert all(c["licenses"] == [{"expression": licences[name]}] for name, c in found.items())
        assert told["metadata"]["component"]["version"] == t.run([t.src / "packaging/version.sh"]).stdout.strip()
    if t.run(["dpkg-query", "-S", "/usr/include/sodium.h"]).returncode == 0:
        libsodium = json.loads((t.dir / "sbom/fwssh.cdx.json").read_text())["components"]
        version = next(c["version"] for c in libsodium if c["bom-ref"] == "libsodium")
        assert version == t.run(["dpkg-query", "-W", "-f", "${Version}", "libsodium-dev"]).stdout


def test_a_library_without_a_licence_is_named(t):
    program = t.build / "tests/unit_number"
    if t.sanitized() or not program.exists():
        t.skip("needs a program with another library")
    r = t.run([t.src / "packaging/sbom.py", t.dir / "sbom", program])
    assert r.returncode == 1 and r.stderr.endswith("linked with libcmocka, which THIRD-PARTY.md does not name: add it there\n"), r
