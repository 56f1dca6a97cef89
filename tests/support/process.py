# SPDX-License-Identifier: Apache-2.0
"""What /proc says about processes."""
import array
import fcntl
import os
import termios
from pathlib import Path


def peak_memory(pid):
    """The most memory that a process has had so far, in kB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise AssertionError(f"process {pid} has ended")


def state(pid):
    """The state letter of a process, as in /proc/PID/stat (proc(5)); "" if there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return ""


def name_of(pid):
    """"" when there is no such process."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().rstrip("\n")
    except OSError:
        return ""


def children(pid):
    """Of a process with one thread, zombies included; none of one that has ended."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def alive(pid):
    """Whether a process is running; a zombie does not count."""
    return state(pid) not in ("", "Z", "X")


def is_asleep(pid):
    return state(pid) == "S"


def is_stopped(pid):
    return state(pid) == "T"


def at_home(directory):
    """Ids and names of all processes with this HOME: everything that a test has started, whoever the parent is by now."""
    mine, found = b"\0HOME=%s\0" % str(directory).encode(), []
    for entry in os.listdir("/proc"):
        try:
            if not entry.isdigit() or mine not in b"\0" + Path("/proc", entry, "environ").read_bytes():
                continue
        except OSError:  # it has ended meanwhile, or belongs to another user
            continue
        if alive(int(entry)):
            found.append((int(entry), name_of(entry)))
    return found


def moved(pid):
    """How many bytes a process has read and written so far, in total."""
    with open(f"/proc/{pid}/io") as f:
        values = dict(line.split(": ") for line in f)
    return int(values["rchar"]), int(values["wchar"])


def unread(pid):
    """Bytes in a process's standard input, a pipe, that it has not read yet; 1 if the process has ended."""
    try:
        fd = os.open(f"/proc/{pid}/fd/0", os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return 1
    count = array.array("i", [0])
    try:
        fcntl.ioctl(fd, termios.FIONREAD, count)
    finally:
        os.close(fd)
    return count[0]
