# SPDX-License-Identifier: Apache-2.0
"""A device with Debian's SWUpdate: two slots that are files, and archives whose script switches to slot b."""
import hashlib
import os

from support.adapter import ADAPTERS
from support.rauc_device import certificate

SLOT_SIZE = 4 << 20
DESCRIPTION = """
software = {{ version = "{version}"; description = "test"; hardware-compatibility = [ "1.0" ];
  images: ( {{ filename = "root.img"; device = "{dir}/slot-b"; type = "raw"; installed-directly = true;
              sha256 = "{image}"; }} );
  scripts: ( {{ filename = "post.sh"; type = "shellscript"; sha256 = "{script}"; }} ); }}
"""
SCRIPT = """#!/bin/sh
[ "$1" != postinst ] || echo b > {dir}/next
"""
CONF = """
running() {{ cat {dir}/running; }}
next() {{ cat {dir}/next; }}
switch_to() {{ echo "$1" > {dir}/next; }}
confirmed() {{ cat {dir}/confirmed; }}
confirm_running() {{ echo yes > {dir}/confirmed; }}
"""


def archive(t, name="x", version="2.0", key="good", size=1 << 20):
    """A signed archive, and its image."""
    here = t.dir / f"{name}.content"
    here.mkdir()
    image, script = os.urandom(size), SCRIPT.format(dir=t.dir).encode()
    (here / "root.img").write_bytes(image)
    (here / "post.sh").write_bytes(script)
    (here / "sw-description").write_text(DESCRIPTION.format(
        dir=t.dir, version=version, image=hashlib.sha256(image).hexdigest(), script=hashlib.sha256(script).hexdigest()))
    r = t.run(["openssl", "cms", "-sign", "-in", "sw-description", "-out", "sw-description.sig", "-signer",
               t.dir / f"{key}.pem", "-inkey", t.dir / f"{key}.key", "-outform", "DER", "-nosmimecap", "-binary"], cwd=here)
    assert r.returncode == 0, r
    r = t.run(["cpio", "-o", "-H", "crc", "--quiet"], cwd=here, text=False,
              input=b"sw-description\nsw-description.sig\npost.sh\nroot.img\n")
    assert r.returncode == 0, r
    (t.dir / f"{name}.swu").write_bytes(r.stdout)
    return r.stdout, image


class SwupdateDevice:
    def __init__(self, t, listens=False, board="1.0", **config):
        for program in ("swupdate", "cpio", "openssl"):
            t.need(program)
        self.t = t
        certificate(t, "good", "emailProtection")
        self.reset()
        (t.dir / "site.conf").write_text(CONF.format(dir=t.dir))
        t.env["TMPDIR"] = str(t.dir)
        options = ["-k", t.dir / "good.pem", "-H", f"board:{board}"]
        if listens:
            with open(t.dir / "swupdate.log", "ab") as log:
                self.service = t.start(["swupdate", "-l", "2", *options], stdout=log, stderr=log)
            t.wait_for((t.dir / "sockinstctrl").exists, "SWUpdate's daemon")
        config.setdefault("updater_options", [] if listens else options)
        self.daemon = t.daemon(wait=False, updater=t.src / ADAPTERS / "fwssh-updater-swupdate", device=t.dir / "slot-b",
                               **config)
        self.daemon.start(env={"FWSSH_UPDATER_CONF": str(t.dir / "site.conf")})

    def reset(self):
        """Slot a runs, and nothing is written."""
        for name in "ab":
            (self.t.dir / f"slot-{name}").write_bytes(name.encode() * SLOT_SIZE)
        for name, value in dict(running="a", next="a", confirmed="yes").items():
            (self.t.dir / name).write_text(value + "\n")

    def next(self):
        return (self.t.dir / "next").read_text().strip()

    def slot(self, size):
        return (self.t.dir / "slot-b").read_bytes()[:size]
