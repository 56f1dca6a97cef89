#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the seeds of task_fuzz.c anew: task_seeds.py BUILD. Needs fwpack and xdelta3."""
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

SEEDS = Path(__file__).resolve().parent / "seeds/task"
# The places are those of the device in task_fuzz.c.
ENV = "uboot-environment e { block-offset=16 block-count=8 block-offset-redund=24 }\n"
A, B = 'file-resource a { contents="hello" }\n', 'file-resource b { contents="second" }\n'
NEW, SPARSE = 'file-resource a { host-path="new" }\n', 'file-resource a { host-path="sparse" skip-holes=true }\n'
GUID = "b443fbeb-2c93-481b-88b3-0ecb0aeba9"
TASKS = {
    "raw": A + B + """task t { on-init { raw_memset(1,2,255) trim(0,512) } on-resource a { raw_write(10) }
on-resource b { raw_write(12,"cipher=aes-cbc-plain","secret=00112233445566778899aabbccddeeff") }
on-finish { raw_memset(30,1,1) info("x") } on-error { raw_memset(3,1,7) error("e") } }""",
    "fat-new": A + B + """task t { on-init { fat_mkfs(100,300) fat_mkdir(100,"x") fat_setlabel(100,"LAB") }
on-resource a { fat_write(100,"x/A long name.txt") } on-resource b { fat_write(100,"b") }
on-finish { fat_mv(100,"b","x/c") fat_mv!(100,"x/c","e") fat_cp(100,"e",100,"g") fat_attrib(100,"g","RHS")
fat_touch(100,"t") fat_rm(100,"t") fat_rm!(100,"e") } }""",
    "fat-old": A + """task t { require-fat-file-exists(100,"d/a.txt") on-resource a { fat_write(100,"d/a.txt") }
on-finish { fat_mv(100,"d/a.txt","d/b.txt") fat_mv(100,"d","q") fat_rm(100,"q/b.txt") fat_rm(100,"q") } }""",
    "environment": ENV + A + """task t.b { require-uboot-variable(e,"slot","a") on-init { uboot_unsetenv(e,"b") }
on-resource a { raw_write(40) } on-finish { uboot_setenv(e,"slot","b") uboot_setenv(e,"x","y") } }
task t { on-init { uboot_clearenv(e) uboot_recover(e) uboot_setenv(e,"slot","a") } on-resource a { raw_write(40) } }""",
    "tables": "mbr m { partition 0 { block-offset=63 block-count=5 type=0x1 boot=true } partition 3 { block-offset=70 "
              "block-count=300 type=0xf } partition 4 { block-offset=80 block-count=10 type=0x83 } signature=0x1234 }\n"
              "task t { require-partition-offset(0,63) on-finish { mbr_write(m) } }",
    "gpt": f'gpt g {{ guid="{GUID}11" partition 0 {{ block-offset=34 block-count=10 guid="{GUID}12" name="x" boot=true '
           f'type="c12a7328-f81f-11d2-ba4b-00a0c93ec93b" flags="0x4" expand=true }} }}\n'
           "task t { on-init { gpt_write(g) } }",
    "delta-raw": NEW + "task t { on-resource a { delta-source-raw-offset=420 delta-source-raw-count=18 raw_write(440) } }",
    "delta-fat": NEW + 'task t { on-resource a { delta-source-fat-offset=100 delta-source-fat-path="d/a.txt" '
                       'raw_write(440) } }',
    "sparse-raw": SPARSE + "task t { on-resource a { raw_write(30) } }",
    "sparse-fat": SPARSE + 'task t { on-resource a { fat_write(100,"s") } }',
}


def make_files(directory):
    old = bytes(i * 7 >> 3 & 255 for i in range(9000))
    (directory / "old").write_bytes(old + bytes(216))
    (directory / "new").write_bytes(old[:4000] + b"INSERTED" + old[4100:])
    with open(directory / "sparse", "wb") as f:
        f.write(b"data" * 1024)
        f.seek(65536)
        f.write(b"more" * 256)
        f.truncate(98304)
    subprocess.run(["xdelta3", "-e", "-f", "-S", "none", "-s", "old", "new", "patch"], cwd=directory, check=True)


def main():
    fwpack = Path(sys.argv[1]).resolve() / "src/fwpack"
    SEEDS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        make_files(directory)
        for number, (seed, conf) in enumerate(TASKS.items()):
            (directory / "x.conf").write_text('meta-version="1"\n' + conf)
            subprocess.run([fwpack, "create", "-f", "x.conf", "-o", "x.fw"], cwd=directory, check=True,
                           env={"SOURCE_DATE_EPOCH": "1700000000"})
            with zipfile.ZipFile(directory / "x.fw") as z:
                parts = [z.read("meta.conf"), *(z.read(n) for n in z.namelist() if n != "meta.conf")]
            if seed.startswith("delta"):
                parts[1] = (directory / "patch").read_bytes()
            data = b"".join(struct.pack("<H", len(p)) + p for p in parts)
            (SEEDS / seed).write_bytes(bytes([number % 8]) + data + bytes(2 * (5 - len(parts))))


if __name__ == "__main__":
    main()
