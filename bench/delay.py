#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A TCP relay on loopback that delays every byte by a fixed time, in both directions.

    delay.py LISTEN_PORT TARGET_PORT MILLISECONDS

Its queue has room for everything in flight, so that only the two ends limit the throughput.
"""
import collections
import socket
import sys
import threading
import time

PIECE = 256 << 10
QUEUE_MAX = 64 << 20


class Direction:
    """Bytes from one socket to the other; one thread reads, one writes."""

    def __init__(self, source, sink, seconds):
        self.source, self.sink, self.seconds = source, sink, seconds
        self.queue = collections.deque()
        self.bytes = 0
        self.changed = threading.Condition()
        self.threads = [threading.Thread(target=t, daemon=True) for t in (self.read, self.write)]
        for thread in self.threads:
            thread.start()

    def read(self):
        while True:
            try:
                data = self.source.recv(PIECE)
            except OSError:
                data = b""
            with self.changed:
                self.queue.append((time.monotonic() + self.seconds, data))
                self.bytes += len(data)
                self.changed.notify()
                while data and self.bytes > QUEUE_MAX:
                    self.changed.wait()
            if not data:
                return

    def next(self):
        with self.changed:
            while not self.queue:
                self.changed.wait()
            due, data = self.queue.popleft()
            self.bytes -= len(data)
            self.changed.notify()
        time.sleep(max(0, due - time.monotonic()))
        return data

    def write(self):
        try:
            while data := self.next():
                self.sink.sendall(data)
            self.sink.shutdown(socket.SHUT_WR)
        except OSError:
            self.source.close()


def serve(client, port, seconds):
    with client, socket.create_connection(("127.0.0.1", port)) as server:
        for s in (client, server):
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        both = [Direction(client, server, seconds), Direction(server, client, seconds)]
        for direction in both:
            for thread in direction.threads:
                thread.join()


def main(port, target, milliseconds):
    with socket.create_server(("127.0.0.1", int(port))) as listener:
        while True:
            client, _ = listener.accept()
            threading.Thread(target=serve, args=(client, int(target), float(milliseconds) / 1000),
                             daemon=True).start()


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:
        pass
