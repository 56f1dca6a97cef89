# SPDX-License-Identifier: Apache-2.0
"""A site's own commands before and after an update."""
import shutil

from scenario.test_push import push
from support.fixture import waits
from support.process import alive


def hook(t, name, body):
    return str(t.script(name, f"#!/bin/sh\nenv | grep ^FWSSH_ > {t.dir}/{name}.env\n{body}\n"))


def environment(t, name):
    return dict(line.split("=", 1) for line in (t.dir / f"{name}.env").read_text().splitlines())


def test_precheck_that_agrees(t):
    d = t.daemon(hook_precheck=hook(t, "pre", "echo battery at 80 percent"))
    r = d.push(b"fwup:3\nabc")
    assert r.returncode == 0 and d.updater_input() == b"abc"
    assert b"battery at 80 percent" in r.stderr, r
    wanted = {"FWSSH_HOOK": "precheck", "FWSSH_DEVICE": str(t.dir / "device0.img"), "FWSSH_TASK": "upgrade"}
    assert wanted.items() <= environment(t, "pre").items()


def test_precheck_that_refuses(t):
    d = t.daemon()
    for body, text in (("echo the pump is running\nexit 21", b"asks to try again later: the pump is running"),
                       ("echo not today >&2\nexit 1", b"refused by hook-precheck: not today"),
                       ("exit 7", b"refused by hook-precheck: no reason given"),
                       ("printf 'two\\nlines\\n'; exit 1", b"refused by hook-precheck: two lines"),
                       ("head -c 100000 /dev/zero | tr '\\0' x; exit 1", b"refused by hook-precheck: xxxx"),
                       ("kill -9 $$", b"killed by signal 9")):
        d.write_config(hook_precheck=hook(t, "pre", body))
        d.reload()
        r = d.push(b"fwup:3\nabc")
        assert r.returncode == 3 and text in r.stderr and b"nothing was done" in r.stderr, (body, r)
        assert not d.updater_pids() and d.reboots() == 0
    d.write_config(hook_precheck="/nonexistent/hook")
    d.reload()
    assert d.push(b"fwup:3\nabc").returncode == 3
    d.write_config(hook_precheck="")
    d.reload()
    assert d.push(b"fwup:3\nabc").returncode == 0


@waits
def test_hook_cannot_hang_an_update_and_leaves_nothing_behind(t):
    pid = t.dir / "sleeper"
    d = t.daemon(hook_timeout=2, hook_precheck=hook(t, "pre", f"sh -c 'echo $$ > {pid}; exec sleep 1000' & wait"))
    r = d.push(b"fwup:3\nabc")
    assert r.returncode == 3 and b"was killed after 2 seconds" in r.stderr, r
    t.wait_for(lambda: not alive(int(pid.read_text())), "the hook's child to end")
    # The device is free again.
    d.write_config(hook_precheck="")
    d.reload()
    assert d.push(b"fwup:3\nabc").returncode == 0


def test_hook_inherits_no_descriptors(t):
    d = t.daemon(hook_precheck=hook(t, "pre", f"ls -l /proc/self/fd > {t.dir}/fds"))
    assert d.push(b"fwup:3\nabc").returncode == 0
    links = [line.split(" -> ")[1] for line in (t.dir / "fds").read_text().splitlines() if " -> " in line]
    assert len(links) == 4 and sum("/proc/" in x for x in links) == 1, links


def test_task_is_the_one_that_was_asked_for(t):
    """In the hooks' environment and in the audit line."""
    d = t.daemon(hook_precheck=hook(t, "pre", ""), hook_success=hook(t, "good", ""), hook_failure=hook(t, "bad", ""),
                 allowed_tasks=["upgrade", "other"], updater=t.updater("take\n[ ! -e $me.fail ] || shake 1; shake 0"))
    for task, word in (("other", " task=other"), ("upgrade", "")):
        for name in ("good", "bad"):
            r = d.push(f"fwssh/1 update size=3{word}\nabc".encode(), subsystem="fwssh")
            assert r.returncode == (name == "bad"), r
            assert environment(t, "pre")["FWSSH_TASK"] == environment(t, name)["FWSSH_TASK"] == task
            t.wait_for(lambda: f'task="{task}"' in d.log().splitlines()[-1] or f'task="{task}"' in d.log(), "the audit line")
            (t.dir / "updater.fail").touch()
        (t.dir / "updater.fail").unlink()
    # What is refused before anything is done was still asked for.
    assert d.push(b"fwssh/1 update size=3 task=forbidden\nabc", subsystem="fwssh").returncode == 3
    d.wait_log('task="forbidden"')


def test_texts_of_hooks_and_warnings_reach_clients_that_show_one_stream(t):
    """Those of the Elixir package show standard output only; fwssh shows each line once."""
    slots = t.script("slots", "#!/bin/sh\necho active=a; echo next=a; echo confirmed=no; echo version=1\n")
    d = t.daemon(hook_precheck=hook(t, "pre", "echo battery at 80 percent"), slot_command=str(slots))
    r = d.push(b"fwup:3\nabc")
    assert r.returncode == 0 and r.stdout.endswith(b"Running fwup...\nSuccess!\n"), r
    for words in (b"fwssh: battery at 80 percent\n", b"is not confirmed yet"):
        assert r.stdout.count(words) == 1 and r.stderr.count(words) == 1, r
    r = push(t, d)
    assert r.returncode == 0, r
    for words in ("battery at 80 percent", "is not confirmed yet"):
        assert (r.stdout + r.stderr).count(words) == 1, r
    # In the others, it is what people read: programs have the answer.
    r = d.push(b"fwssh/1 update size=3\nabc", subsystem="fwssh")
    assert b"battery" not in r.stdout and r.stderr.count(b"battery") == 1, r


def test_success_and_failure_are_told(t):
    d = t.daemon(hook_success=hook(t, "good", "echo noted"), hook_failure=hook(t, "bad", "exit 5"),
                 updater=t.updater("take\n[ -e $me.fail ] && { echo broken; shake 1; }\nprintf 'Success!\\n'; shake 0"))
    assert d.push(b"fwup:3,reboot\nabc").returncode == 0
    env = environment(t, "good")
    assert (env["FWSSH_HOOK"], env["FWSSH_STATUS"], env["FWSSH_REBOOT"]) == ("success", "0", "1")
    d.wait_log("hook-success: noted")
    assert not (t.dir / "bad.env").exists()
    d.wait_reboot()
    (t.dir / "updater.fail").touch()
    t.wait_for(lambda: d.push(b"fwup:3\nabc").returncode == 1, "the device to be free again")
    env = environment(t, "bad")
    assert env["FWSSH_HOOK"] == "failure" and env["FWSSH_STATUS"] == "1" and "updater" in env["FWSSH_TEXT"]
    d.wait_log("hook-failure exited with status 5")


def test_programs_that_others_may_change_are_not_run(t):
    """They run as root. Their directories count, too."""
    (t.dir / "open").mkdir()
    (t.dir / "open").chmod(0o777)
    scripts = {"open/pre": 0o755, "pre": 0o775, "after": 0o757}
    for name, mode in scripts.items():
        (t.dir / name).write_text(f"#!/bin/sh\ntouch {t.dir}/{name.replace('/', '-')}.ran\necho active=a\n")
        (t.dir / name).chmod(mode)
    updater, good = t.updater("take; shake 0", name="open/updater"), t.updater("take; shake 0", name="updater0")
    d = t.daemon(strict_modes=True, updater=good, authorized_keys_files=[], authorized_keys=[open(f"{t.key()}.pub").read()])
    for key, name, status, where in (("hook-precheck", "pre", 3, "pre"), ("hook-precheck", "open/pre", 3, "open"),
                                     ("hook-success", "after", 0, "after"), ("slot-command", "pre", 0, "pre"),
                                     ("updater", "open/updater", 1, "open")):
        d.write_config(updater=good, hook_precheck="", hook_success="", slot_command="")
        d.write_config(**{key: str(t.dir / name)})
        d.reload()
        r = d.push(b"fwup:3\nabc")
        words = f"'{t.dir}/{where}' is writable by others"
        assert r.returncode == status and (words in (r.stdout + r.stderr).decode() or status == 0), (key, r)
        if key != "slot-command":  # what the slots are is then not known, which refuses nothing
            d.wait_log(words)
        r = t.run([t.bin("fwsshd"), "-f", d.conf, "-t"])
        assert r.returncode == 1 and f"FAIL {'slots' if key == 'slot-command' else key}: " in r.stderr and words in r.stderr, r
        d.log_path.write_text("")
    assert not list(t.dir.glob("*.ran")) and not d.updater_pids("open/updater")
    for name, possible in (("hold", True), ("open/hold", False)):
        shutil.copy(t.bin("fwssh-hold"), t.dir / name)
        d.write_config(updater=good, slot_command="", hold_program=str(t.dir / name))
        d.reload()
        assert (b"assemble" in d.push(b"fwssh/1 status\n", subsystem="fwssh").stdout) == possible
        r = t.run([t.bin("fwsshd"), "-f", d.conf, "-t"])
        assert (r.returncode == 0) == possible and ("FAIL hold-program: " in r.stderr) != possible, r
    d.write_config(updater=good, slot_command="", hook_precheck=str(t.dir / "pre"), strict_modes=False)
    d.reload()
    assert d.push(b"fwup:3\nabc").returncode == 0 and (t.dir / "pre.ran").exists()
