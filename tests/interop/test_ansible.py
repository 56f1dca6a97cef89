# SPDX-License-Identifier: Apache-2.0
"""The collection in ansible/: rollouts to real daemons, with Debian's Ansible."""
import hashlib
import json
import re
import shutil

from support.fixture import seconds, waits
from support.rebooting import Rebooting, firmware

PLAIN_ONLY = "most of it is Ansible"
# A callback of Ansible: the result of each host as a line of JSON.
RECORDER = """
import json
from ansible.plugins.callback import CallbackBase

class CallbackModule(CallbackBase):
    CALLBACK_VERSION, CALLBACK_TYPE, CALLBACK_NAME = 2.0, "stdout", "recorder"

    def record(self, word, result):
        print(json.dumps([word, result._host.get_name(), result._result]))

    def v2_runner_on_ok(self, result):
        self.record("changed" if result._result.get("changed") else "ok", result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self.record("failed", result)

"""
BATCHES = [1, 9, 20, 20]
PLAY = """
- name: Roll out
  hosts: all
  gather_facts: false
  serial: {batches}
  max_fail_percentage: {limit}
  tasks:
    - name: Version 2
      fwssh.fwssh.push:
        firmware: fw.fw
        executable: {fwssh}
        wait: {wait}
        ssh_options: [UserKnownHostsFile={home}/known_hosts, StrictHostKeyChecking=accept-new, IdentitiesOnly=yes]
      register: pushed
"""


class Rollout:
    """Devices board1 and so on, each with a daemon of its own, and Ansible beside them."""

    def __init__(self, t, count, **config):
        t.need("ansible-playbook")
        self.t = t
        self.uuid = firmware(t)[1]
        self.boards = {f"board{i}": Rebooting(t, f"board{i}", wait=False, **config) for i in range(1, count + 1)}
        for b in self.boards.values():
            b.d.start()
            b.after_reboot(active="b", next="b", uuid=self.uuid, version="2.0")
        lines = "".join(f"{name} ansible_host=127.0.0.1 fwssh_port={b.d.port}\n" for name, b in self.boards.items())
        key = next(iter(self.boards.values())).d.key
        (t.dir / "inventory").write_text(f"{lines}[all:vars]\nansible_ssh_private_key_file={key}\n")
        (t.dir / "recorder.py").write_text(RECORDER)
        self.env = {"ANSIBLE_COLLECTIONS_PATH": str(t.src / "ansible"), "ANSIBLE_STDOUT_CALLBACK": "recorder",
                    "ANSIBLE_CALLBACK_PLUGINS": str(t.dir), "ANSIBLE_LOCAL_TEMP": str(t.dir / "ansible"), "LC_ALL": "C.UTF-8"}

    def play(self, *args, batches=BATCHES, limit=0, wait=60):
        """What became of each host: ok, changed, failed, unreachable; and the results."""
        t = self.t
        (t.dir / "play.yml").write_text(PLAY.format(batches=batches, limit=limit, fwssh=t.bin("fwssh"), home=t.dir,
                                                     wait=wait))
        r = t.run(["ansible-playbook", "-i", "inventory", "-f", "10", "play.yml", *args], env=self.env, timeout=200)
        lines = [json.loads(line) for line in r.stdout.splitlines() if line.startswith("[")]
        assert lines, r
        return r.returncode, {host: word for word, host, _ in lines}, {host: result for _, host, result in lines}

    def pushes(self):
        """How often each device was pushed to."""
        log = self.t.dir / "updater.args"
        text = log.read_text() if log.exists() else ""
        return {name: text.count(str(b.d.config["device"])) for name, b in self.boards.items()}


def chosen(words, word):
    return {host for host, w in words.items() if w == word}


@waits
@seconds(240)
def test_a_rollout_to_fifty_stops_and_goes_on(t):
    r = Rollout(t, 50)
    names = list(r.boards)
    # One comes back with the old firmware, one refuses, one is away.
    r.boards["board7"].after_reboot(reason="the self-test failed")
    good = r.boards["board8"].d.config["updater"]
    r.boards["board8"].d.write_config(updater=t.updater("take; echo no space left; exit 1", name="broken"))
    r.boards["board8"].d.reload()
    r.boards["board9"].d.stop()
    status, words, results = r.play()
    assert status == 2, status
    assert set(words) == set(names[:10]), "it stopped after the second batch, which was not cut"
    assert chosen(words, "failed") == {"board7", "board8", "board9"}, words
    assert results["board9"]["status"] == 6, results["board9"]
    assert results["board7"]["status"] == 8 and "the self-test failed" in results["board7"]["msg"]
    assert "no space left" in results["board8"]["msg"] and results["board8"]["events"]
    assert results["board1"]["before"]["version"] == "1.0" and results["board1"]["after"]["version"] == "2.0"
    # The faults are removed: only the rest is done.
    r.boards["board7"].after_reboot(active="b", next="b", uuid=r.uuid, version="2.0")
    r.boards["board8"].d.write_config(updater=good)
    r.boards["board8"].d.reload()
    r.boards["board9"].d.start()
    status, words, results = r.play()
    assert status == 0 and chosen(words, "ok") == set(names[:6]) | {"board10"}, (status, words)
    assert chosen(words, "changed") == set(names) - chosen(words, "ok")
    assert r.pushes() == {name: 2 if name == "board7" else 1 for name in names}
    assert "runs version 2.0 already" in results["board1"]["msg"]


@waits
def test_the_limit_is_more_than_a_percentage(t):
    r = Rollout(t, 6)
    r.boards["board1"].after_reboot(reason="the self-test failed")
    status, words, _ = r.play(batches=[2, 4], limit=50)
    assert len(words) == 6 and chosen(words, "failed") == {"board1"} and status == 2, (status, words)
    r.boards["board2"].d.stop()
    r.boards["board1"].after_reboot(active="b", next="b", uuid=r.uuid, version="2.0")
    status, words, _ = r.play(batches=[2, 4], limit=0)
    assert (status, words) == (2, {"board1": "changed", "board2": "failed"}), (status, words)


def test_check_mode_sends_nothing(t):
    r = Rollout(t, 2)
    r.boards["board2"].set(active="b", next="b", confirmed="yes", uuid=r.uuid, version="2.0", **{"boot-id": "1"})
    status, words, results = r.play("--check", "--diff")
    assert (status, words) == (0, {"board1": "changed", "board2": "ok"}), (status, words)
    assert r.pushes() == {"board1": 0, "board2": 0}
    diff = results["board1"]["diff"]
    assert diff["before"] == "version: 1.0\nuuid: old-uuid\n" and diff["after"] == f"version: 2.0\nuuid: {r.uuid}\n"
    assert results["board2"]["diff"]["before"] == results["board2"]["diff"]["after"]


def test_what_runs_it_on_trial_is_not_done(t):
    """It goes back by itself unless it is confirmed."""
    r = Rollout(t, 2)
    r.boards["board1"].set(active="b", next="b", confirmed="no", uuid=r.uuid, version="2.0", **{"boot-id": "1"})
    r.boards["board2"].set(active="b", next="a", confirmed="yes", pending="new", uuid=r.uuid, version="2.0", **{"boot-id": "1"})
    status, words, results = r.play(batches=[2])
    assert (status, set(words.values())) == (2, {"failed"}), (status, words)
    assert all(x["status"] == 9 and not x["changed"] for x in results.values()), results
    assert "not confirmed" in results["board1"]["msg"] and "does not boot next" in results["board2"]["msg"], results
    (t.dir / "play.yml").write_text((t.dir / "play.yml").read_text().replace("wait: 60", "wait: 60\n        confirm: true"))
    for word in ("changed", "ok"):
        done = t.run(["ansible-playbook", "-i", "inventory", "--limit", "board1", "play.yml"], env=r.env)
        assert done.returncode == 0 and f'["{word}", "board1"' in done.stdout, done
    assert "confirmed=yes" in r.boards["board1"].path.read_text()
    assert r.pushes() == {"board1": 0, "board2": 0}


@waits
def test_what_never_comes_back_was_changed(t):
    r = Rollout(t, 1)
    board = r.boards["board1"]
    # It reboots, and is away.
    command = t.script("off", f"#!/bin/sh\nkill {board.d.process.pid}\n")
    board.d.write_config(reboot_command=str(command))
    board.d.reload()
    _, words, results = r.play(wait=3)
    assert words == {"board1": "failed"} and results["board1"]["status"] == 6, results
    assert "did not come back" in results["board1"]["msg"] and results["board1"]["changed"], results


def test_what_has_no_uuid_is_known_by_its_content(t):
    r = Rollout(t, 2)
    image = b"\0" * 0x438 + b"\x53\xef" + b"\0" * 4096  # ext4's superblock
    (t.dir / "fw.fw").write_bytes(image)
    digest = hashlib.sha256(image).hexdigest()
    for name, b in r.boards.items():
        b.set(active="a", next="a", version="1.0", **({"sha256": digest} if name == "board2" else {}), **{"boot-id": "1"})
    status, words, results = r.play("--check")
    assert (status, words) == (0, {"board1": "changed", "board2": "ok"}), (status, words)
    assert results["board1"]["msg"] == "The device would get this firmware; nothing was sent.", results


def test_what_the_inventory_says_is_a_template(t):
    r = Rollout(t, 1)
    board, = r.boards.values()
    where = "ansible_host={{address}} fwssh_port={{base+1}} ansible_user={{who}} ansible_ssh_private_key_file={{key}}"
    (t.dir / "inventory").write_text(f"board1 {where}\n[all:vars]\naddress=127.0.0.1\nbase={board.d.port - 1}\nwho=any\n"
                                     f"key={board.d.key}\n")
    _, words, results = r.play("--check")
    assert words == {"board1": "changed"}, results


def test_a_key_with_blanks_and_quotes_in_its_name(t):
    r = Rollout(t, 1)
    board, = r.boards.values()
    key = t.dir / "the lab's \"keys\" \\ k\u00e9y"
    shutil.move(board.d.key, key)
    host = {"ansible_host": "127.0.0.1", "fwssh_port": board.d.port, "ansible_ssh_private_key_file": str(key)}
    (t.dir / "inventory").write_text(json.dumps({"all": {"hosts": {"board1": host}}}))
    _, words, results = r.play("--check")
    assert words == {"board1": "changed"}, results


def test_a_program_that_is_killed_or_speaks_in_another_code(t):
    """The result has a status of the manual, and a line."""
    r = Rollout(t, 1)
    for script, said in (("kill -9 $$", "was killed by signal 9"), ("printf 'no \\351t\\351\\n' >&2; exit 1", "no \ufffdt\ufffd")):
        r.t.bin = lambda name: t.script("fwssh-that-fails", f"#!/bin/sh\n{script}\n")
        _, words, results = r.play()
        assert words == {"board1": "failed"} and results["board1"]["status"] == 1 and said in results["board1"]["msg"], results


def test_a_task_that_is_over_leaves_no_ssh(t):
    r = Rollout(t, 1, updater=t.updater("take; await; exit 0"))
    r.play("--check")
    play = t.dir / "play.yml"
    play.write_text(play.read_text().replace("      register: pushed", "      timeout: 4"))
    done = t.run(["ansible-playbook", "-i", "inventory", "play.yml"], env={**r.env, "ANSIBLE_STDOUT_CALLBACK": "default"})
    assert done.returncode == 2 and "expected time frame" in done.stdout and r.pushes() == {"board1": 1}, done
    left = t.run(["pgrep", "-f", f"^ssh .*{t.dir}/known_hosts"])
    t.go()
    assert left.returncode == 1, left


def test_what_is_wrong_on_the_controller(t):
    r = Rollout(t, 1)
    (t.dir / "fw.fw").write_bytes((t.dir / "fw.fw").read_bytes()[:-30])
    _, words, results = r.play()
    assert words == {"board1": "failed"} and results["board1"]["status"] == 4 and "cut off" in results["board1"]["msg"]
    (t.dir / "fw.fw").unlink()
    _, words, results = r.play()
    assert words == {"board1": "failed"} and "fw.fw" in results["board1"]["msg"], results
    firmware(t)
    key = r.boards["board1"].d.key
    shutil.move(key, f"{key}.away")
    _, words, results = r.play()
    assert words == {"board1": "failed"} and results["board1"]["status"] == 5, results
    play = (t.dir / "play.yml").read_text()
    (t.dir / "play.yml").write_text(re.sub("executable: .*", "executable: /nowhere/fwssh", play))
    done = t.run(["ansible-playbook", "-i", "inventory", "play.yml"], env={**r.env, "ANSIBLE_STDOUT_CALLBACK": "default"})
    assert done.returncode == 2 and "cannot run /nowhere/fwssh on the controller: No such file" in done.stdout, done


def test_the_collection_is_sound(t):
    t.need("ansible-galaxy")
    env = {"ANSIBLE_COLLECTIONS_PATH": str(t.src / "ansible"), "ANSIBLE_LOCAL_TEMP": str(t.dir / "ansible"),
           "LC_ALL": "C.UTF-8"}
    r = t.run(["ansible-doc", "fwssh.fwssh.push"], env=env)
    assert r.returncode == 0 and "Bring a device to a firmware" in r.stdout or "max_fail_percentage" in r.stdout, r
    collection = t.src / "ansible/ansible_collections/fwssh/fwssh"
    r = t.run(["ansible-galaxy", "collection", "build", collection], env=env)
    assert r.returncode == 0 and (t.dir / "fwssh-fwssh-0.2.0.tar.gz").exists(), r
    scope = {}
    exec((collection / "plugins/modules/push.py").read_text(), scope)
    yaml = __import__("yaml")
    documented = yaml.safe_load(scope["DOCUMENTATION"])["options"]
    plugin = (collection / "plugins/action/push.py").read_text()
    taken = dict(re.findall(r'^    (\w+)=dict\((.*)\),$', plugin, re.M))
    assert set(taken) == set(documented)
    for name, text in taken.items():
        want = documented[name]
        assert f'type="{want["type"]}"' in text and ("required=True" in text) == want.get("required", False), name
        default = re.search(r"default=(.*)", text)
        assert (eval(default[1]) if default else None) == want.get("default"), name
