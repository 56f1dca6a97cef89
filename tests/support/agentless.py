"""Pushes to devices without fwsshd, and what must be gone from them afterwards."""
import os
import platform
import shutil
from pathlib import Path


def agent_dir(t):
    """The build's own fwssh-agent for this machine, where --agent-dir finds it."""
    directory = t.dir / "agent" / platform.machine()
    if not directory.exists():
        directory.mkdir(parents=True)
        shutil.copy(t.bin("fwssh-agent"), directory)
    return t.dir / "agent"


def agent_processes():
    """Processes of fwssh-agent, and shells on the way to one, in this test's mount namespace."""
    found, here = [], os.readlink("/proc/self/ns/mnt")
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                program = os.readlink(entry / "exe")
                if os.readlink(entry / "ns/mnt") != here:
                    continue
            except OSError:
                continue
            if "/fwssh-agent." in program or any(b"fwssh-agent." in word for word in words):
                found.append((int(entry.name), words))
    return found


def traces(root="/"):
    """Mounts and files of fwssh-agent that are there now."""
    mounts = [line for line in Path("/proc/self/mounts").read_text().splitlines() if "fwssh-agent" in line]
    files = [str(path) for place in ("run", "dev/shm", "tmp") for path in Path(root, place).glob("fwssh-agent.*")]
    return mounts + files
