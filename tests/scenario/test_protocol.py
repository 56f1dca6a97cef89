# SPDX-License-Identifier: Apache-2.0
"""Runs the transcripts of PROTOCOL.md."""
import re
import shlex



def transcripts(text):
    """(command, stdout, stderr, status) of each command in the ```transcript blocks."""
    for block in re.findall(r"^```transcript\n(.*?)^```", text, re.M | re.S):
        command, out, err = None, [], []
        for line in block.splitlines():
            if line.startswith("$ "):
                command, out, err = line[2:], [], []
            elif line.startswith("> "):
                out.append(line[2:])
            elif line.startswith("! "):
                err.append(line[2:])
            elif line.startswith("status "):
                yield command, out, err, int(line[7:])
            else:
                raise AssertionError(f"what is this line? {line}")


def test_transcripts_of_the_protocol_are_true(t):
    updater = t.updater('if [ "$(cat)" = hello ]; then echo Success!; shake 0; fi\n'
                        'echo "not a good firmware"; shake 7')
    d = t.daemon(updater=updater)
    text = (t.src / "PROTOCOL.md").read_text()
    count = 0
    for command, out, err, status in transcripts(text):
        ssh = " ".join(shlex.quote(a) for a in d.ssh_args(subsystem=None)[:-1])
        command = command.replace("ssh ", ssh + " ", 1) if "| ssh" not in command \
            else command.replace("| ssh ", f"| {ssh} ", 1)
        r = t.run(["sh", "-c", command.replace("DEVICE", "127.0.0.1")])
        out = [line.replace("UPDATER", str(updater)).replace("IMAGE", str(d.config["device"])) for line in out]
        assert (r.stdout.splitlines(), r.stderr.splitlines(), r.returncode) == (out, err, status), command
        count += 1
    assert count == 21
