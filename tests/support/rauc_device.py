# SPDX-License-Identifier: Apache-2.0
"""A device with Debian's RAUC: its service on a bus of its own, two slots that are files, and a boot loader that is a
script. Bundles are plain ones: verity needs a device mapper."""
import os
import subprocess

from support.adapter import ADAPTERS

SLOT_SIZE = 4 << 20
SYSTEM = """
[system]
compatible=camera
bootloader=custom
mountprefix={dir}/mnt
statusfile={dir}/rauc.status
bundle-formats=plain
[handlers]
bootloader-custom-backend={dir}/backend
[keyring]
path={dir}/good.pem
[slot.rootfs.0]
device={dir}/slot-a
type=raw
bootname=A
[slot.rootfs.1]
device={dir}/slot-b
type=raw
bootname=B
"""
BACKEND = """#!/bin/sh
cd {dir} || exit 1
echo "$@" >> backend.log
case $1 in
get-primary) cat primary ;;
set-primary) echo "$2" > primary ;;
get-state) cat "state.$2" ;;
set-state)
    echo "$3" > "state.$2"
    # As GRUB does: a slot on trial is the first choice again once it is good.
    [ "$3" != good ] || [ ! -e trial ] || echo "$2" > primary
    ;;
esac
"""
BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={dir}/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_type="method_call"/>
<allow send_requested_reply="true" send_type="method_return"/><allow send_requested_reply="true" send_type="error"/>
<allow receive_type="signal"/><allow receive_type="method_call"/><allow receive_type="method_return"/>
<allow receive_type="error"/><allow send_type="signal"/></policy></busconfig>
"""


def certificate(t, name, usage="digitalSignature"):
    """A key and a certificate that signs itself: NAME.key, NAME.pem."""
    r = t.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.pem",
               "-days", "30", "-subj", f"/CN={name}", "-addext", f"extendedKeyUsage={usage}"])
    assert r.returncode == 0, r
    return t.dir / f"{name}.pem"


class RaucDevice:
    def __init__(self, t, **config):
        for program in ("rauc", "dbus-daemon", "mksquashfs", "openssl"):
            t.need(program)
        if os.geteuid() != 0:
            t.skip("RAUC mounts its bundles")
        self.t = t
        certificate(t, "good", "emailProtection")
        (t.dir / "mnt").mkdir()
        for name in "ab":
            (t.dir / f"slot-{name}").write_bytes(name.encode() * SLOT_SIZE)
        self.put(primary="A", **{"state.A": "good", "state.B": "good"})
        t.script("backend", BACKEND.format(dir=t.dir))
        (t.dir / "system.conf").write_text(SYSTEM.format(dir=t.dir))
        (t.dir / "bus.conf").write_text(BUS.format(dir=t.dir))
        t.env["DBUS_SYSTEM_BUS_ADDRESS"] = f"unix:path={t.dir}/bus"
        t.start(["dbus-daemon", f"--config-file={t.dir}/bus.conf", "--nofork"])
        t.wait_for((t.dir / "bus").exists, "the bus")
        self.boot("A")
        self.daemon = t.daemon(updater=t.src / ADAPTERS / "fwssh-updater-rauc", device=t.dir / "slot-b", **config)

    def put(self, **values):
        for name, value in values.items():
            (self.t.dir / name).write_text(value + "\n")

    def boot(self, slot):
        """Starts RAUC's service as on a device that runs this slot."""
        with open(self.t.dir / "service.log", "ab") as log:
            self.service = self.t.start(["rauc", f"--conf={self.t.dir}/system.conf", f"--override-boot-slot={slot}",
                                         "service"], stdout=log, stderr=log)
        self.t.wait_for(lambda: self.t.run(["rauc", "status"]).returncode == 0, "RAUC's service")

    def reboot(self, slot):
        self.service.terminate()
        self.service.wait(20)
        self.boot(slot)

    def get(self, name):
        return (self.t.dir / name).read_text().strip()

    def bundle(self, name="x", version="2.0", compatible="camera", key="good", size=1 << 20):
        """A signed bundle, and the image in it."""
        t = self.t
        content = t.dir / f"{name}.content"
        content.mkdir()
        image = os.urandom(size)
        (content / "root.img").write_bytes(image)
        (content / "manifest.raucm").write_text(
            f"[update]\ncompatible={compatible}\nversion={version}\n[bundle]\nformat=plain\n"
            "[image.rootfs]\nfilename=root.img\n")
        r = t.run(["rauc", f"--cert={t.dir}/{key}.pem", f"--key={t.dir}/{key}.key", f"--keyring={t.dir}/{key}.pem", "bundle",
                   content, t.dir / f"{name}.raucb"], )
        assert r.returncode == 0, r
        return t.dir / f"{name}.raucb", image

    def slot(self, name, size):
        return (self.t.dir / f"slot-{name}").read_bytes()[:size]

    def untouched(self, name):
        return self.slot(name, SLOT_SIZE) == name.encode() * SLOT_SIZE

    def loops(self):
        return subprocess.run(["losetup", "-n", "-O", "BACK-FILE"], stdout=subprocess.PIPE, text=True).stdout.count("(deleted)")
