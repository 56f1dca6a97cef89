# SPDX-License-Identifier: Apache-2.0
"""docs/devices/busybox.md, word for word, but for the name of the disk and the port."""
import os
import shutil

from interop.test_servers import need_root, wait_listening
from support.agentless import BusyBox, agent_dir
from support.fixture import seconds
from support.pages import blocks, desk
from support.slots import content

PLAIN_ONLY = "the program that is sent is ten times as large with sanitizers"


def device(t, work):
    """A board that waits for what the page puts into its root and on its disk."""
    disk = t.image(name="disk.img", size=1 << 20)
    board = BusyBox(t, t.daemon(wait=False), disk, {})
    wait_listening(t, board.port, board.process)
    (board.root / "etc/fwssh/fwsshd.conf").unlink()  # a link to a directory of the test's
    (work / "root").symlink_to(board.root)
    (work / "rootfs.ext2").write_bytes(content(1))
    return board, disk


@seconds(180)
def test_word_for_word(t):
    if not os.environ.get("FWSSH_LONG"):
        t.skip("the long check's")
    need_root(t)
    work = desk(t)
    board, disk = device(t, work)
    env = {"PATH": f"{t.build}/src:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "disk": disk}
    said = []
    for where, text in blocks(t, "docs/devices/busybox.md"):
        assert where == "desk"
        r = t.run(["sh", "-eu", "-c", text.replace("/dev/mmcblk0", "/disk.img")], cwd=work, env=env)
        assert r.returncode == 0, (text, r)
        config = t.dir / "home/.config/fwssh/config"
        if config.exists() and "agent-dir" not in config.read_text():
            with open(config, "a") as f:
                f.write(f'host "*" {{\n  port = {board.port}\n  agent-dir = "{agent_dir(t)}"\n}}\n')
        said.append(r.stdout + r.stderr)
    checked, pushed, signed = said[-3:]
    assert "FAIL" not in checked and "fwssh-agent runs" in checked, checked
    assert "runs the new firmware (slot b, version 2.0.0)" in pushed and "confirmed" in pushed, pushed
    assert "status 4" in signed and "runs the new firmware (slot a, version 1.0.0)" in signed, signed
    assert board.reboots() == 2
    board.place().wait_clean(t)
