# SPDX-License-Identifier: Apache-2.0
"""mix upload of ssh_subsystem_fwup up to 0.6.3 sends a firmware to the subsystem fwup, and never ends its input."""
import os
import subprocess

from support.process import children, name_of
from support.update import finish, wait_gone


def archive(t, more=b""):
    """An archive whose data, stored as it is, has the mark of an end record in it; more: a comment at its end."""
    (t.dir / "data").write_bytes(b"PK\5\6" + bytes(18) + os.urandom(5000) + b"PK\5\6" + bytes(18))
    (t.dir / "x.conf").write_text('file-resource data { host-path = "data" }\nfile-resource more { host-path = "data" }\n'
                                  "task upgrade { on-resource data { raw_write(8) } on-finish { raw_memset(0, 8, 1) } }\n"
                                  "task other { on-resource more { raw_write(8) } }\n")
    assert t.run([t.bin("fwpack"), "create", "-1", "-f", "x.conf", "-o", "x.fw"]).returncode == 0
    fw = (t.dir / "x.fw").read_bytes()
    return fw[:-2] + len(more).to_bytes(2, "little") + more


def switched(d):
    with open(d.config["device"], "rb") as f:
        return f.read(1) == b"\1"


def test_the_end_of_the_archive_is_the_end(t):
    for number, comment in enumerate((b"", b"a comment", b"PK\5\6" * 5000)):
        d = t.daemon(updater=t.bin("fwpack"))
        client = d.client(subsystem="fwup")
        client.stdin.write(archive(t, comment))
        assert client.wait(20) == 0, client.stderr.read()
        assert switched(d)
        d.wait_reboot()


def test_with_an_end_of_input_as_before(t):
    d = t.daemon(updater=t.bin("fwpack"))
    assert d.push(archive(t), subsystem="fwup").returncode == 0 and switched(d)
    d.wait_reboot()


def test_under_sshd(t):
    """fwssh-receive by itself: there is nobody who tells it of an end."""
    d = t.daemon(wait=False, updater=t.bin("fwpack"))
    p = t.start([t.bin("fwssh-receive"), "-f", d.conf, "-s", "fwup"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                bufsize=0)
    p.stdin.write(archive(t))
    assert p.wait(20) == 0 and switched(d)
    d.wait_reboot()


def test_truncated_archive_never_switches(t):
    """Neither at the end of the input nor in a silence, wherever it is cut."""
    fw = archive(t, b"a comment")
    end = fw.rindex(b"PK\5\6")
    directory = fw.rindex(b"PK\1\2")
    for missing in (1, 9, len(fw) - end - 4, len(fw) - end, len(fw) - end + 1, len(fw) - directory, len(fw) - 3000):
        d = t.daemon(updater=t.bin("fwpack"))
        r = d.push(fw[:-missing], subsystem="fwup")
        assert r.returncode == 4 and not switched(d) and d.reboots() == 0, (missing, r)


def test_silence_before_the_end_of_the_archive(t):
    d = t.daemon(updater=t.bin("fwpack"), idle_timeout=1)
    client = d.client(subsystem="fwup")
    client.stdin.write(archive(t)[:-1])
    status, _, err = finish(client)
    assert status == 1 and b"idle-timeout" in err and not switched(d), err


def test_client_lost_before_the_end_of_the_archive(t):
    d = t.daemon(updater=t.bin("fwpack"))
    client = d.client(subsystem="fwup")
    client.stdin.write(archive(t)[:-1])
    receive, = t.wait_for(lambda: d.pids("fwssh-receive"), "fwssh-receive")
    pids = t.wait_for(lambda: [pid for pid in children(receive) if name_of(pid) == "fwpack"], "the updater")
    client.kill()
    d.wait_log("update failed")
    wait_gone(t, pids, "the updater")
    assert not switched(d) and d.reboots() == 0


def test_damaged_directory_never_switches(t):
    fw = archive(t)
    directory = fw.rindex(b"PK\1\2")
    d = t.daemon(updater=t.bin("fwpack"))
    client = d.client(subsystem="fwup")
    client.stdin.write(fw[:directory] + b"JUNK" + fw[directory + 4:])
    assert client.wait(20) == 4 and not switched(d)


def test_only_where_the_size_is_unknown(t):
    log = t.dir / "args"
    script = t.script("fwpack", f"#!/bin/sh\necho \"$@\" >> {log}\nexec {t.bin('fwpack')} \"$@\"\n")
    d = t.daemon(updater=script)
    fw = archive(t)
    assert d.push(b"fwup:%d\n" % len(fw) + fw).returncode == 0
    assert "--end-of-archive" not in log.read_text()
    assert d.push(fw, subsystem="fwup").returncode == 0
    assert "--end-of-archive" in log.read_text()


def test_the_updater_waits_for_the_answer(t):
    """It has said that the archive is complete, and switches when its input ends."""
    read, write = os.pipe()
    (t.dir / "disk.img").write_bytes(bytes(1 << 20))
    p = t.start([t.bin("fwpack"), "--apply", "--end-of-archive", "-q", "-t", "upgrade", "-d", "disk.img"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"FWSSH_RESULT_FD": str(write)}, pass_fds=[write],
                bufsize=0, cwd=t.dir)
    os.close(write)
    p.stdin.write(archive(t))
    with os.fdopen(read, "rb", buffering=0) as result:
        assert result.read(9) == b"complete\n"
        assert p.poll() is None and (t.dir / "disk.img").read_bytes()[:1] == b"\0"
        p.stdin.close()
        assert p.wait(20) == 0 and result.read().startswith(b"switching\n0 ")
    assert (t.dir / "disk.img").read_bytes()[:1] == b"\1"
