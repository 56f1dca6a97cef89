# SPDX-License-Identifier: Apache-2.0
"""Help, the manual, and the answer to a mistyped word."""
import re

COMMANDS = ("push", "status", "confirm", "revert", "reboot", "activate", "log", "check", "describe", "discover",
            "gen-script", "known-hosts", "selftest")


def fwssh(t, *args):
    return t.run([t.bin("fwssh"), *args])


def options_in_help(t, command):
    """--NAME, and the word of its argument ("": none), of a command's help."""
    r = fwssh(t, command, "--help")
    assert r.returncode == 0 and r.stderr == "", r
    assert r.stdout.startswith(f"Usage: fwssh {command}")
    return dict(re.findall(r"^  --([\w-]+)(?: (\S+)|\[=\w+\])?  ", r.stdout, re.M))


def test_help_of_a_command_shows_its_options_only(t):
    assert {"firmware", "wait", "jobs", "port", "json"} <= set(options_in_help(t, "push"))
    status = options_in_help(t, "status")
    assert "port" in status and not {"firmware", "reason", "jobs", "output"} & set(status)
    assert "reason" in options_in_help(t, "revert")
    assert set(options_in_help(t, "gen-script")) == {"output", "force", "help"}
    assert set(options_in_help(t, "known-hosts")) == {"from", "output", "port", "alias", "help"}
    assert set(options_in_help(t, "describe")) == {"firmware", "target", "json", "help"}
    assert set(options_in_help(t, "discover")) == {"json", "help"}
    for command in COMMANDS:
        by_word, by_option = fwssh(t, "help", command), fwssh(t, command, "--help")
        assert by_word.returncode == 0 and by_word.stdout == by_option.stdout
        assert len(by_word.stdout.splitlines()) <= 45, "it fits on a screen"


def test_help_names_all_commands_and_statuses(t):
    for words in (("help",), ("--help",), ("-h",)):
        r = fwssh(t, *words)
        assert r.returncode == 0 and len(r.stdout.splitlines()) <= 40
        for command in COMMANDS:
            assert re.search(rf"^  {command} ", r.stdout, re.M)
        assert all(re.search(rf"^ +{status}  ", r.stdout, re.M) for status in range(11))


def test_unknown_words_are_one_line_with_the_nearest(t):
    for args, said in (
            (["psuh", "host"], "unknown command 'psuh'; did you mean push?"),
            (["stauts"], "unknown command 'stauts'; did you mean status?"),
            (["frobnicate"], "unknown command 'frobnicate'; see fwssh --help"),
            (["help", "chek"], "unknown command 'chek'; did you mean check?"),
            ([], "which command? See fwssh --help"),
            (["push", "--firmwrae", "x"], "unknown option '--firmwrae'; did you mean --firmware?"),
            (["push", "--zzz=1"], "unknown option '--zzz=1'; see fwssh --help"),
            (["push", "-x"], "unknown option '-x'; see fwssh --help"),
            (["push", "-f"], "unknown option '-f'; see fwssh --help"),
            (["push", "--firmware"], "--firmware needs a value"),
            (["push", "device", "--wait", "60"], "--wait takes its number as --wait=60; if 60 is a host, name it before"),
            (["push", "--stage=yes"], "--stage takes no value"),
            (["push", "--port", "70000"], "--port needs a number from 1 to 65535, but got '70000'"),
            (["gen-script", "x"], "gen-script takes no 'x'"), (["describe", "x"], "describe takes no 'x'")):
        r = fwssh(t, *args)
        assert (r.returncode, r.stdout, r.stderr) == (2, "", f"fwssh: {said}\n"), (args, r)


def test_other_programs_name_the_nearest_word_too(t):
    for args, said in (
            (["fwsshd", "--init-hostkey"], "fwsshd: unknown option '--init-hostkey'; did you mean --init-host-key?"),
            (["fwsshd", "-f"], "fwsshd: -f needs a value"),
            (["fwsshd", "x"], "fwsshd: unexpected argument 'x'"),
            (["fwssh-receive", "--statsu"], "fwssh-receive: unknown option '--statsu'; did you mean --status?"),
            (["fwssh-receive"], "fwssh-receive: -s SUBSYSTEM is missing; see fwssh-receive --help"),
            (["fwssh-receive", "--confirm-within", "x"],
             "fwssh-receive: --confirm-within needs a number up to 86400, but got 'x'"),
            (["fwpack", "crate", "-f", "x"], "fwpack: unknown command 'crate'; did you mean create?"),
            (["fwpack", "create", "--quite"], "fwpack: unknown option '--quite'; did you mean --quiet?"),
            (["fwpack", "create", "-f"], "fwpack: -f needs a value")):
        r = t.run([t.bin(args[0]), *args[1:]])
        assert (r.returncode, r.stdout + r.stderr) == (2, f"{said}\n"), (args, r)
    # fwup's own options behave as in fwup.
    r = t.run([t.bin("fwpack"), "--frob"])
    assert r.returncode == 1 and "fwup: bad option" in r.stdout + r.stderr, r


def test_manual_has_every_option_and_no_other(t):
    page = (t.src / "man/fwssh.1").read_text()
    items = re.findall(r"^\.It Fl -([\w-]+)(?: Ns Op = Ns Ar \w+| Ar (\S+))?", page, re.M)
    manual = {name: argument for name, argument in items}
    known = {}
    for command in COMMANDS:
        known.update(options_in_help(t, command))
    known.pop("help")
    assert set(manual) == set(known), set(manual) ^ set(known)
    for name, argument in known.items():
        assert bool(argument) == bool(manual[name]), name
