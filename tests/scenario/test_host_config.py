# SPDX-License-Identifier: Apache-2.0
"""~/.config/fwssh/config: what is otherwise said by options, for the hosts that a pattern names."""
from scenario.test_push import firmware

SSH = """#!/bin/sh
case "$*" in *-GT*) echo hostname h; exit 0;; *PubkeyAuthentication=no*) exit 255;; esac # the server's name, without a login
echo "$*" >> {dir}/calls
case "$*" in *" fwssh") echo 'subsystem request failed on channel 0' >&2; exit 255;; esac
cat > /dev/null
printf 'Running fwup...\\nSuccess!\\nRebooting...\\n'
"""
CONFIG = """\
/* the lab */
host "board-*, !board-9" {
  port = 22        # nerves_ssh
  subsystem = fwup
  user = "nerves"
}
host "*" {
  port = 8990
  timeout = 30
  ssh-option = {"Compression=no", "TCPKeepAlive=no"}
}
"""


class Host:
    def __init__(self, t, config=CONFIG):
        self.t = t
        self.fw = firmware(t, size=3000)
        self.path = t.dir / "xdg/fwssh/config"
        self.path.parent.mkdir(parents=True)
        self.path.write_text(config)
        self.ssh = t.script("ssh", SSH.format(dir=t.dir))
        self.env = {"XDG_CONFIG_HOME": str(t.dir / "xdg")}

    def run(self, command, *words, env=None):
        """The words of each ssh that was started, and how fwssh ended."""
        calls = self.t.dir / "calls"
        calls.unlink(missing_ok=True)
        r = self.t.run([self.t.bin("fwssh"), command, "--ssh", self.ssh, *words], env={**self.env, **(env or {})})
        return [f" {line} " for line in calls.read_text().splitlines()] if calls.exists() else [], r

    def push(self, *words, **kw):
        return self.run("push", "--firmware", self.fw, *words, **kw)


def test_values_of_the_first_section_that_fits(t):
    h = Host(t)
    [call], r = h.push("board-1")
    assert r.returncode == 0 and " -p 22 -s -- nerves@board-1 fwup " in call and " -o Compression=no " in call, (call, r)
    [call], r = h.push("board-9")
    assert r.returncode == 0 and " -p 8990 -s -- board-9 nerves_firmware_ssh " in call, (call, r)
    [call], r = h.push("root@board-1")
    assert " -- root@board-1 fwup " in call, call
    calls, r = h.push("board-1", "board-9", "other")
    assert r.returncode == 0 and sum(" -p 22 " in c and c.endswith(" fwup ") for c in calls) == 1, (calls, r)
    calls, r = h.run("status", "board-1", "other")
    assert [c.partition(" -p ")[2] for c in calls] == ["22 -s -- nerves@board-1 fwssh ", "8990 -s -- other fwssh "], calls
    calls, r = h.run("check", "board-1")
    assert " -p 22 -s -- nerves@board-1 fwup " in calls[0], calls


def test_sections_with_the_same_patterns_are_several(t):
    """Neither does the later one win, nor does it come where the first one is."""
    h = Host(t, 'host "*" {\n  ssh-option = {"Compression=no"}\n  timeout = 30\n}\nhost "a" {\n  port = 1111\n  user = "two"\n}\n'
                'host "*" {\n  port = 2222\n  user = "three"\n  ssh-option = {"TCPKeepAlive=no"}\n}\n'
                'host "a" {\n  port = 3333\n}\n')
    [call], r = h.push("a")
    assert r.returncode == 0 and " -p 1111 -s -- two@a " in call, (call, r)
    assert -1 < call.find(" -o Compression=no ") < call.find(" -o TCPKeepAlive=no "), call
    [call], r = h.push("b")
    assert " -p 2222 -s -- three@b " in call and " -o Compression=no " in call, (call, r)


def test_options_win(t):
    h = Host(t)
    [call], r = h.push("board-1", "--port", "5", "--user", "me", "--ssh-option", "Compression=yes")
    assert " -p 5 -s -- me@board-1 fwup " in call and call.index("Compression=yes") < call.index("Compression=no"), call
    [call], _ = h.push("board-1:7")
    assert " -p 7 " in call
    h.path.write_text('host "*" { wait = 1 confirm = true task = other ssh = /nonexistent subsystem = fwup}\n')
    calls, r = h.push("a", "--no-reboot", "--subsystem", "nerves_firmware_ssh")
    assert r.returncode == 0 and len(calls) == 1 and "Success!" in r.stdout, (calls, r)


def test_wait_of_the_configuration(t):
    h = Host(t, 'host "a" { wait = 2 }\n')
    for host, waits in (("a", True), ("b", False)):
        calls, r = h.push(host)
        assert (calls[0].endswith(" fwssh ")) == waits, (host, calls, r)


def test_where_the_file_is(t):
    h = Host(t)
    home = t.dir / ".config/fwssh/config"
    home.parent.mkdir(parents=True)
    home.write_text('host a { port = 1234 }\n')
    for xdg in ("", "relative/path"):  # these count as not set
        [call], r = h.push("a", env={"XDG_CONFIG_HOME": xdg})
        assert r.returncode == 0 and " -p 1234 " in call, (call, r)
    # So does a home that is relative: the file would be another one in each directory.
    [call], r = h.push("a", env={"XDG_CONFIG_HOME": "", "HOME": "."})
    assert r.returncode == 0 and " -p 8989 " in call, (call, r)
    home.unlink()
    [call], r = h.push("a", env={"XDG_CONFIG_HOME": ""})
    assert r.returncode == 0 and " -p 8989 " in call, (call, r)


def test_a_broken_file_is_an_error_with_its_line(t):
    h = Host(t)
    for text, line, words in (('host "a" {\n  prot = 5\n}\n', 2, "prot"), ('host "a" {\n\n  port = 0\n}\n', 3, "1 to 65535"),
                              ('host "a" {\n  wait = soon\n}\n', 2, "soon"), ('host "a" {\n  exec = perhaps\n}\n', 2, "true or false"),
                              ('# a\nhost { port = 5 }\n', 2, ""), ('port = 5\n', 1, "port"), ('host "a" {\n  user = "a@b"\n}\n', 2, "@"),
                              ('host "a" {\n  task = "a b"\n}\n', 2, "task"), ('host "a" {\n  passphrase = "x"\n}\n', 2, "passphrase")):
        h.path.write_text(text)
        calls, r = h.push("b")
        assert r.returncode == 2 and not calls and r.stderr.startswith("fwssh: ") and words in r.stderr, (text, r)
        assert f"{h.path}, line {line}: " in r.stderr, (text, r.stderr)
        assert r.stderr.count("\n") == 1, (text, r.stderr)
    for text in ('host "a" {\n  port = "5 }"\n', 'host "a" { port = "5', "/* no end", "\0"):
        h.path.write_text(text)
        calls, r = h.push("b")
        assert r.returncode == 2 and str(h.path) in r.stderr and r.stderr.count("\n") == 1, (text, r)
    assert h.run("push", "--help")[1].returncode == 0
    h.path.unlink()
    h.path.mkdir()
    assert h.push("b")[1].returncode == 2


def test_conflicts_name_the_file(t):
    h = Host(t, 'host "a" { subsystem = fwup }\nhost "b" { subsystem = fwup task = x }\n')
    calls, r = h.push("a", "--no-reboot")
    assert r.returncode == 2 and not calls and "device decides" in r.stderr and str(h.path) in r.stderr, r
    calls, r = h.push("b", "c")
    assert r.returncode == 10 and len(calls) >= 1 and "--task" in r.stdout and str(h.path) in r.stdout, r
