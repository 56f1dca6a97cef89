# SPDX-License-Identifier: Apache-2.0
"""The two servers that are compared, each on a port of its own: fwsshd (tests/support/fixture.py) and OpenSSH's sshd."""
import getpass
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
# The same options for both.
CLIENT = ["-o", "KexAlgorithms=curve25519-sha256", "-o", "ControlPath=none"]


def fields(pid):
    """The fields of /proc/PID/stat after the name: state, parent, ..."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()


def children(pid):
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if int(fields(path.name)[1]) == pid:
                found.append(int(path.name))
        except (OSError, IndexError):
            pass
    return found


class Server:
    """What both have: a client's command line, and the CPU seconds used by all their processes so far."""

    def __init__(self, t, process, port, subsystem):
        self.t, self.process, self.port, self.subsystem = t, process, port, subsystem

    def client(self, *options, subsystem=None, port=None):
        return ["ssh", "-F", "none", "-T", "-p", str(port or self.port), "-i", str(self.t.key()),
                "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no",
                "-o", "UserKnownHostsFile=/dev/null", "-E", str(self.t.dir / "client.log"), "-v", *CLIENT, *options,
                "-s", f"{getpass.getuser()}@127.0.0.1", subsystem or self.subsystem]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Servers left running would share library pages with the next one and make it look smaller."""
        self.process.terminate()
        self.process.wait(20)

    def settle(self):
        """Waits until every process of the last connection has been reaped."""
        self.t.wait_for(lambda: not children(self.process.pid), "the server's children to exit")

    def cpu(self):
        self.settle()
        return sum(int(n) for n in fields(self.process.pid)[11:15]) / TICK


class Ours(Server):
    name = "fwsshd"

    def __init__(self, t, updater, **config):
        daemon = t.daemon(updater=updater, log_level="info", **config)
        super().__init__(t, daemon.process, daemon.port, "nerves_firmware_ssh")

    @staticmethod
    def header(size):
        return b"fwup:%d\n" % size


# SHLVL keeps bash from reading the user's ~/.bashrc, which would count as sshd's time.
SSHD = """
Port {port}
ListenAddress 127.0.0.1
HostKey {key}
AuthorizedKeysFile {authorized}
StrictModes no
UsePAM no
UseDNS no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PrintMotd no
PrintLastLog no
PidFile none
LogLevel VERBOSE
SetEnv SHLVL=2
Subsystem discard {updater}
Subsystem print /bin/echo ready
"""


class Sshd(Server):
    name = "sshd"

    def __init__(self, t, updater):
        program = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
        if not program:
            sys.exit("bench: OpenSSH's sshd is not installed (Debian: openssh-server)")
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        port = t.port()
        config = t.dir / "sshd_config"
        config.write_text(SSHD.format(port=port, key=t.key("sshd_host_key"), authorized=f"{t.key()}.pub",
                                      updater=updater))
        process = t.start([program, "-D", "-E", t.dir / "sshd.log", "-f", config])
        super().__init__(t, process, port, "discard")
        t.wait_for(lambda: listens(port), "sshd to listen")

    @staticmethod
    def header(size):
        return b""


class Delay:
    """delay.py in front of a port; clients connect to its own port."""

    def __init__(self, t, target, milliseconds):
        self.port = t.port()
        program = Path(__file__).with_name("delay.py")
        t.start([sys.executable, program, self.port, target, milliseconds])
        t.wait_for(lambda: listens(self.port), "the relay to listen")


def listens(port):
    """Checked without connecting, which the server would take for a client."""
    rows = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(row.split()[1].endswith(f":{port:04X}") and row.split()[3] == "0A" for row in rows)


def push(argv, path, size, header):
    """Pipes the header and the file into a client; returns the seconds it took. Uses sendfile(2), so that feeding the
    client takes almost no CPU away from what is measured."""
    begin = time.monotonic()
    client = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    whole = False
    try:
        with client.stdin as pipe, open(path, "rb") as data:
            os.write(pipe.fileno(), header)
            sent = 0
            while sent < size:
                sent += os.sendfile(pipe.fileno(), data.fileno(), sent, size - sent)
        whole = True
    except BrokenPipeError:
        pass
    finally:
        status = client.wait(300)
    if status or not whole:
        raise RuntimeError(f"the client exited with status {status}{'' if whole else ' before the end'}: "
                           f"{' '.join(argv)}")
    return time.monotonic() - begin
