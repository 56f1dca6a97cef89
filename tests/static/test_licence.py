# SPDX-License-Identifier: Apache-2.0
"""Each source names its licence in its first lines."""
import fnmatch

from support.sources import sources

# What is no source, or has no comments.
NOT_SOURCES = (
    "*.md", "*.json", "LICENSE", ".clang-format", ".editorconfig", "*.gitignore",
    "tests/fuzz/seeds/*", "tests/mutate/*.txt", "tests/packages.txt", "tests/fuzz/leaks.txt", "tests/device/*.txt", "packaging/static/*.txt",
    "docs/*.cast",
    "packaging/buildroot/external.desc", "packaging/debian/*.*s*", "packaging/debian/c*", "packaging/debian/source/format",
)
MARK = "SPDX-License-Identifier: Apache-2.0"
# After a line for the kernel and one for Python.
LINES = 3


def named_without(t):
    for path in sources(t, "*"):
        name = str(path.relative_to(t.src))
        script = path.open("rb").read(2) == b"#!"
        if path.is_symlink() or not script and any(fnmatch.fnmatch(name, pattern) for pattern in NOT_SOURCES):
            continue
        if MARK not in "".join(path.read_text().splitlines(keepends=True)[:LINES]):
            yield name


def test_each_source_names_its_licence(t):
    missing = list(named_without(t))
    assert not missing, f'"{MARK}" is not in a comment at the top of {", ".join(missing)}'
