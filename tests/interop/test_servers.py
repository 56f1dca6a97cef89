# SPDX-License-Identifier: Apache-2.0
"""fwssh-receive under other servers: OpenSSH's sshd (Subsystem) and Dropbear (forced command)."""
import fcntl
import getpass
import os
import signal
import socket
import subprocess
from pathlib import Path

from support.fixture import SANITIZER
from support.process import alive

SUCCESS = b"Running fwup...\nSuccess!\nRebooting...\n"


class Server:
    """A running server and how to reach it; conf belongs to a daemon (support/fixture.py) that need not run."""

    def __init__(self, d, port, subsystems):
        self.d = d
        self.port = port
        self.subsystems = subsystems

    def argv(self, what="nerves_firmware_ssh", *options):
        """what: the subsystem, or a command that Dropbear overrides; None: neither."""
        args = self.d.ssh_args(*options, user=getpass.getuser(), subsystem=what if self.subsystems else None)
        args[args.index("-p") + 1] = str(self.port)
        return args if self.subsystems or not what else [*args, what]

    def push(self, data, what="nerves_firmware_ssh"):
        return self.d.t.run(self.argv(what), input=data, text=False)


def wait_listening(t, port, process):
    def answers():
        assert process.poll() is None, "the server ended"
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0
    t.wait_for(answers, "the server to listen")


def need_root(t):
    if os.geteuid():
        t.skip("needs root")


def receive_command(t, d, shell):
    """Servers run it through the account's shell. shell=True: the shell stays in between, as dash does."""
    program = f"{t.bin('fwssh-receive')} -f {d.conf} -s"
    return f"{program} %s; exit $?" if shell else f"exec {program} %s"


def sshd(t, d, shell=False, more=""):
    need_root(t)
    program = "/usr/sbin/sshd"
    t.need(program)
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # for sshd's privilege separation; a service manager usually creates it
    port = t.port()
    receive = receive_command(t, d, shell)
    # sshd clears the environment; a sanitizer's report must reach the fixture all the same.
    environment = " ".join(f"{k}={v.format(dir=t.reports)}" for k, v in SANITIZER.items())
    config = t.dir / "sshd_config"
    config.write_text(f"""Port {port}
ListenAddress 127.0.0.1
HostKey {t.key("sshd_host_key")}
AuthorizedKeysFile {d.key}.pub
PermitRootLogin prohibit-password
UsePAM no
StrictModes no
PidFile none
PrintMotd no
{more}
SetEnv {environment}
Subsystem nerves_firmware_ssh {receive % "nerves_firmware_ssh"}
Subsystem fwup {receive % "fwup"}
""")
    argv = [program, "-f", config]
    # From 9.8 on it turns addresses away that fail to log in: those of a test are all the same.
    if t.run([*argv, "-t", "-o", "PerSourcePenalties=no"]).returncode == 0:
        argv += ["-o", "PerSourcePenalties=no"]
    with open(t.dir / "sshd.log", "wb") as log:
        wait_listening(t, port, t.start([*argv, "-D", "-e"], stdout=log, stderr=log))
    return Server(d, port, subsystems=True)


def dropbear(t, d, subsystem="nerves_firmware_ssh", shell=False):
    """Dropbear reads keys from the account's home: this one sees a passwd file in which root's home is the test's."""
    need_root(t)
    t.need("unshare")
    if t.run(["unshare", "-m", "true"]).returncode:
        t.skip("cannot make a mount namespace")
    port = t.port()
    host_key = t.dir / "dropbear_host_key"
    t.run([t.need("dropbearconvert"), "openssh", "dropbear", t.key("dropbear_host"), host_key])
    (t.dir / "passwd").write_text(f"root:x:0:0:root:{t.dir}:/bin/sh\n")
    (t.dir / ".ssh").mkdir(mode=0o700)
    command = receive_command(t, d, shell) % subsystem
    public = Path(f"{d.key}.pub").read_text()
    (t.dir / ".ssh/authorized_keys").write_text(f'restrict,command="{command}" {public}')
    os.chmod(t.dir / ".ssh/authorized_keys", 0o600)
    start = f"mount --bind {t.dir}/passwd /etc/passwd && exec dropbear -F -E -e -s -m -P {t.dir}/pid " \
            f"-r {host_key} -p 127.0.0.1:{port}"
    t.need("dropbear")
    with open(t.dir / "dropbear.log", "wb") as log:
        wait_listening(t, port, t.start(["unshare", "-m", "sh", "-c", start], stdout=log, stderr=log))
    return Server(d, port, subsystems=False)


def lock_path(d):
    device = os.path.realpath(d.config["device"])
    return Path(str(d.config["lock-file"]).replace("DEVICE", device.replace("/", "_")))


def is_locked(d):
    with open(lock_path(d), "a+") as f:
        try:
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def check_success(t, server, d):
    data = os.urandom(2 << 20)
    r = server.push(b"fwup:%d,reboot\n" % len(data) + data)
    assert (r.returncode, r.stdout, r.stderr) == (0, SUCCESS, b""), r
    assert d.updater_input() == data
    d.wait_reboot()
    assert d.reboots() == 1


def same_as_fwsshd(server, d, data, status):
    """What goes to standard error under fwsshd goes to standard output here: sshd discards standard error."""
    ours, theirs = d.push(data), server.push(data)
    assert ours.returncode == theirs.returncode == status, (ours, theirs)
    assert theirs.stdout == ours.stdout and ours.stdout.endswith(ours.stderr), (ours, theirs)
    assert ours.stderr.startswith(b"fwssh: ") and theirs.stderr == b"", (ours, theirs)


def check_failures(t, start):
    d = t.daemon(updater=t.updater("take\nprintf 'no such slot\\n'; shake 3"))
    server = start(t, d)
    same_as_fwsshd(server, d, b"fwup:5,reboot\nhello", 1)  # the updater fails
    same_as_fwsshd(server, d, b"fwup:50,reboot\nhello", 1)  # too few bytes
    same_as_fwsshd(server, d, b"fwup:5,format\nhello", 2)  # a bad header
    same_as_fwsshd(server, d, b"", 2)
    with open(lock_path(d), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        same_as_fwsshd(server, d, b"fwup:5,reboot\nhello", 3)  # another update runs
    assert not is_locked(d)
    assert d.reboots() == 0


def kill_client_midway(t, server, d, data, what, sent):
    """SIGKILL when the updater has everything that was sent: after that only the end of input can reach it."""
    before = len(d.updater_input())
    client = t.start(server.argv(what), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    client.stdin.write(data)
    client.stdin.flush()
    t.wait_for(lambda: len(d.updater_input()) == before + sent, "the updater to get its half")
    client.send_signal(signal.SIGKILL)
    client.wait()
    t.wait_for(lambda: not is_locked(d), "the lock to be free")
    t.wait_for(lambda: not any(alive(pid) for pid in d.updater_pids()), "the updater to go")


def complete_updater(t):
    """Says 'complete' when its input has ended, which must never happen when the client was lost."""
    return t.updater(f"take\necho complete >> {t.dir}/complete\nprintf 'Success!\\n'; shake 0")


def check_killed_clients(t, server, d, what, times=3):
    half = os.urandom(300000)
    header = b"fwup:600000,reboot\n" if what == "nerves_firmware_ssh" else b""
    for _ in range(times):
        kill_client_midway(t, server, d, header + half, what, len(half))
        assert not (t.dir / "complete").exists()
    # The same server can tell a real end from that, and the device can be updated at once.
    r = server.push(header + half + half, what)
    assert r.returncode == 0, r
    assert (t.dir / "complete").read_text() == "complete\n"
    d.wait_reboot()
    assert d.reboots() == 1


def session_watcher(t, name):
    """An updater that records the server process above it, and a reboot command that looks for that process. OpenSSH's has
    been a program of its own, sshd-session, since 9.8."""
    updater = t.updater(f"""take
pid=$PPID
above() {{ case $(cat /proc/$pid/comm) in {name} | {name}-session) return 1;; esac; }}
while above; do pid=$(sed -n 's/^PPid:\t//p' /proc/$pid/status); done
echo $pid > {t.dir}/session
printf 'Success!\n'; shake 0""")
    reboot = t.script("look.sh", f"""
state=$(sed -n 's/^State:\t\\(.\\).*/\\1/p' /proc/$(cat {t.dir}/session)/status)
case "$state" in Z|X|'') echo ended;; *) echo "runs ($state)";; esac > {t.dir}/seen.new
mv {t.dir}/seen.new {t.dir}/seen
exit 1
""")
    return updater, f"/bin/sh {reboot}"


def check_reboot_order(t, start, **options):
    updater, reboot = session_watcher(t, start.__name__)
    d = t.daemon(wait=False, updater=updater, reboot_command=reboot)
    server = start(t, d, **options)
    # A master connection keeps the session alive after the update.
    share = ["-o", f"ControlPath={t.dir}/master"]
    master = t.start(server.argv(None, *share, "-M", "-N"))
    t.wait_for(lambda: (t.dir / "master").exists(), "the master connection")
    assert t.run(server.argv("nerves_firmware_ssh", *share), input="fwup:5,reboot\nhello").returncode == 0
    try:
        t.wait_for(lambda: (t.dir / "seen").exists(), timeout=1)  # without waiting, the reboot would come at once
    except AssertionError:
        pass
    master.terminate()
    t.wait_for(lambda: (t.dir / "seen").exists(), "the reboot")
    assert (t.dir / "seen").read_text() == "ended\n", "the session ran still when the reboot began"


def test_sshd_takes_an_update(t):
    d = t.daemon(wait=False)
    check_success(t, sshd(t, d), d)


def test_sshd_takes_a_bare_stream(t):
    d = t.daemon(wait=False)
    data = os.urandom(2 << 20)
    r = sshd(t, d).push(data, "fwup")
    assert (r.returncode, r.stdout, r.stderr) == (0, b"Success!\n", b""), r
    assert d.updater_input() == data
    d.wait_reboot()


def test_sshd_takes_a_stream_without_an_end(t):
    """As mix upload of ssh_subsystem_fwup up to 0.6.3 sends it: the end of the archive is the end."""
    (t.dir / "x.conf").write_text("task upgrade { on-init { raw_memset(0, 8, 1) } }\n")
    assert t.run([t.bin("fwpack"), "-c", "-f", "x.conf", "-o", "x.fw"]).returncode == 0
    d = t.daemon(wait=False, updater=t.bin("fwpack"))
    client = t.start(sshd(t, d).argv("fwup"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    client.stdin.write((t.dir / "x.fw").read_bytes())
    assert client.wait(20) == 0
    with open(d.config["device"], "rb") as f:
        assert f.read(1) == b"\1"
    d.wait_reboot()


def test_sshd_tells_failures_as_fwsshd_does(t):
    check_failures(t, sshd)


def test_sshd_killed_client_is_no_end(t):
    d = t.daemon(wait=False, updater=complete_updater(t))
    check_killed_clients(t, sshd(t, d), d, "nerves_firmware_ssh")


def test_sshd_killed_client_of_a_bare_stream_is_no_end(t):
    d = t.daemon(wait=False, updater=complete_updater(t))
    check_killed_clients(t, sshd(t, d), d, "fwup")


def test_sshd_reboot_comes_after_the_session(t):
    check_reboot_order(t, sshd)


def test_sshd_reboot_comes_after_the_session_with_a_shell_between(t):
    check_reboot_order(t, sshd, shell=True)


def test_dropbear_takes_an_update(t):
    d = t.daemon(wait=False)
    check_success(t, dropbear(t, d), d)


def test_dropbear_tells_failures_as_fwsshd_does(t):
    check_failures(t, dropbear)


def test_dropbear_keeps_standard_error_apart(t):
    """It passes standard error on, so --stderr is useful there."""
    d = t.daemon(wait=False)
    r = dropbear(t, d, "nerves_firmware_ssh --stderr").push(b"rebot\n")
    assert (r.returncode, r.stdout) == (2, r.stderr) and r.stderr.startswith(b"fwssh: bad header"), r


def test_dropbear_killed_client_is_no_end(t):
    d = t.daemon(wait=False, updater=complete_updater(t))
    check_killed_clients(t, dropbear(t, d), d, "nerves_firmware_ssh")


def test_dropbear_killed_client_of_a_bare_stream_is_no_end(t):
    d = t.daemon(wait=False, updater=complete_updater(t))
    check_killed_clients(t, dropbear(t, d, "fwup"), d, "fwup", times=10)  # it was a race condition


def test_dropbear_reboot_comes_after_the_session(t):
    check_reboot_order(t, dropbear)


def test_dropbear_reboot_comes_after_the_session_with_a_shell_between(t):
    check_reboot_order(t, dropbear, shell=True)


# User certificates: with OpenSSH's sshd as the server (SECURITY.md, "User certificates")


def certify(t, name, *options):
    """A key pair whose public half has been signed by the authority."""
    key = t.key(name)
    assert t.run(["ssh-keygen", "-q", "-s", t.key("authority"), "-I", name, *options, f"{key}.pub"]).returncode == 0
    return key


def test_sshd_takes_user_certificates(t):
    d = t.daemon(wait=False)
    me = getpass.getuser()
    good = certify(t, "good", "-n", "updaters", "-V", "-1h:+1h")
    revoked = certify(t, "revoked", "-n", "updaters", "-V", "-1h:+1h")
    refused = [revoked, certify(t, "expired", "-n", "updaters", "-V", "-2h:-1h"),
               certify(t, "principal", "-n", "others", "-V", "-1h:+1h"),
               certify(t, "elsewhere", "-n", "updaters", "-O", "source-address=10.0.0.0/8")]
    (t.dir / "principals").write_text("updaters\n")
    assert t.run(["ssh-keygen", "-q", "-k", "-f", t.dir / "krl", f"{revoked}.pub"]).returncode == 0
    server = sshd(t, d, more=f"TrustedUserCAKeys {t.key('authority')}.pub\nAuthorizedPrincipalsFile {t.dir}/principals\n"
                             f"RevokedKeys {t.dir}/krl")

    def push(key):
        args = d.ssh_args("-o", f"CertificateFile={key}-cert.pub", user=me, key=key)
        args[args.index("-p") + 1] = str(server.port)
        return t.run(args, input=b"fwup:5,reboot\nhello", text=False)

    for key in refused:
        r = push(key)
        assert r.returncode == 255 and b"Permission denied" in r.stderr, (key, r)
    assert d.updater_input() == b""
    r = push(good)
    assert (r.returncode, r.stdout) == (0, SUCCESS), r
    assert d.updater_input() == b"hello"


def test_fwsshd_refuses_certificates_and_says_so(t):
    d = t.daemon()
    key = certify(t, "good", "-n", "any", "-V", "-1h:+1h")
    d.write_config(authorized_keys_files=[f"{t.key('authority')}.pub"])
    d.reload()
    r = d.push(b"fwup:5\nhello", "-o", f"CertificateFile={key}-cert.pub", key=key)
    assert r.returncode == 255
    d.wait_log("certificates are not accepted")
