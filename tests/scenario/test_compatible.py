# SPDX-License-Identifier: Apache-2.0
"""Clients of some years ago: what they need is off, and one key switches it on; SHA-1 stays off."""
import re

from support.update import HELLO, assert_works

OLD = ("-o", "MACs=hmac-sha2-256", "-o", "Ciphers=aes128-ctr")
OLD_KEX = ("ecdh-sha2-nistp256", "ecdh-sha2-nistp384", "ecdh-sha2-nistp521", "diffie-hellman-group14-sha256")


def old_client(d, kex="ecdh-sha2-nistp256", *options):
    """What a client like that of Erlang/OTP 21 has, with a key of its time."""
    (d.t.dir / "known_hosts").unlink(missing_ok=True)
    return d.push(HELLO, *OLD, "-o", f"KexAlgorithms={kex}", "-o", "HostKeyAlgorithms=ecdsa-sha2-nistp256", *options,
                  key=d.t.key("id_ecdsa", "ecdsa"))


def daemon(t, **config):
    t.key("id_ecdsa", "ecdsa")
    return t.daemon(authorized_keys_files=[t.dir / "id_ed25519.pub", t.dir / "id_ecdsa.pub"], **config)


def test_old_clients_are_let_in_by_one_key(t):
    d = daemon(t)
    r = old_client(d)
    assert r.returncode == 255, r
    d.wait_log("(for older clients see the key compatible)")
    assert not (d.state / "ssh_host_ecdsa_key").exists()
    d.write_config(compatible=True)
    d.reload()
    for kex in OLD_KEX:
        r = old_client(d, kex)
        assert r.returncode == 0, (kex, r, d.log())
    # Those of today choose as before, and the device has one identity more, which stays.
    (t.dir / "known_hosts").unlink()
    r = d.push(HELLO, "-v", "-o", "LogLevel=DEBUG1")
    assert b"kex: host key algorithm: ssh-ed25519" in r.stderr and b"MAC: <implicit>" in r.stderr, r
    key = d.state / "ssh_host_ecdsa_key"
    assert key.stat().st_mode & 0o777 == 0o600
    before = key.read_bytes()
    d.stop()
    d.start()
    assert old_client(d).returncode == 0 and key.read_bytes() == before
    assert t.run(["ssh-keygen", "-lf", key]).stdout.split()[1] in d.log()


def test_sha1_is_never_offered(t):
    (t.dir / "system").mkdir()
    t.key("system/ssh_host_rsa_key", "rsa")
    t.key("id_rsa", "rsa")
    d = daemon(t, compatible=True, system_dir=t.dir / "system")
    rsa = t.daemon(compatible=True, system_dir=t.dir / "system", authorized_keys_files=[t.dir / "id_rsa.pub"])
    for option in ("HostKeyAlgorithms=ssh-rsa", "MACs=hmac-sha1", "KexAlgorithms=diffie-hellman-group14-sha1",
                   "Ciphers=aes128-cbc"):
        # Without AEAD ciphers, since these need no MAC.
        r = d.push(HELLO, "-o", option, *(("-o", "Ciphers=aes128-ctr") if "Ciphers" not in option else ()))
        assert r.returncode == 255, (option, r)
        d.wait_log("no match for method")
        d.stop()
        d.log_path.unlink()
        d.start()
    assert rsa.push(HELLO, key=t.dir / "id_rsa").returncode == 0
    r = rsa.push(HELLO, "-o", "PubkeyAcceptedAlgorithms=ssh-rsa", key=t.dir / "id_rsa")
    assert r.returncode == 255, r


def test_system_without_an_ecdsa_key(t):
    (t.dir / "system").mkdir()
    t.key("system/ssh_host_ed25519_key")
    d = daemon(t, compatible=True, system_dir=t.dir / "system")
    assert_works(d)
    assert old_client(d).returncode == 0
    assert (d.state / "ssh_host_ecdsa_key").exists()
    d.stop()
    # One that has its own keeps it as the only one.
    t.key("system/ssh_host_ecdsa_key", "ecdsa")
    d.start()
    assert old_client(d).returncode == 0
    shown = t.run(["ssh-keygen", "-lf", t.dir / "system/ssh_host_ecdsa_key"]).stdout.split()[1]
    assert len(re.findall(r"host key ecdsa\S* (\S+)", d.log())) == 2 and shown in d.log()


def test_state_that_cannot_be_written(t):
    d = daemon(t, compatible=True, state_dir="/dev/null/x")
    assert_works(d)
    assert "no ECDSA host key for older clients" in d.log()
