# SPDX-License-Identifier: Apache-2.0
"""fwssh-receive without SSH: pipes for its input and output, and a socket for its result, as from the listener."""
import array
import fcntl
import os
import select
import socket
import struct
import subprocess
import termios

RECORD = struct.Struct("5IQ16s64s40s512s512s")  # struct result of src/device/receive/result.h


class Receiver:
    def __init__(self, t, subsystem="nerves_firmware_ssh", **config):
        self.t = t
        self.device = t.daemon(wait=False, **config)  # only its configuration is used
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.process = t.start(
            [t.bin("fwssh-receive"), "-f", self.device.conf, "--stderr", "--result-fd", theirs.fileno(), "-s",
             subsystem],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
            pass_fds=[theirs.fileno()])
        theirs.close()

    def send(self, data):
        self.process.stdin.write(data)

    def unread(self):
        """Bytes in its input pipe that it has not read yet."""
        count = array.array("i", [0])
        fcntl.ioctl(self.process.stdin.fileno(), termios.FIONREAD, count)
        return count[0]

    def send_and_wait(self, data):
        """Sends, and returns once everything has been read, so that what follows takes another read."""
        self.send(data)
        self.t.wait_for(lambda: self.unread() == 0, "fwssh-receive to read")

    def break_connection(self):
        """Like a session that dies: first nobody reads any more, then no more data arrives."""
        self.process.stdout.close()
        self.process.stderr.close()
        self.process.stdin.close()

    def end(self, timeout=20):
        """Ends the input and waits: returns exit status, output, and messages."""
        if not self.process.stdin.closed:
            try:
                self.socket.send(b"E")  # the listener's message that this is a real end
            except OSError:
                pass
            self.process.stdin.close()
        out, err = b"", b""
        if not self.process.stdout.closed:
            out, err = self.process.stdout.read(), self.process.stderr.read()
        return self.process.wait(timeout), out, err

    def result(self):
        """The result record for the listener."""
        ready, _, _ = select.select([self.socket], [], [], 20)
        assert ready, "no result came"
        try:
            data, fds, _, _ = socket.recv_fds(self.socket, RECORD.size + 1, 4)
        except ConnectionResetError:  # once, if our message was never read
            data, fds, _, _ = socket.recv_fds(self.socket, RECORD.size + 1, 4)
        for fd in fds:
            os.close(fd)
        assert len(data) == RECORD.size, f"the result has {len(data)} bytes"
        status, reboot, told, firmwares, asked, _, _, _, uuid, text, _ = RECORD.unpack(data)
        return {"status": status, "reboot": reboot, "told": told, "firmwares": firmwares, "asked": asked,
                "uuid": uuid.rstrip(b"\0").decode(), "text": text.split(b"\0")[0].decode()}
