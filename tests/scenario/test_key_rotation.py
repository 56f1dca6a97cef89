# SPDX-License-Identifier: Apache-2.0
"""The ways from an old key to a new one in docs/keys.md, walked from end to end."""
import json

from support import slots
from support.slots import TwoSlots


def signing_keys(t, *names):
    for name in names:
        assert t.run([t.bin("fwpack"), "gen-keys", "-o", name]).returncode == 0
    return [(t.dir / f"{name}.pub").read_text().strip() for name in names]


def firmware(t, version, signer, accepted):
    """A root file system that brings its firmware-public-keys, signed by a key."""
    root = json.dumps(accepted).encode() + b"\n" + slots.content(version, 1 << 20)
    unsigned, path = slots.firmware(t, version, root), t.dir / f"{version}-{signer}.fw"
    r = t.run([t.bin("fwpack"), "sign", "-i", unsigned, "-o", path, "-s", f"{signer}.priv"])
    assert r.returncode == 0, r
    return path


class Device(TwoSlots):
    """Its configuration is part of its root file system: it changes with the slot that runs."""

    def __init__(self, t, accepted):
        super().__init__(t, json.dumps(accepted).encode() + b"\n", slot_driver="uboot-env",
                         wait=False)
        self.running, self.boots = "a", 0
        self.begin()

    def begin(self):
        self.daemon.write_config(firmware_public_keys=json.loads(self.slot(self.running).split(b"\n")[0]))
        self.daemon.start()

    def boot_other(self):
        """As if it had rebooted into the other slot: nothing is remembered of the boot before."""
        self.t.wait_for(lambda: self.daemon.reboots() > self.boots, "the reboot")
        self.boots = self.daemon.reboots()
        self.daemon.stop()
        for path in self.daemon.state.glob("running-slot*"):
            path.unlink()
        self.running = "b" if self.running == "a" else "a"
        self.begin()

    def takes(self, fw):
        r = self.push(fw)
        assert r.returncode == 0, r
        self.boot_other()

    def refuses(self, fw):
        before = self.image.read_bytes(), self.daemon.reboots()
        r = self.push(fw)
        assert r.returncode in (1, 4) and "signature" in (r.stdout + r.stderr), r
        assert (self.image.read_bytes(), self.daemon.reboots()) == before


def test_signing_key_by_a_firmware_that_brings_both(t):
    old, new, foreign = signing_keys(t, "old", "new", "foreign")
    d = Device(t, [old])
    d.refuses(firmware(t, "2.0.0", "new", [new]))
    d.refuses(firmware(t, "2.0.0", "foreign", [foreign, old]))
    d.takes(firmware(t, "2.0.0", "old", [old, new]))
    d.takes(firmware(t, "3.0.0", "new", [new]))
    d.refuses(firmware(t, "4.0.0", "old", [old, new]))
    # What went before brings its keys back.
    r = d.fwssh("revert")
    assert r.returncode == 0, r
    d.boot_other()
    d.takes(firmware(t, "5.0.0", "old", [new]))
    d.takes(firmware(t, "6.0.0", "new", [new]))
    d.refuses(firmware(t, "7.0.0", "old", [old]))


def test_login_key_by_two_lines(t):
    old, new, keys = t.key("old"), t.key("new"), t.dir / "keys"
    line = {key: (t.dir / f"{key.name}.pub").read_text() for key in (old, new)}
    d = t.daemon(authorized_keys_files=[str(keys)])

    def who_may(*expected):
        for key in old, new:
            r = d.push(b"fwup:3\nabc", key=key)
            assert r.returncode == (0 if key in expected else 255), (key, r)

    keys.write_text(line[old])
    who_may(old)
    keys.write_text(line[old] + line[new])
    who_may(old, new)
    keys.write_text('expiry-time="20200101" ' + line[old] + line[new])
    who_may(new)
    keys.write_text(line[new])
    who_may(new)


def strictly(t, d, records):
    """Whether ssh believes that it is the device of these records. UpdateHostKeys is on: it learns nothing here."""
    file = t.dir / "known"
    (t.dir / "records").write_text("".join(f"127.0.0.1 {record}\n" for record in records))
    r = t.run([t.bin("fwssh"), "known-hosts", "--from", "records", "--port", d.port, "-o", file])
    assert r.returncode == 0, r
    written = file.read_bytes()
    args = d.ssh_args()
    args[1:1] = ["-o", "StrictHostKeyChecking=yes", "-o", f"UserKnownHostsFile={file}", "-o", "UpdateHostKeys=yes"]
    r = t.run(args, input=b"fwup:3\nabc", text=False)
    assert r.returncode == 0 or b"Host key verification failed" in r.stderr, r
    assert file.read_bytes() == written
    return r.returncode == 0


def public(t, path):
    return " ".join(path.with_name(path.name + ".pub").read_text().split()[:2])


def host_key(t, name, kind="ed25519"):
    return t.key(name, kind=kind, bits=256 if kind == "ecdsa" else None)


def test_host_key_that_clients_know_beforehand(t):
    old, new = host_key(t, "old-host"), host_key(t, "new-host")
    system = t.dir / "system"
    system.mkdir()
    (system / "ssh_host_ed25519_key").write_bytes(old.read_bytes())
    d = t.daemon(system_dir=system)
    both = [public(t, old), public(t, new)]
    assert strictly(t, d, both[:1]) and strictly(t, d, both) and not strictly(t, d, both[1:])
    (system / "ssh_host_ed25519_key").write_bytes(new.read_bytes())
    assert strictly(t, d, both[:1]), "not before the reload"
    d.reload()
    assert strictly(t, d, both) and strictly(t, d, both[1:]) and not strictly(t, d, both[:1])


def test_host_key_of_another_type_beside_the_old_one(t):
    old, new = host_key(t, "old-host", "ecdsa"), host_key(t, "new-host")
    system = t.dir / "system"
    system.mkdir()
    for kind, key in ("ecdsa", old), ("ed25519", new):
        (system / f"ssh_host_{kind}_key").write_bytes(key.read_bytes())
    d = t.daemon(system_dir=system)
    assert strictly(t, d, [public(t, old)]) and strictly(t, d, [public(t, new)]), "each client finds the one it knows"
    (system / "ssh_host_ecdsa_key").unlink()
    d.reload()
    assert not strictly(t, d, [public(t, old)]) and strictly(t, d, [public(t, new)])
