# SPDX-License-Identifier: Apache-2.0
"""Adapters as fwssh-receive sees them: how they are found and called, what they say, and how they end."""
import os
import re
import signal

from support.adapter import complaint, request, stand_in, update
from support.adapter_device import AdapterDevice
from support.fixture import waits
from support.process import alive
from support.slots import IMAGE, SLOT_A, content, firmware
from support.update import GOOD_TEXT, HELLO, MB, marker, wait_gone


def archive(t):
    root = content(1)
    fw = firmware(t, "1", root)
    device = t.image(IMAGE, name="slots.img")
    with open(device, "r+b") as f:
        f.seek(SLOT_A)
        f.write(root)
    return fw, device


def test_update_status_confirm_revert(t):
    d = t.daemon(updater=stand_in(t), updater_options=["-k", "a key"])
    r = update(d, b"hello")
    assert (r.returncode, r.stdout) == (0, b"fwssh/1 ok\nwritten\n"), r
    d.wait_reboot()
    assert marker(t, "test.input") == "hello" and "write -k a key\n" in marker(t, "test.calls")
    status, facts = request(d, "status")
    assert status == 0 and facts["driver"] == "updater" and facts["updater"] == "fwssh-updater-test", facts
    assert facts["accepts"] == "raw" and facts["pending"] == "new" and facts["next"] == "b", facts
    # Another update, and a confirmation, would be wrong now.
    assert update(d, b"hello").returncode == 3 and request(d, "confirm")[0] == 3
    status, facts = request(d, "revert")
    assert (status, facts["next"], d.reboots()) == (0, "a", 1), facts
    (t.dir / "test.confirmed").write_text("no\n")
    status, facts = request(d, "confirm")
    assert (status, facts["confirmed"]) == (0, "yes"), facts
    status, facts = request(d, "revert")
    assert (status, facts["next"]) == (0, "b"), facts
    d.wait_reboot(2)


def test_other_subsystems(t):
    d = t.daemon(updater=stand_in(t, write="cat > $me.input; echo Success!"))
    r = d.push(HELLO)
    assert (r.returncode, r.stdout) == (0, GOOD_TEXT), r
    assert d.push(b"olleh", subsystem="fwup").returncode == 0
    assert marker(t, "test.input") == "olleh"


def test_what_it_gets(t):
    write = "cat > $me.input; env > $me.env; ls -ld $FWSSH_RUN > $me.run; touch $FWSSH_RUN/file; echo '0 abc 1.0' >&3"
    d = t.daemon(updater=stand_in(t, write=write), allowed_tasks=["other"])
    assert update(d, b"hello", "task=other").returncode == 0
    env = dict(line.split("=", 1) for line in marker(t, "test.env").splitlines() if "=" in line)
    assert env["FWSSH_DEVICE"] == str(d.config["device"]) and env["FWSSH_TASK"] == "other" and env["FWSSH_SIZE"] == "5"
    assert marker(t, "test.run").startswith("drwx------"), marker(t, "test.run")
    assert not os.path.exists(env["FWSSH_RUN"]) and env["FWSSH_RUN"].endswith(".run")
    d.wait_log("abc")
    assert d.push(b"hello", subsystem="fwup").returncode == 0
    assert "FWSSH_SIZE" not in marker(t, "test.env")


def test_name_finds_what_was_installed(t):
    """LIBEXECDIR comes before PATH, where the tool of that name is."""
    if os.geteuid() != 0:
        t.skip("only root can put an adapter into LIBEXECDIR of its own namespace")
    libexec = t.dir / "libexec"
    libexec.mkdir()
    adapter = stand_in(t, name="tool", write="cat > $me.input; echo by the adapter")
    adapter.rename(libexec / adapter.name)
    (t.dir / "bin").mkdir()
    t.updater(name="bin/tool")
    options = t.run(["meson", "introspect", "--buildoptions", t.build]).stdout
    prefix = re.search(r'"name": "prefix", "value": "([^"]*)"', options)
    installed = f"{prefix[1] if prefix else '/usr/local'}/libexec"
    d = t.daemon(wait=False, updater="tool")
    d.wrapper = ["unshare", "-m", "sh", "-c",
                 # Not to leave a directory on this machine.
                 f'[ -d {installed} ] || {{ mount -t tmpfs tmpfs {os.path.dirname(installed)} && mkdir {installed}; }} && '
                 f'mount --bind {libexec} {installed} && exec "$@"', "sh"]
    d.start(env={"PATH": f"{t.dir}/bin:{os.environ['PATH']}"})
    r = update(d, b"hello")
    assert r.returncode == 0 and b"by the adapter" in r.stdout, r


# What it says of itself


def test_describe_decides_whether_it_can_be_used(t):
    for number, (describe, why) in enumerate((
            ("echo 'no tool here'; exit 1", "fwssh-updater-0 describe exited with status 1: no tool here"),
            ("echo garbage", "prints neither input=stream nor input=file"),
            ("kill -9 $$", "was killed by signal 9"))):
        d = t.daemon(updater=stand_in(t, name=str(number), describe=describe))
        r = update(d, b"hello")
        assert r.returncode == 1 and why in complaint(r), r
        assert r.stdout.startswith(b"fwssh/1 error 1 "), r
        test = t.run([t.bin("fwsshd"), "-f", d.conf, "-t"])
        assert re.search(rf"^FAIL updater: .*{re.escape(why)}", test.stderr, re.M), test.stderr
        assert "--version" not in marker(t, f"{number}.calls") and "write" not in marker(t, f"{number}.calls")


@waits
def test_describe_hangs(t):
    d = t.daemon(updater=stand_in(t, describe="sleep 100"))
    r = update(d, b"hello")
    assert r.returncode == 1 and "describe was killed after 10 seconds" in complaint(r), r
    wait_gone(t, d.updater_pids("test"), "the hanging adapter")


def test_keys_that_nobody_would_check(t):
    d = t.daemon(updater=stand_in(t), firmware_public_keys=["A" * 43])
    r = update(d, b"hello")
    assert r.returncode == 1 and "does not check these keys" in complaint(r), r
    assert "write" not in marker(t, "test.calls")
    test = t.run([t.bin("fwsshd"), "-f", d.conf, "-t"])
    assert re.search("^FAIL updater: .*does not check these keys", test.stderr, re.M), test.stderr


def test_one_that_reboots_by_itself(t):
    d = t.daemon(updater=stand_in(t, describe="echo input=stream; echo reboots=yes"))
    r = update(d, b"hello", "reboot=no")
    assert r.returncode == 3 and "reboots the device by itself" in complaint(r), r
    assert update(d, b"hello", "reboot=yes").returncode == 0


def test_network_only_for_one_that_needs_it(t):
    if os.geteuid() != 0:
        t.skip("only root can take the network from an updater")
    for number, (more, has) in enumerate((("", False), ("; echo network=yes", True))):
        adapter = stand_in(t, name=str(number), describe=f"echo input=stream{more}",
                           write="cat > $me.input; readlink /proc/self/ns/net > $me.net")
        d = t.daemon(updater=adapter)
        assert update(d, b"hello").returncode == 0
        assert (marker(t, f"{number}.net").strip() == os.readlink("/proc/self/ns/net")) == has


def test_no_tasks_of_an_archive(t):
    (t.dir / "ops.fw").touch()
    d = t.daemon(updater=stand_in(t), slot_driver="ops.fw", ops_firmware=t.dir / "ops.fw")
    test = t.run([t.bin("fwsshd"), "-f", d.conf, "-t"])
    assert re.search("^FAIL slots: .*applies no tasks of an archive", test.stderr, re.M), test.stderr
    d = t.daemon(updater=t.updater(), slot_driver="updater")
    test = t.run([t.bin("fwsshd"), "-f", d.conf, "-t"])
    assert re.search("^FAIL slots: .*has no verbs for it", test.stderr, re.M), test.stderr


def test_kind_that_it_does_not_take(t):
    """A client that asks nothing before it sends: an archive is no image, whatever would take it for one."""
    fw, device = archive(t)
    for number, (kind, accepts) in enumerate((("stream", "raw"), ("file", "raucb"))):
        adapter = stand_in(t, name=str(number), describe=f"echo input={kind}; echo accepts={accepts}")
        d = t.daemon(updater=adapter, device=device)
        for data, word in ((fw.read_bytes(), "fw"), (cpio("sw-description") + bytes(1000), "swu")):
            r = d.push(b"fwup:%d,reboot\n" % len(data) + data)
            assert r.returncode == 4 and f"the firmware is of the kind {word}, but fwssh-updater-{number} takes: {accepts}; " \
                "nothing was done" in r.stderr.decode(), r
            assert d.push(data, subsystem="fwup").returncode in (3, 4)
        assert "write" not in marker(t, f"{number}.calls") and d.reboots() == 0
        # What is not known by its start is left to the updater.
        assert d.push(b"fwup:5\nhello").returncode == 0


def cpio(name):
    return b"070702" + b"0" * 88 + b"%08x" % (len(name) + 1) + b"0" * 8 + name.encode() + b"\0"


# How it ends


def test_exit_status_says_whose_fault_it_is(t):
    for status in (1, 3, 4, 5, 77):
        d = t.daemon(updater=stand_in(t, name=f"e{status}", write=f"cat > $me.input; echo why; exit {status}"))
        r = update(d, b"hello")
        assert r.returncode == (status if status in (3, 4) else 1), (status, r)
        assert f"exited with status {status}" in complaint(r) and b"\nwhy\n" in r.stdout, r
        assert d.reboots() == 0


def test_result_counts_before_the_exit_status(t):
    d = t.daemon(updater=stand_in(t, write="cat > $me.input; echo switching >&3; exit 4"))
    r = update(d, b"hello")
    assert r.returncode == 1 and "after the switch may have started; rebooting anyway" in complaint(r), r
    d.wait_reboot()


def test_client_lost_before_the_last_byte(t):
    d = t.daemon(updater=stand_in(t, write="sleep 1000 & echo $! > $me.child; touch $FWSSH_RUN/x; cat > $me.input; "
                                           "echo b > $me.next"))
    client = d.client(subsystem="fwssh")
    client.stdin.write(b"fwssh/1 update size=1000\n" + b"hello" * 120)
    child = int(t.wait_for(lambda: marker(t, "test.child"), "the adapter"))
    client.kill()
    d.wait_log("connection to the client was lost")
    wait_gone(t, d.updater_pids("test"), "the adapter")
    t.wait_for(lambda: not alive(child), "its child to be gone")
    t.wait_for(lambda: not list(t.dir.glob("*.run")), "its directory to be gone")
    assert marker(t, "test.next") == "a\n" and d.reboots() == 0


def test_children_that_stay(t):
    d = t.daemon(updater=stand_in(t, write="cat > $me.input; sleep 1000 & echo $! > $me.child; echo b > $me.next"))
    assert update(d, b"hello").returncode == 0
    t.wait_for(lambda: not alive(int(marker(t, "test.child"))), "its child to be gone")


@waits
def test_write_hangs(t):
    d = t.daemon(updater=stand_in(t, write="cat > $me.input; sleep 1000"), updater_timeout=2)
    r = update(d, b"hello")
    assert r.returncode == 1 and "no sign of life for 2 seconds" in complaint(r), r
    wait_gone(t, d.updater_pids("test"), "the adapter")


def test_what_a_killed_run_left_is_cleared(t):
    d = t.daemon(updater=stand_in(t, write="touch $FWSSH_RUN/left; mkdir -p $FWSSH_RUN/a/b; cat > $me.input; "
                                           "echo b > $me.next"))
    client = d.client(subsystem="fwssh")
    client.stdin.write(b"fwssh/1 update size=1000\n" + b"hello" * 120)
    t.wait_for(lambda: list(t.dir.glob("*.run/a/b")), "the adapter")
    for pid in d.pids("fwssh-receive"):
        os.kill(pid, signal.SIGKILL)
    wait_gone(t, d.updater_pids("test"), "the adapter")
    left, = t.dir.glob("*.run")
    keep = t.dir / "keep"
    keep.write_text("kept")
    (left / "link").symlink_to(keep)
    client.wait(20)
    assert update(d, b"hello").returncode == 0
    assert not list(t.dir.glob("*.run")) and keep.read_text() == "kept"


def test_directory_of_somebody_else_is_left_alone(t):
    d = t.daemon(updater=stand_in(t))
    device = os.path.realpath(d.config["device"]).replace("/", "_")
    other = t.dir / f"lock0-{device}.run"
    other.symlink_to(t.dir)
    r = update(d, b"hello")
    assert r.returncode == 1 and f"{other} for the updater" in complaint(r), r
    assert "write" not in marker(t, "test.calls") and other.is_symlink()


def test_slots_that_do_not_follow(t):
    """It reports no failure, and nothing has changed."""
    d = t.daemon(updater=stand_in(t, confirm=":", revert=":"))
    (t.dir / "test.confirmed").write_text("no\n")
    for words in ("confirm", "revert"):
        r = d.push(f"fwssh/1 {words}\n".encode(), subsystem="fwssh")
        assert r.returncode == 1 and "reported no failure, but" in complaint(r), r
    assert d.reboots() == 0


def test_revert_that_fails_half_way(t):
    """As RAUC's, of which marking the running slot bad is the second step."""
    d = t.daemon(updater=stand_in(t, revert="echo b > $me.next; echo no >&2; exit 1"))
    said = [complaint(d.push(b"fwssh/1 revert\n", subsystem="fwssh")) for _ in range(2)]
    # The second time, it is nothing new.
    assert [s.endswith("; slot b boots next all the same") for s in said] == [True, False], said
    assert d.reboots() == 0


def test_status_that_fails(t):
    for number, (status, why) in enumerate((("echo no loader; exit 1", "status exited with status 1: no loader"),
                                            ("echo busy; exit 3", "status exited with status 3: busy"),
                                            ("kill -9 $$", "status was killed by signal 9"))):
        d = t.daemon(updater=stand_in(t, name=str(number), status=status))
        r = d.push(b"fwssh/1 status\n", subsystem="fwssh")
        assert r.returncode == (3 if "busy" in why else 1) and why in complaint(r), r
        assert "any firmware is accepted" not in d.log()


# A firmware in a file

# What RAUC demands, too: nobody has it open for writing.
LOOK = """#!/usr/bin/python3
import fcntl, os, stat
st = os.fstat(0)
fcntl.fcntl(0, fcntl.F_SETLEASE, fcntl.F_WRLCK)
print(stat.S_ISREG(st.st_mode), st.st_size, st.st_nlink, fcntl.fcntl(0, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY)
"""


def spooling(t, **verbs):
    look = t.script("look", LOOK)
    return stand_in(t, **{"describe": "echo input=file; echo accepts=raucb",
                          "write": f"{look} > $me.file; cat > $me.input; echo b > $me.next", **verbs})


def test_file_is_whole_read_only_and_nameless(t):
    d = t.daemon(updater=spooling(t))
    data = os.urandom(3 * MB + 1)
    r = update(d, data, "reboot=no")
    assert (r.returncode, r.stdout) == (0, b"fwssh/1 ok\n"), r
    assert marker(t, "test.file") == f"True {len(data)} 0 True\n"
    assert (t.dir / "test.input").read_bytes() == data
    assert not list(d.state.glob("spool*"))


def test_several_files_in_a_session(t):
    d = t.daemon(updater=spooling(t, write="cat >> $me.input; echo Success!"))
    r = d.push(b"fwup:5,fwup:6,reboot\nhello olleh")
    assert r.returncode == 0 and marker(t, "test.input") == "hello olleh", r
    r = d.push(b"hello", subsystem="fwup")
    assert r.returncode == 3 and "whose size" in complaint(r), r


def test_no_room(t):
    """Refused before the firmware is sent."""
    d = t.daemon(updater=spooling(t), spool_max=2)
    r = d.push(b"fwssh/1 update size=%d\n" % (3 * MB), subsystem="fwssh")
    assert r.returncode == 3 and b"fwssh/1 ok" not in r.stdout, r
    assert re.search(rf"the firmware needs 3 MiB in {d.state}, and may use 2 of the \d+ that are free "
                     r"\(key spool-max\); nothing was done$", complaint(r)), r
    r = d.push(b"fwssh/1 update size=%d\n" % (1 << 60), subsystem="fwssh")
    assert r.returncode == 3 and re.search(r"needs \d+ MiB in .*, where \d+ are free; nothing was done$", complaint(r)), r
    assert "write" not in marker(t, "test.calls")
    r = d.push(b"fwup:%d\n" % (3 * MB))
    assert r.returncode == 3 and b"needs 3 MiB" in r.stderr, r
    assert update(d, b"hello").returncode == 0


def test_no_memory_for_a_file_in_memory(t):
    """A tmpfs may have more room than there is memory: its files would drive others out."""
    if os.geteuid() != 0:
        t.skip("only root can mount")
    spool = t.dir / "memory"
    spool.mkdir()
    (t.dir / "meminfo").write_text("MemTotal:  100000 kB\nMemFree: 1000 kB\nMemAvailable:    4096 kB\n")
    assert t.run(["mount", "-t", "tmpfs", "-o", "size=64m", "spool", spool]).returncode == 0
    assert t.run(["mount", "--bind", t.dir / "meminfo", "/proc/meminfo"]).returncode == 0
    try:
        d = t.daemon(updater=spooling(t), spool_dir=spool)
        r = update(d, bytes(3 * MB))
        assert r.returncode == 3 and re.search("needs 3 MiB in .* may use 2 of the 4 that are free", complaint(r)), r
        assert update(d, bytes(2 * MB)).returncode == 0
    finally:
        t.run(["umount", "/proc/meminfo"])
        t.run(["umount", "-l", spool])


def test_spool_directory(t):
    d = t.daemon(updater=spooling(t), spool_dir="/nonexistent")
    r = update(d, b"hello")
    assert r.returncode == 1 and "/nonexistent (key spool-dir)" in complaint(r), r


def test_client_lost_while_it_is_received(t):
    d = t.daemon(updater=spooling(t))
    client = d.client(subsystem="fwssh")
    client.stdin.write(b"fwssh/1 update size=%d\n" % (8 * MB) + bytes(MB))
    receive, = t.wait_for(lambda: d.pids("fwssh-receive"), "fwssh-receive")

    def spooled():
        for fd in os.listdir(f"/proc/{receive}/fd"):
            if "(deleted)" in os.readlink(f"/proc/{receive}/fd/{fd}"):
                return os.stat(f"/proc/{receive}/fd/{fd}").st_size
    t.wait_for(lambda: spooled() == 8 * MB, "the file")
    client.kill()
    d.wait_log("the connection to the client was lost; nothing was activated")
    assert "write" not in marker(t, "test.calls") and marker(t, "test.next") == "a\n"
    r = d.push(b"fwup:5\nhell")
    assert r.returncode == 1 and b"input ended 1 byte short; nothing was activated" in r.stderr, r
    assert "write" not in marker(t, "test.calls")


def test_file_of_a_firmware_that_is_put_together(t):
    """The room is reserved once the client wants the update, and the updater gets the archive's stream as a file."""
    fw, device = archive(t)
    dev = AdapterDevice(t, "fw", kind="file", device=device)
    r = dev.push(fw, "--adaptive=always", "--no-reboot")
    assert r.returncode == 0 and "written" in r.stdout and "Sent " in r.stdout and " instead of " in r.stdout, r
    assert (t.dir / "test.input").read_bytes()[:4] == b"PK\3\4"
    assert "test" in t.run([t.bin("fwpack"), "-m", "-i", t.dir / "test.input", "--metadata-key", "meta-platform"]).stdout


def test_no_room_for_a_firmware_that_is_put_together(t):
    fw, device = archive(t)
    dev = AdapterDevice(t, "fw", kind="file", device=device, spool_max=1)
    r = dev.push(fw, "--adaptive=always", "--no-reboot")
    assert r.returncode == 3 and "and may use 1 of the" in r.stderr and "nothing was done" in r.stderr, r
    assert "write" not in marker(t, "test.calls")


def test_file_at_hand(t):
    """From a USB stick, to an updater that needs a file of its own: nobody else may write to that one."""
    d = t.daemon(wait=False, updater=spooling(t))
    data = os.urandom(MB)
    (t.dir / "x.raucb").write_bytes(data)
    r = t.run([t.bin("fwssh-receive"), "-f", d.conf, "--file", t.dir / "x.raucb"])
    assert r.returncode == 0 and (t.dir / "test.input").read_bytes() == data, r
    assert marker(t, "test.file") == f"True {MB} 0 True\n"
    d.wait_reboot()
