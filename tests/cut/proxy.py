# SPDX-License-Identifier: Apache-2.0
"""A TCP connection that breaks after a given number of bytes."""
import select
import socket
import struct
import threading


class Proxy:
    """Between a client and a daemon. to_device, to_client: the connection is cut after that many bytes in that direction.
    reset: with RST instead of FIN."""

    def __init__(self, port, to_device=None, to_client=None, reset=False):
        self.target, self.limits, self.reset = port, [to_device, to_client], reset
        self.counts = [0, 0]
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        client, _ = self.listener.accept()
        self.listener.close()  # one connection is all there is
        device = socket.create_connection(("127.0.0.1", self.target))
        ends = [client, device]  # the first is read, the second written
        for s in ends:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while self.limits[0] != 0 and self.pass_on(ends):
                pass
        except OSError:
            pass
        for s in ends:
            if self.reset:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.close()

    def pass_on(self, ends):
        """False when the connection is over: cut, or closed by either end."""
        ready, _, _ = select.select(ends, [], [])
        for s in ready:
            way = ends.index(s)
            limit = self.limits[way]
            left = 65536 if limit is None else limit - self.counts[way]
            data = s.recv(min(65536, left))
            if not data:
                return False
            ends[1 - way].sendall(data)
            self.counts[way] += len(data)
            if self.counts[way] == limit:
                return False
        return True
