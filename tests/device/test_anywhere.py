# SPDX-License-Identifier: Apache-2.0
"""make demo-anywhere, to its end, and what it recorded."""
import json
import os
import re

from device.device import artefacts
from support.fixture import seconds

WAITED = 1500


def recorded(path):
    """The text of a recording, after a look at its form."""
    header, *events = [json.loads(line) for line in path.read_text().splitlines()]
    assert header["version"] == 2 and events, header
    times = [time for time, _, _ in events]
    assert times == sorted(times) and {kind for _, kind, _ in events} == {"o"}
    return "".join(text for _, _, text in events).replace("\r\n", "\n")


def row(text, name):
    """Bytes there, in MB."""
    return float(re.search(rf"^{name} +([\d.]+) MB there", text, re.M).group(1))


@seconds(WAITED)
def test_an_update_of_a_device_without_fwssh(t):
    if not os.environ.get("FWSSH_LONG"):
        t.skip("the long check's")
    for program in ("mcopy", "pv", "rauc", "mksquashfs"):
        t.need(program)
    agent = artefacts(t) / "arm64/bin/fwssh-agent"
    r = t.run([t.src / "tests/device/anywhere.py", t.build, agent, t.dir / "cast", "--link", "1M"], cwd=t.dir, timeout=WAITED)
    assert r.returncode == 0, r.stdout + r.stderr
    text = recorded(t.dir / "cast")
    assert text == r.stdout
    check_end(text)


def check_end(text):
    status = text[text.rindex("$ fwssh status"):]
    assert "slot b" in status and "2.0.0" in status and "same SHA-256" in status, status
    assert "| wc -l'\n0\n" in status, "something of fwssh is left on the device's disk"
    cut, second, whole = (row(text, name) for name in ("cut off in the middle", "the second push", "rauc install"))
    assert cut + second < whole / 5, (cut, second, whole)


def test_the_recording_in_docs(t):
    text = recorded(t.src / "docs/demo-anywhere.cast")
    check_end(text)
    assert "Done." in text
