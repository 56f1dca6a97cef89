# SPDX-License-Identifier: Apache-2.0
"""fwssh known-hosts: the factory's records become a known_hosts file that ssh itself believes."""
import re

STRICT = ("-o", "StrictHostKeyChecking=yes")


def known_hosts(t, records, *options):
    path = t.dir / "records"
    path.write_text(records)
    return t.run([t.bin("fwssh"), "known-hosts", "--from", path, *options])


def host_key(t, d):
    """As the factory gets it: of a device that has not run yet."""
    r = t.run([t.bin("fwsshd"), "-f", d.conf, "--init-host-key"])
    assert r.returncode == 0 and re.fullmatch(r"ssh-ed25519 \S+\n", r.stdout), r
    return r.stdout.strip()


def test_ssh_believes_it(t):
    d, other = t.daemon(wait=False), t.daemon(wait=False)
    record = f"# batch 7\n\n127.0.0.1,pump-17 {host_key(t, d)} made on Tuesday\r\n"
    file = t.dir / "known"
    r = known_hosts(t, record, "--port", d.port, "-o", file)
    assert (r.returncode, r.stdout, r.stderr) == (0, "", ""), r
    d.start()
    # The first UserKnownHostsFile and StrictHostKeyChecking of the command line count for ssh.
    args = d.ssh_args()
    args[1:1] = [*STRICT, "-o", f"UserKnownHostsFile={file}"]
    r = t.run(args, input=b"fwup:3\nabc", text=False)
    assert r.returncode == 0, r
    r = known_hosts(t, f"127.0.0.1 {host_key(t, other)}\n", "--port", d.port, "-o", file)
    assert r.returncode == 0, r
    r = t.run(args, input=b"fwup:3\nabc", text=False)
    assert r.returncode == 255 and b"verification failed" in r.stderr, "another device's key"


def test_an_alias_has_no_port(t):
    d = t.daemon(wait=False)
    file = t.dir / "known"
    assert known_hosts(t, f"serial-0042 {host_key(t, d)}\n", "--alias", "--output", file).returncode == 0
    assert file.read_text().startswith("serial-0042 ssh-ed25519 ") and file.stat().st_mode & 0o777 == 0o644
    d.start()
    r = t.run([t.bin("fwssh"), "status", "127.0.0.1", "--port", d.port, "--user-dir", t.dir, "--host-key-alias",
               "serial-0042", "--ssh-option", "StrictHostKeyChecking=yes", "--ssh-option",
               f"UserKnownHostsFile={file}"])
    assert r.returncode == 0, r


def test_the_form_of_the_lines(t):
    key = host_key(t, t.daemon(wait=False))
    for options, name in ((), "[a]:8989,[fe80::1%eth0]:8989"), (("--port", "22"), "a,fe80::1%eth0"), \
            (("--port", "2222"), "[a]:2222,[fe80::1%eth0]:2222"):
        r = known_hosts(t, f"\ta,fe80::1%eth0  {key}   x\n", *options)
        assert (r.returncode, r.stdout, r.stderr) == (0, f"{name} {key}\n", ""), r
    r = t.run([t.bin("fwssh"), "known-hosts", "--from", "-"], input=f"a {key}\na {key}")
    assert r.stdout == f"[a]:8989 {key}\n" * 2, "an old key and a new one"


def test_each_mistake_is_a_line_and_nothing_is_written(t):
    key = host_key(t, t.daemon(wait=False))
    kind, base64 = key.split()
    file = t.dir / "known"
    file.write_text("as before\n")
    bad = (("*", f"* {key}", "'*' is no name of a device (letters, digits and .-_:%)"),
           ("a marker", f"@revoked {key}", "'@revoked' is no name"),
           ("an empty name", f"a,,b {key}", "'' is no name"),
           ("no name", key, "the name of the device is missing before ssh-ed25519"),
           ("no type", f"a {base64}", "is no type of a host key, such as ssh-ed25519 (NAME TYPE KEY)"),
           ("another type", f"a ssh-rsa {base64}", "the key of a is damaged or cut off (ssh-rsa)"),
           ("cut off", f"a {kind} {base64[:-4]}", "the key of a is damaged or cut off (ssh-ed25519)"),
           ("not base64", f"a {kind} {base64[:-1]}!", "the key of a is damaged"),
           ("no key", f"a {kind}", "the key of a is damaged"),
           ("only a name", "a\x1b[2J", "'' is no type"))
    r = known_hosts(t, "\n".join(line for _, line, _ in bad) + f"\ngood {key}\n", "-o", file)
    lines = r.stderr.splitlines()
    assert r.returncode == 2 and len(lines) == len(bad) + 1, r
    for number, ((what, _, said), line) in enumerate(zip(bad, lines), 1):
        assert line.startswith(f"fwssh: {t.dir}/records:{number}: ") and said in line, (what, line)
    assert lines[-1] == "fwssh: 10 lines with a mistake; nothing was written"
    assert file.read_text() == "as before\n" and "\x1b" not in r.stderr


def test_records_that_cannot_be_read(t):
    for args, said in ((), "known-hosts needs --from FILE"), (("--from", "/nonexistent"), "/nonexistent"), \
            (("--from", "/dev/null"), "is empty"):
        r = t.run([t.bin("fwssh"), "known-hosts", *args])
        assert r.returncode in (1, 2) and said in r.stderr and len(r.stderr.splitlines()) == 1 and not r.stdout, r
    r = known_hosts(t, "a", "-o", "/nonexistent/known", "b")
    assert r.returncode == 2 and "takes no 'b'" in r.stderr
