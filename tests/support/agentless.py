# SPDX-License-Identifier: Apache-2.0
"""Pushes to devices without fwsshd, and what must be gone from them afterwards."""
import os
import platform
import pty
import shutil
import subprocess
from pathlib import Path

from support.process import children


def agent_dir(t):
    """The build's own fwssh-agent for this machine, where --agent-dir finds it."""
    directory = t.dir / "agent" / platform.machine()
    if not directory.exists():
        directory.mkdir(parents=True)
        shutil.copy(t.bin("fwssh-agent"), directory)
    return t.dir / "agent"


class Place:
    """The mount namespace in which a device's processes are, by one of them."""

    def __init__(self, pid="self"):
        self.proc = Path("/proc", str(pid))
        self.namespace = os.readlink(self.proc / "ns/mnt")

    def processes(self):
        """Those of fwssh-agent, and shells on the way to one."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                here = os.readlink(entry / "ns/mnt") == self.namespace
                words = (entry / "cmdline").read_bytes().split(b"\0")
                program = os.readlink(entry / "exe")
            except OSError:
                continue
            if here and ("/fwssh-agent." in program or words[0].startswith(b"fwssh-agent") or b"fwssh-agent" in words[1:4]):
                found.append((int(entry.name), words[:3]))
        return found

    def traces(self):
        """Mounts and files that are there now."""
        mounts = [line for line in (self.proc / "mounts").read_text().splitlines() if "fwssh-agent" in line]
        places = [self.proc / "root" / place for place in ("run", "dev/shm", "tmp")]
        return mounts + [str(path) for place in places for path in place.glob("fwssh-agent.*")]

    def wait_clean(self, t):
        t.wait_for(lambda: not self.processes(), "fwssh-agent's processes to be gone")
        assert not self.traces()


APPLETS = "sh uname id cat chmod wc mkdir rmdir mount umount".split()
START = """
mount --make-rprivate / &&
mount --bind $1 $1 && mount --rbind /dev $1/dev && mount -t proc proc $1/proc &&
mount -t tmpfs -o noexec,nosuid,mode=755 run $1/run && mount -t tmpfs -o noexec tmp $1/tmp &&
for d in /lib /lib64 /usr/lib; do mount --rbind $d $1$d || exit; done &&
mount --bind $3/boot-id $1/proc/sys/kernel/random/boot_id &&
mount --bind $2 $1/disk.img && mount --bind $3 $1/data &&
mount -o remount,bind,ro $1 && exec chroot $1 /sbin/dropbear -F -E -s -m -r /data/host_key -p 127.0.0.1:$4
"""


class BusyBox:
    """A device with BusyBox and Dropbear in namespaces of their own: a read-only root, /run and /tmp noexec, nothing else."""

    def __init__(self, t, d, image, programs):
        self.t, self.port, self.root = t, t.port(), t.dir / "root"
        data = t.dir / "data"
        for name in ("bin", "sbin", "dev", "proc", "run", "tmp", "lib", "lib64", "usr/lib", "etc", "data", "root/.ssh"):
            (self.root / name).mkdir(parents=True)
        data.mkdir()
        (data / "boot-id").write_text("boot-1\n")
        (self.root / "var").mkdir()
        (self.root / "var/lock").symlink_to("/run")
        (self.root / "disk.img").touch()
        (self.root / "etc/fwssh").mkdir()
        (self.root / "etc/fwssh/fwsshd.conf").symlink_to("/data/fwsshd.conf")
        t.need("busybox")
        shutil.copy(shutil.which("busybox"), self.root / "bin/busybox")
        for name in APPLETS:
            if name not in programs:
                (self.root / "bin" / name).symlink_to("busybox")
        if programs:  # BusyBox's shell would prefer its own
            (self.root / "bin/sh").unlink()
            shutil.copy(shutil.which("dash"), self.root / "bin/sh")
        for name, text in programs.items():
            (self.root / "bin" / name).write_text(text)
            (self.root / "bin" / name).chmod(0o755)
        t.need("dropbear")
        shutil.copy(shutil.which("dropbear"), self.root / "sbin/dropbear")
        (self.root / "sbin/reboot").write_text("#!/bin/sh\necho reboot >>/data/rebooted\n"
                                              "echo boot-$(($(wc -l </data/rebooted) + 1)) >/data/boot-id\nexit 1\n")
        (self.root / "sbin/reboot").chmod(0o755)
        (self.root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
        (self.root / "root/.ssh").chmod(0o700)
        keys = self.root / "root/.ssh/authorized_keys"
        shutil.copy(f"{d.key}.pub", keys)
        keys.chmod(0o600)
        t.run([t.need("dropbearconvert"), "openssh", "dropbear", t.key("dropbear_host"), data / "host_key"])
        self.data = data
        log = open(t.dir / "dropbear.log", "wb")
        self.process = t.start(["unshare", "-m", "-p", "-f", "--kill-child", "sh", "-c", START, "sh", self.root, image, data,
                                self.port], stdout=log, stderr=log)

    def place(self):
        dropbear, = children(self.process.pid)
        return Place(dropbear)

    def reboots(self):
        path = self.data / "rebooted"
        return path.read_text().count("reboot") if path.exists() else 0


PASSWORD = "correct horse"


def bind(t, over, by):
    """For the processes of this test only, whose mount namespace is its own."""
    assert t.run(["mount", "--bind", by, over]).returncode == 0


def hide(t, program):
    """As if it were not installed."""
    found, nothing = shutil.which(program), t.dir / "nothing"
    nothing.touch()
    if found:
        bind(t, found, nothing)


def login_shell(t, program):
    """Of 'tester'. What it does at each login, as for a terminal's title, ends without the end of a line."""
    passwd = Path("/etc/passwd")
    passwd.write_text("".join(f"{line.rpartition(':')[0]}:{program}\n" if line.startswith("tester:") else f"{line}\n"
                              for line in passwd.read_text().splitlines()))
    (t.dir / ".config/fish").mkdir(parents=True, exist_ok=True)
    for name in (".bashrc", ".cshrc", ".zshenv", ".config/fish/config.fish"):
        (t.dir / name).write_text("echo Welcome; printf '\\033]0;a title\\007'\n")
        (t.dir / name).chmod(0o644)


def person(t, sudoers="tester ALL=(ALL) ALL", doas=""):
    """A login 'tester', who has PASSWORD and these lines, in an /etc of this test's own."""
    etc = t.dir / "etc"
    assert t.run(["cp", "-a", "/etc", etc]).returncode == 0
    password = subprocess.run(["openssl", "passwd", "-6", PASSWORD], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    for name, line in (("passwd", f"tester:x:54321:54321::{t.dir}:/bin/sh"), ("shadow", f"tester:{password}:19000:0:99999:7:::")):
        with open(etc / name, "a") as f:
            f.write(line + "\n")
    for name, text in (("sudoers", f"Defaults !fqdn, !lecture, passwd_tries=3\n{sudoers}"), ("doas.conf", doas)):
        (etc / name).unlink(missing_ok=True)
        (etc / name).write_text(text + "\n")
        (etc / name).chmod(0o440)
    bind(t, "/etc", etc)


def at_terminal(t, argv, answers, env=None, timeout=60):
    """Runs a program at a terminal, and types an answer each time it asks (by the end of its prompt): status and text."""
    pid, fd = pty.fork()
    if not pid:
        os.chdir(t.dir)
        os.execvpe(str(argv[0]), [str(a) for a in argv], {**t.env, **(env or {})})
    text, seen, answers = "", 0, list(answers)
    while True:
        try:
            piece = os.read(fd, 4096)
        except OSError:
            break
        if not piece:
            break
        text += piece.decode(errors="replace")
        if answers and answers[0][0] in text[seen:]:
            seen = len(text)
            os.write(fd, answers.pop(0)[1].encode() + b"\n")
    os.close(fd)
    assert not answers, text
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text
