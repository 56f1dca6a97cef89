#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""sbom.py DIRECTORY PROGRAM...: writes DIRECTORY/PROGRAM.cdx.json, the libraries that a program is linked with, as
CycloneDX. A static program has the linker's map beside it (PROGRAM.map). Licences are those of THIRD-PARTY.md; versions
are those of Debian's packages, and left out where there are none. The same program gives the same bytes."""
import functools
import gzip
import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

SOURCE = Path(__file__).resolve().parent.parent
# Libraries that are a header: nothing in a program names them.
HEADERS = {"libxxhash": "/usr/include/xxhash.h"}


def output(*argv):
    """What a program prints, or nothing if it fails."""
    try:
        r = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    except FileNotFoundError:
        return ""
    return r.stdout if r.returncode == 0 else ""


class Library:
    """A row of THIRD-PARTY.md."""

    def __init__(self, file, project, licence, shared, static, package):
        self.file, self.project, self.licence, self.package = file, project, licence, package
        self.shared, self.static = (set(re.findall(r"[\w-]+", names)) for names in (shared, static))


def libraries():
    lines = (SOURCE / "THIRD-PARTY.md").read_text().splitlines()
    rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in lines if line.startswith("| `")]
    return {row[0]: Library(*row) for row in rows}


def stem(file):
    return re.sub(r"(\.so\b.*|\.a)$", "", file)


def needed(program):
    """The libraries in the program's dynamic section, by their names there; none for a static one."""
    text = subprocess.run(["readelf", "-d", program], stdout=subprocess.PIPE, text=True, check=True).stdout
    return re.findall(r"\(NEEDED\).*\[(.*)\]", text)


def archives(program):
    """The static libraries that the linker has taken something of: paths."""
    lines = Path(f"{program}.map").read_text().split("\nMemory Configuration", 1)[0]
    return sorted(set(re.findall(r"^(/\S+\.a)\(", lines, re.M)))


@functools.cache
def owner(path):
    """Debian's package of a file of this machine, with its version. A file in /usr/lib may have come as one of /lib."""
    path = str(Path(path).parent.resolve() / Path(path).name)
    for name in (path, path.removeprefix("/usr")):
        found = output("dpkg-query", "-S", name).split(": ")[0]
        if found:
            return found.split(":")[0], output("dpkg-query", "-W", "-f", "${Version}\n", found).split("\n")[0]
    return None, None


def unpacked(root, package):
    """Its version in a directory where packages are only unpacked."""
    path = Path(root) / "usr/share/doc" / package / "changelog.Debian.gz"
    if not path.exists():
        return None, None
    with gzip.open(path, "rt", errors="replace") as lines:
        return package, re.search(r"\((.*?)\)", lines.readline()).group(1)


def component(library, package, version):
    found = {"type": "library", "bom-ref": library.file, "name": library.project, "licenses": [{"expression": library.licence}]}
    if version:
        found["version"] = version
        found["purl"] = f"pkg:deb/debian/{package}@{quote(version, safe=':')}"
    return found


def shared_components(known, program):
    paths = dict(re.findall(r"^\s*(\S+) => (\S+)", output("ldd", program), re.M))
    for file in needed(program):
        yield component(known[stem(file)], *owner(paths[file]) if file in paths else (None, None))


def static_components(known, program):
    for path in archives(program):
        root, inside, _ = path.partition("/usr/lib/")
        library = known[stem(Path(path).name)]
        yield component(library, *unpacked(root, library.package) if root and inside else owner(path))


def header_components(known, program, root):
    for library, path in ((known[name], path) for name, path in HEADERS.items()):
        if program.name in library.shared | library.static:
            yield component(library, *(unpacked(root, library.package) if root else owner(path)))


def sbom(known, program, version):
    static = not needed(program)
    found = list((static_components if static else shared_components)(known, program))
    root = static and next((p.partition("/usr/lib/")[0] for p in archives(program) if p.endswith("/libc.a")), None)
    found = sorted(found + list(header_components(known, program, root)), key=lambda c: c["bom-ref"])
    return {
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": {"component": {"type": "application", "bom-ref": program.name, "name": program.name, "version": version,
                                   "licenses": [{"expression": "Apache-2.0"}]}},
        "components": found,
        "dependencies": [{"ref": program.name, "dependsOn": [c["bom-ref"] for c in found]}],
    }


def main(directory, *programs):
    known = libraries()
    version = subprocess.run([SOURCE / "packaging/version.sh"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    Path(directory).mkdir(parents=True, exist_ok=True)
    for program in map(Path, programs):
        try:
            text = json.dumps(sbom(known, program, version), indent=2)
        except KeyError as unknown:
            sys.exit(f"sbom.py: {program} is linked with {unknown.args[0]}, which THIRD-PARTY.md does not name: add it there")
        (Path(directory) / f"{program.name}.cdx.json").write_text(text + "\n")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("Usage: sbom.py DIRECTORY PROGRAM...")
    main(*sys.argv[1:])
