#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# previous.sh BUILDDIR COMMIT: builds BUILDDIR/device/previous from what build.sh has left in BUILDDIR/device: the same device
# with the programs of another version, in the slot that runs. Nothing is rebuilt while what it depends on is unchanged.
set -eu
[ $# = 2 ] || { echo "Usage: previous.sh BUILDDIR COMMIT" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
commit=$2
device=$build/device
out=$device/previous
guest=$device/guest
fwpack=$build/src/fwpack
programs=$out/arm64/bin
# shellcheck source=tests/device/root.sh
. "$here/root.sh"

inputs() {
    echo "$commit"
    cat "$device/inputs" "$here/previous.sh"
}

build_programs() {
    rm -rf "$out/source"
    mkdir "$out/source"
    git -C "$here/../.." archive -o "$out/source.tar" "$commit"
    tar -x -C "$out/source" -f "$out/source.tar"
    "$out/source/packaging/static/build.sh" arm64 "$out/arm64" >"$out/arm64.log" 2>&1 || {
        cat "$out/arm64.log" >&2
        exit 1
    }
}

make_firmware() {
    VERSION=1.0.0 SLOT=$out/slots/previous.img BOOT_SCRIPT=$device/boot.scr DATA=$device/data.img \
        "$fwpack" create -f "$here/fwup.conf" -o "$out/firmware/previous.fw" -s "$device/firmware-key.priv"
}

make_disk() {
    rm -f "$out/disk.img"
    truncate -s 103M "$out/disk.img"
    "$fwpack" apply -q -t complete -p "$device/firmware-key.pub" -d "$out/disk.img" "$out/firmware/previous.fw"
}

mkdir -p "$out/firmware" "$out/slots"
exec 9>"$out/lock"
flock 9
inputs >"$out/inputs.new"
! cmp -s "$out/inputs.new" "$out/inputs" || exit 0
rm -f "$out/inputs"
build_programs
for name in id_ed25519 id_ed25519.pub firmware-key.pub uboot.img uboot-env.img; do
    ln -sf "../$name" "$out/$name"
done
for name in good-2 self-test; do
    ln -sf "../../slots/$name.img" "$out/slots/$name.img"
    ln -sf "../../firmware/$name.fw" "$out/firmware/$name.fw"
done
make_tree
make_slot previous 1.0.0 good
make_firmware
make_disk
mv "$out/inputs.new" "$out/inputs"
