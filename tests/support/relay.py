# SPDX-License-Identifier: Apache-2.0
"""A relay before a daemon that takes any number of connections, and cuts some of them."""
import select
import socket
import threading


class Relay:
    """cuts: the first so many connections that carry more than limit bytes to the device are cut there; before(): called
    before that."""

    def __init__(self, port, limit, cuts=1, before=lambda: None):
        self.target, self.limit, self.cuts, self.before = port, limit, cuts, before
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with client, socket.create_connection(("127.0.0.1", self.target)) as device:
            ends, sent = [client, device], 0
            try:
                while True:
                    for s in select.select(ends, [], [])[0]:
                        data = s.recv(65536)
                        if s is client:
                            sent += len(data)
                            if sent > self.limit and self.cut():
                                return
                        if not data:
                            return
                        ends[s is client].sendall(data)
            except OSError:
                return

    def cut(self):
        with self.lock:
            self.cuts -= 1
            if self.cuts >= 0:
                self.before()
            return self.cuts >= 0
