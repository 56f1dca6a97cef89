# SPDX-License-Identifier: Apache-2.0
"""fwssh push of what is no .fw: recognised by content, described, refused before it is sent, and found again."""
import gzip
import hashlib
import io
import os
import tarfile

from support.adapter import request
from support.adapter_device import AdapterDevice
from support.rauc_device import certificate
from support.rebooting import events, firmware
from support.swupdate_device import archive
from support.update import MB, marker


def raucb(t, form="verity"):
    """A RAUC bundle, by RAUC itself. The manifest of a plain one is compressed, and so unknown to us."""
    for program in ("rauc", "mksquashfs", "openssl"):
        t.need(program)
    certificate(t, "rauc", "emailProtection")
    content = t.dir / form
    content.mkdir()
    (content / "root.img").write_bytes(os.urandom(8192))
    (content / "manifest.raucm").write_text(
        f"[update]\ncompatible=camera\nversion=2.0\n[bundle]\nformat={form}\n[image.rootfs]\nfilename=root.img\n")
    pem, key, path = t.dir / "rauc.pem", t.dir / "rauc.key", t.dir / f"{form}.raucb"
    r = t.run(["rauc", f"--cert={pem}", f"--key={key}", f"--keyring={pem}", "bundle", content, path])
    assert r.returncode == 0, r
    return path


def swu(t):
    for program in ("cpio", "openssl"):
        t.need(program)
    certificate(t, "good", "emailProtection")
    archive(t)
    return t.dir / "x.swu"


def tar(files, **options):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT, **options) as f:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            f.addfile(info, io.BytesIO(data))
    return out.getvalue()


def mender(t):
    """As its documentation describes version 3."""
    info = b'{"payloads":[{"type":"rootfs-image"}],"artifact_provides":{"artifact_name":"release-2"}}'
    path = t.dir / "x.mender"
    path.write_bytes(tar({"version": b'{"format":"mender","version":3}', "manifest": b"00  version\n",
                          "header.tar.gz": gzip.compress(tar({"header-info": info})),
                          "data/0000.tar.gz": gzip.compress(os.urandom(4096))}))
    return path


def image(t, size=MB):
    path = t.dir / "x.img"
    data = bytearray(os.urandom(size))
    data[1080:1082] = b"\x53\xef"  # ext4
    path.write_bytes(data)
    return path


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_what_a_file_says_of_itself(t):
    dev = AdapterDevice(t, "'raucb swu mender raw'")
    for path, kind, word, product, version in (
            (raucb(t), "a RAUC bundle", "raucb", "camera", "2.0"),
            (raucb(t, "plain"), "a RAUC bundle", "raucb", None, None),
            (swu(t), "an SWUpdate archive", "swu", "test", "2.0"),
            (mender(t), "a Mender artifact", "mender", None, "release-2"),
            (image(t), "a plain image", "raw", None, None)):
        r = dev.push(path, "--no-reboot")
        assert r.returncode == 0 and f"Kind:     {kind}\n" in r.stdout, r
        assert f"SHA-256:  {sha256(path)}\n" in r.stdout and "UUID" not in r.stdout, r
        said = f"{product or '(not named)'} {version or '(version unknown)'}" if product or version else "unknown"
        assert f"Product:  {said}\n" in r.stdout, r
        assert (t.dir / "test.input").read_bytes() == path.read_bytes()
        (t.dir / "test.next").write_text("a\n")
        first = events(dev.push(path, "--no-reboot", "--json"))[0]
        assert (first["kind"], first["uuid"], first["sha256"]) == (word, None, sha256(path)), first
        assert (first["product"], first["version"]) == (product, version), first
        (t.dir / "test.next").write_text("a\n")


def test_kind_that_the_device_does_not_take(t):
    dev = AdapterDevice(t, "raucb")
    path = swu(t)
    r = dev.push(path)
    assert r.returncode == 4, r
    assert f"{path} is an SWUpdate archive, but the device's updater (fwssh-updater-test) takes: raucb; nothing was sent" \
        in r.stderr, r
    # A .fw, where the device was asked anyway.
    r = dev.push(firmware(t)[0], "--wait")
    assert r.returncode == 4 and "is a .fw archive, but" in r.stderr, r
    assert "write" not in marker(t, "test.calls") and "update" not in dev.d.log()
    fwpack = t.daemon(updater=t.bin("fwpack"))
    dev.d = fwpack
    r = dev.push(path)
    assert r.returncode == 4 and "(fwpack) takes: fw; nothing was sent" in r.stderr, r


def test_device_that_does_not_say_what_it_takes(t):
    dev = AdapterDevice(t, "")
    path = swu(t)
    r = dev.push(path)
    assert r.returncode == 4 and "does not say whether its updater takes that; nothing was sent" in r.stderr, r
    r = dev.push(path, "--force")
    assert r.returncode == 0 and (t.dir / "test.input").read_bytes() == path.read_bytes(), r


def test_files_that_are_cut_off(t):
    whole = {"swu": swu(t), "mender": mender(t)}
    squashfs = t.dir / "x.squashfs"
    (t.dir / "files").mkdir()
    (t.dir / "files/file").write_bytes(os.urandom(8192))
    t.need("mksquashfs")
    assert t.run(["mksquashfs", t.dir / "files", squashfs, "-quiet"]).returncode == 0
    whole["squashfs"] = squashfs
    for name, path in whole.items():
        data = path.read_bytes()
        cut = t.dir / f"cut.{name}"
        cut.write_bytes(data[:len(data) // 2])
        r = t.run([t.bin("fwssh"), "push", "127.0.0.1", "--port", "1", "--firmware", cut])
        assert r.returncode == 4 and f"{cut} is cut off: it is " in r.stderr, (name, r)
    # What is nothing of all that.
    (t.dir / "noise").write_bytes(b"noise" * 1000)
    r = t.run([t.bin("fwssh"), "push", "127.0.0.1", "--port", "1", "--firmware", t.dir / "noise"])
    assert r.returncode == 4 and "not a usable firmware archive" in r.stderr, r


def test_part_of_one_cannot_be_sent(t):
    dev = AdapterDevice(t, "raw")
    path = image(t)
    for option in ("--dry-run", "--max-bytes=2M"):
        r = dev.push(path, option)
        assert r.returncode == 2 and "only of a .fw archive is a part sent by itself" in r.stderr, (option, r)
    assert "write" not in marker(t, "test.calls")


def test_parts_of_one_are_sent_to_a_device_that_names_sources(t):
    """Only if that is asked for: nothing says whether the device has the like."""
    path = image(t)
    old = path.read_bytes()
    (t.dir / "slot").write_bytes(old)
    with open(path, "ab") as f:
        f.write(os.urandom(20_000))
    dev = AdapterDevice(t, "raw", adaptive_sources=[t.dir / "slot"])
    r = dev.push(path, "--adaptive=always", "--max-bytes=200k")
    assert r.returncode == 0 and "Sent 0." in r.stdout, (r, dev.d.log())
    assert "write" in marker(t, "test.calls")


def test_one_that_is_cut_off_during_the_push(t):
    """What was read of it before the device agreed is sent."""
    path = image(t)
    old = path.read_bytes()
    (t.dir / "slot").write_bytes(old[: MB // 2])
    cut = t.script("cut", f"#!/bin/sh\nexec truncate -s 100 {path}\n")
    dev = AdapterDevice(t, "raw", adaptive_sources=[t.dir / "slot"], hook_precheck=str(cut))
    r = dev.push(path, "--adaptive=always", "--no-reboot")
    assert r.returncode == 0 and path.stat().st_size == 100, (r, dev.d.log())
    assert (t.dir / "test.input").read_bytes() == old


def test_it_runs_after_the_reboot(t):
    dev = AdapterDevice(t, "raw")
    path = image(t)
    r = dev.push(path, "--wait")
    assert r.returncode == 0 and "Done: the device runs the new firmware (slot b, version unknown)" in r.stdout, r
    facts = request(dev.d, "status")[1]
    assert facts["sha256"] == facts["slot.b.sha256"] == sha256(path), facts
    # Among several devices one that runs it is skipped.
    hosts = t.dir / "hosts"
    hosts.write_text("localhost\n")
    r = dev.push(path, "--wait", "--hosts", hosts)
    assert r.stdout.count("Skipped: the device already runs this firmware") == 4, r


def test_it_went_back(t):
    dev = AdapterDevice(t, "raw", comes_back="a")
    r = dev.push(image(t), "--wait")
    assert r.returncode == 8 and "came back with the old firmware (slot a, version unknown)" in r.stderr, r


def test_same_version_is_not_the_same_file(t):
    """The device goes back to a firmware that has the version of the new one."""
    dev = AdapterDevice(t, "swu", comes_back="a", status=AdapterDevice.SLOTS + "; echo version=2.0")
    r = dev.push(swu(t), "--wait")
    assert r.returncode == 8, r


def test_version_alone(t):
    """Slots that are unknown cannot be noted; then the version is all that there is."""
    dev = AdapterDevice(t, "swu", status="echo version=$(cat $me.boots).0")
    r = dev.push(swu(t), "--wait")
    assert r.returncode == 0 and "(slot unknown, version 2.0)" in r.stdout, r


def test_slot_that_is_written_again_is_forgotten(t):
    """Also by a client that does not say what it sends, and by an update that fails."""
    dev = AdapterDevice(t, "raw")
    assert dev.push(image(t), "--no-reboot").returncode == 0
    assert "slot.b.sha256" in request(dev.d, "status")[1]
    (t.dir / "test.next").write_text("a\n")
    client = dev.d.client(subsystem="fwssh")
    client.stdin.write(b"fwssh/1 update size=1000\n" + b"hello" * 120)
    t.wait_for(lambda: marker(t, "test.calls").count("write") == 2, "the adapter")
    client.kill()
    dev.d.wait_log("connection to the client was lost")
    assert "slot.b.sha256" not in request(dev.d, "status")[1]


def test_what_a_firmware_does_not_say_leaves_no_gap(t):
    for number, (meta, product, platform) in enumerate((
            ({}, "(not named)", []),
            ({"product": "Pump", "platform": "board"}, "Pump", ["Platform: board"]),
            ({"product": "", "version": "2", "platform": "", "architecture": ""}, "(not named) 2", []),
            ({"version": "2", "architecture": "arm"}, "(not named) 2", ["Platform: (not named) arm"]),
            ({"product": "Pump", "version": "2", "platform": "board", "architecture": "arm"}, "Pump 2",
             ["Platform: board arm"]))):
        conf, fw = t.dir / f"{number}.conf", t.dir / f"{number}.fw"
        conf.write_text("".join(f'meta-{k} = "{v}"\n' for k, v in meta.items()) + "task upgrade {}\n")
        assert t.run([t.bin("fwpack"), "create", "-f", conf, "-o", fw]).returncode == 0
        r = t.run([t.bin("fwssh"), "describe", "--firmware", fw])
        said = r.stdout.splitlines()
        assert r.returncode == 0 and said[1] == f"Product:  {product}" and said[3:] == platform, (meta, r)
        r = t.run([t.bin("fwssh"), "push", "--firmware", fw, "no-such.invalid", "no-other.invalid"])
        assert r.stdout.startswith(product.replace("(not named)", "Firmware") + " ("), (meta, r)


def test_a_pipe_is_not_waited_for(t):
    os.mkfifo(t.dir / "fifo.fw")
    r = t.run([t.bin("fwssh"), "describe", "--firmware", "fifo.fw"], timeout=10)
    assert r.returncode == 2 and "fifo.fw is not a regular file" in r.stderr, r


def test_state_of_another_image(t):
    """Without a UUID, the content tells: else a device that cannot be asked would count as done."""
    dev = AdapterDevice(t, "raw")
    path, rollout = image(t), t.dir / "rollout"
    assert dev.push(path, "--state", rollout).returncode == 0
    assert rollout.read_text().startswith(f"fwssh-fleet 1 {sha256(path)}\n")
    other = dev.push(image(t), "--state", rollout)
    assert other.returncode == 2 and "of a push of another firmware" in other.stderr, other
