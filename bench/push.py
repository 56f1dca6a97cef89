#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Compares fwsshd with OpenSSH's sshd on this machine: push.py BUILD TOOLS (see README.md; called by run.sh).

BUILD is the build directory, TOOLS the directory with the compiled sink and meter.
"""
import argparse
import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]
sys.dont_write_bytecode = True
import memory  # noqa: E402
import servers  # noqa: E402
from support.fixture import Fixture  # noqa: E402

MB, GB = 10**6, 10**9
CIPHERS = {"chacha20-poly1305": ["-o", "Ciphers=chacha20-poly1305@openssh.com"],
           "aes128-ctr": ["-o", "Ciphers=aes128-ctr", "-o", "MACs=hmac-sha2-256-etm@openssh.com"]}
ROUND_TRIP_MS = 50
median = statistics.median


class Bench:
    def __init__(self, build, tools, quick):
        self.t = Fixture(HERE.parent, build, tempfile.mkdtemp(prefix="fwssh-bench-"))
        self.tools = tools
        self.cpu_bytes = (64 if quick else 512) * MB
        self.delay_bytes = (64 if quick else 128) * MB
        self.rounds = 2 if quick else 5
        self.delay_rounds = 2 if quick else 3
        self.starts = 5 if quick else 20
        self.rows = []
        self.data = self.t.dir / "random"
        with open(self.data, "wb") as f:
            for _ in range(max(self.cpu_bytes, self.delay_bytes) // (4 * MB)):
                f.write(os.urandom(4 * MB))
        self.sink_log = self.t.dir / "sink.log"

    def close(self, failed):
        for log in self.t.dir.glob("*.log") if failed else ():
            print(f"--- {log.name} ---\n" + "".join(log.read_text(errors="replace").splitlines(True)[-40:]))
        self.t.close()
        shutil.rmtree(self.t.dir)

    def sink(self, name="sink", free=0, rate=0):
        return self.t.script(name, f'#!/bin/sh\nexec {self.tools}/sink {self.sink_log} {free} {rate} "$@"\n')

    def row(self, what, ours, sshd="", target="", met=None):
        self.rows.append((what, ours, sshd, target, {None: "", True: "yes", False: "**no**"}[met]))

    def push(self, server, *options, port=None, size):
        """Returns the seconds that one push takes. Checks that everything has arrived."""
        self.sink_log.write_text("")
        header = server.header(size)
        took = servers.push(server.client(*options, port=port), self.data, size, header)
        server.settle()
        if self.sunk()[0] != size:
            raise RuntimeError(f"{server.name}: {self.sunk()[0]} bytes arrived of {size}")
        return took

    def sunk(self):
        """Bytes and CPU seconds of the sink, including the run with --version."""
        rows = [line.split() for line in self.sink_log.read_text().splitlines()]
        return sum(int(b) for b, _ in rows), sum(float(c) for _, c in rows)


def alternate(pair, rounds):
    """Each server once per round, in reverse order every other round."""
    for i in range(rounds):
        yield from pair if i % 2 == 0 else reversed(pair)


def spread(values, digits=0):
    """The median, with minimum and maximum in brackets."""
    return f"{median(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def measure_cpu(b):
    """CPU seconds per GB on the device side, without the sink, and the share of fwssh-receive."""
    meter_log = b.t.dir / "meter.log"
    metered = b.t.script("fwssh-receive-metered",
                         f'#!/bin/sh\nexec {b.tools}/meter {meter_log} {b.t.bin("fwssh-receive")} "$@"\n')
    with servers.Ours(b.t, b.sink(), receive_program=metered) as ours, servers.Sshd(b.t, b.sink()) as sshd:
        for cipher, options in CIPHERS.items():
            cpu, wall, hop = {ours: [], sshd: []}, {ours: [], sshd: []}, []
            for server in alternate(cpu, b.rounds):
                meter_log.write_text("")
                before = server.cpu()
                wall[server].append(b.push(server, *options, size=b.cpu_bytes))
                sink = b.sunk()[1]
                cpu[server].append(server.cpu() - before - sink)
                if server is ours:
                    hop.append(float(meter_log.read_text().split()[0]) - sink)
            report_cpu(b, cipher, cpu, wall, hop)


def report_cpu(b, cipher, cpu, wall, hop):
    each_gb = [[seconds * GB / b.cpu_bytes for seconds in list_] for list_ in (*cpu.values(), hop)]
    speed = [[b.cpu_bytes / MB / seconds for seconds in list_] for list_ in wall.values()]
    ratio = median(each_gb[0]) / median(each_gb[1])
    target = cipher.startswith("chacha20")
    b.row(f"{cipher}: device side, CPU s/GB", spread(each_gb[0], 2), spread(each_gb[1], 2))
    b.row(f"{cipher}: the same, relative to sshd", f"{ratio:.2f}", "1", "<= 0.8" if target else "",
          ratio <= 0.8 if target else None)
    b.row(f"{cipher}: of which fwssh-receive", spread(each_gb[2], 3), "", "<= 0.25", median(each_gb[2]) <= 0.25)
    b.row(f"{cipher}: end to end, MB/s", spread(speed[0]), spread(speed[1]))


def kilobytes(most):
    return f"{most['pss'] / 1000:.1f} ({most['alone'] / 1000:.1f})"


def watched(b, what, target, size, delay=False, **sink):
    """Measures memory during a push to a daemon of its own."""
    with servers.Ours(b.t, b.sink(**sink)) as server:
        port = servers.Delay(b.t, server.port, ROUND_TRIP_MS / 2).port if delay else None
        with memory.Watch(server.process.pid) as watch:
            b.push(server, *CIPHERS["chacha20-poly1305"], port=port, size=size)
    parts = ", ".join(f"{name[6:] or name} {kb / 1000:.1f}" for name, kb in sorted(watch.parts.items()))
    b.row(f"memory {what}, MB", kilobytes(watch.most), target=f"<= {target}",
          met=watch.most["pss"] <= target * 1000)
    print(f"PSS of each process {what}, MB: {parts}", flush=True)


def measure_memory(b):
    """Peak PSS of all our processes together, in MB; in brackets with libraries counted in full."""
    with servers.Ours(b.t, b.sink()) as idle:
        rest = memory.at_rest(idle.process.pid)
    b.row("memory of an idle daemon, MB", kilobytes(rest), target="<= 4", met=rest["pss"] <= 4000)
    watched(b, "during a push", 8, size=b.cpu_bytes)
    watched(b, f"during a push, RTT {ROUND_TRIP_MS} ms", 12, delay=True, size=b.delay_bytes)
    watched(b, "with a slow updater", 16, size=b.delay_bytes // 2, rate=20 * MB)
    watched(b, f"with one that slows down, RTT {ROUND_TRIP_MS} ms", 16, delay=True, size=b.delay_bytes,
            free=b.delay_bytes // 2, rate=20 * MB)


def first_text(argv, data):
    """Seconds from starting ssh to the first byte that it prints."""
    begin = time.monotonic()
    client = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    client.stdin.write(data)
    client.stdin.flush()
    byte = client.stdout.read(1)
    took = time.monotonic() - begin
    client.communicate()
    if not byte:
        raise RuntimeError(f"no output: {' '.join(argv)}")
    return took


def measure_start(b):
    with servers.Ours(b.t, b.sink()) as ours, servers.Sshd(b.t, b.sink()) as sshd:
        how = {ours: (ours.client(), ours.header(4096) + bytes(4096)), sshd: (sshd.client(subsystem="print"), b"")}
        took = {ours: [], sshd: []}
        for server in alternate(how, b.starts):
            took[server].append(first_text(*how[server]) * 1000)
            server.settle()
    b.row("time from starting ssh to the first output, ms", spread(took[ours]), spread(took[sshd]), "<= sshd",
          median(took[ours]) <= median(took[sshd]))


def raw(b, size):
    """Bytes per second of plain TCP through the relay."""
    def drain():
        with listener.accept()[0] as s:
            while s.recv(1 << 20):
                pass
            s.sendall(b"!")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        relay = servers.Delay(b.t, listener.getsockname()[1], ROUND_TRIP_MS / 2)
        thread = threading.Thread(target=drain, daemon=True)
        thread.start()
        with socket.create_connection(("127.0.0.1", relay.port)) as s, open(b.data, "rb") as data:
            begin = time.monotonic()
            s.sendfile(data, 0, size)
            s.shutdown(socket.SHUT_WR)
            s.recv(1)
            took = time.monotonic() - begin
        thread.join()
    return size / took


def measure_delay(b):
    with servers.Ours(b.t, b.sink()) as ours, servers.Sshd(b.t, b.sink()) as sshd:
        port = {s: servers.Delay(b.t, s.port, ROUND_TRIP_MS / 2).port for s in (ours, sshd)}
        speed = {ours: [], sshd: []}
        for server in alternate(speed, b.delay_rounds):
            took = b.push(server, *CIPHERS["chacha20-poly1305"], port=port[server], size=b.delay_bytes)
            speed[server].append(b.delay_bytes / took / MB)
    b.row(f"push of {b.delay_bytes // MB} MB, RTT {ROUND_TRIP_MS} ms, MB/s", spread(speed[ours], 1),
          spread(speed[sshd], 1), ">= sshd", median(speed[ours]) >= median(speed[sshd]))
    b.row("plain TCP through the same relay, MB/s", f"{raw(b, b.delay_bytes) / MB:.0f}")


def first_line(argv):
    result = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return result.stdout.splitlines()[0] if result.stdout else "?"


def build_type(b):
    options = json.loads((b.t.build / "meson-info/intro-buildoptions.json").read_text())
    return next(o["value"] for o in options if o["name"] == "buildtype")


def machine(b):
    if b.t.sanitized():
        sys.exit("bench: a build with sanitizers says nothing about speed; use another one")
    model = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    print(f"{os.cpu_count()} cores, {model}, Linux {platform.release()}")
    print(f"build type {build_type(b)}; {first_line([b.t.bin('fwssh-session'), '--version'])}; {first_line(['ssh', '-V'])}")


def show(rows):
    heads = ("", "fwsshd", "sshd", "target", "met")
    width = [max(len(r[i]) for r in [heads, *rows]) for i in range(5)]
    for row in [heads, tuple("-" * w for w in width), *rows]:
        print("| " + " | ".join(cell.ljust(w) for cell, w in zip(row, width)) + " |")


PARTS = {"cpu": measure_cpu, "memory": measure_memory, "start": measure_start, "delay": measure_delay}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=Path)
    parser.add_argument("tools", type=Path)
    parser.add_argument("--only", choices=PARTS, action="append")
    a = parser.parse_args()
    b = Bench(a.build.resolve(), a.tools.resolve(), bool(os.environ.get("FWSSH_BENCH_QUICK")))
    failed = True
    try:
        machine(b)
        before = os.getloadavg()[0]
        begin = time.monotonic()
        for name in a.only or PARTS:
            PARTS[name](b)
        print(f"{time.monotonic() - begin:.0f} s; load average {before:.1f} before, {os.getloadavg()[0]:.1f} after\n")
        show(b.rows)
        failed = False
    finally:
        b.close(failed)


if __name__ == "__main__":
    main()
