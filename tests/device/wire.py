# SPDX-License-Identifier: Apache-2.0
"""A relay on loopback that counts what goes through it, with all that SSH adds."""
import socket
import threading


class Wire:
    """From a port of its own to another one, until close()."""

    def __init__(self, target):
        self.target = target
        self.there = self.back = 0
        self.lock = threading.Lock()
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()

    def take(self):
        """Bytes there and back since the last call."""
        with self.lock:
            counted = self.there, self.back
            self.there = self.back = 0
        return counted

    def accept(self):
        while True:
            try:
                host, _ = self.server.accept()
            except OSError:  # closed
                return
            try:
                device = socket.create_connection(("127.0.0.1", self.target))
            except OSError:  # the device is off
                host.close()
                continue
            for source, sink, name in ((host, device, "there"), (device, host, "back")):
                threading.Thread(target=self.carry, args=(source, sink, name), daemon=True).start()

    def carry(self, source, sink, name):
        try:
            while piece := source.recv(65536):
                sink.sendall(piece)
                with self.lock:
                    setattr(self, name, getattr(self, name) + len(piece))
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
