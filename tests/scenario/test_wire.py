# SPDX-License-Identifier: Apache-2.0
"""The wire contract: on success, the same bytes in the same order as nerves_firmware_ssh."""
import os
import threading



def test_success_is_the_origins_text(t):
    d = t.daemon()
    r = d.push(b"fwup:5,reboot\nhello")
    assert r.returncode == 0
    assert r.stdout == b"Running fwup...\nSuccess!\nRebooting...\n"
    assert d.updater_input() == b"hello"
    d.wait_reboot()
    assert d.reboots() == 1


def test_every_byte_of_every_size_arrives(t):
    """Sizes around what the session collects before it writes, with the end of input right after the last byte."""
    d = t.daemon()
    sizes = [around + off for around in (32768, 131072, 262144, 524288, 1048576) for off in (-1, 0, 1, 788)]
    data = os.urandom(max(sizes))
    for size in [1, 4096, *sizes]:
        # The end arrives while the last packets are still being collected.
        d.push(data[:size], subsystem="fwup")
        assert d.updater_input() == data[:size], size
        (t.dir / "updater.input").unlink()


def test_parallel_load_loses_nothing(t):
    """Several devices at once, so that each process is preempted anywhere."""
    daemons = [t.daemon(updater=t.updater("take; exit 0", name=f"updater{i}")) for i in range(4)]
    data = os.urandom(1_000_000)
    for _ in range(10):
        clients = [d.client(subsystem="fwup") for d in daemons]
        threads = [threading.Thread(target=c.communicate, args=(data,)) for c in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        for i, d in enumerate(daemons):
            assert clients[i].returncode == 0
            assert d.updater_input(f"updater{i}") == data
            (t.dir / f"updater{i}.input").unlink()
