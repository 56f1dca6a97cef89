# SPDX-License-Identifier: Apache-2.0
"""A device behind an adapter that pretends to reboot, and the host's tool."""
from support.adapter import stand_in


class AdapterDevice:
    SLOTS = "echo active=$(cat $me.active); echo next=$(cat $me.next)"

    def __init__(self, t, accepts, comes_back="b", status=SLOTS, kind="stream", name="test", **config):
        self.t = t
        me = t.dir / name
        verbs = {
            "describe": f"echo input={kind}; echo accepts={accepts}",
            "status": f"{status}; echo confirmed=$(cat $me.confirmed); echo boot-id=boot-$(cat $me.boots)"}
        program = stand_in(t, name=name, **verbs)
        (t.dir / f"{name}.active").write_text("a\n")
        (t.dir / f"{name}.boots").write_text("1\n")
        reboot = t.script(f"{name}-reboot", f"#!/bin/sh\necho {comes_back} > {me}.active; echo {comes_back} > {me}.next\n"
                                            f"echo $(($(cat {me}.boots) + 1)) > {me}.boots.part\n"
                                            f"mv {me}.boots.part {me}.boots\nexit 1\n")
        self.d = t.daemon(updater=program, reboot_command=str(reboot), max_sessions=100, **config)

    def fwssh(self, command, *args, **kw):
        d, t = self.d, self.t
        return t.run([t.bin("fwssh"), command, "127.0.0.1", *args, "--port", d.port,
                      "--ssh-option", f"UserKnownHostsFile={t.dir}/known_hosts", "--ssh-option", f"IdentityFile={d.key}",
                      "--ssh-option", "IdentitiesOnly=yes", "--ssh-option", "StrictHostKeyChecking=accept-new"], **kw)

    def push(self, path, *args, **kw):
        return self.fwssh("push", "--firmware", path, *args, **kw)
