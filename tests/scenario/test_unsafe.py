# SPDX-License-Identifier: Apache-2.0
"""Functions that leave the medium: path_write, pipe_write, execute, require-execute. They need --unsafe."""
import hashlib
import os
import random
import re
import signal
import struct
import subprocess
import zipfile

from support.fixture import read_until

BLOCK = 512
LARGE = random.Random(1).randbytes(3_000_000)  # does not fit in a pipe, and is written by threads
SMALL = random.Random(2).randbytes(10_000)
CONF = """
file-resource a {{ host-path = "a" }}
{resources}
task complete {{
  {requirement}
  on-init {{ raw_memset(8, 1, 0x11) {init} }}
  on-resource a {{ {function} }}
  {handlers}
  on-finish {{ {finish} raw_memset(9, 1, 0x22) }}
  on-error {{ {error} }}
}}
task complete.other {{ on-init {{ raw_memset(10, 1, 0x33) }} }}
"""


def make(t, function="raw_write(64)", data=SMALL, init="", finish="", error="", requirement="", resources="", handlers=""):
    (t.dir / "a").write_bytes(data)
    (t.dir / "x.conf").write_text(CONF.format(function=function, init=init, finish=finish, error=error,
                                              requirement=requirement, resources=resources, handlers=handlers))
    r = t.run([t.bin("fwpack"), "-c", "-1", "-f", "x.conf", "-o", "x.fw"])
    assert r.returncode == 0, r.stdout + r.stderr


def apply(t, *options, task="complete", **kw):
    return t.run([t.bin("fwpack"), "-a", "-q", "-i", "x.fw", "-t", task, "-d", "disk.img", *options], **kw)


def block(t, n):
    """The byte that fills a block."""
    with open(t.dir / "disk.img", "rb") as f:
        f.seek(n * BLOCK)
        return f.read(1)


def is_switched(t):
    return block(t, 9) == b"\x22"


def packets(data):
    """The frames of an output, which must contain nothing else."""
    found = []
    while data:
        assert len(data) >= 8, data
        size, kind, code = struct.unpack_from(">I2sH", data)
        assert 4 <= size <= len(data) - 4 and kind in (b"OK", b"ER", b"WN", b"PR"), f"no frame: {data[:60]}"
        found.append((kind.decode(), code, data[8:4 + size]))
        data = data[4 + size:]
    return found


# Without --unsafe

def test_without_unsafe_nothing_is_run(t):
    mark = t.dir / "mark"
    cases = [({"function": f'path_write("{mark}")'}, "path_write requires --unsafe"),
             ({"function": f'pipe_write("touch {mark}; cat > {mark}")'}, "pipe_write requires --unsafe"),
             ({"function": f'ubi_volume_write("{mark}")'}, "ubi_volume_write requires --unsafe"),
             ({"init": f'execute("touch {mark}")'}, "execute requires --unsafe"),
             ({"finish": f'execute("touch {mark}")'}, "execute requires --unsafe")]
    for arguments, message in cases:
        make(t, **arguments)
        for options in ((), ("-v",)):
            r = apply(t, *options)
            assert r.returncode == 1 and message in r.stdout, (arguments, r.stdout)
            assert not mark.exists() and not is_switched(t), arguments


def test_without_unsafe_an_existing_file_stays(t):
    (t.dir / "mark").write_text("mine")
    make(t, f'path_write("{t.dir}/mark")')
    assert apply(t).returncode == 1
    assert (t.dir / "mark").read_text() == "mine"


def test_without_unsafe_on_error_runs_nothing_either(t):
    mark = t.dir / "mark"
    make(t, init='error("first")', error=f'execute("touch {mark}")')
    r = apply(t)
    assert r.returncode == 1 and not mark.exists()
    r = apply(t, "--unsafe")
    assert r.returncode == 1 and "first" in r.stdout and mark.exists()


def test_without_unsafe_require_execute_is_silently_unmet(t):
    mark = t.dir / "mark"
    make(t, requirement=f'require-execute("touch {mark}")')
    r = apply(t)
    assert (r.returncode, r.stdout, r.stderr) == (0, "", ""), r
    assert not mark.exists() and block(t, 10) == b"\x33" and block(t, 8) == b"\0", "not the other task"
    r = apply(t, "-v")
    assert r.stdout == f"fwup: require-execute(touch {mark}) -> not met\n" and not mark.exists(), r.stdout


# With --unsafe

def test_path_write(t):
    for data in (b"", b"x", SMALL, LARGE):
        (t.dir / "out").write_bytes(b"old " * 5000)
        make(t, f'path_write("{t.dir}/out")', data)
        r = apply(t, "--unsafe")
        assert r.returncode == 0, r.stdout
        assert (t.dir / "out").read_bytes() == data and is_switched(t)


def test_path_write_is_relative_to_where_it_runs_and_keeps_the_mode(t):
    (t.dir / "out").write_text("")
    (t.dir / "out").chmod(0o600)
    make(t, 'path_write("out")')
    assert apply(t, "--unsafe").returncode == 0
    assert (t.dir / "out").read_bytes() == SMALL
    assert (t.dir / "out").stat().st_mode & 0o777 == 0o600
    (t.dir / "out").unlink()
    assert apply(t, "--unsafe").returncode == 0
    assert (t.dir / "out").stat().st_mode & 0o111 == 0


def test_path_write_where_it_cannot(t):
    for path in (f"{t.dir}/none/out", str(t.dir), "", "/dev/full"):
        make(t, f'path_write("{path}")')
        r = apply(t, "--unsafe")
        assert r.returncode == 1 and path in r.stdout and not is_switched(t), (path, r.stdout)


def test_path_write_to_special_files(t):
    make(t, 'path_write("/dev/null")')
    assert apply(t, "--unsafe").returncode == 0
    fifo = t.dir / "fifo"
    os.mkfifo(fifo)
    make(t, f'path_write("{fifo}")', LARGE)
    p = t.start([t.bin("fwpack"), "-a", "-q", "-i", "x.fw", "-t", "complete", "-d", "disk.img", "--unsafe"])
    assert fifo.read_bytes() == LARGE
    assert p.wait(20) == 0


def test_wrong_data_in_a_path_are_an_error(t):
    """The hash is known after the last byte; the switch does not happen."""
    make(t, f'path_write("{t.dir}/out")')
    good = hashlib.blake2b(SMALL, digest_size=32).hexdigest()
    with zipfile.ZipFile(t.dir / "x.fw") as z:
        meta = z.read("meta.conf").decode()
    assert good in meta
    with zipfile.ZipFile(t.dir / "x.fw", "w") as z:
        z.writestr("meta.conf", meta.replace(good, good[::-1]))
        z.writestr("data/a", SMALL)
    r = apply(t, "--unsafe")
    assert r.returncode == 1 and "blake2b mismatch" in r.stdout and not is_switched(t)


def test_pipe_write(t):
    for data in (b"", b"x", SMALL, LARGE):
        make(t, f'pipe_write("cat > {t.dir}/out; echo $? > {t.dir}/status")', data)
        r = apply(t, "--unsafe")
        assert r.returncode == 0, r.stdout
        assert (t.dir / "out").read_bytes() == data and is_switched(t)


def test_pipe_write_waits_for_the_command(t):
    """It is done when the command has exited, not when the command has read everything."""
    make(t, f'pipe_write("cat > {t.dir}/out; while [ ! -e {t.dir}/go ]; do sleep 0.02; done; touch {t.dir}/done")')
    p = t.start([t.bin("fwpack"), "-a", "-q", "-i", "x.fw", "-t", "complete", "-d", "disk.img", "--unsafe"])
    t.wait_for(lambda: (t.dir / "out").exists() and (t.dir / "out").read_bytes() == SMALL, "the data")
    assert p.poll() is None
    (t.dir / "go").touch()
    assert p.wait(20) == 0 and (t.dir / "done").exists()


def test_failing_commands(t):
    cases = {"exit 1": "status 1", "exit 7": "status 7", "false": "status 1", "no-such-command-here": "status 127",
             "kill -9 $$": "signal 9", "kill -15 $$": "signal 15", "syntax ( error": "status 2", "true; exit 3": "status 3"}
    for command, how in cases.items():
        for arguments in ({"function": f'pipe_write("cat > /dev/null; {command}")'}, {"init": f'execute("{command}")'},
                          {"finish": f'execute("{command}")'}):
            make(t, **arguments)
            r = apply(t, "--unsafe")
            assert r.returncode == 1 and how in r.stdout, (arguments, r.stdout)
            assert not is_switched(t), arguments
        make(t, requirement=f'require-execute("{command}")')
        r = apply(t, "--unsafe")
        assert r.returncode == 0 and block(t, 10) == b"\x33", command
        (t.dir / "disk.img").unlink()


def test_command_that_ends_before_its_data(t):
    """No signal kills fwpack; it reports why the command ended."""
    for data in (SMALL, LARGE):
        for command, text in (("exec 0<&-; exit 3", "status 3"), ("exit 3", "status 3"), ("head -c 5 > /dev/null; exit 4", "status 4"),
                              ("kill -9 $$", "signal 9"), ("no-such-command-here", "status 127")):
            make(t, f'pipe_write("{command}")', data)
            r = apply(t, "--unsafe")
            assert r.returncode == 1 and text in r.stdout, (command, len(data), r)
            assert not is_switched(t)


def test_command_that_ends_well_without_its_data(t):
    """The command left more unread than a pipe holds: an error, not a signal."""
    for command in ("true", "head -c 5 > /dev/null", "exec 0<&-"):
        make(t, f'pipe_write("{command}")', LARGE)
        r = apply(t, "--unsafe")
        assert r.returncode == 1 and "cannot write to" in r.stdout and not is_switched(t), (command, r)


def test_command_that_closes_its_input_and_goes_on(t):
    """fwpack waits for it in any case, and leaves no process behind."""
    make(t, f'pipe_write("exec 0<&-; while [ ! -e {t.dir}/go ]; do sleep 0.02; done; touch {t.dir}/done")', LARGE)
    p = t.start([t.bin("fwpack"), "-a", "-q", "-i", "x.fw", "-t", "complete", "-d", "disk.img", "--unsafe"],
                stdout=subprocess.PIPE)
    (t.dir / "go").touch()
    out = p.communicate(timeout=20)[0]
    assert p.returncode == 1 and b"cannot write to" in out, out
    assert (t.dir / "done").exists()


def test_execute_in_order(t):
    """Each sees the results of the previous ones; the image has not been written yet."""
    log = t.dir / "log"
    make(t, f'raw_write(64) execute("echo resource >> {log}")', init=f'execute("echo 1 >> {log}") execute("echo 2 >> {log}")',
         finish=f'execute("echo finish >> {log}")')
    r = apply(t, "--unsafe")
    assert r.returncode == 0, r.stdout
    assert log.read_text().split() == ["1", "2", "resource", "finish"]


def test_what_comes_before_on_finish_is_on_the_image_when_a_command_runs(t):
    """docs/fw-format.md, "Output and ordering": resources are written before on-finish starts."""
    make(t, "raw_write(64)", LARGE, finish=f'execute("cp disk.img {t.dir}/seen.img")')
    assert apply(t, "--unsafe").returncode == 0
    seen = (t.dir / "seen.img").read_bytes()
    assert seen[64 * BLOCK:][:len(LARGE)] == LARGE and seen[8 * BLOCK] == 0x11
    assert seen[9 * BLOCK] == 0, "the switch was written too early"


def test_on_error_runs_when_a_command_fails(t):
    make(t, finish='execute("exit 5")', error=f'execute("touch {t.dir}/mark") info("went wrong")')
    r = apply(t, "--unsafe")
    assert r.returncode == 1 and (t.dir / "mark").exists()
    assert "went wrong" in r.stdout and "status 5" in r.stdout


def test_require_execute_chooses(t):
    for command, met in (("true", True), ("exit 0", True), ("false", False), ("", False), ("exit 1", False),
                         (f"test -e {t.dir}/x.fw", True), ("kill -9 $$", False)):
        make(t, requirement=f'require-execute("{command}")')
        r = apply(t, "--unsafe", "-v")
        assert r.returncode == 0, r.stdout
        assert f"fwup: require-execute({command}) -> {'met' if met else 'not met'}\n" in r.stdout, (command, r.stdout)
        assert is_switched(t) == met and (block(t, 10) == b"\x33") == (not met), command
        (t.dir / "disk.img").unlink()


def test_requirements_stop_at_the_first_unmet(t):
    make(t, requirement=f'require-execute("false") require-execute("touch {t.dir}/mark")')
    assert apply(t, "--unsafe").returncode == 0
    assert not (t.dir / "mark").exists()


# The environment of commands

def test_commands_see_the_identity_of_the_firmware(t):
    names = ("FWUP_META_UUID", "FWUP_META_NICKNAME", "TOLD")
    echo = "; ".join(f'echo "${name}"' for name in names).replace('"', '\\"').replace("$", "\\$")
    make(t, f'pipe_write("cat > /dev/null; ({echo}) > pipe.txt")', requirement=f'require-execute("({echo}) > require.txt")',
         init=f'execute("({echo}) > init.txt")')
    meta = t.run([t.bin("fwpack"), "-m", "-i", "x.fw"]).stdout
    uuid, nickname = (re.search(f'{key}="(.*)"', meta)[1] for key in ("meta-uuid", "meta-nickname"))
    r = apply(t, "--unsafe", env={"TOLD": "by the caller", "FWUP_META_UUID": "wrong"})
    assert r.returncode == 0, r.stdout
    for name in ("require", "init", "pipe"):
        assert (t.dir / f"{name}.txt").read_text().splitlines() == [uuid, nickname, "by the caller"], name


def test_variables_may_be_filled_in_when_it_is_applied(t):
    """\\${} in the configuration; the value is not expanded again."""
    make(t, 'path_write("\\${WHERE}")', init='execute("echo \\${WHAT} > what.txt")')
    r = apply(t, "--unsafe", env={"WHERE": "out here", "WHAT": "'${WHERE} $HOME'"})
    assert r.returncode == 0, r.stdout
    assert (t.dir / "out here").read_bytes() == SMALL
    assert (t.dir / "what.txt").read_text() == "${WHERE} $HOME\n"


def test_commands_get_no_descriptors_of_ours(t):
    """Neither the image nor the archive; only 0, 1 and 2."""
    make(t, 'pipe_write("ls -l /proc/self/fd > fds.pipe; cat > /dev/null")', init='execute("ls -l /proc/self/fd > fds.init")',
         requirement='require-execute("ls -l /proc/self/fd > fds.require")')
    assert apply(t, "--unsafe").returncode == 0
    for name in ("pipe", "init", "require"):
        text = (t.dir / f"fds.{name}").read_text()
        numbers = {int(n) for n in re.findall(r" (\d+) -> ", text)}
        assert "disk.img" not in text and "x.fw" not in text, text
        assert numbers == {0, 1, 2, 3}, text  # 3 is the directory that ls reads


def test_commands_have_usual_signals(t):
    """A signal that fwpack ignores for itself is not ignored there."""
    make(t, 'pipe_write("grep -E SigIgn /proc/self/status > ign.pipe; cat > /dev/null")',
         init='execute("grep -E SigIgn /proc/self/status > ign.init")')
    assert apply(t, "--unsafe").returncode == 0
    for name in ("pipe", "init"):
        ignored = int((t.dir / f"ign.{name}").read_text().split()[1], 16)
        assert not ignored >> (signal.SIGPIPE - 1) & 1, name


def test_archive_on_standard_input_is_not_eaten(t):
    """Commands that read their input find it empty, and the archive continues after them."""
    make(t, f'raw_write(64) execute("cat > {t.dir}/eaten3")', LARGE, requirement=f'require-execute("cat > {t.dir}/eaten1")',
         init=f'execute("cat > {t.dir}/eaten2; true")', finish=f'execute("cat > {t.dir}/eaten4")',
         resources='file-resource b { contents = "second" }', handlers="on-resource b { raw_write(32) }")
    fw = (t.dir / "x.fw").read_bytes()
    args = [t.bin("fwpack"), "-a", "-q", "-t", "complete", "-d", "disk.img", "--unsafe"]
    framed = b"".join(struct.pack(">I", len(fw[i:i + 5000])) + fw[i:i + 5000] for i in range(0, len(fw), 5000)) + bytes(4)
    for options, data in (((), fw), (("-F",), framed)):
        (t.dir / "disk.img").unlink(missing_ok=True)
        r = t.run([*args, *options], input=data, text=False)
        assert r.returncode == 0, r.stdout
        for n in range(1, 5):
            assert (t.dir / f"eaten{n}").read_bytes() == b"", n
        image = (t.dir / "disk.img").read_bytes()
        assert image[64 * BLOCK:][:len(LARGE)] == LARGE and image[32 * BLOCK:][:6] == b"second"


def test_command_on_standard_input_and_pipe_write(t):
    """The command's input is the resource, fwpack's own the archive."""
    make(t, f'pipe_write("cat > {t.dir}/out")', LARGE)
    r = t.run([t.bin("fwpack"), "-a", "-q", "-t", "complete", "-d", "disk.img", "--unsafe"],
              input=(t.dir / "x.fw").read_bytes(), text=False)
    assert r.returncode == 0 and (t.dir / "out").read_bytes() == LARGE


# The output of commands

NOISY = "echo out; echo err >&2; printf 'no line end'"


def test_output_comes_between_frames_nowhere(t):
    make(t, f'pipe_write("cat > /dev/null; {NOISY}")', LARGE, init=f'execute("{NOISY}") info("told")',
         finish=f'execute("{NOISY}")', requirement=f'require-execute("{NOISY}")')
    for options in (("-F",), ("-F", "-v")):
        r = t.run([t.bin("fwpack"), "-a", "-i", "x.fw", "-t", "complete", "-d", "disk.img", "--unsafe", *options], text=False)
        assert r.returncode == 0, r.stdout
        frames = packets(r.stdout)
        assert frames[-1] == ("OK", 0, b"") and ("WN", 0, b"told") in frames
        progress = [code for kind, code, _ in frames if kind == "PR"]
        assert progress == sorted(set(progress)) and progress[0] == 0 and progress[-1] == 100
        assert r.stderr.count(b"err\n") == 4 and r.stderr.count(b"out\n") == 4, "their output is lost"


def test_output_of_failing_commands_comes_between_frames_nowhere(t):
    for arguments in ({"init": f'execute("{NOISY}; exit 1")'}, {"function": f'pipe_write("{NOISY}; exit 1")', "data": LARGE}):
        make(t, **arguments, error=f'execute("{NOISY}; exit 2")')
        r = apply(t, "--unsafe", "-F", text=False)
        assert r.returncode == 1
        kinds = [kind for kind, _, _ in packets(r.stdout)]
        assert kinds == ["ER"], kinds


def test_output_without_framing_is_seen_in_order(t):
    make(t, init='info("before") execute("echo command") info("behind")', requirement='require-execute("echo asked")')
    r = apply(t, "--unsafe", "-v")
    assert r.returncode == 0
    assert r.stdout == "asked\nfwup: require-execute(echo asked) -> met\nfwup: before\ncommand\nfwup: behind\n", r.stdout


def test_handshake_comes_last(t):
    make(t, init='execute("echo command")')
    p = t.start([t.bin("fwpack"), "-a", "-q", "--exit-handshake", "-i", "x.fw", "-t", "complete", "-d", "disk.img", "--unsafe"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    text = read_until(p.stdout, b"\x1a\0")
    assert text == b"command\n\x1a\0"
    p.stdin.close()
    assert p.wait(10) == 0


def test_long_command_and_strange_characters(t):
    text = "x" * 20_000
    make(t, init=f"""execute("printf %s '{text}' > long.txt")  execute("printf '%s' \\"it's \\\\\\"here\\\\\\" \\\\$ ä\\" > strange.txt")""")
    r = apply(t, "--unsafe")
    assert r.returncode == 0, r.stdout
    assert (t.dir / "long.txt").read_text() == text
    assert (t.dir / "strange.txt").read_text() == "it's \"here\" $ ä"


def test_errors_of_long_commands_are_cut(t):
    make(t, init=f'execute("exit 3 # {"x" * 5000}")')
    r = apply(t, "--unsafe")
    assert r.returncode == 1 and "status 3" in r.stdout and len(r.stdout) < 1000, len(r.stdout)
    make(t, requirement=f'require-execute("exit 3 # {"x" * 5000}")')
    assert apply(t, "--unsafe", "-v").returncode == 0


def test_progress_of_commands(t):
    make(t, 'pipe_write("cat > /dev/null")', LARGE, init='execute("true") execute("true")')
    r = t.run([t.bin("fwpack"), "-a", "-i", "x.fw", "-t", "complete", "-d", "disk.img", "--unsafe"])
    assert r.returncode == 0 and f"{(len(LARGE) + 4 * 512) / 1e6:.2f} MB out" in r.stdout, r.stdout[-100:]


def test_ubi_volume_write_of_what_is_none(t):
    """There is no UBI volume here: it must fail without touching the file."""
    (t.dir / "out").write_text("mine")
    for path in (f"{t.dir}/out", "/dev/null", f"{t.dir}/none"):
        make(t, f'ubi_volume_write("{path}")')
        r = apply(t, "--unsafe")
        assert r.returncode == 1 and path in r.stdout and not is_switched(t), r.stdout
    assert (t.dir / "out").read_text() == "mine"
