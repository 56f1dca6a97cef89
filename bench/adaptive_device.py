# SPDX-License-Identifier: Apache-2.0
"""A device on loopback whose slot A holds one firmware, and pushes of another one to slot B, measured."""
import os
import subprocess
import time

import adaptive_link
from adaptive_images import SLOT_A
from support.fixture import Fixture


class Result:
    """One push: bytes that SSH carried, seconds, CPU seconds and memory, and what fwssh said."""

    def __init__(self, counted, seconds, host_cpu, hold, text):
        calls = [[int(n) for n in line.split()] for line in counted.splitlines()]
        # "ssh -G" only prints the client's configuration.
        self.bytes = sum(there + back for there, back in calls if there)
        self.seconds, self.host_cpu, self.text = seconds, host_cpu, text
        rows = [line.split() for line in hold.splitlines()]
        self.hold_cpu = sum(float(cpu) for cpu, _ in rows)
        self.hold_memory = max((int(kb) for _, kb in rows), default=0)


class Device:
    def __init__(self, source, build, tools, directory):
        self.t = Fixture(source, build, directory)
        self.tools = tools
        self.image = self.t.dir / "device"
        self.installed = None
        self.link = None  # what stands between host and device, if anything does
        self.hold_log, self.count_log = self.t.dir / "hold.log", self.t.dir / "count.log"
        self.hold = self.t.script("fwssh-hold-metered",
                                  f'#!/bin/sh\nexec {tools}/meter {self.hold_log} {self.t.bin("fwssh-hold")} "$@"\n')

    def close(self):
        self.t.close()

    def install(self, firmware, size):
        """The firmware in slot A, nothing in slot B."""
        if self.installed != firmware:
            self.image.unlink(missing_ok=True)
            (self.t.dir / "pristine").unlink(missing_ok=True)
            with open(self.t.dir / "pristine", "wb") as f:
                f.truncate(size)
            subprocess.run([self.t.bin("fwpack"), "apply", "-q", "-i", firmware, "-t", "complete", "-d",
                            self.t.dir / "pristine"], check=True)
            self.installed = firmware
        subprocess.run(["cp", "--sparse=always", "--reflink=auto", self.t.dir / "pristine", self.image], check=True)

    def daemon(self, **config):
        """One that has not seen a push yet."""
        environment = self.t.dir / "fw_env.config"
        environment.write_text(f"{self.image} 0x2000 0x2000\n{self.image} 0x4000 0x2000\n")
        if self.link:
            config["listen_address"] = [adaptive_link.DEVICE]
        daemon = self.t.daemon(wait=False, device=self.image, updater=self.t.bin("fwpack"), hold_program=self.hold,
                               log_level="info", uboot_env_config=environment, **config)
        if self.link:
            daemon.wrapper = self.link.at("device")
        return daemon.start()

    def push(self, firmware, *options, **config):
        """A push as a user makes it. Options are those of fwssh."""
        daemon = self.daemon(**config)
        for log in (self.hold_log, self.count_log):
            log.write_text("")
        argv = [*(self.link.at("host") if self.link else []), self.t.bin("fwssh"), "push", "--firmware", firmware,
                "--no-cache", "--port", daemon.port, "--user-dir", daemon.key.parent, "--ssh-option", "StrictHostKeyChecking=no", "--ssh-option",
                "UserKnownHostsFile=/dev/null", "--host-key-alias", "device", "--ssh",
                f"{self.tools}/count {self.count_log} ssh", *options,
                adaptive_link.DEVICE if self.link else "127.0.0.1"]
        text = self.t.dir / "push.log"
        begun = time.monotonic()
        with open(text, "wb") as f:
            p = subprocess.Popen([str(a) for a in argv], env=self.t.env, stdin=subprocess.DEVNULL, stdout=f, stderr=f)
            _, status, used = os.wait4(p.pid, 0)
        seconds = time.monotonic() - begun
        p.returncode = os.waitstatus_to_exitcode(status)
        said = text.read_text(errors="replace")
        if p.returncode:
            raise RuntimeError(f"fwssh exited with status {p.returncode}:\n{said}\n{daemon.log()}")
        self.t.wait_for(lambda: not daemon.pids("fwssh-session"), "the session to end")
        daemon.stop()
        return Result(self.count_log.read_text(), seconds, used.ru_utime + used.ru_stime, self.hold_log.read_text(), said)

    def holds(self, image, place=SLOT_A):
        """Whether these bytes lie at a place of the device."""
        with open(self.image, "rb") as device, open(image, "rb") as wanted:
            device.seek(place)
            while piece := wanted.read(1 << 20):
                if device.read(len(piece)) != piece:
                    return False
        return True

