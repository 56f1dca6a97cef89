# SPDX-License-Identifier: Apache-2.0
"""The connection is cut after every byte of the header."""
from cut import device


def test_connection_lost_behind_every_byte(t):
    """No updater has been started, or it is killed; there is no client to report to."""
    v = device.Device(t)
    for at in range(len(v.header) + 1):
        r = v.receiver()
        if at:
            r.send_and_wait(v.header[:at])
        device.lose(r, at)
        assert r.process.wait(20) == 1, at
        result = r.result()
        assert (result["status"], result["reboot"], result["told"]) == (1, 0, 0), (at, result)
        assert result["text"] == device.LOST
        assert v.state() == "old" and v.image.read_bytes() == v.before, at
        if at % 4 == 0 or at >= len(v.header) - 1:
            v.assert_works()


def test_input_ended_behind_every_byte(t):
    """The client still listens, and gets a true report."""
    v = device.Device(t)
    for at in range(len(v.header) + 1):
        r = v.receiver()
        r.send(v.header[:at])
        status, out, err = r.end()
        if at == len(v.header):
            assert status == 1 and out.startswith(b"Running fwup...\n") and b"Rebooting" not in out, (status, out)
            # The updater may have started its progress bar.
            assert err.endswith(b"fwssh: " + device.short_by(len(v.archive)) + b"; nothing was activated\n"), err
        elif at:
            assert (status, out, err) == (2, err, b"fwssh: input ended inside the header; nothing was done\n"), at
        else:
            assert status == 2 and b"input ended before a header; nothing was done" in err
        result = r.result()
        assert (result["status"], result["reboot"], result["told"]) == (status, 0, 1), (at, result)
        assert v.image.read_bytes() == v.before, at
        if at % 4 == 2:
            v.assert_works()


def test_client_killed_in_the_header(t):
    """Through the daemon and OpenSSH, at a few points."""
    v = device.Device(t)
    d = v.daemon()
    for count, at in enumerate((0, 1, 7, len(v.header) - 1, len(v.header)), 1):
        client = d.client()
        client.stdin.write(v.header[:at])
        t.wait_for(lambda: d.log().count("update started") == count + d.reboots(), "the request")
        client.kill()
        t.wait_for(lambda: d.log().count("update failed with status 1: " + device.LOST) == count, "the end")
        assert v.image.read_bytes() == v.before and d.reboots() == count - 1
        v.assert_daemon_works(d)
