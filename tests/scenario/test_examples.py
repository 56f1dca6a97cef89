# SPDX-License-Identifier: Apache-2.0
"""examples/config and the page that explains it, docs/configuration.md: the firmware works, and the page is correct."""
import os
import re
import shutil
import subprocess
import zipfile

from support.fat_volume import LABEL_NOTICE
from support.fixture import seconds

BLOCK = 512
ENV = (16, 32)
BOOT = {"a": 2048, "b": 34816}
ROOT = {"a": 67584, "b": 133120}
DATA = 198656
IMAGE_BLOCKS = 262144


def fwpack(t, *args, **kw):
    return t.run([t.bin("fwpack"), *args], cwd=t.dir / "config", **kw)


def example(t):
    """A copy of the example for the test to work in."""
    shutil.copytree(t.src / "examples/config", t.dir / "config")
    return t.dir / "config"


def make(t, version):
    """Makes the archive of a version; keeps its kernel and root as kernel-VERSION and rootfs-VERSION."""
    here = t.dir / "config"
    r = t.run(["./stand-ins.sh", version], cwd=here)
    assert r.returncode == 0, r.stderr
    for name in ("kernel", "rootfs"):
        shutil.copy(here / f"{name}.img", here / f"{name}-{version}")
    r = fwpack(t, "create", "-f", "fwup.conf", "-o", f"{version}.fw", env={"VERSION": version})
    assert (r.returncode, r.stdout, r.stderr) == (0, "", "")
    return f"{version}.fw"


def apply(t, fw, task, *args, image="disk.img"):
    return fwpack(t, "apply", "-q", "-t", task, "-d", image, fw, *args)


def new_disk(t, fw):
    with open(t.dir / "config/disk.img", "wb") as f:
        f.truncate(IMAGE_BLOCKS * BLOCK)
    r = apply(t, fw, "complete")
    assert (r.returncode, r.stdout) == (0, ""), r.stdout


def check_slot(t, slot, version):
    """Checks the contents of a slot with other tools."""
    here = t.dir / "config"
    disk, boot = here / "disk.img", f"disk.img@@{BOOT[slot] * BLOCK}"
    root = (here / f"rootfs-{version}").read_bytes()
    with open(disk, "rb") as f:
        f.seek(ROOT[slot] * BLOCK)
        assert f.read(len(root)) == root
    t.need("mtype")
    r = t.run(["mtype", "-i", boot, "::kernel.img"], cwd=here, text=False)
    assert r.stdout == (here / f"kernel-{version}").read_bytes()
    assert "root=/dev/mmcblk0p2" in t.run(["mtype", "-i", boot, "::cmdline.txt"], cwd=here).stdout
    assert f"BOOT-{slot.upper()}" in t.run(["mlabel", "-i", boot, "-s", "::"], cwd=here).stdout
    with open(disk, "rb") as f, open(here / "boot.img", "wb") as out:
        f.seek(BOOT[slot] * BLOCK)
        out.write(f.read(32768 * BLOCK))
    r = t.run([t.need("fsck.fat"), "-n", here / "boot.img"])
    assert r.returncode in (0, 1) and LABEL_NOTICE.sub("", r.stdout).count("\n") == 2, r.stdout


def check_disk(t, active, versions):
    """versions: by slot, for the slots that have been written."""
    here = t.dir / "config"
    r = t.run([t.need("sfdisk"), "-d", "disk.img"], cwd=here)
    found = re.findall(r"start= *(\d+), size= *(\d+), type=(\w+)(, bootable)?", r.stdout)
    assert found == [(str(BOOT[active]), "32768", "e", ", bootable"), (str(ROOT[active]), "65536", "83", ""),
                     (str(DATA), str(IMAGE_BLOCKS - DATA), "83", "")], r.stdout
    (here / "fw_env.config").write_text("".join(f"disk.img {hex(n * BLOCK)} 0x2000\n" for n in ENV))
    r = t.run([t.need("fw_printenv"), "-c", "fw_env.config"], cwd=here)
    variables = dict(line.split("=", 1) for line in r.stdout.splitlines())
    wanted = {"nerves_fw_devpath": "/dev/mmcblk0", "nerves_fw_active": active}
    for slot, version in versions.items():
        uuid = fwpack(t, "metadata", "--metadata-key", "meta-uuid", f"{version}.fw").stdout.strip()
        wanted |= {f"{slot}.nerves_fw_platform": "example", f"{slot}.nerves_fw_version": version,
                   f"{slot}.nerves_fw_uuid": uuid}
    assert variables == wanted
    for slot, version in versions.items():
        check_slot(t, slot, version)


def test_complete_then_upgrades_both_ways(t):
    here = example(t)
    for version in ("1.0.0", "2.0.0", "3.0.0"):
        make(t, version)
    new_disk(t, "1.0.0.fw")
    check_disk(t, "a", {"a": "1.0.0"})
    with open(here / "disk.img", "r+b") as f:
        f.seek(DATA * BLOCK)
        assert f.read(256 * BLOCK) == b"\xff" * 256 * BLOCK
        f.seek(DATA * BLOCK)
        f.write(b"what the device has saved")
    r = apply(t, "2.0.0.fw", "upgrade")
    assert (r.returncode, r.stdout) == (0, "fwpack: Upgrading slot B\n")
    check_disk(t, "b", {"a": "1.0.0", "b": "2.0.0"})
    r = apply(t, "3.0.0.fw", "upgrade")
    assert (r.returncode, r.stdout) == (0, "fwpack: Upgrading slot A\n")
    check_disk(t, "a", {"a": "3.0.0", "b": "2.0.0"})
    with open(here / "disk.img", "rb") as f:
        f.seek(DATA * BLOCK)
        assert f.read(25) == b"what the device has saved"


def test_failed_upgrade_leaves_the_running_slot(t):
    here = example(t)
    fw = make(t, "1.0.0")
    new_disk(t, fw)
    (here / "short.fw").write_bytes((here / make(t, "2.0.0")).read_bytes()[:300_000])
    r = apply(t, "short.fw", "upgrade")
    assert r.returncode == 4
    assert r.stdout.splitlines()[:2] == ["fwpack: Upgrading slot B", "fwpack: The update was stopped; slot A keeps running"]
    check_disk(t, "a", {"a": "1.0.0"})


def test_upgrade_of_another_product_or_an_empty_disk_is_refused(t):
    here = example(t)
    fw = make(t, "1.0.0")
    new_disk(t, fw)
    assert fwpack(t, "create", "-f", "fwup.conf", "-o", "other.fw", env={"PLATFORM": "other"}).returncode == 0
    (here / "empty.img").write_bytes(bytes(1 << 20))
    for name, image, platform in (("other.fw", "disk.img", "other"), (fw, "empty.img", "example")):
        before = (here / image).read_bytes()
        r = apply(t, name, "upgrade", image=image)
        assert (r.returncode, r.stdout) == (
            4, f"fwpack: This firmware is for {platform} devices, and on this disk neither slot A nor slot B of one is active.\n")
        assert (here / image).read_bytes() == before


def test_upgrades_from_deltas_both_ways(t):
    here = example(t)
    t.need("xdelta3"), t.need("zip")
    versions = ["1.0.0", "2.0.0", "3.0.0"]
    for version in versions:
        make(t, version)
    new_disk(t, "1.0.0.fw")
    (here / "data").mkdir()
    for old, new, slot in (("1.0.0", "2.0.0", "B"), ("2.0.0", "3.0.0", "A")):
        for command in (["xdelta3", "-e", "-f", "-A", "-S", "none", "-s", f"rootfs-{old}", f"rootfs-{new}", "data/rootfs.img"],
                        ["cp", f"{new}.fw", "delta.fw"], ["zip", "-q", "delta.fw", "data/rootfs.img"]):
            r = t.run(command, cwd=here)
            assert r.returncode == 0, r.stderr
        with zipfile.ZipFile(here / "delta.fw") as z:
            assert z.getinfo("data/rootfs.img").file_size < 10_000
        r = apply(t, "delta.fw", "upgrade")
        assert (r.returncode, r.stdout) == (0, f"fwpack: Upgrading slot {slot}\n")
    check_disk(t, "a", {"a": "3.0.0", "b": "2.0.0"})


# --- the page


def page(t):
    return (t.src / "docs/configuration.md").read_text()


def test_commands_of_the_page(t):
    """Each sh block runs in the example's directory; its output contains the lines of the text block that follows."""
    here = example(t)
    for program in ("sfdisk", "mdir", "fw_printenv", "unzip", "zip", "xdelta3"):
        t.need(program)
    path = os.pathsep.join([str(t.build / "src"), t.env["PATH"], "/usr/sbin"])
    printed, ran = "", 0
    for kind, text in re.findall(r"^```(sh|text)\n(.*?)^```", page(t), re.M | re.S):
        if kind == "sh":
            r = t.run(["sh", "-eu"], input=text, cwd=here, env={"PATH": path})
            assert r.returncode == 0, f"{text}\n{r.stdout}\n{r.stderr}"
            assert r.stderr == "", f"{text}\n{r.stderr}"
            printed = r.stdout
            ran += 1
            continue
        lines = printed.replace("\033[K", "").splitlines()
        for line in text.splitlines():
            assert line in lines, f"{line}\nis not in\n{printed}"
    assert ran == 7, ran


def test_lines_of_the_page_are_those_of_the_example(t):
    lines = {re.sub(r" *#.*", "", line).strip() for line in (t.src / "examples/config/fwup.conf").read_text().splitlines()}
    for text in re.findall(r"^```conf\n(.*?)^```", page(t), re.M | re.S):
        for line in text.splitlines():
            assert line.strip() in lines | {"..."}, line


# Words from each message in the page's tables, and how to provoke it: what to replace in the configuration, by what, and the
# arguments of apply if the message does not come from create.
MISTAKES = [
    ("no such option 'meta-cpu'", "meta-architecture", "meta-cpu", None),
    ("no such option '/rootfs.img'", "host-path = ${ROOTFS}", "host-path = ${HOME}/rootfs.img", None),
    ("syntax error in call of function 'info'", 'info("Upgrading slot A")', "info(Upgrading slot A)", None),
    ("syntax error in call of function 'info'", 'info("Upgrading slot A")', 'info("Upgrading slot A"', None),
    ("missing opening brace for section 'task'", "task upgrade.b {", "task upgrade.b", None),
    ("found duplicate title 'mbr-a'", "mbr mbr-b", "mbr mbr-a", None),
    ("raw_write requires a block offset, but argument 1 is ''", "raw_write(${ROOT_A_OFFSET})", "raw_write(${ROOT_OFFSET})", None),
    ("cannot evaluate ' + 65536': a number is expected", '"${ROOT_A_OFFSET} + ${ROOT_COUNT}"', '"${NONE} + ${ROOT_COUNT}"', None),
    ("raw_write only usable in on-resource", 'info("Upgrading slot A")', "raw_write(5)", None),
    ("unknown resource: kernel.bin", "on-resource kernel.img", "on-resource kernel.bin", None),
    ("can't open file './rootfs.img': No such file or directory", "define(KERNEL, \"kernel.img\")",
     "define(KERNEL, \"rootfs.img\")", "no rootfs.img"),
    ("file-size assertion failed on 'rootfs.img'", "assert-size-lte = ${ROOT_COUNT}", "assert-size-lte = 1000", None),
    ("partitions 0 (blocks 2048 to 42048) and 1 (blocks 40000 to 105536) overlap",
     'define(BOOT_COUNT, 32768)', "define(BOOT_COUNT, 40000) define(ROOT_A_OFFSET, 40000)", None),
    ("Couldn't find applicable task 'upgrade'", "task upgrade.unexpected", "task unexpected", ("-t", "upgrade")),
    ("; nothing was written", "", "", ("-t", "complete", "--max-size", "100000")),
    ("There is no valid FAT volume", "        fat_mkfs(${BOOT_A_OFFSET}, ${BOOT_COUNT})\n", "", ("-t", "complete")),
    ("Could not find the path", '"kernel.img") }', '"boot/kernel.img") }', ("-t", "complete")),
    ("f_mkfs() aborted due to a parameter error", "define(BOOT_COUNT, 32768)", "define(BOOT_COUNT, 4100)", ("-t", "complete")),
    ("maybe the disk is full?", "define(BOOT_COUNT, 32768)", "define(BOOT_COUNT, 300)", ("-t", "complete")),
    ("was likely called twice in an on-resource", "raw_write(${ROOT_A_OFFSET})",
     "raw_write(${ROOT_A_OFFSET}) raw_write(${ROOT_B_OFFSET})", ("-t", "complete")),
    ("Expecting signed firmware archive.", "", "", ("-t", "complete", "-p", "k.pub")),
    ("fails digital signature verification", "", "", ("-t", "complete", "-p", "other.pub")),
    ("and xdelta3 patch support not enabled on it", "", "", ("-t", "complete")),
    ("the delta does not fit what is on the device", "", "", ("-t", "upgrade")),
]
# These need a mounted device (tests/interop/test_block_device.py, and by hand).
UNTESTED = ["would write over what is mounted at", "cannot unmount /dev/mmcblk0p2 from /: Device or resource busy"]


def messages(t):
    """The messages in the page's two tables."""
    text = page(t).split("## Common mistakes")[1]
    return [m.replace("fwup.conf:29: ", "") for m in re.findall(r"^\| `(.*?)` \|", text, re.M)]


def test_the_page_names_messages_that_there_are(t):
    known = [case[0] for case in MISTAKES] + UNTESTED
    for message in messages(t):
        assert any(words in message for words in known), message
    for words in known:
        assert any(words in message for message in messages(t)), words


def mistake(t, number, words, old, new, args):
    """What fwpack says about a configuration with this mistake."""
    here = t.dir / "config"
    text = (t.src / "examples/config/fwup.conf").read_text()
    assert old in text, old
    (here / "fwup.conf").write_text(text.replace(old, new))
    hidden = args == "no rootfs.img"
    if hidden:
        (here / "rootfs.img").rename(here / "hidden")
    # libconfuse 3.3 leaks memory when it meets a mistake.
    env = {"ASAN_OPTIONS": t.env["ASAN_OPTIONS"].replace("detect_leaks=1", "detect_leaks=0")}
    sign = ["-s", "k.priv"] if args and "other.pub" in args else []
    r = fwpack(t, "create", "-1", "-f", "fwup.conf", "-o", "x.fw", *sign, env=env)
    if hidden:
        (here / "hidden").rename(here / "rootfs.img")
    if not args or hidden:
        assert r.returncode == 1, words
        return r.stdout + r.stderr
    assert r.returncode == 0, r.stdout + r.stderr
    if "delta" in words:
        assert t.run(["zip", "-q", "x.fw", "data/rootfs.img"], cwd=here).returncode == 0
    image = "disk.img" if "the delta does not fit" in words else f"{number}.img"
    r = fwpack(t, "apply", "-q", "-d", image, *args, "x.fw")
    assert r.returncode in (1, 4), words
    return r.stdout


@seconds(180)
def test_mistakes_get_the_messages_of_the_page(t):
    here = example(t)
    t.need("xdelta3"), t.need("zip")
    make(t, "10.0.0")
    new_disk(t, "10.0.0.fw")
    make(t, "1.0.0")
    (here / "data").mkdir()
    for name in ("k", "other"):
        assert fwpack(t, "gen-keys", "-o", name).returncode == 0
    subprocess.run(["xdelta3", "-e", "-f", "-A", "-S", "none", "-s", "rootfs-1.0.0", "rootfs.img", "data/rootfs.img"],
                   cwd=here, check=True)
    for number, case in enumerate(MISTAKES):
        said = mistake(t, number, *case)
        assert case[0] in said, (case, said)
    # Two that no program reports.
    text = (t.src / "examples/config/fwup.conf").read_text()
    (here / "fwup.conf").write_text(re.sub(r"meta-description = .*", "meta-description = http://example.com/", text))
    assert fwpack(t, "create", "-f", "fwup.conf", "-o", "x.fw").returncode == 0
    assert fwpack(t, "metadata", "--metadata-key", "meta-description", "x.fw").stdout == "http:\n"
    assert fwpack(t, "metadata", "--metadata-key", "meta-version", "x.fw").stdout == "0.0.0\n"
