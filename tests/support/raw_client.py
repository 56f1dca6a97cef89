# SPDX-License-Identifier: Apache-2.0
"""An SSH client that can do what OpenSSH's cannot: paramiko, at the level of packets."""
import logging
import socket

from support.fixture import Skipped

try:
    import paramiko
except ImportError:
    paramiko = None


def connect(d, key=None, user="any"):
    """A logged-in paramiko.Transport to a daemon."""
    if not paramiko:
        raise Skipped("python3-paramiko is not installed")
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)
    transport = paramiko.Transport(socket.create_connection(("127.0.0.1", d.port), timeout=20))
    transport.start_client(timeout=20)
    if key is not False:
        transport.auth_publickey(user, paramiko.Ed25519Key.from_private_key_file(str(key or d.key)))
    return transport


def subsystem(transport, name="nerves_firmware_ssh"):
    channel = transport.open_session(timeout=20)
    channel.settimeout(20)
    channel.invoke_subsystem(name)
    return channel


def reopen(t, transport):
    """Opens another channel, once both sides have closed the last one, which a client cannot see."""
    def attempt():
        try:
            channel = transport.open_session(timeout=20)
        except paramiko.ChannelException:
            return None
        channel.settimeout(20)
        return channel
    return t.wait_for(attempt, "another channel")
