# SPDX-License-Identifier: Apache-2.0
"""Records what a program prints as asciinema plays it (format 2 of asciicast): text with its times."""
import codecs
import json
import os
import subprocess
import sys
import time

WIDTH, HEIGHT = 120, 36
LONGEST_PAUSE = 2  # seconds, when it is played


class Cast:
    def __init__(self, path, title):
        self.file = open(path, "w", encoding="utf-8")
        self.start = time.monotonic()
        header = {"version": 2, "width": WIDTH, "height": HEIGHT, "idle_time_limit": LONGEST_PAUSE, "title": title}
        self.file.write(json.dumps(header) + "\n")

    def close(self):
        self.file.close()

    def write(self, text):
        sys.stdout.write(text)
        sys.stdout.flush()
        seconds = round(time.monotonic() - self.start, 2)
        self.file.write(json.dumps([seconds, "o", text.replace("\n", "\r\n")], ensure_ascii=False) + "\n")
        self.file.flush()

    def say(self, text):
        self.write(f"\n\033[1m{text}\033[0m\n")

    def begin(self, shown, argv, env, cwd):
        """Shows a command as a user would type it, and starts it: its output goes to a pipe that follow() reads."""
        self.write(f"$ {shown}\n")
        return subprocess.Popen([str(a) for a in argv], env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT)

    def follow(self, process):
        """Records what it prints, to its end: its exit status."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        while piece := os.read(process.stdout.fileno(), 65536):
            self.write(decoder.decode(piece))
        return process.wait()
