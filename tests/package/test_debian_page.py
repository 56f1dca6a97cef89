# SPDX-License-Identifier: Apache-2.0
"""docs/devices/debian.md, word for word. It takes minutes and a Debian mirror, so only make check-long does it."""
import os
import shutil

from support.debian import packages, sources
from support.fixture import seconds
from support.pages import blocks, desk
from support.process import children

SLOT_BLOCKS = 1572864


def place(t):
    """The directory of the page, with the packages in it."""
    work = desk(t)
    (work / "debs").symlink_to(packages(t))
    # This machine's mirror.
    (t.dir / "sources").write_text(sources(t))
    t.script("mmdebstrap", f"#!/bin/sh\nexec {shutil.which('mmdebstrap')} \"$@\" - <{t.dir}/sources\n")
    return work


class Page:
    def __init__(self, t):
        self.t, self.work = t, place(t)
        self.disk = self.work / "disk.img"
        self.board = None

    def run(self, where, text):
        return (self.on_desk if where == "desk" else self.on_device)(text)

    def on_desk(self, text):
        inside = ["nsenter", f"--net=/proc/{self.board.pid}/ns/net"] if self.board else []
        env = {"PATH": f"{self.t.dir}:{self.t.build}/src:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "disk": self.disk}
        return self.t.run([*inside, "sh", "-eu", "-c", text], cwd=self.work, env=env, timeout=600)

    def on_device(self, text):
        if not self.board:
            self.switch_on()
        pid = self.board.pid
        for _ in ("board.sh", "unshare", "the board's first process"):
            pid, = children(pid)
        return self.t.run(["nsenter", "-t", pid, "-m", "-p", "-n", "-r", "-w/", "sh", "-eu", "-c", text])

    def switch_on(self):
        place = self.t.dir / "board"
        place.mkdir()
        log = open(self.t.dir / "board.log", "wb")
        self.board = self.t.start(["unshare", "-n", "-m", "-p", "-f", "--kill-child", self.t.src / "tests/package/board.sh", self.disk,
                                   place, SLOT_BLOCKS], stdout=log, stderr=log)
        self.t.wait_for(lambda: self.on_desk("ssh-keyscan -p 8989 board.local").stdout, "fwsshd on the board", 60)

    def starts(self):
        return (self.t.dir / "board/starts").read_text().split()


@seconds(1200)
def test_word_for_word(t):
    if not os.environ.get("FWSSH_LONG"):
        t.skip("takes minutes: make check-long")
    for program in ("dpkg-buildpackage", "mmdebstrap", "fw_setenv", "mke2fs", "mkimage", "mcopy"):
        t.need(program)
    page = Page(t)
    said = []
    for where, text in blocks(t, "docs/devices/debian.md"):
        r = page.run(where, text)
        assert r.returncode == 0, (text, r, (t.dir / "board.log").read_text() if page.board else "")
        said.append(r.stdout + r.stderr)
    first, pushed, signed, refused = said[-4:]
    assert "FAIL" not in first and "signatures=off" in first and "active=a" in first and "confirmed=yes" in first, first
    assert "FAIL" not in pushed and "runs the new firmware (slot b, version 2.0.0)" in pushed, pushed
    assert "runs the new firmware (slot a, version 3.0.0)" in signed, signed
    assert "status 4" in refused and "sign" in refused, refused
    assert page.starts() == ["a", "b", "a"]
