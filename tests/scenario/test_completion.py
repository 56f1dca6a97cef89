# SPDX-License-Identifier: Apache-2.0
"""The scripts that complete fwssh's words, in the shells themselves."""
import re

PLAIN_ONLY = "what is tested are shell scripts"


def script(t, shell):
    r = t.run([t.bin("fwssh"), "completion", shell])
    assert r.returncode == 0 and r.stderr == "", r
    (t.dir / f"fwssh.{shell}").write_text(r.stdout)
    return t.dir / f"fwssh.{shell}"


def options(t, command):
    return set(re.findall(r"^  (--[\w-]+)", t.run([t.bin("fwssh"), command, "--help"]).stdout, re.M))


def test_bash_completes(t):
    path = script(t, "bash")
    (t.dir / "pump.fw").touch()

    def complete(*words):
        line = f"source {path}; COMP_WORDS=(fwssh {' '.join(words)}); COMP_CWORD={len(words)}; _fwssh; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        r = t.run(["bash", "--norc", "-c", line])
        assert r.returncode == 0 and r.stderr == "", r
        return set(r.stdout.split())

    assert complete("st") == {"status"} and {"push", "help", "check"} <= complete("''")
    for command in ("push", "revert", "describe"):
        assert complete(command, "--") == options(t, command)
    assert complete("push", "--firmware", "pu") == {"pump.fw"}
    assert complete("push", "--adaptive", "a") == {"auto", "always"}
    assert complete("push", "--jobs", "''") == set()
    if t.run(["sh", "-c", "command -v shellcheck"]).returncode == 0:
        r = t.run(["shellcheck", "-s", "bash", path])
        assert r.returncode == 0, r.stdout


def test_fish_completes(t):
    t.need("fish")
    path = script(t, "fish")

    def complete(line):
        r = t.run(["fish", "--no-config", "-c", f"source {path}; complete -C '{line}'"])
        assert r.returncode == 0 and r.stderr == "", r
        return {word.split("\t")[0] for word in r.stdout.splitlines()}

    assert "status" in complete("fwssh st")
    assert {o for o in complete("fwssh revert --") if o.startswith("--")} == options(t, "revert")
    assert {"auto", "always"} <= complete("fwssh push --adaptive a")


def test_zsh_takes_it(t):
    t.need("zsh")
    path = script(t, "zsh")
    r = t.run(["zsh", "-f", "-c", f"autoload -Uz compinit; compinit -u -d {t.dir}/dump; source {path}; print $_comps[fwssh]"])
    assert (r.returncode, r.stdout, r.stderr) == (0, "_fwssh\n", ""), r
    assert all(f"'*{option}" in path.read_text() for option in options(t, "push"))


def test_another_shell_is_an_error(t):
    for words in ((), ("tcsh",)):
        r = t.run([t.bin("fwssh"), "completion", *words])
        assert (r.returncode, r.stdout) == (2, "") and "bash, zsh or fish" in r.stderr, r
