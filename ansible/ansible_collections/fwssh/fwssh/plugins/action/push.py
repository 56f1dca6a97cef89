# -*- coding: utf-8 -*-
# SPDX-License-Identifier: Apache-2.0

# Copyright: (c) 2026, the authors of fwssh
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json
import os
import re
import subprocess

from ansible.plugins.action import ActionBase

ARGUMENTS = dict(
    firmware=dict(type="path", required=True),
    host=dict(type="str"),
    port=dict(type="int"),
    user=dict(type="str"),
    private_key=dict(type="path"),
    ssh_options=dict(type="list", elements="str", default=[]),
    wait=dict(type="int", default=300),
    confirm=dict(type="bool", default=False),
    reboot=dict(type="bool", default=True),
    force=dict(type="bool", default=False),
    timeout=dict(type="int"),
    executable=dict(type="path", default="fwssh"),
)

DONE, FAILED, UNCONFIRMED = 0, 1, 9
# The device is as it was: nothing was sent, or all of it was refused. What is unreachable or does not let us in may also
# have got everything and not have come back.
UNTOUCHED = (2, 3, 4)
UNTOUCHED_UNLESS_SENT = (5, 6)
# Seconds, after SIGTERM.
ENDS_WITHIN = 10


class ActionModule(ActionBase):
    """Runs on the controller, and does not use the connection of the host."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        super(ActionModule, self).run(tmp, task_vars)
        del tmp
        dummy, args = self.validate_argument_spec(ARGUMENTS)
        self.args = args
        self.device = self._device(args, task_vars or {})
        firmware = self._loader.path_dwim(args["firmware"])
        status, described = self._fwssh("describe", "--firmware", firmware, device=False)
        if status:
            return self._failure(status, described)
        status, events = self._fwssh("status")
        if status:
            return self._failure(status, events)
        return self._bring(firmware, described[-1], events[-1]["facts"])

    def _device(self, args, variables):
        """The words of fwssh's command line that lead to the device."""
        words = []
        port = args["port"] or self._variable(variables, "fwssh_port")
        user = args["user"] or self._variable(variables, "ansible_user")
        key = args["private_key"] or self._variable(variables, "ansible_ssh_private_key_file")
        host = args["host"] or self._variable(variables, "ansible_host") or variables["inventory_hostname"]
        if port:
            words += ["--port", str(port)]
        if user:
            words += ["--user", str(user)]
        if args["timeout"]:
            words += ["--timeout", str(args["timeout"])]
        for option in args["ssh_options"] + (["IdentityFile=%s" % self._ssh_word(key)] if key else []):
            words += ["--ssh-option", option]
        return words + ["--", str(host)]

    def _variable(self, variables, name):
        """Those of the inventory come as they were written there; only arguments have been templated."""
        return self._templar.template(variables.get(name))

    def _ssh_word(self, path):
        """For ssh, a blank ends a word and a quote begins one."""
        return '"%s"' % re.sub(r'(["\\])', r"\\\1", os.path.expanduser(str(path)))

    def _fwssh(self, *words, **kw):
        """Its exit status, and the events of its output; a failure has one with a text at least."""
        argv = [self.args["executable"]] + list(words) + ["--json"] + (self.device if kw.get("device", True) else [])
        try:
            done = self._run(argv)
        except OSError as error:
            return FAILED, [dict(text="cannot run %s on the controller: %s" % (argv[0], error.strerror))]
        events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        if done.returncode and not (events and events[-1].get("text")):
            said = done.stderr.strip().splitlines() or [self._ending(done.returncode)]
            events.append(dict(text=said[-1]))
        return (FAILED if done.returncode < 0 else done.returncode), events

    def _run(self, argv):
        """When the task's timeout is over, fwssh ends its ssh, for which it must not be killed."""
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   encoding="utf-8", errors="replace")
        try:
            output, errors = process.communicate()
        except BaseException:
            process.terminate()
            try:
                process.wait(ENDS_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()
            raise
        return subprocess.CompletedProcess(argv, process.returncode, output, errors)

    def _ending(self, status):
        return "fwssh was killed by signal %d" % -status if status < 0 else "fwssh ended with status %d" % status

    def _failure(self, status, events):
        """Also for a device that cannot be reached: max_fail_percentage does not count what is unreachable."""
        return dict(failed=True, changed=False, status=status, msg=events[-1]["text"])

    def _bring(self, firmware, described, before):
        runs = self._runs(described, before) and not self.args["force"]
        result = dict(changed=not runs, status=DONE, before=before)
        if self._task.diff or self._play_context.diff:
            result["diff"] = dict(before=self._version(before), after=self._version(before if runs else described),
                                  before_header=self.device[-1], after_header=self.device[-1])
        if runs:
            return self._settle(dict(result, after=before), before)
        if self._task.check_mode:
            return dict(result, msg="The device would get %s; nothing was sent." % self._name(described))
        return self._push(firmware, result)

    def _settle(self, result, before):
        """Of a device that runs it already. On trial it is not done: it would go back by itself."""
        name = self._name(before)
        waits = self.args["reboot"] and self.args["wait"] > 0
        if before.get("pending") in ("new", "fallback"):
            return dict(result, failed=True, status=UNCONFIRMED,
                        msg="The device runs %s, but this does not boot next; see fwssh status." % name)
        if not waits or before.get("confirmed") != "no":
            return dict(result, msg="The device runs %s already." % name)
        if not self.args["confirm"]:
            return dict(result, failed=True, status=UNCONFIRMED,
                        msg="The device runs %s already, but this is not confirmed." % name)
        if self._task.check_mode:
            return dict(result, changed=True, msg="What runs, %s, would be confirmed." % name)
        status, events = self._fwssh("confirm")
        if status:
            return dict(result, failed=True, status=status, msg=events[-1]["text"])
        return dict(result, changed=True, msg="The device runs %s already; it was confirmed." % name)

    def _runs(self, described, before):
        """By the UUID; what has none is known again by its content."""
        return any(described.get(name) and described[name] == before.get(name) for name in ("uuid", "sha256"))

    def _name(self, of):
        """What is no .fw archive says no version."""
        return "version %s" % of["version"] if of.get("version") else "this firmware"

    def _version(self, of):
        return "version: %s\nuuid: %s\n" % (of.get("version") or "unknown", of.get("uuid") or "unknown")

    def _push(self, firmware, result):
        args = self.args
        words = ["push", "--firmware", firmware]
        waits = args["reboot"] and args["wait"] > 0
        if not args["reboot"]:
            words.append("--no-reboot")
        elif waits:
            words.append("--wait=%d" % args["wait"])
        if args["confirm"] and waits:
            words.append("--confirm")
        if args["force"]:
            words.append("--force")
        status, events = self._fwssh(*words)
        result.update(status=status, msg=events[-1].get("text", ""))
        result.update((e["event"], e) for e in events if e.get("event") == "transfer")
        if status:
            sent = any(e.get("percent") == 100 for e in events)
            untouched = status in UNTOUCHED or (status in UNTOUCHED_UNLESS_SENT and not sent)
            return dict(result, failed=True, changed=not untouched, events=events)
        if waits:
            status, answer = self._fwssh("status")
            result["after"] = {} if status else answer[-1]["facts"]
        return result
