# SPDX-License-Identifier: Apache-2.0
"""A device that pretends to reboot: its slot-command reads the facts from a file, and its reboot-command, a script of the
test, changes them. The real thing is tests/device."""
import json
import os
from pathlib import Path

try:
    import jsonschema
except ImportError:
    jsonschema = None

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/events.schema.json").read_text())


class Rebooting:
    """A daemon whose status comes from facts; after_reboot(**changes) sets what the next reboot changes in them."""

    def __init__(self, t, name="board", **config):
        self.t = t
        self.path = t.dir / f"{name}.facts"
        self.next = t.dir / f"{name}.next"
        self.boots = 1
        self.set(active="a", next="a", confirmed="yes", version="1.0", uuid="old-uuid", **{"boot-id": "boot-1"})
        command = t.script(f"{name}-slots", f"""#!/bin/sh
case $1 in
status) cat {self.path};;
confirm) sed -i s/^confirmed=.*/confirmed=yes/ {self.path};;
*) exit 1;;
esac
""")
        reboot = t.script(f"{name}-reboot", f"#!/bin/sh\n[ ! -e {self.next} ] || mv {self.next} {self.path}\n"
                                            f"echo reboot >> {t.dir}/{name}.rebooted\nexit 1\n")
        self.d = t.daemon(slot_command=command, reboot_command=str(reboot), max_sessions=100, **config)

    def set(self, **facts):
        self.facts = facts
        self.write(self.path, facts)

    def write(self, path, facts):
        part = path.with_suffix(".part")
        part.write_text("".join(f"{k}={v}\n" for k, v in facts.items()))
        os.rename(part, path)

    def after_reboot(self, **changes):
        self.boots += 1
        self.write(self.next, {**self.facts, "boot-id": f"boot-{self.boots}", **{k.replace("_", "-"): v for k, v in changes.items()}})

    def options(self):
        return ["--port", self.d.port, "--ssh-option", f"UserKnownHostsFile={self.t.dir}/known_hosts",
                "--ssh-option", f"IdentityFile={self.d.key}", "--ssh-option", "IdentitiesOnly=yes",
                "--ssh-option", "StrictHostKeyChecking=accept-new"]

    def fwssh(self, *args, **kw):
        return self.t.run([self.t.bin("fwssh"), args[0], "127.0.0.1", *args[1:], *self.options()], **kw)


def firmware(t, version="2.0"):
    """A small archive, and its UUID."""
    (t.dir / "fw.conf").write_text(f'meta-product = "Pump"\nmeta-version = "{version}"\n'
                                   "task upgrade { on-init { raw_memset(0, 8, 1) } }\n")
    assert t.run([t.bin("fwpack"), "-c", "-f", "fw.conf", "-o", "fw.fw"]).returncode == 0
    uuid = t.run([t.bin("fwpack"), "-m", "-i", "fw.fw", "--metadata-key", "meta-uuid"]).stdout.strip()
    return t.dir / "fw.fw", uuid


def events(r):
    """The lines of --json, each of which must match docs/events.schema.json."""
    lines = [json.loads(line) for line in r.stdout.splitlines()]
    if jsonschema:
        for line in lines:
            jsonschema.validate(line, SCHEMA)
    return lines
