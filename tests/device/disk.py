# SPDX-License-Identifier: Apache-2.0
"""A disk that tells of each write and flush before it is done, and forgets what was not flushed when its power is cut: a
server of QEMU's block protocol (the NBD project's doc/proto.md) for one client. It is part of the test's own process, so
nothing is done until the test has heard of it: a log that is read beside another server lags behind what it tells."""
import os
import socket
import struct
import threading

FIXED_NEWSTYLE, NO_ZEROES = 1, 2
OPTION, OPTION_REPLY = b"IHAVEOPT", 0x3E889045565A9
ABORT, GO = 2, 7
ACK, INFO, UNSUPPORTED = 1, 3, 1 << 31 | 1
HAS_FLAGS, SEND_FLUSH = 1, 4
REQUEST, REPLY = struct.Struct(">IHHQQI"), struct.Struct(">IIQ")
READ, WRITE, DISCONNECT, FLUSH = range(4)
INVALID = 22


class Disk:
    """listener is called with ("Write" or "Flush", offset, count), and may call kill()."""

    def __init__(self, t, path, listener):
        self.listener = listener
        self.fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self.cached = []  # what was written since the last flush
        self.is_on = True
        place = t.dir / "disk.socket"
        place.unlink(missing_ok=True)
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(place))
        self.server.listen(1)
        self.connection = None
        self.uri = f"nbd+unix:///?socket={place}"
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def kill(self):
        """From now on nothing more reaches the file."""
        self.is_on = False
        for s in (self.server, self.connection):
            try:
                if s:
                    s.shutdown(socket.SHUT_RDWR)
            except OSError:  # the other side has gone before
                pass
        if threading.current_thread() is not self.thread:
            self.thread.join()

    def serve(self):
        try:
            self.connection, _ = self.server.accept()
            self.negotiate()
            while self.is_on:
                self.answer()
        except (EOFError, OSError):  # QEMU, or the power, has gone
            pass
        finally:
            os.close(self.fd)
            self.server.close()

    def receive(self, size):
        data = bytearray()
        while len(data) < size:
            more = self.connection.recv(size - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def negotiate(self):
        self.connection.sendall(b"NBDMAGIC" + OPTION + struct.pack(">H", FIXED_NEWSTYLE | NO_ZEROES))
        self.receive(4)  # the client's flags
        while True:
            magic, option, size = struct.unpack(">8sII", self.receive(16))
            assert magic == OPTION
            self.receive(size)

            def reply(kind, data=b""):
                self.connection.sendall(struct.pack(">QIII", OPTION_REPLY, option, kind, len(data)) + data)
            if option == GO:
                reply(INFO, struct.pack(">HQH", 0, os.fstat(self.fd).st_size, HAS_FLAGS | SEND_FLUSH))
                reply(ACK)
                return
            if option == ABORT:
                raise EOFError
            reply(UNSUPPORTED)

    def answer(self):
        _, _, kind, handle, offset, size = REQUEST.unpack(self.receive(REQUEST.size))
        data = self.receive(size) if kind == WRITE else b""
        if kind == DISCONNECT:
            raise EOFError
        if kind in (WRITE, FLUSH):
            self.listener("Write" if kind == WRITE else "Flush", offset, size)
            if not self.is_on:
                return
        if kind == WRITE:
            self.cached.append((offset, data))
        elif kind == FLUSH:
            self.flush()
        text = self.read(offset, size) if kind == READ else b""
        self.connection.sendall(REPLY.pack(0x67446698, 0 if kind <= FLUSH else INVALID, handle) + text)

    def flush(self):
        for offset, data in self.cached:
            os.pwrite(self.fd, data, offset)
        self.cached.clear()

    def read(self, offset, size):
        data = bytearray(os.pread(self.fd, size, offset))
        for at, written in self.cached:
            start, end = max(at, offset), min(at + len(written), offset + size)
            if start < end:
                data[start - offset:end - offset] = written[start - at:end - at]
        return data
