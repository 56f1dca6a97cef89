# SPDX-License-Identifier: Apache-2.0
"""What a firmware may consist of: encrypted slots, FAT files, deltas, many small files, holes; pushed as differences."""
import random
import re

from support.delta_patch import put
from support.slots import TwoSlots, changed, content

SECRET = "ab" * 64
CIPHER = f'"cipher=aes-xts-plain64", "secret={SECRET}"'


def pack(t, name, conf, version):
    (t.dir / f"{name}.conf").write_text(f'meta-product = "camera"\nmeta-version = "{version}"\n{conf}')
    r = t.run([t.bin("fwpack"), "create", "-f", t.dir / f"{name}.conf", "-o", t.dir / f"{name}.fw"])
    assert r.returncode == 0, r
    return t.dir / f"{name}.fw"


def sent(r):
    return float(re.search(r"Sent ([\d.]+) MB instead of", r.stdout)[1]) * 1e6


def apply(t, fw, task, image):
    r = t.run([t.bin("fwpack"), "apply", "-q", "-i", fw, "-t", task, "-d", image])
    assert r.returncode == 0, r


def check_like_plain(t, device, fw, most, *options):
    """A push leaves what the updater by itself leaves, and sends at most so much."""
    plain = t.dir / "plain.img"
    plain.write_bytes(device.image.read_bytes())
    apply(t, fw, "upgrade", plain)
    r = device.push(fw, "--adaptive=always", *options)
    assert r.returncode == 0, (r, device.daemon.log())
    assert sent(r) <= most, r
    assert device.image.read_bytes() == plain.read_bytes()
    return r


def test_encrypted_slots(t):
    root, new = content(1), changed(content(1), 2)
    def conf(version, data):
        (t.dir / f"root-{version}").write_bytes(data)
        return pack(t, version, f"""
file-resource root {{ host-path = "{t.dir}/root-{version}" }}
task complete {{ on-resource root {{ raw_write(2048, {CIPHER}) }} }}
task upgrade {{ on-resource root {{ raw_write(34816, {CIPHER}) }} }}
""", version)
    old, fw = conf("1.1.0", root), conf("2.0.0", new)
    device = TwoSlots(t, root)
    apply(t, old, "complete", device.image)
    check_like_plain(t, device, fw, 40_000)


def test_files_of_a_fat_volume(t):
    """The kernel lies in a file, in pieces; other files are small."""
    r = random.Random(4)
    kernel = content(5, 2 << 20)
    small = [r.randbytes(700) for _ in range(60)]
    def conf(version, kernel, small):
        names = []
        for i, data in enumerate([kernel, *small]):
            (t.dir / f"{version}-{i}").write_bytes(data)
            names.append(f'file-resource f{i} {{ host-path = "{t.dir}/{version}-{i}" }}\n')
        def task(name, start, more=""):
            files = " ".join(f'on-resource f{i} {{ fat_write(2048, "{start}{i}") }}' for i in range(len(names)))
            return f"task {name} {{ {more} {files} }}\n"
        mkfs = "on-init { fat_mkfs(2048, 32768) }"
        return pack(t, version, "".join(names) + task("complete", "a", mkfs) + task("upgrade", "b"), version)
    old = conf("1.1.0", kernel, small)
    fw = conf("2.0.0", changed(kernel, 6), [*small[:-1], r.randbytes(700)])
    device = TwoSlots(t, content(1))
    apply(t, old, "complete", device.image)
    check_like_plain(t, device, fw, 60_000)


def test_a_delta_arrives_right(t):
    """Its bytes have nothing in common with what is on the device."""
    old, new = content(1), changed(content(1), 2)
    (t.dir / "new").write_bytes(new)
    (t.dir / "old").write_bytes(old)
    fw = pack(t, "2.0.0", f"""
file-resource root {{ host-path = "{t.dir}/new" }}
task complete {{ on-resource root {{ raw_write(2048) }} }}
task upgrade {{ on-resource root {{
    delta-source-raw-offset = 2048 delta-source-raw-count = {len(old) // 512 + 1}
    raw_write(34816) }} }}
""", "2.0.0")
    t.need("xdelta3")
    r = t.run(["xdelta3", "-e", "-S", "none", "-s", t.dir / "old", t.dir / "new", t.dir / "patch"])
    assert r.returncode == 0, r
    patch = (t.dir / "patch").read_bytes()
    put(t, fw, patch, entry="root")
    device = TwoSlots(t, old)
    check_like_plain(t, device, fw, len(patch) + 5000)


def test_holes_are_not_sent(t):
    """What is in the holes stays as it was."""
    data = content(1)
    with open(t.dir / "sparse", "wb") as f:
        f.write(data[:1 << 20])
        f.seek(6 << 20)
        f.write(data[1 << 20:2 << 20])
        f.truncate(9 << 20)
    fw = pack(t, "2.0.0", f"""
file-resource root {{ host-path = "{t.dir}/sparse" skip-holes = true }}
task complete {{ on-resource root {{ raw_write(2048) }} }}
task upgrade {{ on-resource root {{ raw_write(34816) }} }}
""", "2.0.0")
    device = TwoSlots(t, data)
    r = check_like_plain(t, device, fw, 60_000)
    assert "Success!" in r.stdout


def test_every_task_is_a_source(t):
    """Three slots: what the third one holds is found, too."""
    parts = [content(n) for n in (1, 2, 3)]
    new = parts[2]
    (t.dir / "new").write_bytes(changed(new, 9))
    fw = pack(t, "2.0.0", f"""
file-resource root {{ host-path = "{t.dir}/new" }}
task upgrade {{ on-resource root {{ raw_write(2048) }} }}
task other {{ on-resource root {{ raw_write(14336) }} }}
task third {{ on-resource root {{ raw_write(26624) }} }}
""", "2.0.0")
    device = TwoSlots(t, parts[0])
    with open(device.image, "r+b") as f:
        f.seek(26624 * 512)
        f.write(new)
    check_like_plain(t, device, fw, 40_000)
