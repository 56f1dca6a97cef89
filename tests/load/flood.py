# SPDX-License-Identifier: Apache-2.0
"""Strangers: flood.py PORT COUNT connects COUNT times from 127.0.1.0/24 (silent, incomplete, slow, random
bytes, wrong keys), at most 100 at a time, and prints a line when the last one has ended. Used by tests and bench."""
import asyncio
import logging
import random
import socket
import sys
import threading

sys.path.insert(0, __file__.rsplit("/", 2)[0])
from support.raw_client import paramiko  # noqa: E402

AT_ONCE = 100
connected = 0  # both threads count, under the interpreter's lock
PATIENCE = 3  # seconds for which a silent one stays


def count_one():
    global connected
    connected += 1


async def silent(reader, writer, rng):
    await reader.read()


async def half_spoken(reader, writer, rng):
    writer.write(b"SSH-2.0-half")
    await reader.read()


async def slow(reader, writer, rng):
    for byte in b"SSH-2.0-slow\r\n" + rng.randbytes(100):
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.1)


async def random_bytes(reader, writer, rng):
    writer.write(b"SSH-2.0-noise\r\n" * rng.randrange(2) + rng.randbytes(rng.randrange(1, 100000)))
    await reader.read()


async def stranger(kind, port, rng, gate):
    async with gate:
        source = f"127.0.1.{rng.randrange(1, 255)}"
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
        except OSError:
            return
        count_one()
        try:
            await asyncio.wait_for(kind(reader, writer, rng), PATIENCE)
        except (OSError, asyncio.TimeoutError):
            pass
        writer.transport.abort()


def wrong_keys(port, count, rng):
    """Logins with an unknown key, again and again."""
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)
    key = paramiko.ECDSAKey.generate()
    for _ in range(count):
        try:
            s = socket.create_connection(("127.0.0.1", port), 20, (f"127.0.1.{rng.randrange(1, 255)}", 0))
        except OSError:
            continue
        count_one()
        transport = paramiko.Transport(s)
        try:
            transport.start_client(timeout=20)
            transport.auth_publickey("any", key)
        except (paramiko.SSHException, EOFError, OSError):
            pass
        transport.close()


async def others(port, count, rng):
    gate = asyncio.Semaphore(AT_ONCE)
    kinds = (silent, half_spoken, slow, random_bytes)
    await asyncio.gather(*(stranger(kinds[i % len(kinds)], port, rng, gate) for i in range(count)))


def main():
    port, count = int(sys.argv[1]), int(sys.argv[2])
    with_keys = count // 5 if paramiko else 0
    thread = threading.Thread(target=wrong_keys, args=(port, with_keys, random.Random(1)))
    thread.start()
    asyncio.run(others(port, count - with_keys, random.Random(2)))
    thread.join()
    print(f"{connected} connections have come and gone")


main()
