# SPDX-License-Identifier: Apache-2.0
"""Adapters (fwssh-updater(7)) in the tests: stand-ins, and the device that has one as its updater."""
import re

ADAPTERS = "src/device/adapters"


def stand_in(t, name="test", **verbs):
    """An adapter whose verbs are shell commands, which may use $me, and await (until t.go()). It has one slot more than
    it runs, remembers what boots next in $me.next, and its input in $me.input."""
    known = {"describe": "echo input=stream; echo accepts=raw",
             "write": "cat > $me.input; echo b > $me.next; echo written",
             "status": "echo active=a; echo next=$(cat $me.next); echo confirmed=$(cat $me.confirmed)",
             "confirm": "echo yes > $me.confirmed",
             "revert": "if [ $(cat $me.next) = a ]; then echo b > $me.next; else echo a > $me.next; fi"}
    known.update(verbs)
    (t.dir / f"{name}.next").write_text("a\n")
    (t.dir / f"{name}.confirmed").write_text("yes\n")
    cases = "\n".join(f"{verb}) {command}\n;;" for verb, command in known.items())
    return t.script(f"fwssh-updater-{name}", f"""#!/bin/sh
me={t.dir}/{name}
echo "$@" >> $me.calls
echo $$ >> $me.pid
await() {{ while [ ! -e $me.go ]; do sleep 0.02; done; }}
case $1 in
{cases}
*) exit 2 ;;
esac
""")


def update(d, data, *values):
    """Sends a firmware by the subsystem fwssh."""
    words = " ".join(["fwssh/1 update", f"size={len(data)}", *values])
    return d.push(words.encode() + b"\n" + data, subsystem="fwssh")


def request(d, words):
    """Another request: its exit status, and the facts of its answer."""
    r = d.push(f"fwssh/1 {words}\n".encode(), subsystem="fwssh")
    return r.returncode, dict(re.findall(r"^([\w.-]+)=(.*)$", r.stdout.decode(), re.M))


def complaint(r):
    """The one line for the user."""
    lines = re.findall(rb"^fwssh: .*$", r.stderr, re.M)
    assert len(lines) == 1, r
    return lines[0].decode()
