# SPDX-License-Identifier: Apache-2.0
"""fwssh push against our daemon: what the user sees, and the exit status."""
import json
import os
import pty
import re
import select
import signal
import subprocess

from support.process import alive
from support.rebooting import events

OLD = b"firmware of the tests\n"


def firmware(t, name="fw.fw", size=300_000, product="Test product"):
    """A small archive; the stand-in updaters do not read it, fwssh push does."""
    (t.dir / "payload").write_bytes(os.urandom(size))
    (t.dir / "fw.conf").write_text(f'''
meta-product = "{product}"
meta-version = "1.2.3"
meta-platform = "virt"
meta-architecture = "arm64"
file-resource payload {{ host-path = "payload" }}
task upgrade {{ on-resource payload {{ raw_write(0) }} }}
''')
    r = t.run([t.bin("fwpack"), "-c", "-f", "fw.conf", "-o", name])
    assert r.returncode == 0, r.stderr + r.stdout
    return t.dir / name


def options(t, d, key=None, accept=True):
    return ["--port", str(d.port), "--ssh-option", f"UserKnownHostsFile={t.dir}/known_hosts",
            "--ssh-option", f"IdentityFile={key or d.key}", "--ssh-option", "IdentitiesOnly=yes",
            *(["--ssh-option", "StrictHostKeyChecking=accept-new"] if accept else [])]


def push(t, d, *extra, fw=None, **kw):
    return t.run([t.bin("fwssh"), "push", "127.0.0.1", "--firmware", fw or firmware(t),
                  *options(t, d, kw.pop("key", None), kw.pop("accept", True)), *extra], **kw)


def test_good_push_tells_what_it_sends_and_that_it_is_done(t):
    d = t.daemon()
    fw = firmware(t)
    r = push(t, d, "--adaptive=never", fw=fw)
    assert r.returncode == 0, r.stderr
    for text in ("Test product 1.2.3", "virt arm64", "sent 100%", "Running fwup...", "Success!",
                 "Done: the device has written the firmware and reboots."):
        assert text in r.stdout
    uuid = t.run([t.bin("fwpack"), "-m", "-i", fw, "--metadata-key", "meta-uuid"]).stdout.strip()
    assert uuid in r.stdout
    assert d.updater_input() == fw.read_bytes()
    d.wait_reboot()


def test_the_real_fwup_takes_what_we_push(t):
    """With fwup, if it is installed: with its handshake, and one of our archives."""
    t.need("fwup")
    d = t.daemon(updater="fwup")
    r = push(t, d)
    assert r.returncode == 0, r.stderr
    assert (t.dir / "payload").read_bytes() == d.config["device"].read_bytes()[:300_000]
    d.wait_reboot()


def test_no_reboot_leaves_the_reboot_out(t):
    d = t.daemon()
    r = push(t, d, "--no-reboot")
    assert r.returncode == 0
    assert "starts at the next reboot" in r.stdout
    assert "Rebooting" not in r.stdout
    d.stop()
    assert d.reboots() == 0


def test_subsystem_fwup_needs_no_header(t):
    d = t.daemon()
    fw = firmware(t)
    r = push(t, d, "--subsystem", "fwup", fw=fw)
    assert r.returncode == 0, r.stderr
    assert d.updater_input() == fw.read_bytes()
    d.wait_reboot()


def test_device_statuses_become_ours(t):
    d = t.daemon(updater=t.updater("echo 'no room' >&2; exit 3"))
    r = push(t, d)
    assert r.returncode == 1
    assert "no room" in r.stderr
    assert "failed on the device" in r.stderr
    assert "Done" not in r.stdout


def test_damaged_firmware_is_status_4(t):
    d = t.daemon(updater=t.bin("fwpack"))
    fw = firmware(t)
    data = bytearray(fw.read_bytes())
    data[len(data) // 2] ^= 1
    fw.write_bytes(data)
    r = push(t, d, fw=fw)
    assert r.returncode == 4
    assert "damaged" in r.stderr and "nothing was sent" in r.stderr


def test_firmware_that_changes_on_the_way(t):
    """The device finds that out only where hashes are checked, and calls it damaged."""
    def longer(f):
        f.seek(0, os.SEEK_END)
        f.write(b"more")

    for number, change in enumerate((lambda f: f.truncate(100), lambda f: f.write(b"PK"), longer)):
        d = t.daemon(updater=t.updater("take_some 100000; await; take; shake 0", name=f"slow{number}"))
        fw = firmware(t, size=20_000_000)
        p = t.start([t.bin("fwssh"), "push", "127.0.0.1", "--firmware", fw, *options(t, d), "--adaptive=never"],
                    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        t.wait_for(lambda: len(d.updater_input(f"slow{number}")) >= 100_000, "the updater to take some")
        with open(fw, "r+b") as f:
            change(f)
        t.go(f"slow{number}")
        said = p.communicate(timeout=30)[1]
        assert p.returncode == 1 and f"{fw} has been written to since this push began" in said, said
        d.wait_log("update failed with status 1")
        assert d.reboots() == 0


def test_busy_device_is_status_3(t):
    d = t.daemon(updater=t.updater("take; await; shake 0"))
    first = t.start(d.ssh_args(), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    first.stdin.write(b"fwup:1\nx")
    first.stdin.close()
    t.wait_for(d.updater_pids, "the first updater")
    r = push(t, d)
    t.go()
    assert r.returncode == 3
    assert "another update is running (started" in r.stderr
    assert first.wait(20) == 0


def test_key_that_is_not_authorized_is_status_5(t):
    d = t.daemon()
    r = push(t, d, key=t.key("other"))
    assert r.returncode == 5
    assert "does not accept any of your keys" in r.stderr


def test_nothing_there_is_status_6(t):
    r = t.run([t.bin("fwssh"), "push", "127.0.0.1", "--port", t.port(), "--firmware", firmware(t)])
    assert r.returncode == 6
    assert "nothing listens on that port" in r.stderr


def test_unknown_name_is_status_6(t):
    r = t.run([t.bin("fwssh"), "push", "no-such-device.invalid", "--firmware", firmware(t)])
    assert r.returncode == 6
    assert "cannot resolve the name" in r.stderr


def test_unknown_host_key_is_not_trusted_silently(t):
    d = t.daemon()
    r = push(t, d, accept=False)
    assert r.returncode == 5
    assert "unknown host key" in r.stderr
    assert not d.updater_input()


def test_changed_host_key_following_the_text_makes_the_next_push_work(t):
    fw = firmware(t)
    d = t.daemon()
    assert push(t, d, fw=fw).returncode == 0
    old = fingerprint(t, d)
    d.stop()
    (d.state / "ssh_host_ed25519_key").unlink()
    d.start()
    new = fingerprint(t, d)
    r = push(t, d, fw=fw)
    assert r.returncode == 5
    assert old in r.stderr and new in r.stderr and old != new
    command = re.search(r"^  (ssh-keygen .* -R .*)$", r.stderr.split("remove the old key with")[1], re.M)
    assert t.run(["sh", "-c", command.group(1)]).returncode == 0
    assert push(t, d, fw=fw).returncode == 0


def fingerprint(t, d):
    return t.run(["ssh-keygen", "-l", "-f", d.state / "ssh_host_ed25519_key"]).stdout.split()[1]


def test_host_key_alias_keeps_boards_apart_that_share_a_name(t):
    fw = firmware(t)
    a, b = t.daemon(), t.daemon()
    b.stop()
    b.write_config(port=a.port)
    assert push(t, a, "--host-key-alias", "board-a", fw=fw).returncode == 0
    a.stop()
    b.port = a.port
    b.start()
    assert push(t, b, "--host-key-alias", "board-a", fw=fw).returncode == 5
    assert push(t, b, "--host-key-alias", "board-b", fw=fw).returncode == 0


def lost(t, d, size, condition, what):
    """A push whose session is killed once the condition holds: returns its exit status and output."""
    p = t.start([t.bin("fwssh"), "push", "127.0.0.1", "--firmware", firmware(t, size=size), *options(t, d)],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    t.wait_for(condition, what)
    session, = d.pids("fwssh-session")
    os.kill(session, signal.SIGKILL)
    out, err = p.communicate(timeout=30)
    return p.returncode, out, err


def test_lost_before_the_last_byte_is_status_6(t):
    d = t.daemon(updater=t.updater("take_some 1000; sleep 100"))
    status, out, err = lost(t, d, 8 << 20, lambda: len(d.updater_input()) >= 1000, "the updater to begin")
    assert status == 6, (out, err)
    assert "keeps its running firmware" in err


def test_lost_after_the_last_byte_is_status_9(t):
    d = t.daemon(updater=t.updater("take; touch $me.all; await; shake 0"))
    status, out, err = lost(t, d, 300_000, (t.dir / "updater.all").exists, "the updater to have all")
    t.go()
    assert status == 9, (out, err)
    assert "after the last byte" in err
    d.wait_reboot()


def test_interrupt_is_status_7_and_ends_the_update(t):
    d = t.daemon(updater=t.updater("take_some 1000; sleep 100"))
    p = t.start([t.bin("fwssh"), "push", "127.0.0.1", "--firmware", firmware(t, size=8 << 20), *options(t, d)],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    t.wait_for(lambda: len(d.updater_input()) >= 1000, "the updater to begin")
    p.send_signal(signal.SIGINT)
    out, err = p.communicate(timeout=30)
    assert p.returncode == 7, (out, err)
    t.wait_for(lambda: not alive(d.updater_pids()[-1]), "the updater to be killed")


def test_json_is_one_object_a_line_and_nothing_else(t):
    d = t.daemon()
    r = push(t, d, "--json", "--adaptive=never")
    assert r.returncode == 0
    lines = events(r)
    assert [e["event"] for e in lines][0] == "firmware"
    assert lines[0]["product"] == "Test product"
    assert lines[-1] == {"event": "result", "host": "127.0.0.1", "status": 0, "text": lines[-1]["text"]}
    assert {"event": "text", "host": "127.0.0.1", "stream": "stdout", "text": "Rebooting..."} in lines


def test_json_tells_failures_and_escapes_what_the_device_says(t):
    d = t.daemon(updater=t.updater("printf 'a\"b\\\\\\001\\377\\n'; exit 1"))
    r = push(t, d, "--json")
    lines = events(r)
    assert lines[-1]["status"] == r.returncode == 1
    assert any(e.get("text", "").startswith('a"b\\') for e in lines)


def test_quiet_says_nothing_unless_it_fails(t):
    d = t.daemon()
    r = push(t, d, "--quiet")
    assert (r.returncode, r.stdout) == (0, "")
    d.stop()
    r = push(t, d, "--quiet")
    assert r.returncode == 6 and r.stdout == "" and r.stderr


def test_log_dir_keeps_everything_with_times(t):
    d = t.daemon()
    r = push(t, d, "--log-dir", t.dir / "logs", "--adaptive=never")
    assert r.returncode == 0
    logs = list((t.dir / "logs").iterdir())
    assert len(logs) == 1 and logs[0].name.startswith("127.0.0.1-")
    text = logs[0].read_text()
    assert "Running fwup..." in text and "Test product" in text and "result Done" in text
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ", line) for line in text.splitlines())


def test_firmware_is_found_where_mix_leaves_it(t):
    d = t.daemon()
    fw = firmware(t)
    place = t.dir / "_build/rpi3/rpi3_prod/nerves/images"
    place.mkdir(parents=True)
    fw.rename(place / "my.fw")
    r = t.run([t.bin("fwssh"), "push", "127.0.0.1", *options(t, d)], env={"MIX_TARGET": "rpi3", "MIX_ENV": "prod"})
    assert r.returncode == 0 and "rpi3_prod/nerves/images/my.fw" in r.stdout
    r = t.run([t.bin("fwssh"), "push", "127.0.0.1", "--target", "bbb", *options(t, d)])
    assert r.returncode == 2
    assert "_build/bbb_dev/nerves/images" in r.stderr


def test_rubbish_is_not_sent(t):
    (t.dir / "rubbish.fw").write_bytes(b"no archive at all")
    r = t.run([t.bin("fwssh"), "push", "127.0.0.1", "--firmware", "rubbish.fw", "--port", t.port()])
    assert r.returncode == 4
    assert "not a usable firmware" in r.stderr


def test_user_dir_gives_the_keys(t):
    d = t.daemon()
    (t.dir / "keys").mkdir()
    for suffix in ("", ".pub"):
        os.rename(f"{d.key}{suffix}", t.dir / f"keys/id_ed25519{suffix}")
    d.stop()
    d.write_config(authorized_keys_files=[f"{t.dir}/keys/id_ed25519.pub"])
    d.start()
    r = t.run([t.bin("fwssh"), "push", "127.0.0.1", "--firmware", firmware(t), "--port", d.port, "--user-dir",
               t.dir / "keys", "--ssh-option", f"UserKnownHostsFile={t.dir}/known_hosts", "--ssh-option",
               "StrictHostKeyChecking=accept-new"])
    assert r.returncode == 0, r.stderr


def test_passphrase_comes_from_a_file(t):
    key = t.key("id_locked", passphrase="correct horse")
    d = t.daemon(authorized_keys_files=[f"{key}.pub"])
    (t.dir / "pass").write_text("correct horse\n")
    r = push(t, d, "--passphrase-file", t.dir / "pass", key=key)
    assert r.returncode == 0, r.stderr
    (t.dir / "pass").write_text("wrong\n")
    r = push(t, d, "--passphrase-file", t.dir / "pass", key=key)
    assert r.returncode == 5


def test_passphrase_option_is_not_to_be_seen(t):
    phrase = "correct horse " + os.urandom(8).hex()  # nobody else on this machine uses it
    key = t.key("id_locked", passphrase=phrase)
    d = t.daemon(authorized_keys_files=[f"{key}.pub"], updater=t.updater("take; await; shake 0"))
    p = t.start([t.bin("fwssh"), "push", "127.0.0.1", "--firmware", firmware(t), *options(t, d, key),
                 "--passphrase", phrase], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    t.wait_for(d.updater_pids, "the updater")
    seen = subprocess.run(["ps", "axeww", "-o", "args"], stdout=subprocess.PIPE, text=True, errors="replace").stdout
    t.go()
    out, err = p.communicate(timeout=30)
    assert p.returncode == 0, err
    assert str(d.conf) in seen and phrase not in seen
    assert "ssh-add" in err


def test_bar_on_a_terminal_does_not_garble_the_devices_text(t):
    d = t.daemon(updater=t.bin("fwpack"))
    fw = firmware(t, size=3 << 20)
    master, slave = pty.openpty()
    p = t.start([t.bin("fwssh"), "push", "127.0.0.1", "--adaptive=never", "--firmware", fw, *options(t, d)],
                stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    text = read_all(master)
    assert p.wait(30) == 0
    assert re.search(r"sending +\d+% \[#* *\] [\d.]+ of 3.1 MB", text), text
    assert re.search(r"device: +\d+% \[", text), text
    screen = [line.split("\r")[-1] for line in text.replace("\r\n", "\n").split("\n")]
    screen = [line.replace("\x1b[K", "") for line in screen]
    for line in ("Running fwup...", "Success!", "Rebooting..."):
        assert line in screen
    assert any(line.startswith("Done: the device has written the firmware and reboots. Not checked: ") for line in screen)


def read_all(fd):
    data = b""
    while select.select([fd], [], [], 30)[0]:
        try:
            piece = os.read(fd, 4096)
        except OSError:
            break
        if not piece:
            break
        data += piece
    return data.decode(errors="replace")


def test_ssh_command_is_as_gits(t):
    d = t.daemon()
    wrapper = t.script("my-ssh", '#!/bin/sh\necho "$@" >> ' + str(t.dir / "calls") + '\nexec ssh "$@"\n')
    fw = firmware(t)
    assert push(t, d, "--ssh", f"{wrapper} -v -v", fw=fw).returncode == 0
    assert push(t, d, fw=fw, env={"FWSSH_SSH": str(wrapper)}).returncode == 0
    assert "-v -v" in (t.dir / "calls").read_text()


def test_port_and_more_come_from_the_ssh_config(t):
    d = t.daemon()
    config = t.dir / "ssh_config"
    config.write_text(f"Host board\n HostName 127.0.0.1\n Port {d.port}\n IdentityFile {d.key}\n"
                      f" IdentitiesOnly yes\n UserKnownHostsFile {t.dir}/kh\n StrictHostKeyChecking accept-new\n")
    r = t.run([t.bin("fwssh"), "push", "board", "--firmware", firmware(t), "--ssh", f"ssh -F {config}"])
    assert r.returncode == 0, r.stderr
    assert f"board port {d.port}" in r.stdout


def test_several_hosts_go_on_after_a_failure(t):
    d = t.daemon()
    r = t.run([t.bin("fwssh"), "push", "no-such.invalid", "127.0.0.1", "--firmware", firmware(t), *options(t, d)])
    assert r.returncode == 10
    assert "Done" in r.stdout


def test_origin_that_ends_without_status_is_a_failure(t):
    """nerves_firmware_ssh reports a failure by closing the channel without a status: ssh exits with 255."""
    fake = t.script("fake-ssh", '#!/bin/sh\ncase "$*" in *-GT*) echo "hostname x"; exit;; esac\ncat >/dev/null\n'
                                'echo "Running fwup..."\nexit 255\n')
    r = t.run([t.bin("fwssh"), "push", "x", "--adaptive=never", "--firmware", firmware(t), "--ssh", str(fake)])
    assert r.returncode == 1
    assert "without success" in r.stderr


def origin(t, said, *args, more=""):
    """A push to a server of nerves_firmware_ssh 0.3, which ends with status 0 whatever has happened."""
    fake = t.script("fake-ssh", '#!/bin/sh\ncase "$*" in *-GT*) echo "hostname x"; exit;; esac\n' + more
                    + f"cat >/dev/null\nprintf '{said}'\n")
    return t.run([t.bin("fwssh"), "push", "x", "--adaptive=never", "--firmware", firmware(t), "--ssh", str(fake), *args])


def test_origin_that_forgets_its_reboot_is_not_called_done(t):
    r = origin(t, "Running fwup...\\nSuccess!\\n")
    assert r.returncode == 9 and "did not say that it reboots" in r.stderr and "Done" not in r.stdout, r
    assert origin(t, "Running fwup...\\nSuccess!\\n", "--no-reboot").returncode == 0
    r = origin(t, "Running fwup...\\nSuccess!\\nRebooting...\\n")
    assert r.returncode == 0 and "and reboots" in r.stdout, r


def test_origin_that_hides_a_failure_behind_status_0(t):
    for said in ("Running fwup...\\nfwup: Resource not found\\n\\032\\001",
                 "Running fwup...\\nSuccess!\\n\\032\\001Rebooting...\\n",
                 "Running fwup...\\nfwup: Resource not found\\n"):
        for more in ((), ("--no-reboot",)):
            r = origin(t, said, *more, more='case "$*" in *fwssh) echo "subsystem request failed" >&2; exit 255;; esac\n')
            assert r.returncode == 1 and "Done" not in r.stdout, (said, r)
    r = origin(t, "Running fwup...\\nSuccess!\\n\\032\\000Rebooting...\\n")
    assert r.returncode == 0, r


def test_quiet_updater_of_fwsshd_is_believed(t):
    d = t.daemon(updater=t.updater("take; exit 0"))
    for more in ((), ("--no-reboot",)):
        r = push(t, d, *more)
        assert r.returncode == 0 and "Done" in r.stdout, r
        d.log()


def test_wrong_options_are_status_2(t):
    for args in (["--no-such"], ["--port", "0"], ["--port", "x"], ["-oProxyCommand=x"], ["--", "-host"]):
        assert t.run([t.bin("fwssh"), "push", *args]).returncode == 2


def test_words_of_the_user_are_no_options_of_ssh(t):
    """Neither a host nor its user, and whatever it is called, ssh takes it for a host; and it never asks for a password."""
    fake = t.script("fake-ssh", f'#!/bin/sh\necho "$*" >> {t.dir}/calls\n'
                                'case "$*" in *-GT*) echo "hostname x"; exit;; esac\ncat >/dev/null\n'
                                'printf "Running fwup...\\nSuccess!\\nRebooting...\\n"\n')
    # With --force, the server is not asked for its name first.
    push = [t.bin("fwssh"), "push", "--adaptive=never", "--force", "--firmware", firmware(t), "--ssh", str(fake), "--"]
    for host in ("-host", "-oProxyCommand=x", "any@-oProxyCommand=x", "-x@board", "ssh://-oProxyCommand=x"):
        r = t.run([*push, host])
        assert r.returncode == 2 and "is not a valid host" in r.stderr and not (t.dir / "calls").exists(), (host, r)
    r = t.run([*push, "any@board"])
    assert r.returncode == 0, r
    calls = (t.dir / "calls").read_text().splitlines()
    assert sum(" -GT " in call for call in calls) and sum(" -s " in call for call in calls) == 1, calls
    for call in calls:
        assert " -- any@board nerves_firmware_ssh" in call, call
        assert " -GT " in call or " PreferredAuthentications=publickey " in call, call


def test_check_goes_step_by_step(t):
    d = t.daemon()
    r = t.run([t.bin("fwssh"), "check", "127.0.0.1", *options(t, d)])
    assert r.returncode == 0, r.stdout + r.stderr
    for step in ("name", "connect", "banner", "host key", "login", "subsystem", "device"):
        assert re.search(rf"^OK   {step} ", r.stdout, re.M), r.stdout
    assert "task upgrade" in r.stdout and str(d.config["device"]) in r.stdout
    r = t.run([t.bin("fwssh"), "check", "127.0.0.1", *options(t, d, t.key("other"))])
    assert r.returncode == 5 and re.search(r"^FAIL login ", r.stdout, re.M)
    d.stop()
    r = t.run([t.bin("fwssh"), "check", "127.0.0.1", *options(t, d)])
    assert r.returncode == 6 and re.search(r"^FAIL connect ", r.stdout, re.M)


def test_check_names_all_that_the_device_lacks(t):
    """A path that is no program counts as missing, and one problem does not hide the other."""
    d = t.daemon(updater="/nonexistent/fwup")
    d.config["device"].unlink()
    r = t.run([t.bin("fwssh"), "check", "127.0.0.1", *options(t, d)])
    assert r.returncode == 1 and re.search(r"^FAIL device .*device0.img.*; .*/nonexistent/fwup", r.stdout, re.M), r.stdout


def test_check_shows_what_a_server_says_to_a_command(t):
    d = t.daemon()
    r = t.run([t.bin("fwssh"), "check", "127.0.0.1", "--exec", *options(t, d)])
    assert r.returncode == 1 and "FAIL subsystem  Command execution unsupported." in r.stdout, r.stdout


def test_gen_script_writes_and_does_not_overwrite(t):
    r = t.run([t.bin("fwssh"), "gen-script"])
    assert r.returncode == 0
    script = t.dir / "upload.sh"
    assert script.read_bytes() == (t.src / "src/host/command/upload.sh").read_bytes()
    assert os.access(script, os.X_OK)
    script.write_text("mine")
    assert t.run([t.bin("fwssh"), "gen-script"]).returncode == 1
    assert script.read_text() == "mine"
    assert t.run([t.bin("fwssh"), "gen-script", "--force"]).returncode == 0
    for path in "up.sh", "scripts/up.sh", t.dir / "absolute.sh":
        (t.dir / "scripts").mkdir(exist_ok=True)
        said = t.run([t.bin("fwssh"), "gen-script", "--output", path]).stdout
        command = said.split(": ")[1].split(" [")[0]
        assert said.startswith(f"Wrote {path}: ") and t.run([command, "--help"]).returncode == 0, said


def test_the_script_pushes_to_the_daemon(t):
    d = t.daemon()
    fw = firmware(t)
    t.run([t.bin("fwssh"), "gen-script"])
    (t.dir / ".ssh").mkdir(mode=0o700)
    r = t.run(["./upload.sh", "127.0.0.1", fw],
              env={"FWSSH_PORT": str(d.port),
                   "SSH_OPTIONS": f"-i {d.key} -o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o "
                                  f"UserKnownHostsFile={t.dir}/known_hosts"})
    assert r.returncode == 0, r.stderr
    assert d.updater_input() == fw.read_bytes()


def test_a_refused_request_costs_no_upload(t):
    """The firmware is held back until the device has answered; the reason is shown once, as part of the result."""
    d = t.daemon()
    r = t.run([t.bin("fwssh"), "push", "127.0.0.1", "--firmware", firmware(t), "--task", "complete", *options(t, d)])
    assert r.returncode == 3 and not re.search(r"\bsent\b", r.stdout), r
    reason = "task 'complete' is not in allowed-tasks"
    assert r.stderr.count(reason) == 1, r.stderr
    assert f"fwssh: 127.0.0.1: the device refused: {reason}" in r.stderr
    assert d.updater_pids() == []


def test_the_reason_of_a_failure_reaches_every_output(t):
    d = t.daemon(updater=t.updater("take\nshake 7"))
    fw, reason = firmware(t), "updater exited with status 7; not rebooting"
    push = [t.bin("fwssh"), "push", "127.0.0.1", "--firmware", fw, *options(t, d)]
    r = t.run(push)
    assert r.returncode == 1 and r.stderr.count(reason) == 1, r.stderr
    r = t.run([*push, "--quiet"])
    assert r.returncode == 1 and r.stderr.count(reason) == 1 and r.stdout == "", r
    r = t.run([*push, "--json"])
    result = json.loads(r.stdout.splitlines()[-1])
    assert result["event"] == "result" and reason in result["text"], result
    r = t.run([*push, "--log-dir", "logs"])
    log = next((t.dir / "logs").iterdir()).read_text()
    assert len(re.findall(f" error .*{reason}", log)) == 1, log


def test_what_a_firmware_says_of_itself(t):
    fw = firmware(t, product="Pump")
    uuid = t.run([t.bin("fwpack"), "-m", "-i", fw, "--metadata-key", "meta-uuid"]).stdout.strip()
    argv = [t.bin("fwssh"), "describe", "--firmware", fw]
    r = t.run(argv)
    assert r.returncode == 0 and "Product:  Pump " in r.stdout and f"UUID:     {uuid} (" in r.stdout, r
    r = t.run([*argv, "--json"])
    [event] = events(r)
    assert r.returncode == 0 and (event["uuid"], event["product"], event["platform"]) == (uuid, "Pump", "virt"), r
    with open("/dev/full", "w") as full:
        assert t.start(argv, stdout=full, stderr=subprocess.DEVNULL).wait(20) == 1
    (t.dir / fw).write_bytes((t.dir / fw).read_bytes()[:-30])
    r = t.run(argv)
    assert r.returncode == 4 and r.stdout == "" and r.stderr.startswith("fwssh: "), r
    [event] = events(t.run([*argv, "--json"]))
    assert event["event"] == "error" and event["status"] == 4 and event["text"] in r.stderr
