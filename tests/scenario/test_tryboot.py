# SPDX-License-Identifier: Apache-2.0
"""Slots of a Raspberry Pi with tryboot, on a disk image (its firmware does not run in QEMU): autoboot.txt on a FAT partition names
the boot partition and the one that is tried once; the variable running stands for where the root file system lies."""
import os

AUTOBOOT = {"a": "[all]\nboot_partition=2\n[tryboot]\nboot_partition=3\n", "b": "[all]\nboot_partition=3\n[tryboot]\nboot_partition=2\n"}
COMMON = """
file-resource autoboot-a.txt { contents = "[all]\\nboot_partition=2\\n[tryboot]\\nboot_partition=3\\n" }
file-resource autoboot-b.txt { contents = "[all]\\nboot_partition=3\\n[tryboot]\\nboot_partition=2\\n" }
uboot-environment env { block-offset = 16 block-count = 16 }
"""
FIRMWARE = """
meta-product = "tryboot" meta-version = ${VERSION} meta-platform = "pi" meta-architecture = "arm"
file-resource root.img { contents = "root of ${VERSION}" }
task complete {
    on-init {
        fat_mkfs(2048, 4000)
        uboot_clearenv(env)
        uboot_setenv(env, "running", "a")
        uboot_setenv(env, "a.nerves_fw_validated", "1")
        uboot_setenv(env, "a.nerves_fw_version", ${VERSION})
        uboot_setenv(env, "a.nerves_fw_uuid", "\\${FWUP_META_UUID}")
    }
    on-resource root.img { raw_write(8192) }
    on-resource autoboot-a.txt { fat_write(2048, "autoboot.txt") }
}
task upgrade.b {
    require-uboot-variable(env, "running", "a")
    require-uboot-variable(env, "a.nerves_fw_validated", "1")
    on-init { uboot_setenv(env, "b.nerves_fw_validated", "0") uboot_unsetenv(env, "b.nerves_fw_version") }
    on-resource root.img { raw_write(12288) }
    on-finish {
        uboot_setenv(env, "b.nerves_fw_version", ${VERSION})
        uboot_setenv(env, "b.nerves_fw_uuid", "\\${FWUP_META_UUID}")
        reboot_param("0 tryboot")
    }
}
task upgrade.a {
    require-uboot-variable(env, "running", "b")
    require-uboot-variable(env, "b.nerves_fw_validated", "1")
    on-init { uboot_setenv(env, "a.nerves_fw_validated", "0") uboot_unsetenv(env, "a.nerves_fw_version") }
    on-resource root.img { raw_write(8192) }
    on-finish {
        uboot_setenv(env, "a.nerves_fw_version", ${VERSION})
        uboot_setenv(env, "a.nerves_fw_uuid", "\\${FWUP_META_UUID}")
        reboot_param("0 tryboot")
    }
}
task upgrade.wait { on-init { error("validate the running firmware first") } }
"""


def ops_tasks():
    for slot, other in ("ab", "ba"):
        yield f"""
task status.{slot}{other} {{
    require-uboot-variable(env, "running", "{slot}") require-uboot-variable(env, "{slot}.nerves_fw_validated", "0")
    on-init {{ info("{slot}->{other}") }}
}}
task status.{slot} {{ require-uboot-variable(env, "running", "{slot}") on-init {{ info("{slot}") }} }}
task validate.{slot} {{
    require-uboot-variable(env, "running", "{slot}")
    on-resource autoboot-{slot}.txt {{
        fat_write(2048, "autoboot.txt") uboot_setenv(env, "{slot}.nerves_fw_validated", "1")
    }}
}}
task revert.{other} {{
    require-uboot-variable(env, "running", "{slot}") require-uboot-variable(env, "{other}.nerves_fw_validated", "1")
    on-resource autoboot-{other}.txt {{ fat_write(2048, "autoboot.txt") }}
}}
"""


class Pi:
    def __init__(self, t):
        self.t = t
        for tool in ("mtype", "fw_setenv", "unshare"):
            t.need(tool)
        if os.getuid():
            t.skip("a /run of its own needs root")
        (t.dir / "ops.conf").write_text(COMMON + "".join(ops_tasks()))
        assert t.run([t.bin("fwpack"), "create", "-f", "ops.conf", "-o", "ops.fw"]).returncode == 0
        (t.dir / "disk.img").write_bytes(bytes(8 << 20))
        (t.dir / "fw_env.config").write_text(f"{t.dir}/disk.img 0x2000 0x2000\n")
        (t.dir / "run").mkdir()
        r = t.run([t.bin("fwpack"), "apply", "-q", "-t", "complete", "-d", t.dir / "disk.img", self.firmware("1.0")])
        assert r.returncode == 0, r

    def firmware(self, version):
        path = self.t.dir / f"{version}.fw"
        (self.t.dir / "fw.conf").write_text(COMMON + FIRMWARE)
        r = self.t.run([self.t.bin("fwpack"), "create", "-f", "fw.conf", "-o", path], env={**self.t.env, "VERSION": version})
        assert r.returncode == 0, r
        return path

    def receive(self, *args, text=b""):
        options = {"device": "disk.img", "uboot-env-config": "fw_env.config", "ops-firmware": "ops.fw", "state-dir": "state",
                   "lock-file": "lock"}
        (self.t.dir / "state").mkdir(exist_ok=True)
        (self.t.dir / "input").write_bytes(text)
        return self.t.run(["unshare", "-m", "sh", "-c", 'mount --bind run /run && mkdir -p /run/lock && "$@" < input', "sh",
                           self.t.bin("fwssh-receive"), "-f", "/dev/null",
                           *(x for k, v in options.items() for x in ("-o", f"{k}={self.t.dir}/{v}")),
                           "-o", f"updater={self.t.bin('fwpack')}", "-o", "reboot-command=/bin/true", *args])

    def push(self, version):
        data = self.firmware(version).read_bytes()
        return self.receive("-s", "nerves_firmware_ssh", text=b"fwup:%d\n" % len(data) + data)

    def slots(self):
        r = self.receive("--status")
        assert r.returncode == 0, r
        facts = dict(line.split("=", 1) for line in r.stdout.splitlines())
        return tuple(facts.get(name) for name in ("active", "next", "pending", "confirmed", "version"))

    def autoboot(self):
        return self.t.run(["mtype", "-i", f"{self.t.dir}/disk.img@@1M", "::autoboot.txt"]).stdout

    def reboot(self):
        """A parameter is good for one reboot."""
        param = self.t.dir / "run/reboot-param"
        tried = param.exists() and param.read_text() == "0 tryboot"
        param.unlink(missing_ok=True)
        boots_a = (self.autoboot() == AUTOBOOT["a"]) != tried
        r = self.t.run(["fw_setenv", "-c", self.t.dir / "fw_env.config", "running", "a" if boots_a else "b"])
        assert r.returncode == 0, r
        (self.t.dir / "state/running-slot").unlink(missing_ok=True)


def test_firmware_that_is_confirmed(t):
    pi = Pi(t)
    assert pi.slots() == ("a", "a", "no", "yes", "1.0") and pi.autoboot() == AUTOBOOT["a"]
    assert pi.push("2.0").returncode == 0
    # What a normal boot starts has not changed.
    assert pi.autoboot() == AUTOBOOT["a"] and (t.dir / "run/reboot-param").read_text() == "0 tryboot"
    pi.reboot()
    assert pi.slots() == ("b", "a", "fallback", "no", "2.0")
    r = pi.push("3.0")
    assert r.returncode == 3 and "slot b is on trial" in r.stdout, r
    assert pi.receive("--confirm").returncode == 0
    assert pi.slots() == ("b", "b", "no", "yes", "2.0") and pi.autoboot() == AUTOBOOT["b"]
    pi.reboot()
    assert pi.slots() == ("b", "b", "no", "yes", "2.0")
    assert pi.receive("--revert", "too loud").returncode == 0 and pi.autoboot() == AUTOBOOT["a"]
    pi.reboot()
    assert pi.slots() == ("a", "a", "no", "yes", "1.0")


def test_firmware_that_is_not_confirmed(t):
    pi = Pi(t)
    assert pi.push("2.0").returncode == 0
    pi.reboot()
    assert pi.slots()[:3] == ("b", "a", "fallback")
    # On trial, a reboot is all that a revert takes.
    assert pi.receive("--revert", "too loud").returncode == 0 and pi.autoboot() == AUTOBOOT["a"]
    pi.reboot()
    assert pi.slots() == ("a", "a", "no", "yes", "1.0") and pi.autoboot() == AUTOBOOT["a"]
