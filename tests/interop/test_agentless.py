# SPDX-License-Identifier: Apache-2.0
"""fwssh push --agentless: through a device's own SSH server, with nothing installed on it."""
import shutil

from interop.test_servers import need_root, sshd, wait_listening
from support.agentless import PASSWORD, BusyBox, Place, agent_dir, at_terminal, hide, login_shell, person
from support.rauc_device import RaucDevice
from support.slots import TwoSlots, changed, content, firmware

PLAIN_ONLY = "each test sends a program that is ten times as large with sanitizers"


def options(t, d, *keys, user="root"):
    given = [x for k in ("device", "uboot-env-config", "reboot-command") if k in d.config
             for x in ("--agent-option", f"{k}={d.config[k]}")]
    return ["--agentless", "--agent-dir", agent_dir(t), "--user", user, *(keys or given)]


def test_sshd_as_root(t):
    device = TwoSlots(t, content(1))
    server = sshd(t, device.daemon)
    new = content(2)
    r = device.push(firmware(t, "2.0.0", new), *options(t, device.daemon), port=server.port)
    assert r.returncode == 0, r
    assert device.slot("b").startswith(new)
    device.daemon.wait_reboot()
    Place().wait_clean(t)


def test_changed_host_key_is_told_in_one_line(t):
    device = TwoSlots(t, content(1))
    server = sshd(t, device.daemon)
    other = t.key("other").with_suffix(".pub").read_text()
    (t.dir / "known_hosts").write_text(f"[127.0.0.1]:{server.port} {other}")
    r = device.push(firmware(t, "2.0.0", content(2)), *options(t, device.daemon), "--ssh-option", "StrictHostKeyChecking=yes",
                    port=server.port)
    assert r.returncode == 5, r
    last = r.stderr.splitlines()[-1]
    assert "its host key has changed" in last and ' ssh-keygen -f "' in last and "and try again" in last and "?" not in last, r


def busybox(t, device, **programs):
    """programs: scripts in place of applets."""
    need_root(t)
    board = BusyBox(t, device.daemon, device.image, programs)
    wait_listening(t, board.port, board.process)
    (board.data / "fw_env.config").write_text("/disk.img 0x2000 0x2000\n/disk.img 0x4000 0x2000\n")
    return board


ON_BOARD = ["--agent-option", "device=/disk.img", "--agent-option", "uboot-env-config=/data/fw_env.config"]


def test_busybox_and_dropbear_with_a_read_only_root_and_nothing_executable(t):
    """A whole push, and then one of which the device holds most."""
    root = content(1)
    device = TwoSlots(t, root)
    board = busybox(t, device)
    new = changed(root, 2)
    r = device.push(firmware(t, "2.0.0", new), *options(t, device.daemon, *ON_BOARD), "--adaptive=never", port=board.port)
    assert r.returncode == 0, r
    assert device.slot("b").startswith(new)
    t.wait_for(lambda: board.reboots() == 1, "the reboot")
    board.place().wait_clean(t)
    assert sorted(path.name for path in board.data.iterdir()) == ["boot-id", "fw_env.config", "host_key", "rebooted"]
    newer = changed(new, 3)
    r = device.push(firmware(t, "3.0.0", newer), *options(t, device.daemon, *ON_BOARD), port=board.port)
    assert r.returncode == 0 and "Sent 0." in r.stdout, r
    assert device.slot("a").startswith(newer)
    board.place().wait_clean(t)


def test_status_and_a_push_that_waits_for_the_device(t):
    device = TwoSlots(t, content(1))
    board = busybox(t, device)
    given = options(t, device.daemon, *ON_BOARD)
    r = device.fwssh("status", *given, port=board.port)
    assert r.returncode == 0 and "slot a, camera 1.0.0" in r.stdout and "boot-1" in r.stdout, r
    r = device.push(firmware(t, "2.0.0", content(2)), *given, "--wait=60", port=board.port)
    assert r.returncode == 0 and "Done: the device runs the new firmware (slot b, version 2.0.0)" in r.stdout, r
    assert board.reboots() == 1
    board.place().wait_clean(t)


def test_check_says_how_far_it_gets(t):
    device = TwoSlots(t, content(1))
    board = busybox(t, device)
    r = device.fwssh("check", *options(t, device.daemon, *ON_BOARD), port=board.port)
    assert r.returncode == 0 and "OK   agentless  fwssh-agent runs" in r.stdout and "updater fwpack" in r.stdout, r
    (board.root / "bin/busybox").chmod(0)
    r = device.fwssh("check", *options(t, device.daemon, *ON_BOARD), port=board.port)
    assert r.returncode == 1 and "FAIL agentless" in r.stdout and "no shell" in r.stdout, r


def test_values_reach_the_device_as_they_are(t):
    """Through two shells: quotes, dollars, blanks."""
    device = TwoSlots(t, content(1))
    odd = """/dev/it's "not" $HOME `there` \\ !"""
    board = busybox(t, device)
    one_line(t, device, board, 1, f"cannot find the device {odd}", keys=["--agent-option", f"device={odd}"])


def test_any_login_shell_may_greet_and_takes_values_as_they_are(t):
    """csh looks for its history in quotes, too, and fish for backslashes."""
    need_sudo(t)
    person(t, "tester ALL=(ALL) NOPASSWD: ALL")
    device = TwoSlots(t, content(1))
    odd = """/dev/it's "not" !this $HOME `there` \\ \\\\' \\"""
    argv = as_person(t, device, "--quiet", "--timeout", "30", "--agent-option", f"device={odd}")
    for shell in ("bash", "tcsh", "zsh", "fish"):
        login_shell(t, shutil.which(t.need(shell)))
        r = t.run(argv, env=device.env)
        assert r.returncode == 1 and f"cannot find the device {odd}" in r.stderr, (shell, r)
        Place().wait_clean(t)


def test_the_devices_own_configuration_is_used(t):
    """Its device and its state-dir, which stays; what the command line says comes first."""
    device = TwoSlots(t, content(1))
    board = busybox(t, device)
    (board.data / "fwsshd.conf").write_text('device = "/nonexistent"\nuboot-env-config = "/data/fw_env.config"\n'
                                            'state-dir = "/data/state"\nallowed-tasks = {"other"}\n')
    r = device.push(firmware(t, "2.0.0", content(2)), *options(t, device.daemon, *ON_BOARD[:2]), port=board.port)
    assert r.returncode == 0, r
    assert device.slot("b").startswith(content(2))
    assert "update done" in (board.data / "state/last-update").read_text()
    r = device.push(firmware(t, "2.0.0", content(2)), *options(t, device.daemon, *ON_BOARD[:2]), "--task", "upgrade", port=board.port)
    assert r.returncode == 3 and "is not in allowed-tasks" in r.stderr, r
    board.place().wait_clean(t)


def test_a_task_of_ones_own(t):
    device = TwoSlots(t, content(1))
    board = busybox(t, device)
    r = device.push(firmware(t, "2.0.0", content(2)), *options(t, device.daemon, *ON_BOARD), "--task", "complete", port=board.port)
    assert r.returncode == 0 and "task complete" in r.stdout, r
    assert device.slot("a").startswith(content(2))


def test_rauc_on_the_device(t):
    """Its adapter comes along; the bundle goes where spool-dir says."""
    d = RaucDevice(t)
    bundle, image = d.bundle()
    server = sshd(t, d.daemon, more=f"SetEnv DBUS_SYSTEM_BUS_ADDRESS={t.env['DBUS_SYSTEM_BUS_ADDRESS']}")
    keys = {"updater": "rauc", "device": t.dir / "slot-b", "spool-dir": t.dir, "reboot-command": d.daemon.config["reboot-command"]}
    given = [x for k, v in keys.items() for x in ("--agent-option", f"{k}={v}")]
    r = t.run([t.bin("fwssh"), "push", "--firmware", bundle, *options(t, d.daemon, *given), "--port", server.port,
               "--user-dir", d.daemon.key.parent, "--ssh-option", "StrictHostKeyChecking=no", "--ssh-option",
               f"UserKnownHostsFile={t.dir}/known_hosts", "127.0.0.1"])
    assert r.returncode == 0 and "succeeded" in r.stdout, r
    assert d.slot("b", len(image)) == image and d.untouched("a") and d.get("primary") == "B"
    d.daemon.wait_reboot()
    Place().wait_clean(t)


def test_fwsshd_and_an_agentless_push_exclude_each_other(t):
    device = TwoSlots(t, content(1))
    server = sshd(t, device.daemon)
    lock = ["--agent-option", f"lock-file={device.daemon.config['lock-file']}"]
    fw = firmware(t, "2.0.0", content(2))
    first = t.start([t.bin("fwssh"), "push", "--firmware", fw, *device.options(), "--adaptive=never", "--bwlimit", "300k",
                     "127.0.0.1"], env=device.env)
    t.wait_for(lambda: device.daemon.pids("fwssh-receive"), "the first update")
    r = device.push(fw, *options(t, device.daemon), *lock, "--quiet", port=server.port)
    assert r.returncode == 3 and len(r.stderr.splitlines()) == 1 and "another update" in r.stderr, r
    first.kill()
    Place().wait_clean(t)


def as_person(t, device, *more):
    """The command line of a push as 'tester', and the server."""
    server = sshd(t, device.daemon)
    fw = firmware(t, "2.0.0", content(2))
    return [t.bin("fwssh"), "push", "--firmware", fw, *device.options(server.port), *options(t, device.daemon, user="tester"),
            *more, "127.0.0.1"]


def need_sudo(t, program="sudo"):
    need_root(t)
    t.need(program)


PROMPT = "fwssh: sudo on the device wants the password for tester on 127.0.0.1: "


def test_sudo_with_a_password_that_is_asked_for_once_at_the_terminal(t):
    need_sudo(t)
    person(t)
    device = TwoSlots(t, content(1))
    status, text = at_terminal(t, as_person(t, device), [(PROMPT, PASSWORD)], device.env)
    assert status == 0 and text.count(PROMPT) == 1 and PASSWORD not in text, text
    assert device.slot("b").startswith(content(2))
    device.daemon.wait_reboot()
    Place().wait_clean(t)


def untouched(t, device, before):
    assert device.image.read_bytes() == before
    Place().wait_clean(t)


def test_wrong_sudo_password(t):
    need_sudo(t)
    person(t)
    device = TwoSlots(t, content(1))
    before = device.image.read_bytes()
    status, text = at_terminal(t, as_person(t, device), [(PROMPT, "wrong")], device.env)
    assert status == 5 and text.count("\n" + PROMPT) == 1, text
    assert text.strip().endswith("sudo on the device does not accept the password for tester on 127.0.0.1"), text
    untouched(t, device, before)


def test_sudo_without_a_password_needs_no_terminal(t):
    need_sudo(t)
    person(t, "tester ALL=(ALL) NOPASSWD: ALL")
    device = TwoSlots(t, content(1))
    r = t.run(as_person(t, device), env=device.env)
    assert r.returncode == 0 and "password" not in r.stdout + r.stderr, r
    assert device.slot("b").startswith(content(2))
    device.daemon.wait_reboot()
    Place().wait_clean(t)


def refused(t, device, status, *words):
    before = device.image.read_bytes()
    r = t.run(["setsid", "-w", *as_person(t, device)], env=device.env)
    assert r.returncode == status and len(r.stderr.splitlines()) == 1, r
    for word in words:
        assert word in r.stderr, r
    untouched(t, device, before)


def test_sudo_wants_a_password_and_there_is_no_terminal(t):
    need_sudo(t)
    person(t)
    refused(t, TwoSlots(t, content(1)), 5, "there is no terminal to ask for it", "NOPASSWD")


def test_sudo_wants_a_password_on_several_hosts(t):
    """Nobody knows whose it would be: at a terminal, too, each host says what to do."""
    need_sudo(t)
    person(t)
    device = TwoSlots(t, content(1))
    before = device.image.read_bytes()
    status, text = at_terminal(t, [*as_person(t, device), "localhost"], [], device.env)
    assert status == 10 and PROMPT not in text, text
    for host in ("127.0.0.1", "localhost"):
        assert f"wants a password for tester on {host}, and with several hosts nobody is asked for it" in text, text
    untouched(t, device, before)


def test_not_in_sudoers(t):
    need_sudo(t)
    person(t, "")
    device = TwoSlots(t, content(1))
    before = device.image.read_bytes()
    status, text = at_terminal(t, as_person(t, device), [(PROMPT, PASSWORD)], device.env)
    assert status == 5 and "does not make tester on 127.0.0.1 root: tester is not in the sudoers file" in text, text
    untouched(t, device, before)


def test_doas_without_a_password(t):
    need_sudo(t, "doas")
    person(t, doas="permit nopass tester")
    hide(t, "sudo")
    device = TwoSlots(t, content(1))
    r = t.run(as_person(t, device), env=device.env)
    assert r.returncode == 0, r
    assert device.slot("b").startswith(content(2))
    Place().wait_clean(t)


def test_doas_with_a_password(t):
    need_sudo(t, "doas")
    person(t, doas="permit tester")
    hide(t, "sudo")
    refused(t, TwoSlots(t, content(1)), 3, "without a password", "nopass", "nothing was done")


def test_neither_root_nor_a_way_to_become_it(t):
    need_sudo(t)
    person(t)
    hide(t, "sudo")
    hide(t, "doas")
    refused(t, TwoSlots(t, content(1)), 3, "tester on 127.0.0.1 is not root there", "nothing was done")


def one_line(t, device, board, status, *words, keys=ON_BOARD):
    """A push that must fail, with nothing written on the board and nothing left there."""
    before = device.image.read_bytes()
    r = device.push(firmware(t, "2.0.0", content(2)), *options(t, device.daemon, *keys), "--quiet", port=board.port)
    assert r.returncode == status and len(r.stderr.splitlines()) == 1, r
    for word in words:
        assert word in r.stderr, r
    assert device.image.read_bytes() == before
    board.place().wait_clean(t)


def test_a_machine_that_there_is_no_program_for(t):
    device = TwoSlots(t, content(1))
    board = busybox(t, device, uname="#!/bin/sh\necho mips\n")
    one_line(t, device, board, 1, "'mips'", "no fwssh-agent for it")


def test_an_agent_that_was_not_built(t):
    device = TwoSlots(t, content(1))
    board = busybox(t, device, uname="#!/bin/sh\necho aarch64\n")
    one_line(t, device, board, 1, "/arm64/fwssh-agent", "make static ARCH=arm64")


def test_a_device_that_cannot_mount(t):
    device = TwoSlots(t, content(1))
    board = busybox(t, device, mount="#!/bin/sh\necho mount: not permitted >&2\nexit 1\n")
    one_line(t, device, board, 1, "cannot mount a tmpfs: mount: not permitted", "nothing was done")


def test_timeout_holds_before_the_agent_runs_too(t):
    device = TwoSlots(t, content(1))
    board = busybox(t, device, mount="#!/bin/sh\nexec busybox sleep 60\n")
    given = options(t, device.daemon, *ON_BOARD)
    for command in ("push", "status"):
        r = device.fwssh(command, *given, "--quiet", "--timeout", "3", "--firmware", device.old, port=board.port, timeout=40)
        assert r.returncode == 6 and "did not answer in time" in r.stderr and len(r.stderr.splitlines()) == 1, (command, r)


def test_an_umount_that_cannot_detach(t):
    device = TwoSlots(t, content(1))
    board = busybox(t, device, umount='#!/bin/sh\n[ "$1" != -l ] || { echo umount: no -l >&2; exit 1; }\nexec busybox umount "$@"\n')
    one_line(t, device, board, 1, "cannot detach a tmpfs: umount: no -l", "nothing was done")


def test_a_file_that_arrives_incompletely(t):
    device = TwoSlots(t, content(1))
    board = busybox(t, device, cat='#!/bin/sh\nexec busybox head -c 1000\n')
    one_line(t, device, board, 1, "did not arrive completely", "nothing was done")


def test_a_program_that_arrives_damaged(t):
    device = TwoSlots(t, content(1))
    board = busybox(t, device, cat="#!/bin/sh\nexec busybox sed s/firmware/fIrmware/\n")
    one_line(t, device, board, 1, "another SHA-256", "nothing was done")


def test_the_device_is_never_guessed(t):
    device = TwoSlots(t, content(1))
    one_line(t, device, busybox(t, device), 1, 'device is "uboot-env"', "--agent-option device=PATH", keys=ON_BOARD[2:])


def test_a_device_without_a_shell(t):
    """Of another kind each: another program in its place, one that only says no, and fwsshd."""
    device = TwoSlots(t, content(1))
    before = device.image.read_bytes()
    for more in ("ForceCommand internal-sftp", "ForceCommand echo This account is closed.; exit 1", None):
        port = sshd(t, device.daemon, more=more).port if more else device.daemon.port
        r = device.push(firmware(t, "2.0.0", content(2)), *options(t, device.daemon), "--quiet", "--timeout", "5", port=port)
        assert r.returncode in (1, 6) and len(r.stderr.splitlines()) == 1 and "shell" in r.stderr, (more, r)
        untouched(t, device, before)


def test_others_cannot_have_it_unmount_what_they_like(t):
    """In a directory that anybody can write to, what looks like an earlier one may be a link to a mount."""
    device = TwoSlots(t, content(1))
    mkdir = "#!/bin/sh\ncase $3 in /tmp/*) exec busybox mkdir \"$@\";; esac\nexit 1\n"
    board = busybox(t, device, mkdir=mkdir)
    tmp = board.place().proc / "root/tmp"
    (tmp / "fwssh-agent.4999999").symlink_to("/data")
    given = options(t, device.daemon, "--agent-option", "device=/disk.img")
    r = device.fwssh("status", *given, port=board.port)
    assert (board.place().proc / "root/data/boot-id").exists(), r
    assert r.returncode == 0, r
