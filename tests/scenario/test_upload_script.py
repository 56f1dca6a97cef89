# SPDX-License-Identifier: Apache-2.0
"""src/host/command/upload.sh: what it sends, what it prints, and its exit status."""

import hashlib
import os
import shutil
import uuid
import zipfile

NAMESPACE = bytes.fromhex("2053dffbd51e4310b93b956da89f9f34")

META = (
    'meta-product="My \\"big\\" product"\n'
    "meta-version=1.2.3\n"
    "meta-platform=rpi0\n"
    'file-resource "data.img" {\nlength=3\n}\n'
)

# Everything that the script may need, except the tools that describe an archive.
TOOLS = ["awk", "cat", "sed", "stat", "tr", "uname", "wc"]

PLACES = [
    "_build/rpi0_dev/nerves/images",
    "_build/rpi0/rpi0_dev/nerves/images",
    "_build/rpi0/dev/nerves/images",
]

FAKE_SSH = """#!/bin/sh
for word in "$@"; do printf '%s\\n' "$word"; done >"$FAKE_DIR/ssh.argv"
[ -n "${FAKE_DEAF-}" ] || cat >"$FAKE_DIR/ssh.stdin"
exit "${FAKE_STATUS:-0}"
"""


class Bench:
    """A private directory, a PATH with only what is allowed, and a fake ssh."""

    def __init__(self, t, shell, tools=TOOLS):
        self.t = t
        self.shell = shell
        self.dir = t.dir / f"bench-{shell[-1]}-{os.urandom(4).hex()}"
        self.path = self.dir / "bin"
        self.work = self.dir / "work"
        self.path.mkdir(parents=True)
        self.work.mkdir()
        self.allow(*tools)
        self.fake("ssh", FAKE_SSH)

    def allow(self, *tools):
        for tool in tools:
            real = shutil.which(tool)
            if real is None:
                self.t.skip(f"{tool} is not installed")
            (self.path / tool).symlink_to(real)

    def fake(self, name, text):
        file = self.path / name
        file.unlink(missing_ok=True)  # never write through a link to the real tool
        file.write_text(text)
        file.chmod(0o755)

    def file(self, name, data=b"firmware"):
        path = self.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def archive(self, name="good.fw", meta=META, decoys=()):
        with zipfile.ZipFile(self.work / name, "w", zipfile.ZIP_DEFLATED) as z:
            for decoy in decoys:
                z.writestr(decoy, "meta-product=wrong\n")
            z.writestr("meta.conf", meta)
            z.writestr("data/data.img", b"abc")
        return name

    def run(self, *args, **env):
        clean = dict.fromkeys(["MIX_TARGET", "MIX_ENV", "FWSSH_PORT", "SSH_OPTIONS"], "")
        clean |= {"PATH": str(self.path), "HOME": str(self.dir), "FAKE_DIR": str(self.dir)}
        script = str(self.t.src / "src/host/command/upload.sh")
        return self.t.run([*self.shell, script, *args], env=clean | env, cwd=str(self.work))

    def argv(self):
        return (self.dir / "ssh.argv").read_text().splitlines()

    def sent(self):
        return (self.dir / "ssh.stdin").read_bytes()

    def untouched(self):
        return not (self.dir / "ssh.argv").exists()


def dash(t):
    real = shutil.which("dash")
    if real is None:
        t.skip("dash is not installed")
    return [real]


def shells(t):
    found = [dash(t)]
    busybox = shutil.which("busybox")
    if busybox is None:
        t.skip("busybox is not installed")
    return found + [[busybox, "sh"]]


def benches(t):
    return [Bench(t, shell) for shell in shells(t)]


def uuid_of(meta):
    raw = bytearray(hashlib.blake2b(NAMESPACE + meta.encode(), digest_size=32).digest()[:16])
    raw[6] = raw[6] & 0x0F | 0x50
    return str(uuid.UUID(bytes=bytes(raw)))


def test_shellcheck_has_nothing_to_say(t):
    if shutil.which("shellcheck") is None:
        t.skip("shellcheck is not installed")
    result = t.run(["shellcheck", "-s", "sh", str(t.src / "src/host/command/upload.sh")])
    assert result.returncode == 0, result.stdout


def test_script_is_executable_and_asks_for_plain_sh(t):
    script = t.src / "src/host/command/upload.sh"
    assert script.stat().st_mode & 0o777 == 0o755
    assert script.read_text().startswith("#!/bin/sh\n")


def test_sends_header_then_exact_bytes(t):
    data = bytes(range(256)) * 1000 + b"\n\n\0"
    for b in benches(t):
        b.file("a.fw", data)
        result = b.run("user@device", "a.fw")
        assert result.returncode == 0, result.stderr
        assert b.sent() == b"fwup:%d,reboot\n" % len(data) + data
        assert b.argv() == [
            "-s", "-p", "8989", "-o", "PreferredAuthentications=publickey",
            "user@device", "nerves_firmware_ssh",
        ]
        assert "user@device took the firmware and reboots" in result.stdout
        assert result.stderr == ""


def test_help_goes_to_stdout(t):
    for b in benches(t):
        for option in "-h", "--help":
            result = b.run(option)
            assert result.returncode == 0
            assert result.stdout.startswith("Usage: upload.sh [destination] [file.fw]\n")
            for word in "MIX_TARGET", "MIX_ENV", "FWSSH_PORT", "SSH_OPTIONS", "nerves.local":
                assert word in result.stdout
            assert result.stderr == ""
        assert b.untouched()


def test_wrong_calls_show_usage_on_stderr(t):
    for b in benches(t):
        b.file("a.fw")
        # The last two must not reach ssh, which would act on them.
        for args in (["a", "a.fw", "c"], ["--bogus"], ["-"],
                     ["-oProxyCommand=x", "a.fw"], ["--", "-oProxyCommand=x", "a.fw"]):
            result = b.run(*args)
            assert result.returncode == 2, args
            assert "Usage:" in result.stderr
            assert result.stdout == ""
        assert b.untouched()


def test_guesses_try_the_places_in_order(t):
    for b in benches(t):
        # From the last to the first: each new file must take precedence over the previous one.
        for n, place in reversed(list(enumerate(PLACES))):
            b.file(f"{place}/app.fw", b"%d" % n)
            assert b.run().returncode == 0
            assert b.sent() == b"fwup:1,reboot\n%d" % n
            assert b.argv()[-2] == "nerves.local"


def test_guess_takes_the_first_file_only(t):
    for b in benches(t):
        b.file(f"{PLACES[0]}/a.txt", b"no")
        (b.work / PLACES[0] / "a.fw").mkdir()  # not a file, so not a firmware
        b.file(f"{PLACES[0]}/b.fw", b"first")
        b.file(f"{PLACES[0]}/c.fw", b"second")
        assert b.run("dev").returncode == 0
        assert b.sent().endswith(b"first")


def test_guess_follows_target_and_environment(t):
    for b in benches(t):
        b.file(f"{PLACES[0]}/a.fw", b"wrong")
        b.file("_build/my board_prod/nerves/images/a.fw", b"right")
        assert b.run("dev", MIX_TARGET="my board", MIX_ENV="prod").returncode == 0
        assert b.sent().endswith(b"right")


def test_empty_destination_counts_as_left_out(t):
    for b in benches(t):
        b.file("a.fw")
        assert b.run("", "a.fw").returncode == 0
        assert b.argv()[-2] == "nerves.local"


def test_no_firmware_names_all_places_in_one_line(t):
    for b in benches(t):
        result = b.run(MIX_TARGET="", MIX_ENV="")
        assert result.returncode == 1
        assert result.stderr.count("\n") == 1
        for word in PLACES + ["MIX_TARGET", "MIX_ENV", "build the firmware"]:
            assert word in result.stderr
        assert b.untouched()


def test_unusable_files_are_refused_in_one_line(t):
    for b in benches(t):
        b.file("empty.fw", b"")
        (b.work / "dir.fw").mkdir()
        for name in "missing.fw", "empty.fw", "dir.fw":
            result = b.run("dev", name)
            assert result.returncode == 1
            assert result.stderr.count("\n") == 1 and f"'{name}'" in result.stderr
            assert result.stdout == ""
        assert b.untouched()


def test_unreadable_file_is_refused(t):
    if os.geteuid() == 0:
        t.skip("root can read everything")
    for b in benches(t):
        b.file("secret.fw").chmod(0)
        result = b.run("dev", "secret.fw")
        assert result.returncode == 1 and "cannot read 'secret.fw'" in result.stderr
        assert b.untouched()


def test_awkward_file_names(t):
    for b in benches(t):
        for name in "two  words.fw", "-x.fw", "--", "$HOME;'\".fw", "[ab]*?\\n.fw", "dir x/f.fw":
            b.file(name, name.encode())
            result = b.run("dev", name)
            assert result.returncode == 0, result.stderr
            assert b.sent() == b"fwup:%d,reboot\n" % len(name) + name.encode()
            assert name in result.stdout


def test_link_counts_with_the_size_of_its_file(t):
    for b in benches(t):
        b.file("real.fw", b"x" * 1000)
        (b.work / "link.fw").symlink_to("real.fw")
        assert b.run("dev", "link.fw").returncode == 0
        assert b.sent().startswith(b"fwup:1000,reboot\n")


def test_bsd_stat(t):
    b = Bench(t, dash(t))
    b.file("a.fw", b"x" * 1234)
    b.fake("stat", '#!/bin/sh\n[ "$1" != -L ] || shift\n'
                   '[ "$1 $2" = "-f %z" ] || { echo "stat: illegal option" >&2; exit 1; }\n'
                   'wc -c <"$3"\n')
    result = b.run("dev", "a.fw")
    assert result.returncode == 0 and result.stderr == ""
    assert b.sent().startswith(b"fwup:1234,reboot\n")


def test_without_stat(t):
    b = Bench(t, dash(t), [tool for tool in TOOLS if tool != "stat"])
    b.file("a.fw", b"x" * 1234)
    assert b.run("dev", "a.fw").returncode == 0
    assert b.sent().startswith(b"fwup:1234,reboot\n")


def test_port_can_be_set(t):
    for b in benches(t):
        b.file("a.fw")
        assert b.run("dev", "a.fw", FWSSH_PORT="2222").returncode == 0
        assert b.argv()[:3] == ["-s", "-p", "2222"]


def test_fwup_has_no_header_and_dropbear_gets_a_command(t):
    for b in benches(t):
        b.file("a.fw", b"data")
        assert b.run("dev", "a.fw", FWSSH_SUBSYSTEM="fwup").returncode == 0
        assert b.sent() == b"data" and b.argv()[:3] == ["-s", "-p", "22"] and b.argv()[-2:] == ["dev", "fwup"]
        assert b.run("dev", "a.fw", FWSSH_EXEC="yes").returncode == 0
        assert b.sent() == b"fwup:4,reboot\ndata" and "-s" not in b.argv() and b.argv()[:2] == ["-p", "22"]
        for name, value in (("FWSSH_SUBSYSTEM", "sftp"), ("FWSSH_EXEC", "no")):
            result = b.run("dev", "a.fw", **{name: value})
            assert result.returncode == 2 and name in result.stderr


def test_bad_ports_are_refused(t):
    for b in benches(t):
        b.file("a.fw")
        for port in "0", "65536", "22x", "-1", " 22", "99999999999999999999":
            result = b.run("dev", "a.fw", FWSSH_PORT=port)
            assert result.returncode == 2 and "FWSSH_PORT" in result.stderr
        assert b.untouched()


def test_ssh_options_are_split_but_not_matched_to_files(t):
    for b in benches(t):
        b.file("a.fw")
        assert b.run("dev", "a.fw", SSH_OPTIONS="-i  key -o *.fw").returncode == 0
        # First, because ssh uses the first value that it gets.
        assert b.argv()[:5] == ["-i", "key", "-o", "*.fw", "-s"]


def test_status_is_that_of_ssh(t):
    words = {1: "on the device", 3: "busy", 4: "does not fit", 255: "could not reach dev",
             77: "status 77"}
    for b in benches(t):
        b.file("a.fw")
        for status, word in words.items():
            result = b.run("dev", "a.fw", FAKE_STATUS=str(status))
            assert result.returncode == status
            assert result.stderr.count("\n") == 1 and word in result.stderr
            assert "took" not in result.stdout


def test_status_of_ssh_survives_a_broken_pipe(t):
    for b in benches(t):
        b.file("a.fw", bytes(4 << 20))
        for status in 0, 255:
            result = b.run("dev", "a.fw", FAKE_DEAF="1", FAKE_STATUS=str(status))
            assert result.returncode == status
            assert ("took" in result.stdout) == (status == 0)


def test_missing_ssh_is_said(t):
    for b in benches(t):
        b.file("a.fw")
        (b.path / "ssh").unlink()
        result = b.run("dev", "a.fw")
        assert result.returncode == 127 and "ssh is not installed" in result.stderr


def test_archive_is_described_with_unzip_and_b2sum(t):
    for b in benches(t):
        b.allow("unzip", "b2sum")
        # Only an entry with exactly the right name counts.
        result = b.run("dev", b.archive(decoys=["metaXconf", "data/meta.conf"]))
        assert result.stdout.splitlines()[:4] == [
            "Firmware: good.fw",
            'Product:  My "big" product 1.2.3',
            f"UUID:     {uuid_of(META)}",
            "Platform: rpi0",
        ]
        assert result.stderr == ""


def test_missing_tools_only_cost_their_lines(t):
    without_b2sum = Bench(t, dash(t), TOOLS + ["unzip"])
    out = without_b2sum.run("dev", without_b2sum.archive()).stdout
    assert "Product:" in out and "UUID:" not in out

    without_unzip = Bench(t, dash(t), TOOLS + ["b2sum"])
    result = without_unzip.run("dev", without_unzip.archive())
    assert result.returncode == 0 and result.stderr == ""
    assert "Product:" not in result.stdout and "UUID:" not in result.stdout


def test_a_file_that_is_no_archive_is_sent_all_the_same(t):
    for b in benches(t):
        b.allow("unzip", "b2sum")
        b.file("a.fw")
        result = b.run("dev", "a.fw")
        # The device has to judge it, and a UUID of nothing would be misleading.
        assert result.returncode == 0 and result.stderr == ""
        assert "UUID:" not in result.stdout


def test_name_is_not_a_pattern_for_unzip(t):
    b = Bench(t, dash(t), TOOLS + ["unzip", "b2sum"])
    b.archive("[ab].fw")
    b.archive("a.fw", META.replace("1.2.3", "9.9.9"))
    assert "9.9.9" not in b.run("dev", "[ab].fw").stdout


def test_fwup_is_asked_before_fwpack(t):
    for b in benches(t):
        b.file("a.fw")
        fake = "#!/bin/sh\n[ \"$*\" = '-m -i a.fw' ] && echo 'meta-product=\"%s\"' && exit %d\n"
        b.fake("fwpack", fake % ("from fwpack", 0))
        b.fake("fwup", fake % ("from fwup", 0))
        assert "Product:  from fwup\n" in b.run("dev", "a.fw").stdout
        # The output of a tool that fails is not used.
        b.fake("fwup", fake % ("from fwup", 1))
        assert "Product:  from fwpack\n" in b.run("dev", "a.fw").stdout


def test_built_fwpack_names_the_same_archive(t):
    fwpack = t.bin("fwpack")
    if not os.path.exists(fwpack):
        t.skip("fwpack is not built")
    b = Bench(t, dash(t))
    (b.path / "fwpack").symlink_to(os.path.abspath(fwpack))
    assert f"UUID:     {uuid_of(META)}\n" in b.run("dev", b.archive()).stdout


def test_control_characters_do_not_reach_the_terminal(t):
    for b in benches(t):
        b.allow("unzip")
        out = b.run("dev", b.archive(meta='meta-product="a\x1b[2J\rb\u00e9"\n')).stdout
        assert "Product:  a[2Jb\u00e9\n" in out


def mac(t, inet, arp="", lookup="169.254.7.7"):
    """A bench with the tools of a Mac; inet maps interfaces to addresses."""
    b = Bench(t, dash(t))
    b.file("a.fw")
    b.fake("uname", "#!/bin/sh\necho Darwin\n")
    b.fake("dscacheutil", '#!/bin/sh\n[ "$5" = device.local ] || exit 0\n' +
           "".join(f"echo 'ip_address: {address}'\n" for address in lookup.split()))
    b.fake("arp", f"#!/bin/sh\necho '{arp}'\n")
    lines = ["lo0: flags=8049<UP> mtu 16384", "\tinet 127.0.0.1 netmask 0xff000000"]
    for name, address in inet.items():
        lines += [f"{name}: flags=8863<UP> mtu 1500", "\tinet6 fe80::1%x prefixlen 64",
                  f"\tinet {address} netmask 0xffff0000 broadcast 169.254.255.255"]
    b.fake("ifconfig", "#!/bin/sh\ncat <<'END'\n" + "\n".join(lines) + "\nEND\n")
    return b


TWO = {"en0": "169.254.1.1", "en10": "169.254.2.2"}


def test_mac_binds_to_its_only_link_local_address(t):
    for destination in "device.local", "me@device.local", "169.254.7.7", "ssh://me@device.local:1":
        b = mac(t, {"en0": "192.168.1.5", "en10": "169.254.2.2"})
        assert b.run(destination, "a.fw").returncode == 0
        assert b.argv()[-6:-2] == ["-o", "BindAddress=169.254.2.2", "-o", "AddressFamily=inet"]


def test_mac_binds_to_the_interface_that_sees_the_device(t):
    b = mac(t, TWO, "? (169.254.7.7) at 2:0:0:0:0:1 on en10 ifscope [ethernet]")
    assert b.run("device.local", "a.fw").returncode == 0
    assert "BindAddress=169.254.2.2" in b.argv()


def test_mac_that_cannot_tell_asks_for_help(t):
    for arp in "169.254.7.7 -- no entry", "? (169.254.7.7) at (incomplete) on en0":
        b = mac(t, TWO, arp)
        result = b.run("device.local", "a.fw")
        assert result.returncode == 0 and "SSH_OPTIONS='-b ADDRESS'" in result.stderr
        assert not any("BindAddress" in word for word in b.argv())


def test_mac_leaves_other_cases_alone(t):
    one = {"en10": "169.254.2.2"}
    seen_elsewhere = "? (169.254.7.7) at 2:0:0:0:0:1 on en0 ifscope [ethernet]"
    for b, env in (
        (mac(t, one, lookup="192.168.1.9"), {}),
        (mac(t, one, lookup="169.254.7.7 192.168.1.9"), {}),
        (mac(t, one, lookup=""), {}),
        (mac(t, {}), {}),
        (mac(t, one, seen_elsewhere), {}),
        (mac(t, one), {"SSH_OPTIONS": "-b 169.254.9.9"}),
        (mac(t, one), {"SSH_OPTIONS": "-o BindInterface=en10"}),
    ):
        result = b.run("device.local", "a.fw", **env)
        assert result.returncode == 0 and result.stderr == ""
        assert "AddressFamily=inet" not in b.argv()
