#!/usr/bin/python3
"""Compares fwsshd with OpenSSH's sshd on this machine: push.py BUILD TOOLS (see README.md; run.sh calls it).

BUILD is the build directory, TOOLS that of the compiled sink and meter.
"""
import argparse
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
from fixture import Fixture  # noqa: E402

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

    def close(self):
        self.t.close()
        shutil.rmtree(self.t.dir)

    def sink(self, name="sink", free=0, rate=0):
        return self.t.script(name, f'#!/bin/sh\nexec {self.tools}/sink {self.sink_log} {free} {rate} "$@"\n')

    def row(self, what, ours, sshd="", target="", met=None):
        self.rows.append((what, ours, sshd, target, {None: "", True: "yes", False: "**no**"}[met]))

    def push(self, server, *options, port=None, size):
        """One push: its seconds. Checks that everything has arrived."""
        self.sink_log.write_text("")
        header = server.header(size)
        took = servers.push(server.client(*options, port=port), self.data, 0, size, header)
        server.settle()
        if self.sunk()[0] != size:
            raise RuntimeError(f"{server.name}: {self.sunk()[0]} bytes arrived of {size}")
        return took

    def sunk(self):
        """Bytes and CPU seconds of the sink, its --version included."""
        rows = [line.split() for line in self.sink_log.read_text().splitlines()]
        return sum(int(b) for b, _ in rows), sum(float(c) for _, c in rows)


def alternate(servers_, rounds):
    """Each server once a round, the first one last in the next round."""
    for i in range(rounds):
        yield from servers_ if i % 2 == 0 else reversed(servers_)


def measure_cpu(b):
    """CPU seconds of the device's side for each GB, without the sink, and the part of fwssh-receive."""
    meter_log = b.t.dir / "meter.log"
    metered = b.t.script("fwssh-receive-metered",
                         f'#!/bin/sh\nexec {b.tools}/meter {meter_log} {b.t.bin("fwssh-receive")} "$@"\n')
    pair = [servers.Ours(b.t, b.sink(), receive_program=metered), servers.Sshd(b.t, b.sink())]
    hop = []
    for cipher, options in CIPHERS.items():
        cpu = {s.name: [] for s in pair}
        wall = {s.name: [] for s in pair}
        for server in alternate(pair, b.rounds):
            meter_log.write_text("")
            before = server.cpu()
            took = b.push(server, *options, size=b.cpu_bytes)
            sink = b.sunk()[1]
            cpu[server.name].append((server.cpu() - before - sink) / b.cpu_bytes * GB)
            wall[server.name].append(b.cpu_bytes / took / MB)
            if server is pair[0]:
                hop.append((float(meter_log.read_text()) - sink) / b.cpu_bytes * GB)
        report_cpu(b, cipher, cpu, wall)
    b.row("of which fwssh-receive, CPU s/GB", f"{median(hop):.3f}", target="<= 0.25", met=median(hop) <= 0.25)
    return pair


def report_cpu(b, cipher, cpu, wall):
    ours, sshd = (median(cpu[name]) for name in ("fwsshd", "sshd"))
    first = cipher.startswith("chacha20")
    b.row(f"{cipher}: device side, CPU s/GB", f"{ours:.2f} ({min(cpu['fwsshd']):.2f}-{max(cpu['fwsshd']):.2f})",
          f"{sshd:.2f} ({min(cpu['sshd']):.2f}-{max(cpu['sshd']):.2f})")
    b.row(f"{cipher}: the same, as a part of sshd's", f"{ours / sshd:.2f}", "1",
          "<= 0.8" if first else "(none)", ours <= 0.8 * sshd if first else None)
    b.row(f"{cipher}: whole push, MB/s", f"{median(wall['fwsshd']):.0f}", f"{median(wall['sshd']):.0f}")


def kilobytes(most):
    return f"{most['pss'] / 1000:.1f} ({most['alone'] / 1000:.1f})"


def watched(b, what, target, port=None, size=0, **sink):
    """A push with its processes' memory watched, to a daemon of its own."""
    server = servers.Ours(b.t, b.sink(what.replace(" ", "-"), **sink))
    relay = servers.Delay(b.t, server.port, ROUND_TRIP_MS / 2) if port else None
    with memory.Watch(server.process.pid) as watch:
        b.push(server, *CIPHERS["chacha20-poly1305"], port=relay and relay.port, size=size)
    parts = ", ".join(f"{name[6:] or name} {kb / 1000:.1f}" for name, kb in sorted(watch.parts.items()))
    b.row(f"memory {what}, MB", kilobytes(watch.most), target=f"<= {target}",
          met=watch.most["pss"] <= target * 1000)
    print(f"  {what}: {parts}", flush=True)


def measure_memory(b):
    """Peaks of the PSS of all our processes together, in MB; in brackets with libraries counted whole."""
    idle = servers.Ours(b.t, b.sink())
    rest = memory.at_rest(idle.process.pid)
    b.row("memory of an idle daemon, MB", kilobytes(rest), target="<= 4", met=rest["pss"] <= 4000)
    watched(b, "in a push", 8, size=b.cpu_bytes)
    watched(b, f"in a push over {ROUND_TRIP_MS} ms", 12, port=True, size=b.delay_bytes)
    watched(b, "behind a slow updater", 16, size=b.delay_bytes // 2, rate=20 * MB)
    watched(b, f"behind one that slows down over {ROUND_TRIP_MS} ms", 16, port=True, size=b.delay_bytes,
            free=b.delay_bytes // 2, rate=20 * MB)


def first_text(argv, data):
    """Seconds from the start of ssh to the first byte that it prints."""
    begin = time.monotonic()
    client = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    client.stdin.write(data)
    client.stdin.flush()
    byte = client.stdout.read(1)
    took = time.monotonic() - begin
    client.communicate()
    if not byte:
        raise RuntimeError(f"no text came: {' '.join(argv)}")
    return took


def measure_start(b, pair):
    took = {s.name: [] for s in pair}
    payload = bytes(4096)
    for server in alternate(pair, b.starts):
        header = server.header(len(payload))
        argv = server.client(subsystem=None if header else "print")
        took[server.name].append(first_text(argv, header + payload if header else b"") * 1000)
        server.settle()
    ours, sshd = (median(took[name]) for name in ("fwsshd", "sshd"))
    b.row("from the start of ssh to the first text, ms", f"{ours:.0f} ({min(took['fwsshd']):.0f}-{max(took['fwsshd']):.0f})",
          f"{sshd:.0f} ({min(took['sshd']):.0f}-{max(took['sshd']):.0f})", "<= sshd", ours <= sshd)


def raw(b, size):
    """Bytes a second of TCP alone through the relay."""
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
    pair = [servers.Ours(b.t, b.sink()), servers.Sshd(b.t, b.sink())]
    relays = {s.name: servers.Delay(b.t, s.port, ROUND_TRIP_MS / 2) for s in pair}
    speed = {s.name: [] for s in pair}
    for server in alternate(pair, b.delay_rounds):
        took = b.push(server, *CIPHERS["chacha20-poly1305"], port=relays[server.name].port, size=b.delay_bytes)
        speed[server.name].append(b.delay_bytes / took / MB)
    ours, sshd = (median(speed[name]) for name in ("fwsshd", "sshd"))
    b.row(f"{b.delay_bytes // MB} MB over {ROUND_TRIP_MS} ms, whole push, MB/s",
          f"{ours:.1f} ({min(speed['fwsshd']):.1f}-{max(speed['fwsshd']):.1f})",
          f"{sshd:.1f} ({min(speed['sshd']):.1f}-{max(speed['sshd']):.1f})", ">= sshd", ours >= sshd)
    b.row("TCP alone through the same relay, MB/s", f"{raw(b, b.delay_bytes) / MB:.0f}")


def first_line(argv):
    result = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return result.stdout.splitlines()[0] if result.stdout else "?"


def machine(b):
    model = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    print(f"{os.cpu_count()} cores, {model}, Linux {platform.release()}")
    print(f"{first_line([b.t.bin('fwssh-session'), '--version'])}; {first_line(['ssh', '-V'])}")


def show(rows):
    heads = ("", "fwsshd", "sshd", "target", "met")
    width = [max(len(r[i]) for r in [heads, *rows]) for i in range(5)]
    for row in [heads, tuple("-" * w for w in width), *rows]:
        print("| " + " | ".join(cell.ljust(w) for cell, w in zip(row, width)) + " |")


PARTS = ("cpu", "memory", "start", "delay")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=Path)
    parser.add_argument("tools", type=Path)
    parser.add_argument("--only", choices=PARTS, action="append")
    a = parser.parse_args()
    parts = a.only or PARTS
    b = Bench(a.build.resolve(), a.tools.resolve(), bool(os.environ.get("FWSSH_BENCH_QUICK")))
    try:
        machine(b)
        before = os.getloadavg()[0]
        begin = time.monotonic()
        pair = None
        if "cpu" in parts:
            pair = measure_cpu(b)
        if "memory" in parts:
            measure_memory(b)
        if "start" in parts:
            measure_start(b, [servers.Ours(b.t, b.sink()), pair[1] if pair else servers.Sshd(b.t, b.sink())])
        if "delay" in parts:
            measure_delay(b)
        print(f"{time.monotonic() - begin:.0f} s; load average {before:.1f} before, {os.getloadavg()[0]:.1f} after\n")
        show(b.rows)
    finally:
        b.close()


if __name__ == "__main__":
    main()
