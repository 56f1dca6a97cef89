#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""html.py DIRECTORY: the documents and manuals as pages for a browser, with lowdown and mandoc. Directories and names are those
of the sources, so that links between pages need another ending only; files that are linked to are copied."""
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
PAGES = ("*.md", "docs/**/*.md", "examples/**/*.md", "packaging/*.md", "bench/*.md", "ansible/**/*.md")
MANUALS = "man/*.[1-8]"
LOWDOWN = ["lowdown", "-T", "html", "--out-no-smarty", "--parse-no-math", "--parse-no-metadata"]
STYLE = """body { max-width: 50em; margin: 2em auto; padding: 0 1em; font-family: sans-serif; line-height: 1.4 }
pre { background: #f2f2f2; padding: .6em; overflow-x: auto }
table { border-collapse: collapse }
.head, .foot { width: 100% }
td, th { text-align: left; vertical-align: top; padding: .2em .6em; border: solid #ddd; border-width: 1px 0 }
"""
# Where mandoc is told that manuals of others are: nowhere, so that their names stay text.
ELSEWHERE = "elsewhere"
FRAME = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><link rel="stylesheet" href="{up}style.css"></head><body>
<p><a href="{up}README.html">fwssh</a> | <a href="{up}docs/devices/README.html">devices</a> | {manuals}</p>
{text}</body></html>
"""


def run(argv, **kw):
    return subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True, **kw).stdout


def found(patterns):
    return sorted(path.relative_to(TOP) for pattern in patterns for path in TOP.glob(pattern))


class Site:
    def __init__(self, out):
        self.out, self.pages, self.manuals = out, found(PAGES), found([MANUALS])

    def place(self, path):
        return path.with_suffix(".html") if path in self.pages else path.with_name(path.name + ".html")

    def write(self, path, text):
        file = self.out / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def link(self, page, target):
        """A link of the page, for the page's place in the site."""
        name, mark, anchor = target.partition("#")
        path = Path(os.path.normpath(page.parent / name))
        if re.match(r"[a-z]+:", target) or not name or not (TOP / path).exists():
            return target
        if (TOP / path).is_dir():
            path /= "README.md"
        if path in self.pages or path in self.manuals:
            path = self.place(path)
        else:
            (self.out / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(TOP / path, self.out / path)
        return os.path.relpath(path, page.parent) + mark + anchor

    def manual(self, page, match):
        for path in self.manuals:
            if path.stem == match[1]:
                return f'<a href="{os.path.relpath(self.place(path), page.parent)}">{match[0]}</a>'
        return match[0]

    def document(self, page):
        text = run([*LOWDOWN, TOP / page])
        # A heading's name as the forges make it, which the links have.
        text = re.sub(r'(<h\d id=")([^"]*)', lambda m: m[1] + re.sub(r"[^\w-]", "", m[2]), text)
        text = re.sub(r'(href=")([^"]*)', lambda m: m[1] + self.link(page, m[2].replace("&#47;", "/")), text)
        text = re.sub(r"<code>man ([\w.-]+)</code>", lambda m: self.manual(page, m), text)
        title = re.search(r"^# (.*)", (TOP / page).read_text(), re.M)
        up = "../" * (len(page.parts) - 1)
        manuals = " ".join(f'<a href="{up}{self.place(path)}">{path.stem}</a>' for path in self.manuals)
        self.write(self.place(page), FRAME.format(title=title[1] if title else page, up=up, manuals=manuals, text=text))

    def build(self):
        self.write("style.css", STYLE)
        for path in self.manuals:
            self.write(self.place(path), "")  # mandoc links to the manuals that it finds
        for path in self.manuals:
            options = f"style=../style.css,toc,man=%N.%S.html;{ELSEWHERE}:"
            text = run(["mandoc", "-T", "html", "-O", options, TOP / path], cwd=self.out / "man")
            self.write(self.place(path), re.sub(rf'<a class="Xr" href="{ELSEWHERE}:">([^<]*)</a>', r"<b>\1</b>", text))
        for page in self.pages:
            self.document(page)
        shutil.copy(self.out / "README.html", self.out / "index.html")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Usage: docs/html.py DIRECTORY")
    for program in ("lowdown", "mandoc"):
        if not shutil.which(program):
            sys.exit(f"html.py: {program} is not installed; on Debian: tests/packages.sh html")
    Site(Path(sys.argv[1]).resolve()).build()
