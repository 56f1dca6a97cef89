# SPDX-License-Identifier: Apache-2.0
"""fwpack by itself: creating, inspecting and applying archives, with fwup's options and with command words."""
import hashlib
import os
import re
import struct
import subprocess
import zipfile

CONF = '''
meta-product = "Test"
meta-version = "1.0"
file-resource a.img { host-path = "a.img" }
file-resource "dir/b.img" { contents = "hello" }
uboot-environment env { block-offset = 16 block-count = 4 block-offset-redund = 20 }
mbr m { partition 0 { block-offset = 64 block-count = 2048 type = 0x83 boot = true } }
task complete {
  on-init { mbr_write(m) uboot_clearenv(env) uboot_setenv(env, "active", "a") }
  on-resource a.img { raw_write(64) }
  on-resource dir/b.img { raw_write(32) }
  on-finish { uboot_setenv(env, "done", "\\${FWUP_META_UUID}") }
}
task upgrade.b {
  require-uboot-variable(env, "active", "a")
  on-init { info("going to b") }
  on-resource a.img { raw_write(4096) }
  on-finish { uboot_setenv(env, "active", "b") }
  on-error { info("stopped") }
}
task upgrade.a {
  require-uboot-variable(env, "active", "b")
  require-partition-offset(0, 64)
  on-init { info("going to a") }
}
task fails { on-init { error("not today") } }
task bounds { on-init { raw_memset(1000000, 8, 1) } }
task late { on-init { raw_memset(1, 1, 1) } on-resource a.img { raw_write(2000) } }
'''


def fwpack(t, *args, **kw):
    return t.run([t.bin("fwpack"), *args], **kw)


def make(t, conf=CONF, name="x.fw", data=b"resource " * 30000, *args):
    (t.dir / "a.img").write_bytes(data)
    (t.dir / "x.conf").write_text(conf)
    r = fwpack(t, "-c", "-f", "x.conf", "-o", name, *args)
    assert r.returncode == 0, r.stdout + r.stderr
    assert (r.stdout, r.stderr) == ("", "")
    return t.dir / name


def apply(t, fw, task, *args, image="disk.img", **kw):
    return fwpack(t, "-a", "-i", fw, "-t", task, "-d", image, *args, **kw)


def test_words_and_options_are_the_same(t):
    fw = make(t)
    (t.dir / "y.conf").write_text(CONF)
    env = {"SOURCE_DATE_EPOCH": "1700000000"}
    fwpack(t, "-c", "-f", "x.conf", "-o", "1.fw", env=env)
    fwpack(t, "create", "-f", "x.conf", "-o", "2.fw", env=env)
    assert (t.dir / "1.fw").read_bytes() == (t.dir / "2.fw").read_bytes()
    assert fwpack(t, "list", fw).stdout == fwpack(t, "-l", "-i", fw).stdout
    assert fwpack(t, "metadata", fw).stdout == fwpack(t, "-m", "-i", fw).stdout
    assert fwpack(t, "verify", fw).stdout == fwpack(t, "-V", "-i", fw).stdout


def test_creation_time_is_a_number_that_an_archive_can_hold(t):
    """An archive has room for 32 bits. What is no such number must not become 1970, or wrap around."""
    fw = make(t)
    for text, date in (("0", "1970-01-01T00:00:00Z"), ("3000000000", "2065-01-24T05:20:00Z"),
                       ("4294967295", "2106-02-07T06:28:15Z")):
        assert fwpack(t, "-c", "-f", "x.conf", "-o", "x.fw", env={"SOURCE_DATE_EPOCH": text}).returncode == 0
        assert fwpack(t, "-m", "-i", fw, "--metadata-key", "meta-creation-date").stdout == date + "\n"
    before = fw.read_bytes()
    for text in ("x", "-1", "1700000000x", "0x10", "1.5", " 5", "4294967296", "99999999999999999999"):
        r = fwpack(t, "-c", "-f", "x.conf", "-o", "x.fw", env={"SOURCE_DATE_EPOCH": text})
        assert (r.returncode, r.stdout) == (1, "fwup: SOURCE_DATE_EPOCH must be seconds since 1970, up to 4294967295, "
                                            f"but is '{text}'\n"), (text, r)
        assert fw.read_bytes() == before


def test_archive_is_a_sound_zip(t):
    fw = make(t)
    with zipfile.ZipFile(fw) as z:
        assert z.testzip() is None
        assert z.namelist() == ["meta.conf", "data/a.img", "data/dir/b.img"]
        assert z.read("data/dir/b.img") == b"hello"


def test_complete_then_upgrade_switches_slots(t):
    fw = make(t)
    image = t.dir / "disk.img"
    assert apply(t, fw, "complete", "-q").returncode == 0
    data = (t.dir / "a.img").read_bytes()
    assert image.read_bytes()[64 * 512:][:len(data)] == data
    assert image.stat().st_size % 131072 == 0
    r = apply(t, fw, "upgrade", "-q")
    assert (r.returncode, r.stdout) == (0, "fwup: going to b\n")
    assert image.read_bytes()[4096 * 512:][:len(data)] == data
    r = apply(t, fw, "upgrade", "-q")
    assert (r.returncode, r.stdout) == (0, "fwup: going to a\n")


def test_verbose_tells_which_requirements_are_met(t):
    fw = make(t)
    apply(t, fw, "complete", "-q")
    r = apply(t, fw, "upgrade.a", "-q", "-v")
    assert "fwup: require-uboot-variable(env, active, b) -> not met" in r.stdout
    assert "Couldn't find applicable task 'upgrade.a'" in r.stdout
    assert r.returncode == 1


def test_archive_may_come_from_standard_input_in_any_pieces(t):
    fw = make(t)
    p = t.start([t.bin("fwpack"), "-a", "-t", "complete", "-d", "disk.img", "-q"], stdin=subprocess.PIPE)
    for byte in fw.read_bytes():
        p.stdin.write(bytes([byte]))
        p.stdin.flush()
        if p.poll() is not None:
            break
    p.stdin.close()
    assert p.wait(20) == 0


def test_archive_changed_by_zip_is_accepted(t):
    t.need("zip")
    fw = make(t)
    (t.dir / "data").mkdir()
    (t.dir / "data/a.img").write_bytes((t.dir / "a.img").read_bytes())
    assert t.run(["zip", "-q", fw, "data/a.img"]).returncode == 0
    assert fwpack(t, "-V", "-i", fw).returncode == 0
    assert apply(t, fw, "complete", "-q").returncode == 0


def test_device_that_is_too_short_is_refused_before_the_first_write(t):
    fw = make(t)
    image = t.image(size=1 << 20, name="disk.img")
    r = apply(t, fw, "upgrade", "-q", "--max-size", "2048")
    assert r.returncode == 1
    for task in ("bounds", "late"):
        r = apply(t, fw, task, "-q", "--max-size", "2048")
        assert r.returncode == 1 and "the device ends at 1048576" in r.stdout, r
    assert not any(image.read_bytes())


def test_errors_name_their_cause_and_exit_with_1(t):
    fw = make(t)
    cases = [
        (["-a", "-i", fw, "-d", "disk.img"], "specify a task (-t)"),
        (["-a", "-i", fw, "-t", "fails", "-d", "disk.img", "-q"], "not today"),
        (["-a", "-i", fw, "-t", "nope", "-d", "disk.img", "-q"], "Couldn't find applicable task 'nope'"),
        (["-a", "-i", "none.fw", "-t", "x", "-d", "disk.img"], "Cannot open 'none.fw'"),
        (["-a", "-i", fw, "-t", "x", "-d", "/none/disk.img"], "Cannot create '/none/disk.img'"),
        (["-V"], "Specify an input firmware file"),
        (["-S", "-i", fw, "-o", "y.fw"], "Specify a private key file"),
        (["-m", "-i", fw, "stray"], "unexpected parameter: stray"),
        (["-q", "-n", "-m", "-i", fw], "-n or -q"),
        (["-i", fw], "specify one of -a, -c, -l, -m, -S, -V, or -z"),
        (["-c", "-f", "none.conf"], "could not open file 'none.conf'"),
        (["-m", "-i", t.bin("fwpack")], "Unrecognized archive format"),
    ]
    for args, text in cases:
        r = fwpack(t, *args)
        assert r.returncode == 1, (args, r)
        assert text in r.stdout, (args, r.stdout)


def test_message_of_several_lines(t):
    """info keeps them; an error is one line, in which nothing is lost."""
    fw = make(t, 'task t { on-init { info("one\\ntwo") error("three\\nfour\\n\\nfive\\n") } }')
    assert apply(t, fw, "t", "-q").stdout == "fwup: one\ntwo\nfwup: three four five\n"


def test_words_have_telling_statuses(t):
    fw = make(t)
    assert fwpack(t, "apply", fw, "-t", "nope", "-d", "disk.img").returncode == 4
    r = fwpack(t, "list", fw, "stray")
    assert r.returncode == 2 and "unexpected parameter: stray" in r.stdout, r
    assert fwpack(t, "apply", fw, "-d", "disk.img").returncode == 2
    assert fwpack(t, "-a", "-i", fw, "-d", "disk.img").returncode == 1
    assert fwpack(t, "apply", fw, "-n", "-q").returncode == 2
    r = fwpack(t, "apply", "--no-such-option")
    assert "fwpack: unknown option" in r.stdout, r
    assert fwpack(t, "apply", "--no-such-option").returncode == 2
    assert fwpack(t, "metadata", t.bin("fwpack")).returncode == 4


def test_usage(t):
    r = fwpack(t)
    assert r.returncode == 1 and "Usage: " in r.stdout
    r = fwpack(t, "-h")
    assert r.returncode == 0 and "Usage: " in r.stdout
    r = fwpack(t, "--bogus")
    assert r.returncode == 1 and "Usage: " in r.stdout
    r = fwpack(t, "--version")
    assert (r.returncode, r.stdout) == (0, "1.16.0\n")


def test_cause_goes_to_the_descriptor_that_is_named(t):
    fw = make(t)
    read, write = os.pipe()
    p = subprocess.Popen([t.bin("fwpack"), "-a", "-i", fw, "-t", "nope", "-d", "disk.img", "-q"], cwd=t.dir,
                         env={**t.env, "FWSSH_RESULT_FD": str(write)}, pass_fds=[write],
                         stdout=subprocess.DEVNULL)
    os.close(write)
    assert p.wait(20) == 1
    untouched, reason, result = os.read(read, 1000).decode().splitlines(keepends=True)
    assert untouched == "untouched\n"
    assert reason.startswith("because Couldn't find applicable task 'nope'"), reason
    status, uuid, version = result.split(" ")
    assert (status, len(uuid), version) == ("4", 36, "1.0\n")


def test_exit_handshake_waits_for_the_end_of_the_input(t):
    fw = make(t)
    p = t.start([t.bin("fwpack"), "--exit-handshake", "-a", "-t", "complete", "-d", "disk.img", "-q"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    p.stdin.write(fw.read_bytes())
    p.stdin.flush()
    assert p.stdout.read(2) == b"\x1a\x00"
    assert p.poll() is None
    p.stdin.close()
    assert p.wait(20) == 0


def frames(data):
    while data:
        length, kind, code = struct.unpack(">I2sH", data[:8])
        yield kind.decode(), code, data[8:4 + length]
        data = data[4 + length:]


def test_framing_in_both_directions(t):
    fw = make(t).read_bytes()
    packets = b"".join(struct.pack(">I", len(fw[i:i + 1000])) + fw[i:i + 1000] for i in range(0, len(fw), 1000))
    args = ["-a", "-F", "-t", "complete", "-d", "disk.img"]
    r = fwpack(t, *args, input=packets + b"\0\0\0\0", text=False)
    assert r.returncode == 0
    told = list(frames(r.stdout))
    assert told[0] == ("PR", 0, b"") and told[-2:] == [("PR", 100, b""), ("OK", 0, b"")]
    r = fwpack(t, *args, input=packets[:-700], text=False)
    assert r.returncode == 1
    assert list(frames(r.stdout))[-1][0] == "ER"
    assert list(frames(fwpack(t, "-F", "-m", "-i", t.dir / "x.fw", text=False).stdout))[0][0] == "OK"


def test_usage_is_no_part_of_framed_output(t):
    """A caller that reads packets would take its first letters for the length of one."""
    for args, why in ((["--nonsense"], b"bad option"), (["-d"], b"bad option"), (["--max-size", "x"], b"--max-size needs a number"),
                      ([], b"specify one of")):
        r = fwpack(t, "-F", *args, text=False)
        assert r.returncode == 1
        told = list(frames(r.stdout))
        assert len(told) == 1 and told[0][0] == "ER" and told[0][2].startswith(why), told
        assert sum(8 + len(text) for _, _, text in told) == len(r.stdout), r.stdout[:200]
    fw = make(t)
    fwpack(t, "-g", "-o", "k")
    r = fwpack(t, "-l", "-i", fw, *(["-p", "k.pub"] * 11), "-F", text=False)
    assert list(frames(r.stdout)) == [("WN", 0, b"only the first 10 public keys are used"),
                                      ("ER", 0, b"Expecting signed firmware archive.")], r.stdout


def test_keys_sign_and_verify(t):
    r = fwpack(t, "-g", "-o", "k")
    assert r.returncode == 0 and "saved to 'k.pub' and 'k.priv'" in r.stdout
    assert (t.dir / "k.priv").stat().st_mode & 0o777 == 0o600
    assert (len((t.dir / "k.pub").read_text()), len((t.dir / "k.priv").read_text())) == (44, 88)
    assert fwpack(t, "-g", "-o", "k").returncode == 1
    fw = make(t, CONF, "s.fw", b"x" * 1000, "-s", "k.priv")
    fwpack(t, "-g", "-o", "other")
    assert fwpack(t, "-V", "-i", fw, "-p", "k.pub").returncode == 0
    assert fwpack(t, "-V", "-i", fw, "-p", "other.pub").returncode == 1
    assert fwpack(t, "-V", "-i", fw, "-p", "other.pub", "-p", "k.pub").returncode == 0
    assert fwpack(t, "-V", "-i", fw, "--public-key", (t.dir / "k.pub").read_text().rstrip("=")).returncode == 0
    assert fwpack(t, "-V", "-i", fw, "-p", "x.conf").returncode == 1


def test_every_flipped_bit_of_the_archive_is_found_or_harmless(t):
    """Bits are flipped in many places; whatever gets applied must be byte for byte what was packed."""
    data = bytes(range(256)) * 20
    fw = make(t, data=data).read_bytes()
    good = {}
    assert apply(t, t.dir / "x.fw", "complete", "-q", image="good.img").returncode == 0
    good = (t.dir / "good.img").read_bytes()
    for at in range(0, len(fw), max(1, len(fw) // 120)):
        bad = bytearray(fw)
        bad[at] ^= 1 << at % 8
        (t.dir / "bad.fw").write_bytes(bad)
        image = t.dir / "bad.img"
        image.unlink(missing_ok=True)
        r = apply(t, t.dir / "bad.fw", "complete", "-q", image="bad.img")
        assert r.returncode in (0, 1), r
        # The UUID, and so the environment, may differ if meta.conf was hit and is still a valid configuration.
        if r.returncode == 0:
            assert image.read_bytes()[64 * 512:] == good[64 * 512:], at


def test_memory_stays_small_with_a_bomb(t):
    """64 MiB of zeros, deflated to 64 kB."""
    fw = make(t, 'file-resource a.img { host-path = "a.img" }\ntask t { on-resource a.img { raw_write(0) } }',
              "x.fw", b"\0" * (64 << 20))
    p = t.start([t.bin("fwpack"), "--exit-handshake", "-a", "-i", fw, "-t", "t", "-d", "disk.img", "-q"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert p.stdout.read(2) == b"\x1a\x00"  # it waits now, and can be inspected
    peak = int(re.search(r"VmHWM:\s+(\d+) kB", open(f"/proc/{p.pid}/status").read()).group(1))
    p.stdin.close()
    assert p.wait(20) == 0
    assert t.sanitized() or peak < 20000, peak


def test_offset_that_only_the_device_knows(t):
    """Substituted when the archive is applied; a value that is not a number must not become block 0."""
    fw = make(t, 'file-resource a.img { host-path = "a.img" }\n'
                 'task t { on-resource a.img { raw_write("\\${OFF}") } }', "x.fw", b"data")
    assert apply(t, fw, "t", "-q", env={"OFF": "8"}).returncode == 0
    assert (t.dir / "disk.img").read_bytes()[4096:4100] == b"data"
    for value in ("", "x", "${B}", "-1", "8 "):
        r = apply(t, fw, "t", "-q", image="other.img", env={"OFF": value})
        assert r.returncode == 1 and "raw_write requires a block offset" in r.stdout, (value, r)
        assert not (t.dir / "other.img").read_bytes()


def test_variable_of_an_environment_needs_a_name(t):
    """U-Boot reads nothing after an item that begins with "=", and a name with "=" would be another variable's value."""
    conf = ('uboot-environment env {{ block-offset = 16 block-count = 4 }}\n'
            'task t {{ on-init {{ uboot_clearenv(env) uboot_setenv(env, "{name}", 1) }} }}')
    for name in ("", "a=b", "="):
        (t.dir / "x.conf").write_text(conf.format(name=name))
        r = fwpack(t, "-c", "-f", "x.conf", "-o", "x.fw")
        assert r.returncode == 1 and f"variable name and value, but argument 2 is '{name}'" in r.stderr, (name, r)
    fw = make(t, conf.format(name="\\${NAME}"))
    assert apply(t, fw, "t", "-q", env={"NAME": "a b"}).returncode == 0
    image = (t.dir / "disk.img").read_bytes()
    assert image[16 * 512 + 4:][:7] == b"a b=1\0\0"
    for name in ("", "a=b"):
        r = apply(t, fw, "t", "-q", env={"NAME": name})
        assert r.returncode == 1 and "uboot_setenv requires" in r.stdout, (name, r)
        assert (t.dir / "disk.img").read_bytes() == image


def test_entry_longer_than_its_metadata_says_is_cut_off(t):
    """The plan knows how much is written; nothing after that may change."""
    fw = make(t, data=b"A" * 1000)
    with zipfile.ZipFile(fw) as z:
        meta = z.read("meta.conf")
    for flags in (0, 8):
        with zipfile.ZipFile(t.dir / "long.fw", "w", zipfile.ZIP_DEFLATED) as z:
            z.writestr("meta.conf", meta)
            if flags:
                with z.open("data/a.img", "w") as f:
                    f.write(b"B" * 4000)
            else:
                z.writestr("data/a.img", b"B" * 4000)
            z.writestr("data/dir/b.img", b"hello")
        image = t.image(name="disk.img")
        r = apply(t, t.dir / "long.fw", "complete", "-q")
        assert r.returncode == 1
        assert b"B" * 10 not in image.read_bytes()[64 * 512 + 1024:]


def test_sparse_check(t):
    r = fwpack(t, "--sparse-check", t.dir / "probe")
    assert (r.returncode, r.stdout) in ((0, "Sparse files supported\n"), (1, "fwup: Sparse files not supported\n"))
    assert not (t.dir / "probe").exists()


def test_conf_mistakes_name_file_and_line(t):
    (t.dir / "x.conf").write_text("meta-product = x\nno-such = 1\n")
    r = fwpack(t, "-c", "-f", "x.conf", "-o", "x.fw")
    assert r.returncode == 1
    assert "x.conf:2:" in r.stderr and "no-such" in r.stderr
    assert not (t.dir / "x.fw").exists()


def test_too_long_meta_conf_is_refused_at_creation(t):
    many = "".join(f'uboot_setenv(env, "name{i}", "{"x" * 40}")\n' for i in range(1000))
    (t.dir / "x.conf").write_text('uboot-environment env { block-offset = 1 block-count = 4 }\n'
                                  'task t { on-init {\n' + many + '} }\n')
    r = fwpack(t, "-c", "-f", "x.conf", "-o", "x.fw")
    assert r.returncode == 1 and "49999" in r.stdout
    assert not (t.dir / "x.fw").exists()


def test_file_of_a_resource_without_a_name(t):
    """As a variable leaves it that is not set."""
    (t.dir / "a").write_text("a")
    for path in ("a;", ";a", "a;;a", ";", "${NONE}", "a;${NONE}"):
        (t.dir / "x.conf").write_text(f'file-resource r {{ host-path = "{path}" }}\n')
        r = fwpack(t, "-c", "-f", "x.conf", "-o", "x.fw")
        assert r.returncode == 1 and "x.conf:1: file-resource 'r' has an empty path in its host-path" in r.stderr, (path, r)
        assert "is a variable in it not set?" in r.stderr


def test_includes_and_assertions(t):
    (t.dir / "inc").mkdir()
    (t.dir / "inc/part.conf").write_text('file-resource a.img { host-path = "../a.img" assert-size-lte = 1 }\n')
    (t.dir / "x.conf").write_text('include("inc/part.conf")\ntask t { on-resource a.img { raw_write(0) } }\n')
    (t.dir / "a.img").write_bytes(b"x" * 512)
    assert fwpack(t, "-c", "-f", "x.conf", "-o", "x.fw").returncode == 0
    (t.dir / "a.img").write_bytes(b"x" * 513)
    r = fwpack(t, "-c", "-f", "x.conf", "-o", "x.fw")
    assert r.returncode == 1 and "assertion failed on 'a.img'" in r.stdout


def test_hash_is_blake2b_256(t):
    fw = make(t, data=b"some bytes")
    with zipfile.ZipFile(fw) as z:
        assert hashlib.blake2b(b"some bytes", digest_size=32).hexdigest() in z.read("meta.conf").decode()


def test_minimum_version(t):
    for version, minimum, good in (("1.2.3", "1.2.3", True), ("1.10.0", "1.9", True), ("2", "1.9.9", True), ("1.2.3", "1.2.4", False),
                                   ("1.0.0-rc1", "1.0.0", False), ("tuesday", "0", False), ("", "0", False)):
        fw = make(t, f'meta-version = "{version}"\ntask t {{ on-init {{ raw_memset(0, 8, 1) }} }}')
        image = t.image(name="disk.img")
        r = fwpack(t, "apply", "-q", "-i", fw, "-t", "t", "-d", image, "--minimum-version", minimum)
        assert r.returncode == (0 if good else 4), (version, minimum, r)
        assert any(image.read_bytes()) == good
        assert good or "nothing was written" in r.stdout


def test_minimum_version_of_a_device(t):
    fw = make(t, 'meta-version = "1.5.0"\ntask upgrade { on-init { raw_memset(0, 8, 1) } }').read_bytes()
    request = b"fwup:%d\n" % len(fw) + fw
    d = t.daemon(updater=t.bin("fwpack"), minimum_version="1.5.1")
    r = d.push(request)
    assert r.returncode == 4 and b"is not 1.5.1 or newer" in r.stdout + r.stderr, r
    d.write_config(minimum_version="1.5.0")
    d.reload()
    assert d.push(request).returncode == 0
    d.write_config(updater=t.updater())
    d.reload()
    r = d.push(request)
    assert r.returncode == 1 and b"needs fwpack as the updater" in r.stderr, r


# Parts of a task that would destroy each other

OVERLAP = '''
file-resource a.img {{ host-path = "a.img" }}
uboot-environment env {{ block-offset = {env} block-count = 4 block-offset-redund = {redund} }}
uboot-environment other {{ block-offset = {other} block-count = 4 }}
gpt g {{
  guid = b443fbeb-2c93-481b-88b3-0ecb0aeba911
  partition 0 {{ block-offset = 2048 block-count = 2048 type = ebd0a0a2-b9e5-4433-87c0-68b6b72699c7
    guid = 5278721d-0089-4768-85df-b8f1b97e6684 }}
}}
mbr m {{ partition 0 {{ block-offset = 2048 block-count = 2048 type = 0x83 }} }}
task complete {{
  on-init {{ raw_memset(0, 4000, 0xff) {init} }}
  on-resource a.img {{ raw_write({data}) }}
  on-finish {{ {finish} }}
}}
'''
APART = {"env": 40, "redund": 44, "other": 48, "data": 2048, "init": "gpt_write(g) uboot_clearenv(env)",
         "finish": 'uboot_setenv(env, "a", "1")'}


def overlap(t, **changes):
    """Creates an archive with these changes, and, if that is refused, the same in another way; applies that."""
    (t.dir / "a.img").write_bytes(b"resource " * 1000)  # 18 blocks
    (t.dir / "x.conf").write_text(OVERLAP.format(**{**APART, **changes}))
    (t.dir / "x.fw").unlink(missing_ok=True)
    (t.dir / "disk.img").unlink(missing_ok=True)
    created = fwpack(t, "-c", "-f", "x.conf", "-o", "x.fw")
    if created.returncode:
        assert not (t.dir / "x.fw").exists()
        return created, None
    return created, apply(t, "x.fw", "complete", "-q")


def test_parts_that_overlap_are_refused_at_creation(t):
    created, applied = overlap(t)
    assert created.returncode == applied.returncode == 0, (created, applied)
    fat = "fat_mkfs({}, 100)".format
    for changes, who in (({"env": 30}, ("gpt_write", "uboot_clearenv")), ({"redund": 1}, ("gpt_write", "uboot_clearenv")),
                         ({"other": 42, "init": "gpt_write(g) uboot_clearenv(env) uboot_clearenv(other)"}, ("uboot_clearenv",)),
                         ({"init": "mbr_write(m) uboot_clearenv(env)", "redund": 0}, ("mbr_write", "uboot_clearenv")),
                         ({"init": f"gpt_write(g) {fat(20)}"}, ("gpt_write", "fat_mkfs")),
                         ({"init": f"gpt_write(g) uboot_clearenv(env) {fat(34)}"}, ("uboot_clearenv", "fat_mkfs")),
                         ({"init": f"{fat(3000)} {fat(3050)}"}, ("fat_mkfs",)),
                         ({"data": 30}, ("gpt_write", "raw_write")), ({"data": 25}, ("raw_write",)),
                         ({"data": 46}, ("uboot_clearenv", "raw_write"))):
        created, _ = overlap(t, **changes)
        assert created.returncode == 1 and "task complete: what " in created.stdout, (changes, created)
        assert "overlap, so one would destroy the other" in created.stdout, created.stdout
        assert all(name in created.stdout for name in who), (changes, created.stdout)


def test_parts_that_may_share_a_place(t):
    for changes in ({"finish": 'gpt_write(g) uboot_clearenv(env) uboot_setenv(env, "a", "1")'},  # the same once more
                    {"init": "gpt_write(g) mbr_write(m) uboot_clearenv(env)"},  # a hybrid
                    {"init": "gpt_write(g) uboot_clearenv(env) fat_mkfs(3000, 1000)", "data": 3000},
                    {"init": 'uboot_clearenv(env) fat_mkfs(3000, 2048) fat_mkdir(3000, "x")', "env": 100, "redund": 104},
                    {"init": "uboot_clearenv(env)", "data": 36, "finish": "uboot_clearenv(env)"},  # an image that holds the environments
                    {"init": "trim(30, 100) uboot_clearenv(env)"}):
        created, applied = overlap(t, **changes)
        assert created.returncode == applied.returncode == 0, (changes, created, applied)


def test_parts_that_overlap_are_refused_at_apply(t):
    """In an archive of another program."""
    overlap(t)
    with zipfile.ZipFile(t.dir / "x.fw") as z:
        entries = {name: z.read(name) for name in z.namelist()}
    conf = entries["meta.conf"].decode()
    assert re.search(r'block-offset-redund"?\s*=\s*"?44', conf), conf
    entries["meta.conf"] = re.sub(r'(block-offset-redund"?\s*=\s*"?)44', r"\g<1>8", conf).encode()
    with zipfile.ZipFile(t.dir / "y.fw", "w") as z:
        for name, data in entries.items():
            z.writestr(name, data)
    (t.dir / "disk.img").unlink()
    (t.dir / "disk.img").write_bytes(b"\x55" * (1 << 20))
    r = apply(t, "y.fw", "complete", "-q")
    assert r.returncode != 0 and "overlap, so one would destroy the other; nothing was written" in r.stdout + r.stderr, r
    assert (t.dir / "disk.img").read_bytes() == b"\x55" * (1 << 20)


def test_parts_that_overlap_the_second_copy_of_a_gpt(t):
    """It goes to the end of the device, so only there can it be seen."""
    size = 4 << 20
    end = size // 512 - 33
    for changes, wrong in (({"env": end - 4}, False), ({"env": end}, True), ({"redund": end + 28}, True),
                           ({"env": end - 1, "redund": end - 8}, True), ({"data": end - 18}, False), ({"data": end - 10}, True),
                           ({"init": f"gpt_write(g) uboot_clearenv(env) fat_mkfs({end - 400}, 400)"}, False),
                           ({"init": f"gpt_write(g) uboot_clearenv(env) fat_mkfs({end - 400}, 401)"}, True)):
        overlap(t, **changes)
        (t.dir / "disk.img").write_bytes(b"\x55" * size)
        r = apply(t, "x.fw", "complete", "-q")
        assert (r.returncode != 0) == wrong, (changes, r)
        if wrong:
            assert "overlap, so one would destroy the other; nothing was written" in r.stdout + r.stderr, (changes, r)
            assert (t.dir / "disk.img").read_bytes() == b"\x55" * size, changes
    # in an image that grows, it follows the last partition
    for env, wrong in ((4080, False), (4095, True), (4097, True), (4120, True), (4131, False)):
        created, applied = overlap(t, env=env)
        assert created.returncode == 0 and (applied.returncode != 0) == wrong, (env, applied)


def test_output_that_is_no_file_is_written_through(t):
    """A device, a FIFO or a link in its place stays what it is."""
    t.env["SOURCE_DATE_EPOCH"] = "1700000000"  # the creation date is part of an archive
    fw = make(t)
    content = (t.dir / fw).read_bytes()
    (t.dir / "real.fw").write_bytes(b"old")
    (t.dir / "link.fw").symlink_to("real.fw")
    os.mkfifo(t.dir / "fifo")
    if os.getuid() == 0:
        assert t.run(["mknod", t.dir / "null", "c", "1", "3"]).returncode == 0
    t.run([t.bin("fwpack"), "gen-keys", "-o", "k"])
    for argv in (["-S", "-i", fw, "-s", "k.priv"], ["-c", "-f", "x.conf"]):
        r = fwpack(t, *argv, "-o", "plain.fw")
        assert r.returncode == 0, r
        wanted = (t.dir / "plain.fw").read_bytes()
        assert fwpack(t, *argv, "-o", "link.fw").returncode == 0
        assert (t.dir / "link.fw").is_symlink() and (t.dir / "real.fw").read_bytes() == wanted
        reader = t.start(["cat", "fifo"], cwd=t.dir, stdout=subprocess.PIPE)
        assert fwpack(t, *argv, "-o", "fifo").returncode == 0
        assert reader.communicate(timeout=20)[0] == wanted and (t.dir / "fifo").is_fifo()
        if os.getuid() == 0:
            assert fwpack(t, *argv, "-o", "null").returncode == 0 and (t.dir / "null").is_char_device()
    assert (t.dir / fw).read_bytes() == content


def test_names_of_descriptors_are_written_through(t):
    """Whatever they are: a file behind /dev/stdout keeps its place, and what is in it."""
    t.env["SOURCE_DATE_EPOCH"] = "1700000000"
    fw = make(t)
    t.run([t.bin("fwpack"), "gen-keys", "-o", "k"])
    fwpack(t, "-c", "-f", "x.conf", "-o", "plain.fw")
    created = (t.dir / "plain.fw").read_bytes()
    fwpack(t, "-S", "-i", fw, "-s", "k.priv", "-o", "plain.fw")
    signed = (t.dir / "plain.fw").read_bytes()
    out = t.dir / "out.fw"
    for name, redirect in (("/dev/stdout", ">>out.fw"), ("/dev/fd/1", ">>out.fw"), ("/dev/fd/7", "7>>out.fw"), ("/proc/self/fd/7", "7>>out.fw"),
                           ("/dev/stderr", "2>>out.fw"), ("/dev/stdout", "1>>out.fw")):
        for words, wanted in (("-c -f x.conf", created), (f"-S -i {fw} -s k.priv", signed)):
            out.write_bytes(b"before")
            (t.dir / "same").unlink(missing_ok=True)
            os.link(out, t.dir / "same")
            r = t.run(["sh", "-c", f"{t.bin('fwpack')} {words} -o {name} {redirect}"])
            assert r.returncode == 0 and (t.dir / "same").read_bytes() == b"before" + wanted, (name, words, r)
            assert os.path.samefile(out, t.dir / "same")
    for name in ("/dev/fd/77", "/dev/fd/", "/dev/fd/x"):
        assert fwpack(t, "-c", "-f", "x.conf", "-o", name).returncode != 0, name


def test_versions_that_archives_require(t):
    for version, status in (("1.17.0", 0), ("1.17", 0), ("1.18.0", 1)):
        (t.dir / "v.conf").write_text(f'require-fwup-version = "{version}"\ntask x {{ on-init {{ raw_memset(0, 1, 1) }} }}\n')
        r = fwpack(t, "-c", "-f", "v.conf", "-o", "v.fw")
        assert r.returncode == status, (version, r)


def test_empty_partitions_overlap_nothing(t):
    (t.dir / "m.conf").write_text("""
mbr m {
    partition 0 { block-offset = 64 block-count = 100 type = 0x83 }
    partition 1 { block-offset = 64 block-count = 0 type = 0x83 }
    partition 2 { block-offset = 70 block-count = 10 type = 0 }
}
task x { on-init { mbr_write(m) } }
""")
    r = fwpack(t, "-c", "-f", "m.conf", "-o", "m.fw")
    assert r.returncode == 0, r
    assert fwpack(t, "-a", "-i", "m.fw", "-t", "x", "-d", "m.img", "-q").returncode == 0


def test_partition_that_grows_is_not_empty(t):
    """Its length is not known yet; and an empty one is in nobody's way."""
    def create(*lines):
        (t.dir / "m.conf").write_text("mbr m {\n" + "\n".join(f"partition {i} {{ {line} }}" for i, line in enumerate(lines)) +
                                      "\n}\ntask x { on-init { mbr_write(m) } }\n")
        return fwpack(t, "-c", "-f", "m.conf", "-o", "m.fw")
    first = "block-offset = 64 block-count = 100 type = 0x83"
    for where in (64, 100, 163):
        r = create(first, f"block-offset = {where} block-count = 0 type = 0x83 expand = true")
        assert r.returncode == 1 and "overlap" in r.stderr, (where, r)
    grows = "block-offset = 164 block-count = 0 type = 0x83 expand = true"
    assert create(first, grows).returncode == 0
    assert create(first, grows, "block-offset = 200 block-count = 0 type = 0x83").returncode == 0
    assert create(first, grows, "block-offset = 200 block-count = 8 type = 0").returncode == 0
    r = create(first, grows, "block-offset = 200 block-count = 8 type = 0x83")
    assert r.returncode == 1 and "cannot come after it" in r.stderr, r


def test_variable_that_is_not_closed_is_refused(t):
    """libconfuse would take everything up to a later } for its name."""
    for text, line in (('meta-product = "${FOO"\ntask x { on-init { info("a") } }\n', 1),
                       ('meta-product = "x"\nmeta-version = ${FOO\ntask x { }\n', 2),
                       ('task x {\n on-init { info("a${B") }\n}\n', 2),
                       ('meta-product = "Don\'t"\nmeta-version = "${OPEN"\nmeta-author = "x}"\ntask x { }\n', 2),
                       ('meta-product = "a\\\nb"\nmeta-version = "${OPEN"\ntask x { }\n', 3)):
        (t.dir / "open.conf").write_text(text)
        r = fwpack(t, "-c", "-f", "open.conf", "-o", "open.fw")
        assert r.returncode == 1 and f"open.conf:{line}: ${{ without }}" in r.stderr and not (t.dir / "open.fw").exists(), r
    (t.dir / "open.conf").write_text("meta-author = \"Don't\"\nmeta-product = '${FOO \"'\nmeta-version = \"\\${A\"\n# ${\ntask x { on-init { info(\"a\") } }\n")
    assert fwpack(t, "-c", "-f", "open.conf", "-o", "open.fw").returncode == 0
    (t.dir / "part.conf").write_text('# ${\nmeta-product = "${FOO"\n')
    (t.dir / "open.conf").write_text('include("part.conf")\ntask x { }\n')
    r = fwpack(t, "-c", "-f", "open.conf", "-o", "open.fw")
    assert r.returncode == 1 and "part.conf:2: ${ without }" in r.stderr, r


def test_output_through_a_link_whose_file_is_missing(t):
    """The link stays, and a failure leaves no file behind it."""
    make(t)
    (t.dir / "d").mkdir()
    (t.dir / "link.fw").symlink_to("d/new.fw")
    fw = (t.dir / "x.fw").read_bytes()
    env = {"SOURCE_DATE_EPOCH": "1700000000"}
    (t.dir / "bad.conf").write_text(CONF + "file-resource no.img { host-path = 'no.img' }")
    (t.dir / "cut.fw").write_bytes(fw[:-len(fw) // 2])
    assert fwpack(t, "-c", "-f", "bad.conf", "-o", "link.fw").returncode == 1
    assert fwpack(t, "sign", "-i", "cut.fw", "--digest", "-o", "link.fw").returncode in (0, 4)
    (t.dir / "d/new.fw").unlink(missing_ok=True)
    for argv in (["-c", "-f", "x.conf"], ["sign", "--digest", "-i", "x.fw"]):
        assert fwpack(t, *argv, "-o", "plain", env=env).returncode == 0
        assert fwpack(t, *argv, "-o", "link.fw", env=env).returncode == 0
        assert (t.dir / "link.fw").is_symlink()
        assert (t.dir / "d/new.fw").read_bytes() == (t.dir / "plain").read_bytes()
        assert [p.name for p in (t.dir / "d").iterdir()] == ["new.fw"]
        (t.dir / "d/new.fw").unlink()
    (t.dir / "loop").symlink_to("loop")
    r = fwpack(t, "-c", "-f", "x.conf", "-o", "loop")
    assert r.returncode == 1 and (t.dir / "loop").is_symlink(), r


def test_other_outputs_never_replace_what_is_no_file(t):
    """Staged firmware, reboot parameter and keys."""
    (t.dir / "r.conf").write_text("""
task upgrade { on-init { raw_memset(0, 8, 1) } on-finish { raw_memset(16, 1, 1) reboot_param("0 tryboot") } }
""")
    assert fwpack(t, "-c", "-f", "r.conf", "-o", "r.fw").returncode == 0
    (t.dir / "real").write_bytes(b"old")

    def check(path, *args):
        for kind in ("fifo", "null") if os.getuid() == 0 else ("fifo",):
            assert t.run(["mkfifo", path] if kind == "fifo" else ["mknod", path, "c", "1", "3"]).returncode == 0
            before = os.stat(t.dir / path)
            reader = t.start(["cat", path], cwd=t.dir, stdout=subprocess.PIPE) if kind == "fifo" else None
            t.run([t.bin("fwpack"), *args], timeout=30)
            after = os.stat(t.dir / path)
            assert (before.st_ino, before.st_mode) == (after.st_ino, after.st_mode), (path, kind)
            if reader:
                reader.kill()
                reader.wait()
            (t.dir / path).unlink()

    apply_it = ["-a", "-q", "-i", "r.fw", "-t", "upgrade", "-d", "r.img"]
    check("staged", "apply", "-q", "-i", "r.fw", "-t", "upgrade", "-d", "r.img", "--stage", "staged")
    check("param", *apply_it, "-P", "param")
    for suffix in ("pub", "priv"):
        check(f"k.{suffix}", "-g", "-o", "k")
        for name in ("pub", "priv"):
            (t.dir / f"k.{name}").unlink(missing_ok=True)
    (t.dir / "k.priv").symlink_to("real")
    assert fwpack(t, "-g", "-o", "k").returncode == 1
    assert (t.dir / "real").read_bytes() == b"old" and (t.dir / "k.priv").is_symlink()


def test_keys_for_standard_output_have_the_usual_names(t):
    r = fwpack(t, "-g", "-o", "-")
    assert r.returncode == 0 and "'fwup-key.pub' and 'fwup-key.priv'" in r.stdout, r
    assert sorted(p.name for p in t.dir.iterdir() if p.suffix in (".pub", ".priv")) == ["fwup-key.priv", "fwup-key.pub"]


def test_public_key_does_not_stay_without_its_private_one(t):
    (t.dir / "k.priv").symlink_to("nowhere/k.priv")  # is not there, but cannot be created
    for _ in range(2):
        r = fwpack(t, "-g", "-o", "k")
        assert r.returncode == 1 and "Error creating 'k.priv'" in r.stdout, r
        assert not (t.dir / "k.pub").exists()


def test_version_and_help_are_answered_where_they_stand(t):
    """What follows does not matter, as in the reference: no handshake that waits for the input's end."""
    for argv in (["--version", "--exit-handshake"], ["--version", "--nonsense"], ["--version", "-a", "x"]):
        p = t.start([t.bin("fwpack"), *argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert p.wait(20) == 0 and re.fullmatch(rb"[0-9.]+\n", p.stdout.read()), argv
    p = t.start([t.bin("fwpack"), "-h", "--exit-handshake"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert p.wait(20) == 0 and b"\x1a" not in p.stdout.read()
    p = t.start([t.bin("fwpack"), "--exit-handshake", "--version"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert re.fullmatch(rb"[0-9.]+\n\x1a\0", p.communicate(timeout=20)[0])
    assert fwpack(t, "--nonsense", "--version").returncode == 1
    assert fwpack(t, "version", "--nonsense").returncode == 2


def test_verbose_creation_says_nothing(t):
    r = fwpack(t, "-c", "-v", "-f", make(t) and "x.conf", "-o", "v.fw")
    assert (r.returncode, r.stdout, r.stderr) == (0, "", "")


def test_progress_of_filling(t):
    """Counted in bytes, whatever they are: each percentage once."""
    make(t, "task t { on-init { raw_memset(0, 65536, 255) } }")
    r = apply(t, "x.fw", "t", "-n")
    assert [int(line) for line in r.stdout.split()] == list(range(101)), r


def test_archive_that_begins_with_a_marker_of_split_archives(t):
    """APPNOTE 8.5.3 and 8.5.4: what a split archive leaves when it has one part after all."""
    fw = make(t).read_bytes()
    for start, status in ((b"PK\7\10", 0), (b"PK00", 0), (b"PK\7\10PK\7\10", 1), (b"PK00x", 1), (b"PK\7\10", 0)):
        (t.dir / "s.fw").write_bytes(start + fw)
        for argv in (["-l"], ["-V"], ["-a", "-q", "-t", "complete", "-d", "s.img"]):
            r = fwpack(t, *argv, "-i", "s.fw")
            assert r.returncode == status, (start, argv, r)
            assert status == 0 or "Unrecognized archive format" in r.stdout, r
    for cut in (b"PK\7\10", b"PK00", b"PK\7"):
        (t.dir / "s.fw").write_bytes(cut)
        assert "Unrecognized archive format" in fwpack(t, "-l", "-i", "s.fw").stdout
