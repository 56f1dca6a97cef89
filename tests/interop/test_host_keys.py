# SPDX-License-Identifier: Apache-2.0
"""Host keys made by ssh-keygen, in all formats, from system-dir."""
import shutil

FORMATS = {"RFC4716": "OPENSSH PRIVATE KEY", "PEM": "{} PRIVATE KEY", "PKCS8": "PRIVATE KEY"}


def make_key(t, directory, kind, bits=None, form="RFC4716", passphrase=""):
    """Creates a host key in its place; returns the path of its public half."""
    path = directory / f"ssh_host_{kind}_key"
    size = ["-b", str(bits)] if bits else []
    r = t.run(["ssh-keygen", "-q", "-t", kind, *size, "-m", form, "-N", passphrase, "-f", path])
    assert r.returncode == 0, r.stderr
    # ssh-keygen has only one format for Ed25519, and ignores -m without saying so.
    begin = FORMATS[form].format({"ecdsa": "EC", "rsa": "RSA"}.get(kind))
    if not passphrase:
        assert path.read_text().startswith(f"-----BEGIN {begin}-----\n"), path.read_text()[:40]
    return directory / f"ssh_host_{kind}_key.pub"


def system_dir(t):
    path = t.dir / "system"
    path.mkdir()
    return path


def fingerprint(t, public):
    return t.run(["ssh-keygen", "-lf", public]).stdout.split()[1]


def seen_by_client(t, d, kind):
    """The fingerprint of the host key of this kind that a client gets; None if the daemon has none."""
    scan = t.run([t.need("ssh-keyscan"), "-p", d.port, "-t", kind, "127.0.0.1"])
    if not scan.stdout:
        return None
    return t.run(["ssh-keygen", "-lf", "-"], input=scan.stdout).stdout.split()[1]


def check_keys(t, **kinds):
    """kinds: KIND=(bits, format). One daemon offers all of them."""
    directory = system_dir(t)
    public = {kind: make_key(t, directory, kind, *how) for kind, how in kinds.items()}
    d = t.daemon(system_dir=directory)
    for kind, path in public.items():
        assert seen_by_client(t, d, kind) == fingerprint(t, path), d.log()
        assert fingerprint(t, path) in d.log()
    assert not list(d.state.glob("*key*")), "a host key was made that nobody needs"
    check_trusted_push(t, d, public.values())


def check_trusted_push(t, d, public):
    """A client that trusts only these keys can connect with each of them: the private halves work."""
    for path in public:
        kind, key = path.read_text().split()[:2]
        known = t.dir / "known"
        known.write_text(f"[127.0.0.1]:{d.port} {kind} {key}\n")
        # If an option is given twice, ssh uses the first.
        args = ["ssh", "-o", "StrictHostKeyChecking=yes", "-o", f"UserKnownHostsFile={known}",
                *d.ssh_args()[1:]]
        r = t.run(args, input="fwup:5\nhello")
        assert r.returncode == 0, r.stderr


def test_all_kinds_in_openssh_format(t):
    check_keys(t, ed25519=(None, "RFC4716"), ecdsa=(256, "RFC4716"), rsa=(2048, "RFC4716"))


def test_ecdsa_384_in_openssh_format(t):
    check_keys(t, ecdsa=(384, "RFC4716"))


def test_ecdsa_521_in_openssh_format(t):
    check_keys(t, ecdsa=(521, "RFC4716"))


def test_ecdsa_256_and_rsa_in_pem(t):
    check_keys(t, ecdsa=(256, "PEM"), rsa=(2048, "PEM"))


def test_ecdsa_384_in_pem(t):
    check_keys(t, ecdsa=(384, "PEM"))


def test_ecdsa_521_in_pem(t):
    check_keys(t, ecdsa=(521, "PEM"))


def test_ecdsa_256_and_rsa_in_pkcs8(t):
    check_keys(t, ecdsa=(256, "PKCS8"), rsa=(3072, "PKCS8"))


def test_ecdsa_384_in_pkcs8(t):
    check_keys(t, ecdsa=(384, "PKCS8"))


def test_ecdsa_521_in_pkcs8(t):
    check_keys(t, ecdsa=(521, "PKCS8"))


def check_left_out(t, spoil):
    """spoil(directory) puts a bad Ed25519 key next to a good ECDSA key."""
    directory = system_dir(t)
    good = make_key(t, directory, "ecdsa", 256)
    spoil(directory)
    d = t.daemon(system_dir=directory)
    assert "damaged, in an unknown format" in d.log(), d.log()
    assert d.log().count("host key ecdsa-sha2-nistp256") == 1 and "host key ssh-ed25519" not in d.log()
    assert seen_by_client(t, d, "ecdsa") == fingerprint(t, good)
    assert seen_by_client(t, d, "ed25519") is None
    check_trusted_push(t, d, [good])
    return d.log()


def test_own_key_beside_the_systems(t):
    directory = system_dir(t)
    good = make_key(t, directory, "ed25519")
    d = t.daemon(system_dir=directory, own_host_key=True)
    own = d.state / "ssh_host_ed25519_key"
    assert str(own) in d.log() and own.exists()
    assert seen_by_client(t, d, "ed25519") not in (None, fingerprint(t, good))
    assert seen_by_client(t, t.daemon(system_dir=directory), "ed25519") == fingerprint(t, good)


def test_key_with_a_passphrase_is_left_out(t):
    check_left_out(t, lambda directory: make_key(t, directory, "ed25519", passphrase="secret"))


def test_pem_key_with_a_passphrase_is_left_out(t):
    """OpenSSL would ask for the passphrase on a terminal; a device has none."""
    directory = system_dir(t)
    good = make_key(t, directory, "ed25519")
    make_key(t, directory, "rsa", 2048, "PEM", passphrase="secret")
    d = t.daemon(system_dir=directory)
    assert "damaged, in an unknown format" in d.log(), d.log()
    check_trusted_push(t, d, [good])


def test_garbage_is_left_out(t):
    check_left_out(t, lambda directory: (directory / "ssh_host_ed25519_key").write_text("garbage\n"))


def test_damaged_key_is_left_out(t):
    """A truncated key, as after a full file system."""
    def spoil(directory):
        make_key(t, directory, "ed25519")
        path = directory / "ssh_host_ed25519_key"
        path.write_text(path.read_text()[:200])
    check_left_out(t, spoil)


def test_empty_key_is_left_out(t):
    check_left_out(t, lambda directory: (directory / "ssh_host_ed25519_key").touch())


def test_public_half_in_its_place_is_left_out(t):
    def spoil(directory):
        make_key(t, directory, "ed25519")
        shutil.copy(directory / "ssh_host_ed25519_key.pub", directory / "ssh_host_ed25519_key")
    check_left_out(t, spoil)


def test_ed25519_in_pkcs8_is_used_or_left_out(t):
    """OpenSSL creates it, OpenSSH reads it since 9.6; libssh imports it, but cannot use it."""
    def spoil(directory):
        path = directory / "ssh_host_ed25519_key"
        t.run([t.need("openssl"), "genpkey", "-algorithm", "ed25519", "-out", path])
    directory = system_dir(t)
    good = make_key(t, directory, "ecdsa", 256)
    spoil(directory)
    d = t.daemon(system_dir=directory)
    # A client that knows both may ask for either; what is offered must work.
    r = d.push(b"fwup:5\nhello")
    assert r.returncode == 0, r.stderr
    assert seen_by_client(t, d, "ecdsa") == fingerprint(t, good)


def test_bad_key_is_named_in_the_log(t):
    """With three keys, one must know which one to fix."""
    assert "ssh_host_ed25519_key" in check_left_out(
        t, lambda directory: (directory / "ssh_host_ed25519_key").write_text("garbage\n"))


def test_without_a_usable_key_one_is_made(t):
    """As without any key file: a device that nobody can reach cannot be fixed over the network."""
    directory = system_dir(t)
    (directory / "ssh_host_rsa_key").write_text("garbage\n")
    d = t.daemon(system_dir=directory)
    assert "damaged, in an unknown format" in d.log()
    assert d.push(b"fwup:5\nhello").returncode == 0
