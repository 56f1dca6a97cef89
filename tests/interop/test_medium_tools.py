# SPDX-License-Identifier: Apache-2.0
"""Other tools read what fwpack writes to a medium, and vice versa."""
import random
import re
import struct
import zlib

BLOCK = 512
ENV = (16, 48)  # where the copies of the U-Boot environment start, in blocks
ENV_BLOCKS = 16
ENV_SIZE = ENV_BLOCKS * BLOCK
ROOT_OFFSET = 4096
ROOT = random.Random(2).randbytes(300 * BLOCK + 17)

VARIABLES = {
    "slot": "a",
    "nerves_fw_devpath": "/dev/mmcblk0",
    "bootcmd": "setenv bootargs console=ttyS0,115200; run boot_a || run boot_b",
    "a.nerves_fw_author": "Größe & 'quotes'",
    "long": "0123456789" * 300,
}

# The inactive slot is updated, as Nerves systems do.
CONF = """
file-resource root.img {{ host-path = "root.img" }}
uboot-environment env {{ block-offset = {first} block-count = {blocks} {redundant} }}
mbr table {{
  signature = 0x12345678
  {partitions}
}}
task complete {{
  on-init {{
    mbr_write(table)
    uboot_clearenv(env)
    {variables}
  }}
  on-resource root.img {{ raw_write({root}) }}
}}
task table {{ on-init {{ mbr_write(table) }} }}
task upgrade.a {{
  require-uboot-variable(env, "slot", "b")
  on-init {{ info("Upgrading a") }}
  on-finish {{ uboot_setenv(env, "slot", "a") }}
}}
task upgrade.b {{
  require-uboot-variable(env, "slot", "a")
  on-init {{ info("Upgrading b") }}
  on-finish {{ uboot_setenv(env, "slot", "b") }}
}}
"""
PRIMARY = """
  partition 0 { block-offset = 1024 block-count = 1024 type = 0xc boot = true }
  partition 1 { block-offset = 4096 block-count = 2048 type = 0x83 }
  partition 2 { block-offset = 6144 block-count = 2048 type = 0x83 }
  partition 3 { block-offset = 8192 block-count = 1024 type = 0x83 expand = true }
"""
EXTENDED = """
  partition 0 { block-offset = 1024 block-count = 1024 type = 0xc boot = true }
  partition 1 { block-offset = 2048 block-count = 1024 type = 0x83 }
  partition 3 { block-offset = 8192 type = 0xf }
  partition 4 { block-offset = 8448 block-count = 1024 type = 0x83 }
  partition 5 { block-offset = 9472 block-count = 2048 type = 0x82 }
  partition 6 { block-offset = 12288 block-count = 1024 type = 0x83 expand = true }
"""
IMAGE_BLOCKS = (8 << 20) // BLOCK


def make_firmware(t, redundant=False, partitions=PRIMARY):
    (t.dir / "root.img").write_bytes(ROOT)
    variables = "\n".join(f'uboot_setenv(env, "{k}", "{v}")' for k, v in VARIABLES.items())
    (t.dir / "fwup.conf").write_text(CONF.format(
        first=ENV[0], blocks=ENV_BLOCKS, root=ROOT_OFFSET, variables=variables, partitions=partitions,
        redundant=f"block-offset-redund = {ENV[1]}" if redundant else ""))
    r = t.run([t.bin("fwpack"), "-c", "-f", "fwup.conf", "-o", "x.fw"])
    assert r.returncode == 0, r.stdout + r.stderr


def apply(t, image, task="complete"):
    """Returns the updater's output."""
    r = t.run([t.bin("fwpack"), "-a", "-q", "-d", image, "-i", "x.fw", "-t", task])
    assert r.returncode == 0, r.stdout + r.stderr
    return r.stdout


def env_config(t, image, redundant):
    t.need("fw_printenv")
    path = t.dir / "fw_env.config"
    path.write_text("".join(f"{image} {block * BLOCK:#x} {ENV_SIZE:#x}\n"
                            for block in ENV[:2 if redundant else 1]))
    return path


def printenv(t, config):
    r = t.run(["fw_printenv", "-c", config])
    assert r.returncode == 0, r.stderr
    return dict(line.split("=", 1) for line in r.stdout.splitlines())


def setenv(t, config, name, value):
    r = t.run([t.need("fw_setenv"), "-c", config, name, value])
    assert r.returncode == 0, r.stderr


def counters(image):
    """The counter of each copy; both copies must be valid."""
    data = image.read_bytes()
    found = []
    for block in ENV:
        copy = data[block * BLOCK:block * BLOCK + ENV_SIZE]
        crc, counter = struct.unpack_from("<IB", copy)
        assert crc == zlib.crc32(copy[5:]), f"the copy at block {block} is damaged"
        found.append(counter)
    return found


def set_counters(image, *values):
    """They are not under the CRC."""
    with open(image, "r+b") as f:
        for block, value in zip(ENV, values):
            f.seek(block * BLOCK + 4)
            f.write(bytes([value]))


def check_environment(t, redundant):
    make_firmware(t, redundant)
    image = t.image()
    config = env_config(t, image, redundant)
    apply(t, image)
    assert printenv(t, config) == VARIABLES
    # fwpack reads what libubootenv writes, and vice versa.
    assert "Upgrading b" in apply(t, image, "upgrade")
    setenv(t, config, "extra", "kept")
    assert "Upgrading a" in apply(t, image, "upgrade")
    setenv(t, config, "slot", "b")
    assert "Upgrading a" in apply(t, image, "upgrade")
    assert printenv(t, config) == {**VARIABLES, "slot": "a", "extra": "kept"}


def test_libubootenv_and_fwpack_share_an_environment(t):
    check_environment(t, redundant=False)


def test_libubootenv_and_fwpack_share_a_redundant_environment(t):
    check_environment(t, redundant=True)


def test_both_write_the_older_copy_with_the_next_counter(t):
    make_firmware(t, redundant=True)
    image = t.image()
    config = env_config(t, image, True)
    apply(t, image)
    # A cleared environment starts with 1 in both copies, and each variable is one write.
    assert sorted(counters(image)) == [len(VARIABLES), len(VARIABLES) + 1]
    for n in range(6):
        before = counters(image)
        if n % 3 == 2:
            setenv(t, config, "extra", str(n))
        else:
            apply(t, image, "upgrade")
        after = counters(image)
        older = before.index(min(before))
        assert after[older] == max(before) + 1 and after[1 - older] == before[1 - older], (before, after)


def test_counter_goes_round(t):
    make_firmware(t, redundant=True)
    image = t.image()
    config = env_config(t, image, True)
    apply(t, image)
    newer = counters(image).index(max(counters(image)))
    set_counters(image, *(255 if i == newer else 254 for i in (0, 1)))
    apply(t, image, "upgrade")
    # Now 0 is newer than 255, for both.
    assert sorted(counters(image)) == [0, 255]
    assert printenv(t, config) == {**VARIABLES, "slot": "b"}
    assert "Upgrading a" in apply(t, image, "upgrade")
    assert sorted(counters(image)) == [0, 1]
    set_counters(image, *(255 if i == counters(image).index(1) else 254 for i in (0, 1)))
    setenv(t, config, "extra", "kept")
    assert sorted(counters(image)) == [0, 255]
    assert "Upgrading b" in apply(t, image, "upgrade")
    assert printenv(t, config) == {**VARIABLES, "slot": "b", "extra": "kept"}


def test_libubootenv_reads_the_copy_that_is_left(t):
    """A power cut in the middle of a write: both programs must fall back to the other copy, and repair the damaged one."""
    make_firmware(t, redundant=True)
    image = t.image()
    config = env_config(t, image, True)
    apply(t, image)
    apply(t, image, "upgrade")
    newer = counters(image).index(max(counters(image)))
    with open(image, "r+b") as f:
        f.seek(ENV[newer] * BLOCK + 100)
        f.write(b"\0\0\0")
    assert printenv(t, config)["slot"] == "a"
    assert "Upgrading b" in apply(t, image, "upgrade")
    assert len(counters(image)) == 2
    assert printenv(t, config)["slot"] == "b"


def check_mkenvimage(t, redundant):
    t.need("mkenvimage")
    make_firmware(t, redundant)
    image = t.image()
    config = env_config(t, image, redundant)
    (t.dir / "env.txt").write_text("".join(f"{k}={v}\n" for k, v in VARIABLES.items()))
    r = t.run(["mkenvimage", *(["-r"] if redundant else []), "-s", ENV_SIZE, "-o", "env.bin", "env.txt"])
    assert r.returncode == 0, r.stderr
    with open(image, "r+b") as f:
        for block in ENV[:2 if redundant else 1]:
            f.seek(block * BLOCK)
            f.write((t.dir / "env.bin").read_bytes())
    assert "Upgrading b" in apply(t, image, "upgrade")
    assert printenv(t, config) == {**VARIABLES, "slot": "b"}


def test_mkenvimage_environment_is_read(t):
    check_mkenvimage(t, redundant=False)


def test_mkenvimage_redundant_environment_is_read(t):
    check_mkenvimage(t, redundant=True)


def test_raw_write_lands_where_it_should(t):
    make_firmware(t)
    image = t.image()
    image.write_bytes(b"\xee" * image.stat().st_size)
    apply(t, image)
    data = image.read_bytes()
    begin, end = ROOT_OFFSET * BLOCK, ROOT_OFFSET * BLOCK + 301 * BLOCK
    assert data[begin:begin + len(ROOT)] == ROOT
    assert set(data[begin + len(ROOT):end]) == {0}  # the last block is padded
    assert set(data[begin - BLOCK:begin] + data[end:]) == {0xee}, "neighbours were touched"


def sfdisk_partitions(t, image):
    """{number: (start, size, type, bootable)}"""
    dump = t.run([t.need("sfdisk"), "-d", image])
    assert dump.returncode == 0 and "label: dos" in dump.stdout, dump.stderr
    assert "label-id: 0x12345678" in dump.stdout, dump.stdout
    found = re.findall(r"\.img(\d+) : start= *(\d+), size= *(\d+), type=(\w+)(, bootable)?", dump.stdout)
    return {int(n): (int(start), int(size), kind, bool(boot)) for n, start, size, kind, boot in found}


def fdisk_partitions(t, image):
    text = t.run([t.need("fdisk"), "-l", image]).stdout
    found = re.findall(r"\.img(\d+) +(\*?) +(\d+) +(\d+) +(\d+) +\S+ +(\w+) ", text)
    assert all(int(end) - int(start) + 1 == int(size) for _, _, start, end, size, _ in found), text
    return {int(n): (int(start), int(size), kind, bool(boot)) for n, boot, start, _, size, kind in found}


def check_partitions(t, partitions, expected):
    make_firmware(t, partitions=partitions)
    image = t.image()
    apply(t, image, "table")
    assert sfdisk_partitions(t, image) == expected
    assert fdisk_partitions(t, image) == expected
    verify = t.run(["sfdisk", "--verify", image])
    assert verify.returncode == 0 and "No errors detected." in verify.stdout, verify.stdout + verify.stderr


def test_sfdisk_reads_four_partitions(t):
    check_partitions(t, PRIMARY, {
        1: (1024, 1024, "c", True),
        2: (4096, 2048, "83", False),
        3: (6144, 2048, "83", False),
        4: (8192, IMAGE_BLOCKS - 8192, "83", False),
    })


def test_sfdisk_reads_logical_partitions(t):
    check_partitions(t, EXTENDED, {
        1: (1024, 1024, "c", True),
        2: (2048, 1024, "83", False),
        4: (8192, IMAGE_BLOCKS - 8192, "f", False),
        5: (8448, 1024, "83", False),
        6: (9472, 2048, "82", False),
        7: (12288, IMAGE_BLOCKS - 12288, "83", False),
    })
