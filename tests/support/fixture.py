# SPDX-License-Identifier: Apache-2.0
"""What a test works with: its own directory, free ports, keys, and a daemon that is stopped with the test."""
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from support.process import alive, children, name_of

# Sanitizer reports go to files that the fixture checks; a leak must not change the exit status of a process.
SANITIZER = {
    "ASAN_OPTIONS": "log_path={dir}/sanitizer:exitcode=99:detect_leaks=1",
    "UBSAN_OPTIONS": "log_path={dir}/sanitizer:print_stacktrace=1:halt_on_error=1",
    "LSAN_OPTIONS": "log_path={dir}/sanitizer",
}
# All that the leak sanitizer says when its process is killed while it looks at it.
CUT_SHORT = re.compile(r"(==\d+==Unable to get registers from thread \d+\.\n)*")


class Skipped(Exception):
    pass


def seconds(n):
    """Marks a test that may take longer than the runner's usual limit."""
    def mark(function):
        function.seconds = n
        return function
    return mark


def waits(function):
    """Marks a test that mostly waits: it takes long without using the CPU."""
    function.waits = True
    return function


class Fixture:
    def __init__(self, source, build, directory):
        self.src = Path(source)
        self.build = Path(build)
        self.dir = Path(directory)
        self.env = {**os.environ, "HOME": str(self.dir), "LC_ALL": "C"}
        for name in ("SSH_AUTH_SOCK", "SSH_ASKPASS", "DISPLAY", "MIX_TARGET", "MIX_ENV", "FWSSH_SSH"):
            self.env.pop(name, None)
        # Sessions of a daemon started by root belong to another user, and must be able to report, too.
        self.reports = self.dir / "reports"
        self.reports.mkdir()
        self.reports.chmod(0o1777)
        self.dir.chmod(0o711)
        for name, value in SANITIZER.items():
            self.env[name] = value.format(dir=self.reports)
        self.daemons = []
        self.processes = []
        self.reserved = []  # sockets that keep ports

    def close(self, failed=False):
        logs = []
        for daemon in self.daemons:
            daemon.stop()
            logs.append(daemon.log())
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        if failed:
            for log in logs:
                print("--- daemon's log ---\n" + log)
        findings = self.findings()
        for finding in findings:
            print(finding)
        assert not findings, "a sanitizer found a mistake"

    def findings(self):
        """What sanitizers have reported. A program that is killed at its end leaves a report, too: the leak sanitizer's
        own process looks at it, fails, and dies with it, before or after it has written a line. What a sanitizer has found
        begins with another one."""
        texts = [path.read_text(errors="replace") for path in sorted(self.reports.glob("sanitizer.*"))]
        return [text for text in texts if not CUT_SHORT.fullmatch(text)]

    def skip(self, reason):
        raise Skipped(reason)

    def need(self, program):
        if not shutil.which(program):
            self.skip(f"{program} is not installed")
        return program

    def golden(self, name):
        """A file of the reference program, if these are present."""
        path = Path(os.environ.get("FWSSH_GOLDEN", self.src / "../shared/golden")).resolve() / name
        if not path.exists():
            self.skip(f"golden file {name} is not here")
        return path

    def bin(self, name):
        return str(self.build / "src" / name)

    def run(self, argv, env=None, input=None, cwd=None, timeout=60, text=True):
        return subprocess.run([str(a) for a in argv], env={**self.env, **(env or {})}, input=input,
                              cwd=cwd or self.dir, timeout=timeout, text=text,
                              stdin=subprocess.DEVNULL if input is None else None,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def start(self, argv, env=None, **kw):
        """A process that is killed at the end of the test if it is still running."""
        process = subprocess.Popen([str(a) for a in argv], env={**self.env, **(env or {})},
                                   cwd=kw.pop("cwd", self.dir), **kw)
        self.processes.append(process)
        return process

    def wait_for(self, condition, what="the condition", timeout=20):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            value = condition()
            if value:
                return value
            time.sleep(0.02)
        raise AssertionError(f"waited {timeout} s in vain for {what}")

    def port(self):
        """A free port on loopback, outside the range that the kernel gives to clients. It is kept for this test: nobody
        else can bind it, but a server that reuses addresses, as all of ours do, can."""
        while True:
            s = socket.socket()
            try:
                s.bind(("127.0.0.1", random.randrange(10000, 32768)))
            except OSError:
                s.close()
                continue
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.reserved.append(s)
            return s.getsockname()[1]

    def script(self, name, body):
        """In place of one that may be running: that cannot be written to."""
        path, new = self.dir / name, self.dir / f"{name}.new"
        new.write_text(body)
        new.chmod(0o755)
        return new.rename(path)

    def updater(self, body="", version="1.16.0", name="updater"):
        """A stand-in for fwup: its arguments go to NAME.args, its input to NAME.input, then body runs,
        which may use $me, shake STATUS, take, take_some N, and await (until the test calls go()). The default
        body succeeds with fwup's handshake."""
        body = body or "printf 'Success!\\n'; shake 0"
        return self.script(name, f"""#!/bin/sh
if [ "$1" = --version ]; then echo '{version}'; exit 0; fi
me={self.dir}/{name}
echo "$@" >> $me.args
echo $$ >> $me.pid
shake() {{ printf '\\032'; printf "\\\\$(printf %03o "$1")"; cat > /dev/null; exit "$1"; }}
take() {{ cat >> $me.input; }}
take_some() {{ head -c "$1" >> $me.input; }}
await() {{ while [ ! -e $me.go ]; do sleep 0.02; done; }}
{body}
""")

    def go(self, name="updater"):
        """Releases an updater from its await."""
        (self.dir / f"{name}.go").touch()

    def sanitized(self):
        """Whether this build has sanitizers, which use memory of their own."""
        options = json.loads((self.build / "meson-info/intro-buildoptions.json").read_text())
        return any(o["name"] == "b_sanitize" and o["value"] != "none" for o in options)

    def image(self, size=8 << 20, name="device.img"):
        path = self.dir / name
        with open(path, "wb") as f:
            f.truncate(size)
        return path

    def key(self, name="id_ed25519", kind="ed25519", passphrase="", bits=None, comment="tester@desk"):
        path = self.dir / name
        if not path.exists():
            extra = ["-b", str(bits)] if bits else []
            self.run(["ssh-keygen", "-q", "-t", kind, *extra, "-N", passphrase, "-C", comment, "-f", path])
        return path

    def daemon(self, wait=True, **config):
        daemon = Daemon(self, config)
        self.daemons.append(daemon)
        if wait:
            daemon.start()
        return daemon


def read_until(stream, end):
    """A process's output up to and including these bytes."""
    text = b""
    while not text.endswith(end):
        more = stream.read1()
        assert more, text
        text += more
    return text


def confuse(value):
    """A Python value in the syntax of fwsshd.conf."""
    if isinstance(value, int):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return "{" + ", ".join(confuse(v) for v in value) + "}"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$") + '"'


class Daemon:
    """fwsshd on a port of its own; keywords are keys of its configuration with _ for -."""

    def __init__(self, t, config):
        self.t = t
        self.number = len(t.daemons)
        self.port = t.port()
        self.key = t.key()
        self.state = t.dir / f"state{self.number}"
        self.rebooted = t.dir / f"rebooted{self.number}"
        self.conf = t.dir / f"fwsshd{self.number}.conf"
        self.log_path = t.dir / f"fwsshd{self.number}.log"
        self.process = None
        self.wrapper = []  # words before fwsshd, of a program that runs it
        self.config = {
            "port": self.port,
            "listen-address": ["127.0.0.1"],
            "authorized-keys-files": [f"{self.key}.pub"],
            "strict-modes": False,  # works in any directory and for any user
            "max-penalty": 0,  # many tests fail to log in, all from one address
            "system-dir": "/nonexistent",
            "state-dir": self.state,
            "device": config.pop("device", None) or t.image(name=f"device{self.number}.img"),
            "updater": config.pop("updater", None) or t.updater("take\nprintf 'Success!\\n'; shake 0"),
            "reboot-command": f"/bin/sh {self.reboot_script()}",
            "lock-file": t.dir / f"lock{self.number}-DEVICE",
            "receive-program": t.bin("fwssh-receive"),
            "session-program": t.bin("fwssh-session"),
            "hold-program": t.bin("fwssh-hold"),
            "log-level": "debug",
        }
        self.config.update({k.replace("_", "-"): v for k, v in config.items()})
        self.write_config()

    def reboot_script(self):
        """Counts reboots, and fails, so that the device is not kept locked for a reboot that never comes."""
        path = self.t.dir / f"reboot{self.number}.sh"
        path.write_text(f"echo reboot >> {self.rebooted}\nexit 1\n")
        return path

    def write_config(self, **changes):
        self.config.update({k.replace("_", "-"): v for k, v in changes.items()})
        self.conf.write_text("".join(f"{k} = {confuse(v)}\n" for k, v in self.config.items()))

    def start(self, *options, env=None):
        before = self.log().count("listening on")
        with open(self.log_path, "ab") as log:
            self.process = self.t.start([*self.wrapper, self.t.bin("fwsshd"), "-f", self.conf, *options], stdout=log,
                                        stderr=log, env=env)
        self.t.wait_for(lambda: self.log().count("listening on") > before or self.process.poll() is not None,
                        "the daemon to listen")
        assert self.process.poll() is None, self.log()
        return self

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                # An endless update of a test that failed: its guard kills the updater.
                for pid in self.pids("fwssh-receive"):
                    os.kill(pid, signal.SIGKILL)
                self.process.kill()
                self.process.wait()

    def reload(self):
        before = self.log().count("reloaded") + self.log().count("keeping the previous")
        self.process.send_signal(signal.SIGHUP)
        self.t.wait_for(lambda: self.log().count("reloaded") + self.log().count("keeping the previous") > before,
                        "the daemon to reload")

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def warnings(self):
        """Those in the log, but for the one that nobody has to sign: few tests have keys for firmware."""
        return [line for line in self.log().splitlines() if "warning" in line and "signatures=off" not in line]

    def wait_log(self, text, timeout=20):
        self.t.wait_for(lambda: text in self.log(), f"'{text}' in the daemon's log", timeout)

    def reboots(self):
        return self.rebooted.read_text().count("reboot") if self.rebooted.exists() else 0

    def wait_reboot(self, count=1):
        self.t.wait_for(lambda: self.reboots() >= count, "the reboot")

    def updater_input(self, name="updater"):
        path = self.t.dir / f"{name}.input"
        return path.read_bytes() if path.exists() else b""

    def updater_pids(self, name="updater"):
        path = self.t.dir / f"{name}.pid"
        return [int(p) for p in path.read_text().split()] if path.exists() else []

    def ssh_args(self, *options, user="any", subsystem="nerves_firmware_ssh", key=None):
        """An OpenSSH client's command line that asks for the subsystem."""
        args = ["ssh", "-F", "none", "-T", "-p", str(self.port), "-i", str(key or self.key),
                "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no",
                "-o", f"UserKnownHostsFile={self.t.dir}/known_hosts", "-o", "LogLevel=ERROR", *options]
        if subsystem:
            return [*args, "-s", f"{user}@127.0.0.1", subsystem]
        return [*args, f"{user}@127.0.0.1"]

    def push(self, data, *options, timeout=60, **kw):
        """Sends bytes (header and all) with OpenSSH's client: the CompletedProcess, as bytes."""
        return self.t.run(self.ssh_args(*options, **kw), input=data, timeout=timeout, text=False)

    def client(self, *options, **kw):
        """An OpenSSH client that runs in parallel to the test, which writes to its standard input and closes it."""
        return self.t.start(self.ssh_args(*options, **kw), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, bufsize=0)

    def pids(self, program):
        """The daemon's children that are running this program."""
        return [pid for pid in children(self.process.pid) if name_of(pid) == program and alive(pid)]
