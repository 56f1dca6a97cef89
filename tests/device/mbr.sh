#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mbr.sh BUILDDIR: builds BUILDDIR/device/mbr-order and mbr-active from what build.sh has left in BUILDDIR/device: the same slots
# on a disk whose partition table decides, and a U-Boot that boots by it. Nothing is rebuilt while what it depends on is
# unchanged.
set -eu
[ $# = 1 ] || { echo "Usage: mbr.sh BUILDDIR" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
device=$build/device
fwpack=$build/src/fwpack
# shellcheck source=tests/device/fresh.sh
. "$here/fresh.sh"

inputs() {
    cat "$device/inputs" "$here/mbr.sh" "$here/fwup-mbr.conf" "$here/mbr-active-env.txt" "$here/mbr-order-env.txt" | sha256sum
}

# make_firmware SLOT VERSION
make_firmware() {
    SWITCH=$switch VERSION=$2 SLOT=$device/slots/$1.img DATA=$device/data.img \
        "$fwpack" create -f "$here/fwup-mbr.conf" -o "$out/firmware/$1.fw" -s "$device/firmware-key.priv"
}

make_layout() {
    switch=$1 out=$device/mbr-$1
    rm -rf "$out"
    mkdir -p "$out/firmware"
    ln -s ../id_ed25519 ../id_ed25519.pub ../uboot.img ../slots "$out"
    mkenvimage -s 0x40000 -o "$out/uboot-env.img" "$here/mbr-$switch-env.txt"
    truncate -s 64M "$out/uboot-env.img"
    make_firmware good-1 1.0.0
    make_firmware good-2 2.0.0
    truncate -s 103M "$out/disk.img"
    "$fwpack" apply -q -t complete -p "$device/firmware-key.pub" -d "$out/disk.img" "$out/firmware/good-1.fw"
}

fresh_begin "$device/mbr"
make_layout order
make_layout active
fresh_end "$device/mbr"
