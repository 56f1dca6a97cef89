# SPDX-License-Identifier: Apache-2.0
"""Measures the memory of the device's processes during a push."""
import threading
import time
from pathlib import Path

from servers import children

EVERY = 0.05


def pss(pid):
    """Proportional set size in kB: a page shared by N processes counts as 1/N."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def mappings(pid):
    """(file and offset, resident kB backed by the file, anonymous kB) of each mapping."""
    where, rss = None, 0
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        word = line.split()
        if not word[0].endswith(":"):
            where = (word[2], *word[5:6])
        elif word[0] == "Rss:":
            rss = int(word[1])
        elif word[0] == "Anonymous:":
            own = int(word[1])
            yield where, rss - own, own


def alone(pids):
    """What the processes would use if no other program shared their libraries: each file page counts once, in full."""
    files, own = {}, 0
    for pid in pids:
        for where, shared, private in mappings(pid):
            files[where] = max(files.get(where, 0), shared)
            own += private
    return own + sum(files.values())


def ours(listener):
    """Names, by process id, of the listener and those of its descendants that are ours."""
    found, look = {}, [listener]
    while look:
        pid = look.pop()
        try:
            name = Path(f"/proc/{pid}/comm").read_text().strip()
        except OSError:
            continue
        if name.startswith("fwssh"):
            found[pid] = name
            look += children(pid)
    return found


class Watch:
    """Samples the listener's processes in a thread; the peaks are in most[...], in kB."""

    def __init__(self, listener):
        self.listener = listener
        self.most = {"pss": 0, "alone": 0}
        self.parts = {}
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

    def run(self):
        while not self.ended.wait(EVERY):
            try:
                self.look()
            except OSError:  # one of them has just exited
                pass

    def look(self):
        pids = ours(self.listener)
        if not {"fwssh-session", "fwssh-receive"} <= set(pids.values()):
            return
        parts = {name: pss(pid) for pid, name in pids.items()}
        total = sum(parts.values())
        if total > self.most["pss"]:
            self.most["pss"], self.parts = total, parts
        self.most["alone"] = max(self.most["alone"], alone(pids))


def at_rest(listener, seconds=0.5):
    """Memory of an idle listener."""
    time.sleep(seconds)
    return {"pss": pss(listener), "alone": alone([listener])}
