# SPDX-License-Identifier: Apache-2.0
"""fwssh selftest, against a real fwsshd with a real fwpack and two slots in an image; only the reboot is pretended: the
slot-command asks fwssh-receive about the U-Boot environment in the image, and has a boot-id of its own."""
import os
import pty
import re
import select
import time

from support import slots
from support.slots import TwoSlots


class Board(TwoSlots):
    def __init__(self, t, reverts=True, **config):
        self.boot_id = t.dir / "boot-id"
        self.boot_id.write_text("boot-0\n")
        inner = t.dir / "inner"
        command = t.script("slots", f"""#!/bin/sh
inner() {{ {t.bin("fwssh-receive")} -f /dev/null -o slot-driver=uboot-env -o uboot-env-config={t.dir}/fw_env.config \
-o device={t.dir}/device.img -o state-dir={inner} -o lock-file={t.dir}/inner-DEVICE -o strict-modes=false "$@"; }}
case $1 in
status) inner --status | grep -E '^(active|next|pending|confirmed|slot[.]|product|version|uuid)'
        echo serial=secret-serial-4711; echo "boot-id=$(cat {self.boot_id})";;
revert) {'inner --revert test' if reverts else 'echo cannot; exit 3'};;
*) exit 1;;
esac
""")
        super().__init__(t, slots.content("old", 1 << 20), slot_command=str(command), slot_driver="command", **config)
        reboot = t.script("reboot", f"#!/bin/sh\nrm -f {inner}/running-slot {t.dir}/*running-slot*\necho \"boot-$$\" > {self.boot_id}\n"
                                    f"echo reboot >> {self.daemon.rebooted}\nexit 1\n")
        self.daemon.write_config(reboot_command=str(reboot))
        self.daemon.reload()
        assert self.fwssh("status").returncode == 0  # the first look since the boot

    def selftest(self, *options, **kw):
        self.new = slots.firmware(self.t, "2.0.0", slots.content("new", 2 << 20), self.signed)
        return self.fwssh("selftest", "--firmware", self.new, "--yes", "--wait=30", *options, **kw)

    def active(self):
        return re.search(r"active +(\S+)", self.fwssh("status").stdout)[1]


def steps(text):
    return re.findall(r"^(PASS|FAIL|SKIP) ([a-z ]+): (.*) \(\d+\.\d s\)$", text, re.M)


def test_a_device_that_withstands_it(t):
    b = Board(t, signed=True)
    report = t.dir / "report"
    r = b.selftest("--report", report)
    assert r.returncode == 0, r
    text = report.read_text()
    assert steps(text) == [
        ("PASS", "damaged push", "refused (status 4), and nothing was switched"),
        ("PASS", "cut push", "nothing was switched"),
        ("SKIP", "pulled plug", "nobody could be asked to pull the plug"),
        ("PASS", "push", "the device has rebooted and runs the firmware"),
        ("PASS", "rollback", "the device has rebooted and runs what it ran before")], text
    assert text.startswith("fwssh selftest, report 1\nhost: fwssh ") and text.endswith(
        "result: 4 passed, 0 failed, 1 skipped\n")
    assert re.search(r"^device: fwsshd \d\S*, updater fwpack, slot driver command, signatures on, confirmed \w+$", text, re.M)
    assert f"firmware: fw, {b.new.stat().st_size} bytes\n" in text
    assert b.active() == "a" and b.daemon.reboots() == 2
    assert "not rebooting; this device is: camera\n" in r.stderr, r.stderr
    log = b.daemon.log()
    assert "update failed" in log and "client" in log
    # Nothing that names the device or its site.
    for name in ("127.0.0.1", "secret-serial", "SHA256:", str(t.dir), "tester@desk", str(b.daemon.port)):
        assert name not in text, text


def test_full_has_names(t):
    b = Board(t)
    r = b.selftest("--full")
    assert r.returncode == 0 and "secret-serial-4711" in r.stdout and "name: 127.0.0.1" in r.stdout, r
    assert "result: 4 passed, 0 failed, 1 skipped" in r.stdout


def test_a_device_that_cannot_go_back(t):
    r = Board(t, reverts=False).selftest()
    assert r.returncode == 1 and steps(r.stdout)[-1] == ("FAIL", "rollback", "status 1 (failed)"), r
    assert "slot-command revert exited with status 3: cannot" in r.stderr, "for the user, not in the report"
    assert "cannot" not in r.stdout[r.stdout.index("report 1"):]


def test_a_device_that_takes_damaged_firmware(t):
    """An updater that does not look: it switches whatever comes."""
    b = Board(t)
    b.daemon.write_config(updater=t.script("careless", f"""#!/bin/sh
[ "$1" != --version ] || {{ echo 1.0.0; exit; }}
cat > /dev/null
exec {t.bin("fwpack")} -a -q --no-unmount -d {b.image} -t upgrade -i {t.dir}/2.0.0.fw
"""))
    b.daemon.reload()
    r = b.selftest()
    found = steps(r.stdout)
    assert r.returncode == 1 and found[0][:2] == ("FAIL", "damaged push"), r
    assert "status 0 (done) in place of a refusal" in found[0][2]
    assert [s[0] for s in found[1:]] == ["SKIP"] * 4, "what comes after it could not be judged"


def test_it_starts_only_when_wanted(t):
    b = Board(t)
    args = ["selftest", "--firmware", b.old]
    r = b.fwssh(*args)
    assert r.returncode == 2 and "add --yes if that is wanted" in r.stderr, r
    r = t.run([t.bin("fwssh"), *args, "--yes"])
    assert r.returncode == 2 and "needs the name of one device" in r.stderr, r
    r = b.fwssh(*args, "--yes", "127.0.0.2")
    assert r.returncode == 2 and "needs the name of one device" in r.stderr, r
    r = b.fwssh(*args, "--yes", port=1)
    assert r.returncode == 6 and len(r.stderr.splitlines()) == 1 and not r.stdout, r
    assert "update" not in b.daemon.log() and b.daemon.reboots() == 0


def at_a_terminal(t, argv, env, answers):
    """Runs a program at a terminal; answers[i] is what is done when the i-th question has come."""
    pid, terminal = pty.fork()
    if not pid:
        os.execve(argv[0], [str(a) for a in argv], {**t.env, **env, "TERM": "dumb"})
    text, end = "", time.monotonic() + 50
    while time.monotonic() < end:
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            text += os.read(terminal, 65536).decode(errors="replace")
        except OSError:
            break
        if answers and text.count("[y/N]") > 3 - len(answers):
            os.write(terminal, answers.pop(0)().encode())
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text


def test_a_pulled_plug(t):
    b = Board(t)
    b.new = slots.firmware(t, "2.0.0", slots.content("new", 8 << 20))

    def pulled():
        """The user answers, and pulls the plug in the push: the session dies without a word, and the device boots."""
        b.daemon.stop()
        b.boot_id.write_text("boot-plug\n")
        return "y\n"

    def powered():
        b.daemon.start()
        return "y\n"

    argv = [t.bin("fwssh"), "selftest", "--firmware", b.new, "--wait=30", *b.options(), "127.0.0.1"]
    status, text = at_a_terminal(t, argv, b.env, [lambda: "y\n", pulled, powered])
    plug = [s for s in steps(text.replace("\r", "")) if s[1] == "pulled plug"]
    assert status == 0 and plug == [("PASS", "pulled plug", "the device runs what it ran before")], text
