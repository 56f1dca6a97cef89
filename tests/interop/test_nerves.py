# SPDX-License-Identifier: Apache-2.0
"""The project in examples/nerves, with Debian's Elixir: the device's supervisor runs fwsshd, and the mix tasks push to it."""
import json
import os
import shutil
import signal
import subprocess

from support.fixture import seconds
from support.process import alive
from support.rebooting import firmware

PLAIN_ONLY = "most of it is Elixir"


def project(t, config=""):
    """A copy of it, with a configuration; Mix writes beside its sources."""
    t.need("mix")
    copy = t.dir / "project"
    shutil.copytree(t.src / "examples/nerves", copy)
    (copy / "config/config.exs").write_text(f"import Config\n{config}")
    r = t.run(["mix", "compile", "--warnings-as-errors"], cwd=copy, env=environment(t))
    assert r.returncode == 0, r.stdout + r.stderr
    return copy


def environment(t):
    return {"LC_ALL": "C.UTF-8", "MIX_ENV": "prod", "PATH": f"{t.build}/src:{os.environ['PATH']}"}


def mix(t, copy, *args):
    return t.run(["mix", *args], cwd=copy, env=environment(t))


def client(t, d):
    return ["--port", d.port, "--ssh-option", f"IdentityFile={d.key}", "--ssh-option", "IdentitiesOnly=yes",
            "--ssh-option", "StrictHostKeyChecking=no", "--ssh-option", f"UserKnownHostsFile={t.dir}/known_hosts"]


@seconds(180)
def test_the_supervised_daemon_takes_a_push_and_dies_with_the_vm(t):
    d = t.daemon(wait=False, updater=t.bin("fwpack"))  # a port, a key and a device; Elixir starts it
    names = ("device", "updater", "lock-file", "receive-program", "session-program", "hold-program", "reboot-command", "log-level",
             "listen-address")
    # A list of strings and a string are the same in Elixir as in JSON.
    options = ", ".join(f"{n.replace('-', '_')}: {json.dumps(d.config[n], default=str)}" for n in names)
    public = (t.dir / f"{d.key.name}.pub").read_text()
    copy = project(t, f'config :nerves_firmware_ssh, authorized_keys: ["""\n{public}"""], port: {d.port}, '
                      f'state_dir: "{d.state}", system_dir: "/nonexistent", fwsshd: "{t.bin("fwsshd")}", '
                      f'fwsshd_options: [{options}]\n')
    log = open(t.dir / "vm.log", "wb")
    vm = t.start(["mix", "run", "--no-halt"], cwd=copy, env=environment(t), stdout=log, stderr=log)
    said = lambda: (t.dir / "vm.log").read_text(errors="replace")
    t.wait_for(lambda: "listening on" in said() or vm.poll() is not None, "fwsshd", 60)
    assert vm.poll() is None, said()
    fw, _ = firmware(t)
    pushed = mix(t, copy, "firmware.push", "127.0.0.1", "--firmware", fw, *client(t, d))
    assert pushed.returncode == 0 and "Done: the device has written the firmware" in pushed.stdout, (pushed, said())
    assert open(d.config["device"], "rb").read(8) == b"\x01" * 8
    daemons = [int(p) for p in os.listdir("/proc") if p.isdigit() and f"port={d.port}" in command_line(p)]
    assert daemons, said()
    os.kill(vm.pid, signal.SIGKILL)
    t.wait_for(lambda: not any(alive(pid) for pid in daemons), "fwsshd to end with the VM")


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline") as f:
            return f.read()
    except OSError:
        return ""


def test_tasks_pass_on_the_status(t):
    copy = project(t)
    r = mix(t, copy, "upload", "127.0.0.1", "--firmware", "/nonexistent.fw")
    assert r.returncode == 2 and "/nonexistent.fw" in r.stderr, r
    r = mix(t, copy, "firmware.gen.script", "--output", t.dir / "upload.sh")
    assert r.returncode == 0 and (t.dir / "upload.sh").exists(), r


def test_the_wrapper_ends_with_its_input_and_with_its_program(t):
    wrapper = t.src / "examples/nerves/priv/until-closed"
    assert t.run([wrapper, "sh", "-c", "exit 7"], input="").returncode in (7, 143)
    with_input = t.start([wrapper, "sh", "-c", "exit 7"], stdin=subprocess.PIPE)
    assert with_input.wait(10) == 7
    waits = t.start([wrapper, "sh", "-c", f"echo $$ > {t.dir}/pid; exec sleep 1000"], stdin=subprocess.PIPE)
    t.wait_for(lambda: (t.dir / "pid").exists() and (t.dir / "pid").read_text().endswith("\n"), "the program")
    waits.stdin.close()
    assert waits.wait(10) == 143 and not alive(int((t.dir / "pid").read_text()))
