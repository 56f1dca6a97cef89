# SPDX-License-Identifier: Apache-2.0
"""Signing without the private key at hand: by a command, or by somebody who gets only the bytes."""
import base64

CONF = '''
file-resource a { contents = "hello" }
task complete { on-resource a { raw_write(0) } }
'''


def fwpack(t, *args, **kw):
    return t.run([t.bin("fwpack"), *args], **kw)


def setup(t):
    """An unsigned archive, a key pair k and another one, and k in OpenSSL's format."""
    (t.dir / "x.conf").write_text(CONF)
    assert fwpack(t, "create", "-f", "x.conf", "-o", "x.fw").returncode == 0
    for name in ("k", "other"):
        assert fwpack(t, "gen-keys", "-o", name).returncode == 0
        seed = base64.b64decode((t.dir / f"{name}.priv").read_text())[:32]
        # PKCS#8 of RFC 8410.
        der = bytes.fromhex("302e020100300506032b657004220420") + seed
        (t.dir / f"{name}.der").write_bytes(der)
        t.need("openssl")
        t.run(["openssl", "pkey", "-inform", "DER", "-in", f"{name}.der", "-out", f"{name}.pem"])


SIGN = "cat > in.bin; openssl pkeyutl -sign -rawin -inkey k.pem -in in.bin"


def test_command_signs_like_a_key(t):
    setup(t)
    epoch = {"SOURCE_DATE_EPOCH": "1700000000"}
    for how, name in ((["-s", "k.priv"], "key.fw"), (["--sign-command", SIGN], "raw.fw"),
                      (["--sign-command", SIGN + " | base64 -w0"], "base64.fw")):
        r = fwpack(t, "-S", "-i", "x.fw", "-o", name, "-p", "k.pub", *how, env=epoch)
        assert (r.returncode, r.stdout, r.stderr) == (0, "", ""), (name, r)
        assert (t.dir / name).read_bytes() == (t.dir / "key.fw").read_bytes()
        r = fwpack(t, "create", "-f", "x.conf", "-o", "at-once.fw", *how, env=epoch)
        assert r.returncode == 0, r
        assert (t.dir / "at-once.fw").read_bytes() == (t.dir / "key.fw").read_bytes()


def test_signature_made_elsewhere_is_attached(t):
    setup(t)
    assert fwpack(t, "sign", "--digest", "-i", "x.fw", "-o", "digest").returncode == 0
    assert t.run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", "k.pem", "-in", "digest", "-out",
                  "sig"]).returncode == 0
    assert fwpack(t, "sign", "--attach", "sig", "-i", "x.fw", "-o", "y.fw", "-p", "k.pub").returncode == 0
    assert fwpack(t, "verify", "-p", "k.pub", "y.fw").stdout == "Valid archive with a good signature\n"
    r = fwpack(t, "sign", "--attach", "sig", "-i", "x.fw", "-o", "z.fw")
    assert r.returncode == 0 and "was not checked" in r.stdout


def test_wrong_signatures_leave_no_archive(t):
    setup(t)
    (t.dir / "short").write_bytes(b"x" * 63)
    cases = [
        (["--sign-command", SIGN.replace("k.pem", "other.pem")], "does not match the public key"),
        (["--sign-command", "exit 3"], "exited with status 3"),
        (["--sign-command", "echo no"], "64 raw bytes"),
        (["--sign-command", "head -c 100000 /dev/zero"], "output"),
        (["--attach", "short"], "64 raw bytes"),
        (["--attach", "missing"], "missing"),
        (["--attach", "short", "-s", "k.priv"], "only one of"),
        (["--sign-command", "true", "-s", "k.priv"], "only one of"),
        ([], "Specify a private key"),
    ]
    for how, text in cases:
        r = fwpack(t, "sign", "-i", "x.fw", "-o", "y.fw", "-p", "k.pub", *how)
        assert r.returncode in (1, 2, 4) and text in r.stdout, (how, r)
        assert not (t.dir / "y.fw").exists()


def test_two_keys_at_once_for_a_rotation(t):
    setup(t)
    both = ["-p", "k.pub", "-p", "other.pub"]
    for name in ("k", "other"):
        assert fwpack(t, "-S", "-i", "x.fw", "-o", f"{name}.fw", "-s", f"{name}.priv").returncode == 0
        r = fwpack(t, "apply", "-i", f"{name}.fw", "-t", "complete", "-d", "disk.img", "-q", *both)
        assert r.returncode == 0, r
    r = fwpack(t, "apply", "-i", "other.fw", "-t", "complete", "-d", "other.img", "-q", "-p", "k.pub")
    assert r.returncode == 4 and not (t.dir / "other.img").read_bytes()


def test_required_signature(t):
    setup(t)
    for args in (["apply", "-t", "complete", "-d", "disk.img"], ["verify"], ["metadata"]):
        r = fwpack(t, *args, "--require-signature", "-i", "x.fw")
        assert r.returncode == 2 and r.stdout.count("\n") == 1, r
        assert "--require-signature needs a public key" in r.stdout
        r = fwpack(t, *args, "--require-signature", "-p", "k.pub", "-i", "x.fw")
        assert r.returncode == 4 and "Expecting signed firmware archive" in r.stdout
    assert not (t.dir / "disk.img").exists() or not (t.dir / "disk.img").read_bytes()


def test_create_has_one_signer(t):
    setup(t)
    for how in (["-s", "k.priv", "--sign-command", "true"], ["--attach", "x"], ["--digest"]):
        r = fwpack(t, "create", "-f", "x.conf", "-o", "y.fw", *how)
        assert r.returncode == 2 and not (t.dir / "y.fw").exists(), (how, r)
