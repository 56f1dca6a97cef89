# SPDX-License-Identifier: Apache-2.0
"""Every key of fwsshd.conf is in the manual and the example, and no document knows others."""
import re

from support.sources import sources


def printed(t):
    r = t.run([t.bin("fwsshd"), "-f", "/dev/null", "-o", f"session-program={t.bin('fwssh-session')}", "-o",
               "system-dir=/nonexistent", "-t"])
    assert r.returncode != 2, r
    return r.stdout


def printed_keys(t):
    return set(re.findall(r"^([\w-]+) = ", printed(t), re.M))


def test_printed_are_all_that_the_program_knows(t):
    table = (t.src / "src/device/config/device_config.c").read_text()
    assert printed_keys(t) == set(re.findall(r'^ +CFG_\w+\("([\w-]+)"', table, re.M))


def test_manual(t):
    items = re.findall(r"^\.It Cm .*", (t.src / "man/fwsshd.conf.5").read_text(), re.M)
    assert set(re.findall(r"\bCm ([\w-]+)", "\n".join(items))) == printed_keys(t)


def test_example(t):
    text = (t.src / "packaging/fwsshd.conf.example").read_text()
    assert set(re.findall(r"^#([\w-]+) = ", text, re.M)) == printed_keys(t)


def test_readme(t):
    text = (t.src / "README.md").read_text()
    table = text[text.index("\n| key | default |"):].split("\n\n")[0]
    defaults = printed(t)
    rows = [line.split("|") for line in table.splitlines()[3:]]
    assert 4 < len(rows) <= 6, "the keys that most devices set; the manual has all"
    for _, key, default, *_ in rows:
        assert f"{key.strip(' `')} = {default.strip(' `')}\n" in defaults, key


def test_configurations_in_pages_are_accepted(t):
    """What a page has as fwsshd.conf; the device of it is not here, so -t fails, but for that."""
    seen = 0
    for path in sources(t, "docs/*.md", "docs/*/*.md"):
        for text in re.findall(r"fwsshd\.conf <<'END'\n(.*?)^ *END$|files/fwsshd\.conf`:\n\n```\n(.*?)^```", path.read_text(), re.M | re.S):
            (t.dir / "page.conf").write_text("".join(text))
            r = t.run([t.bin("fwsshd"), "-f", "page.conf", "-o", f"session-program={t.bin('fwssh-session')}", "-o",
                       "session-user=", "-t"])
            assert r.returncode == 1 and "not known" not in r.stderr and "unknown" not in r.stderr, (path, r.stderr)
            seen += 1
    assert seen >= 5, seen
