# SPDX-License-Identifier: Apache-2.0
"""fwpack with archives of the reference program, if they are present (tests/support/fixture.py, golden)."""
import hashlib
import re
import zipfile

UUIDS = {
    "simple.fw": ("ed01f478-5f8e-5a45-b205-e2a8804fa9fe", "truth-able"),
    "ab-1.fw": ("215818b7-3fc5-5603-3586-4d85df2916f7", "bronze-estate"),
    "ab-2.fw": ("ba6c6a89-34aa-50f7-62af-6c7ac555ac0a", "seed-garlic"),
    "ab-2-signed.fw": ("ba6c6a89-34aa-50f7-62af-6c7ac555ac0a", "seed-garlic"),
    "ab-2-delta-signed.fw": ("ba6c6a89-34aa-50f7-62af-6c7ac555ac0a", "seed-garlic"),
    "gpt.fw": ("9e25c153-61ea-52fb-0228-4625fec8c4c1", "nephew-cabin"),
}
EPOCH = {"SOURCE_DATE_EPOCH": "1700000000", "TZ": "UTC"}
SIMPLE_IMAGE = "74e44668e18563b13204697efe3ac3b69488e561e78bd015a515f15bf477c814"


def fwpack(t, *args, **kw):
    return t.run([t.bin("fwpack"), *args], **kw)


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def section(t, title):
    """What EXPECTED.md says about a step."""
    text = t.golden("EXPECTED.md").read_text()
    return next(p for p in text.split("\n## ") if p.startswith(title))


def expected(t, title):
    """The last line of output that EXPECTED.md states for a step."""
    return re.search(r"exit (\d), last line of output: (.*)", section(t, title)).groups()


def test_uuid_and_nickname(t):
    for name, (uuid, nickname) in UUIDS.items():
        fw = t.golden(name)
        assert fwpack(t, "-m", "-i", fw, "--metadata-key", "meta-uuid").stdout == uuid + "\n"
        assert fwpack(t, "-m", "-i", fw, "--metadata-key", "meta-nickname").stdout == nickname + "\n"


def test_metadata_of_the_first_512_bytes(t):
    fw = t.golden("simple.fw").read_bytes()[:512]
    r = fwpack(t, "-m", input=fw, text=False)
    assert r.returncode == 0
    assert r.stdout.startswith(b'meta-product="Golden simple"\nmeta-version=1.0.0\nmeta-author=golden\n')
    assert b'meta-creation-date="2023-11-14T22:13:20Z"\n' in r.stdout


def test_list_of_tasks(t):
    r = fwpack(t, "-l", "-i", t.golden("ab-1.fw"))
    assert r.stdout.split() == ["complete", "status.a", "status.b", "upgrade.a", "upgrade.b",
                                "upgrade.unexpected", "upgrade.wrongplatform"]


def test_verify(t):
    pub = t.golden("golden.pub")
    cases = [
        ("simple.fw", [], 0, "Valid archive without a signature"),
        ("ab-2-signed.fw", [], 0, "Valid archive with an unverified signature. Specify a public key to authenticate."),
        ("ab-2-signed.fw", ["-p", pub], 0, "Valid archive with a good signature"),
        ("ab-2-delta-signed.fw", ["-p", pub], 0, "Valid archive with a good signature"),
        ("ab-2.fw", ["-p", pub], 1, "fwup: Expecting signed firmware archive."),
        ("ab-2-badsig.fw", ["-p", pub], 1,
         "fwup: Firmware archive's meta.conf fails digital signature verification."),
        ("ab-2-corrupt.fw", [], 1, "fwup: ZIP uncompressed data is wrong size (read 716803, expected 716800)"),
        ("ab-2-truncated.fw", [], 1, "fwup: ZIP decompression failed (-5)"),
    ]
    for name, keys, status, text in cases:
        r = fwpack(t, "-V", "-i", t.golden(name), *keys)
        assert (r.returncode, r.stdout.strip()) == (status, text), name


def test_simple_complete_and_upgrade(t):
    image = t.dir / "new.img"
    fw = t.golden("simple.fw")
    r = fwpack(t, "-a", "-i", fw, "-t", "complete", "-d", image, "-q")
    assert (r.returncode, r.stdout) == (0, "")
    assert sha256(image) == SIMPLE_IMAGE
    r = fwpack(t, "-a", "-i", fw, "-t", "upgrade", "-d", image, "-q")
    assert (r.returncode, r.stdout) == (0, "fwup: Upgrading\n")
    assert sha256(image) == SIMPLE_IMAGE


def test_gpt(t):
    for args, title in (([], "gpt.fw, task complete, into"), (["--max-size", "8192"], "gpt.fw, task complete, --max")):
        image = t.dir / f"gpt{len(args)}.img"
        r = fwpack(t, "-a", "-i", t.golden("gpt.fw"), "-t", "complete", "-d", image, "-q", *args)
        assert (r.returncode, r.stdout) == (0, "")
        assert sha256(image) == re.search(r"whole image: (\w+)", section(t, title)).group(1)


def regions(t, image):
    t.need("mtype")
    return t.run(["sh", t.golden("regions.sh"), image]).stdout


def step(t, image, name, task, title, *args):
    """Applies an archive and compares messages and all regions with what EXPECTED.md says."""
    r = fwpack(t, "-a", "-i", t.golden(name), "-t", task, "-d", image, "-q", *args)
    status, last = expected(t, title)
    assert str(r.returncode) == status, r.stdout
    assert (r.stdout.splitlines() or [""])[-1] == last
    assert regions(t, image) == re.search(r"```\n(.*?)```", section(t, title), re.S).group(1)


def test_two_slots_and_their_upgrades(t):
    a1, b2 = t.dir / "A1", t.dir / "B2"
    step(t, a1, "ab-1.fw", "complete", "ab-1.fw, task complete")
    b2.write_bytes(a1.read_bytes())
    step(t, b2, "ab-2.fw", "upgrade", "ab-2.fw, task upgrade, on A1 (called")
    for image, title in ((a1, "ab-1.fw, task status, on A1"), (b2, "ab-1.fw, task status, on B2")):
        r = fwpack(t, "-a", "-i", t.golden("ab-1.fw"), "-t", "status", "-d", image, "-q")
        assert (str(r.returncode), r.stdout.strip()) == expected(t, title)
    step(t, b2, "ab-1.fw", "upgrade", "ab-1.fw, task upgrade, on B2")


def test_signed_and_delta_upgrades(t):
    a1 = t.dir / "A1"
    fwpack(t, "-a", "-i", t.golden("ab-1.fw"), "-t", "complete", "-d", a1, "-q")
    for name in ("ab-2-signed.fw", "ab-2-delta-signed.fw"):
        image = t.dir / name
        image.write_bytes(a1.read_bytes())
        step(t, image, name, "upgrade", f"{name}, task upgrade", "-p", t.golden("golden.pub"))


def test_damaged_archives_leave_the_active_slot(t):
    a1 = t.dir / "A1"
    fwpack(t, "-a", "-i", t.golden("ab-1.fw"), "-t", "complete", "-d", a1, "-q")
    for name in ("ab-2-corrupt.fw", "ab-2-truncated.fw"):
        image = t.dir / name
        image.write_bytes(a1.read_bytes())
        r = fwpack(t, "-a", "-i", t.golden(name), "-t", "upgrade", "-d", image, "-q")
        assert (str(r.returncode), r.stdout.splitlines()[-1]) == expected(t, name)
        before, after = regions(t, a1).splitlines(), regions(t, image).splitlines()
        assert [x for x in before if x.startswith("root-a")] == [x for x in after if x.startswith("root-a")]
        r = fwpack(t, "-a", "-i", t.golden("ab-1.fw"), "-t", "status", "-d", image, "-q")
        assert r.stdout == "fwup: a\n"


def test_numeric_progress_is_the_references(t):
    told = t.golden("README.md").read_text()
    numbers = re.search(r"task complete: ([\d ]+)\.", told).group(1).split()
    r = fwpack(t, "-a", "-i", t.golden("simple.fw"), "-t", "complete", "-d", t.dir / "new.img", "-n")
    assert r.stdout.split() == numbers


def test_refused_archives_leave_the_image_untouched(t):
    image = t.image()
    pub = t.golden("golden.pub")
    before = sha256(image)
    for name, title, keys in (("ab-2.fw", "ab-2.fw (unsigned)", ["-p", pub]),
                              ("ab-2-badsig.fw", "ab-2-badsig.fw", ["-p", pub]),
                              ("ab-2.fw", "ab-2.fw, task upgrade, on 8 MiB of zeros", [])):
        status, last = expected(t, title)
        r = fwpack(t, "-a", "-i", t.golden(name), "-t", "upgrade", "-d", image, "-q", *keys)
        assert (str(r.returncode), r.stdout.splitlines()[-1]) == (status, last)
        assert sha256(image) == before


def contents(path):
    """The contents of an archive in order: names, bytes, and the sizes in the local headers."""
    with zipfile.ZipFile(path) as z:
        return [(i.filename, i.file_size, z.read(i), i.compress_type, i.flag_bits, i.date_time, i.external_attr)
                for i in sorted(z.infolist(), key=lambda i: i.header_offset)]


def test_creating_gives_the_references_archives(t):
    for name in ("simple", "ab-1", "ab-2", "gpt"):
        conf = t.golden(f"{name}.conf")
        r = fwpack(t, "-c", "-f", conf, "-o", t.dir / f"{name}.fw", env=EPOCH)
        assert r.returncode == 0, r.stdout + r.stderr
        made, reference = t.dir / f"{name}.fw", t.golden(f"{name}.fw")
        assert contents(made) == contents(reference), name
        # The compressor is a different one, but not worse.
        assert made.stat().st_size <= reference.stat().st_size
        for key in ("meta-uuid", "meta-creation-date"):
            assert (fwpack(t, "-m", "--metadata-key", key, "-i", made).stdout
                    == fwpack(t, "-m", "--metadata-key", key, "-i", reference).stdout)


def test_signing_again_equals_signing_at_creation(t):
    key = t.golden("golden.priv")
    fwpack(t, "-c", "-f", t.golden("ab-2.conf"), "-o", t.dir / "at-once.fw", "-s", key, env=EPOCH)
    r = fwpack(t, "-S", "-i", t.golden("ab-2.fw"), "-o", t.dir / "later.fw", "-s", key, env=EPOCH)
    assert (r.returncode, r.stdout) == (0, "")
    assert (t.dir / "later.fw").read_bytes() == (t.dir / "at-once.fw").read_bytes()
    assert contents(t.dir / "later.fw") == contents(t.golden("ab-2-signed.fw"))
