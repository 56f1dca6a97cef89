#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a push of an update for another updater sends to a device whose slot holds the image before: a plain image, a bundle of
RAUC, an archive of SWUpdate. adaptive_payloads.py BUILD (see README.md)."""
import argparse
import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]
sys.dont_write_bytecode = True
from adaptive import MB, TOOLS, show  # noqa: E402
from adaptive_images import Images  # noqa: E402
from adaptive_trees import Trees, quiet  # noqa: E402
from interop.test_servers import receive_command, sshd  # noqa: E402
from support.adapter import stand_in  # noqa: E402
from support.agentless import agent_dir  # noqa: E402
from support.fixture import Fixture  # noqa: E402
from support.rauc_device import certificate  # noqa: E402

SYSTEMS = {"squashfs-gzip": "squashfs gzip", "ext4": "ext4"}
MANIFEST = """[update]
compatible=demo
version=2.0
[bundle]
format=verity
[image.rootfs]
filename=root.img
"""
DESCRIPTION = """software = {{ version = "2.0"; description = "demo";
  images: ( {{ filename = "root.img"; device = "/dev/slot-b"; type = "raw"; installed-directly = true;
              {more} sha256 = "{sha256}"; }} ); }}
"""
SIGN = ["openssl", "cms", "-sign", "-in", "sw-description", "-out", "sw-description.sig", "-signer", "../good.pem", "-inkey",
        "../good.key", "-outform", "DER", "-nosmimecap", "-binary"]
HEADS = ["", "whole, MB", "fwsshd", "sshd", "--agentless"]


class Payloads:
    """What is pushed, of an image; each in a directory of its own, for fwssh looks beside it."""

    def __init__(self, t):
        self.t = t
        certificate(t, "good", "emailProtection")

    def content(self, image):
        here = Path(tempfile.mkdtemp(dir=self.t.dir))
        os.link(image, here / "root.img")
        return here

    def image(self, image):
        return self.content(image) / "root.img"

    def raucb(self, image, *options):
        content = self.content(image)
        (content / "manifest.raucm").write_text(MANIFEST)
        out = Path(tempfile.mkdtemp(dir=self.t.dir)) / "x.raucb"
        pem, key = self.t.dir / "good.pem", self.t.dir / "good.key"
        quiet(["rauc", f"--cert={pem}", f"--key={key}", f"--keyring={pem}", *options, "bundle", content, out])
        shutil.rmtree(content)
        return out

    def stored_raucb(self, image):
        return self.raucb(image, "--mksquashfs-args=-noD -noF")

    def swu(self, image, more=""):
        here = self.content(image)
        if more:
            data = gzip.compress(image.read_bytes(), mtime=0)
            (here / "root.img").unlink()
            (here / "root.img").write_bytes(data)
        sha256 = hashlib.sha256((here / "root.img").read_bytes()).hexdigest()
        (here / "sw-description").write_text(DESCRIPTION.format(more=more, sha256=sha256))
        quiet(SIGN, cwd=here)
        subprocess.run(["cpio", "-o", "-H", "crc", "--quiet", "-O", "x.swu"], cwd=here, check=True,
                       input=b"sw-description\nsw-description.sig\nroot.img\n")
        return here / "x.swu"

    def compressed_swu(self, image):
        return self.swu(image, 'compressed = "zlib";')


KINDS = {"plain image": Payloads.image, "RAUC verity bundle": Payloads.raucb,
         "RAUC verity bundle, stored (-noD -noF)": Payloads.stored_raucb, "SWUpdate archive": Payloads.swu,
         "SWUpdate archive, zlib": Payloads.compressed_swu}


class Pushes:
    """A device whose slot A has an image; its updater is a stand-in that keeps what it gets."""

    def __init__(self, t, tools, slot):
        self.t, self.tools = t, tools
        verbs = {"describe": "echo input=file; echo accepts=raw raucb swu"}
        updater = stand_in(t, **verbs)
        self.daemon = t.daemon(updater=updater, adaptive_sources=[slot], spool_dir=t.dir, log_level="info")
        more = f"Subsystem fwssh {receive_command(t, self.daemon, False) % 'fwssh'}"
        self.sshd = sshd(t, self.daemon, more=more)
        self.agent = [word for key in ("device", "updater", "adaptive-sources", "spool-dir", "reboot-command")
                      for word in ("--agent-option", f"{key}={self.value(key)}")]
        self.agents = agent_dir(t)

    def value(self, key):
        value = self.daemon.config[key]
        return "{" + ",".join(map(str, value)) + "}" if isinstance(value, list) else value

    def push(self, path, port, *options):
        """Bytes in both directions."""
        t, log = self.t, self.t.dir / "count.log"
        log.write_text("")
        (t.dir / "test.next").write_text("a\n")
        (t.dir / "test.input").unlink(missing_ok=True)
        r = t.run([t.bin("fwssh"), "push", "--firmware", path, "--adaptive=always", "--no-cache", "--no-reboot", "--port", port,
                   "--user-dir", self.daemon.key.parent, "--ssh-option", "StrictHostKeyChecking=no", "--ssh-option",
                   f"UserKnownHostsFile={t.dir}/known_hosts", "--ssh", f"{self.tools}/count {log} ssh", *options, "127.0.0.1"],
                  timeout=600)
        if r.returncode:
            raise RuntimeError(f"fwssh exited with status {r.returncode}:\n{r.stdout}{r.stderr}\n{self.daemon.log()}")
        if (t.dir / "test.input").read_bytes() != path.read_bytes():
            raise RuntimeError("the updater has got something else")
        calls = [[int(n) for n in line.split()] for line in log.read_text().splitlines()]
        return sum(there + back for there, back in calls if there)  # "ssh -G" only prints the client's configuration

    def row(self, name, new):
        """Each figure in MB. What brings fwssh-agent there is killed, with the bytes that it has counted."""
        whole = new.stat().st_size
        figures = [self.push(new, self.daemon.port), self.push(new, self.sshd.port, "--user", "root"),
                   self.push(new, self.sshd.port, "--user", "root", "--agentless", "--agent-dir", self.agents, *self.agent)]
        cells = [name, f"{whole / MB:.1f}", *(f"{n / MB:.3f}" for n in figures)]
        print("  " + "  ".join(cells), flush=True)
        return cells


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=lambda text: Path(text).resolve())
    parser.add_argument("--directory", type=lambda text: Path(text).resolve(), default=Path("/var/tmp/fwssh-bench-payloads"),
                        help="for 2 GB of data (default: %(default)s)")
    parser.add_argument("--keep", action="store_true", help="keep the data for the next run")
    return parser.parse_args()


def main():
    a = arguments()
    begun = time.monotonic()
    tools = a.directory / "tools"
    tools.mkdir(parents=True, exist_ok=True)
    for tool in ("count", "flat_times.so"):
        quiet([os.environ.get("CC", "cc"), "-O2", "-o", tools / tool, HERE / f"{tool.split('.')[0]}.c", *TOOLS[tool]])
    images = Images(Trees(HERE.parent, a.directory / "trees"), a.directory / "images", tools, None)
    rows = []
    for system, title in SYSTEMS.items():
        old, new = images.get(system, "base"), images.get(system, "dozen")
        run = tempfile.mkdtemp(prefix="run-", dir=a.directory)
        t = Fixture(HERE.parent, a.build, run)
        try:
            payloads, pushes = Payloads(t), Pushes(t, tools, old)
            for name, make in KINDS.items():
                rows.append(pushes.row(f"{title}: {name}", make(payloads, new)))
        finally:
            t.close()
            shutil.rmtree(run)
    print(f"{time.monotonic() - begun:.0f} s\n")
    show(HEADS, rows)
    if not a.keep:
        shutil.rmtree(a.directory)


if __name__ == "__main__":
    main()
