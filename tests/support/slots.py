# SPDX-License-Identifier: Apache-2.0
"""A device with two slots in an image, that runs firmware of ours and is pushed the next one."""
import random

SLOT_A, SLOT_B = 1 << 20, 17 << 20  # bytes
SLOT_SIZE = 16 << 20
IMAGE = 34 << 20

CONF = """
meta-product = "camera"
meta-version = "{version}"
meta-platform = "test"
{resources}
uboot-environment env {{ block-offset = 16 block-count = 16 block-offset-redund = 32 }}
task complete {{
  on-init {{ uboot_clearenv(env) uboot_setenv(env, "nerves_fw_active", "a") }}
  on-resource root {{ raw_write({a}) }}
  on-finish {{ {identity_a} }}
}}
task upgrade.b {{
  require-uboot-variable(env, "nerves_fw_active", "a")
  on-resource root {{ raw_write({b}) }}
  on-finish {{ {identity_b} uboot_setenv(env, "nerves_fw_active", "b") }}
}}
task upgrade.a {{
  require-uboot-variable(env, "nerves_fw_active", "b")
  on-resource root {{ raw_write({a}) }}
  on-finish {{ {identity_a} uboot_setenv(env, "nerves_fw_active", "a") }}
}}
"""


def content(seed, size=4 << 20):
    """Half noise, half text, as a file system has both."""
    r = random.Random(seed)
    words = [bytes(r.choices(b"abcdefghij", k=r.randrange(2, 9))) for _ in range(400)]
    text = b" ".join(r.choices(words, k=size // 12))[:size // 2]
    return r.randbytes(size - len(text)) + text


def changed(data, seed, count=12, size=40):
    """The same with some places changed, and some bytes more in the middle."""
    r = random.Random(seed)
    new = bytearray(data)
    for _ in range(count):
        at = r.randrange(len(new) - size)
        new[at:at + size] = r.randbytes(size)
    at = len(new) // 3
    new[at:at] = r.randbytes(100)
    return bytes(new)


def identity(slot, version):
    names = {"product": "camera", "version": version, "uuid": "${FWUP_META_UUID}"}
    return " ".join(f'uboot_setenv(env, "{slot}.nerves_fw_{k}", "{v}")' for k, v in names.items())


def firmware(t, version, root, signed=False):
    """A firmware with these bytes as its root file system."""
    (t.dir / f"root-{version}").write_bytes(root)
    resources = f'file-resource root {{ host-path = "{t.dir}/root-{version}" }}'
    (t.dir / f"{version}.conf").write_text(CONF.format(
        version=version, resources=resources, a=SLOT_A // 512, b=SLOT_B // 512,
        identity_a=identity("a", version), identity_b=identity("b", version)))
    path = t.dir / f"{version}.fw"
    r = t.run([t.bin("fwpack"), "create", "-f", t.dir / f"{version}.conf", "-o", path,
               *(["-s", t.dir / "sign.priv"] if signed else [])])
    assert r.returncode == 0, r
    return path


class TwoSlots:
    """The device, and the host's tool with a cache of its own."""

    def __init__(self, t, root, signed=False, **config):
        self.t = t
        if signed:
            assert t.run([t.bin("fwpack"), "gen-keys", "-o", t.dir / "sign"]).returncode == 0
            config["firmware_public_keys"] = [t.dir / "sign.pub"]
        self.signed = signed
        self.old = firmware(t, "1.0.0", root, signed)
        self.image = t.image(size=IMAGE)
        r = t.run([t.bin("fwpack"), "apply", "-q", "-i", self.old, "-t", "complete", "-d", self.image])
        assert r.returncode == 0, r
        (t.dir / "fw_env.config").write_text(f"{self.image} 0x2000 0x2000\n{self.image} 0x4000 0x2000\n")
        self.daemon = t.daemon(device=self.image, updater=t.bin("fwpack"), uboot_env_config=t.dir / "fw_env.config", **config)
        self.env = {"XDG_CACHE_HOME": str(t.dir / "cache"), "TMPDIR": str(t.dir)}

    def fwssh(self, *args, port=None, timeout=60, **kw):
        return self.t.run([self.t.bin("fwssh"), *args, *self.options(port), "127.0.0.1"], env=self.env,
                          timeout=timeout, **kw)

    def options(self, port=None):
        return ["--port", str(port or self.daemon.port), "--user-dir", self.daemon.key.parent, "--ssh-option",
                "StrictHostKeyChecking=no", "--ssh-option", f"UserKnownHostsFile={self.t.dir}/known_hosts"]

    def boot(self, slot):
        """As if the device had rebooted into the slot: nothing is remembered of the boot before."""
        self.daemon.wait_reboot()
        self.daemon.stop()
        for name in ("boot", "running-slot"):
            for path in self.daemon.state.glob(f"{name}*"):
                path.unlink()
        self.daemon.start()

    def push(self, fw, *options, **kw):
        return self.fwssh("push", "--firmware", fw, *options, **kw)

    def slot(self, name):
        data = self.image.read_bytes()
        at = SLOT_A if name == "a" else SLOT_B
        return data[at:at + SLOT_SIZE]
