#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# build.sh BUILDDIR: builds the virtual device and its firmware in BUILDDIR/device, from the programs in BUILDDIR and the same
# for arm64. Nothing is rebuilt while what it depends on is unchanged.
set -eu
[ $# = 1 ] || { echo "Usage: build.sh BUILDDIR" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
build=$(cd "$1" && pwd)
out=$build/device
fwpack=$build/src/fwpack
guest=$out/guest
programs=$out/arm64/bin
data_size=16M
disk_size=103M
# shellcheck source=tests/device/root.sh
. "$here/root.sh"
# shellcheck source=tests/device/fresh.sh
. "$here/fresh.sh"

inputs() {
    find "$source/src" "$source/packaging/static" "$source/meson.build" "$source/examples/slots" "$here" -type f ! -name '*.py' ! -name '*.pyc' |
        LC_ALL=C sort | xargs sha256sum
}

# make_firmware NAME SLOT VERSION [OPTION...]: firmware/NAME.fw
make_firmware() {
    name=$1 slot=$2 version=$3
    shift 3
    VERSION=$version SLOT=$out/slots/$slot.img BOOT_SCRIPT=$out/boot.scr DATA=$out/data.img \
        "$fwpack" create -f "$here/fwup.conf" -o "$out/firmware/$name.fw" "$@"
}

# release NAME VERSION BEHAVIOUR: a slot and its signed firmware.
release() {
    make_slot "$1" "$2" "$3"
    make_firmware "$1" "$1" "$2" -s "$out/firmware-key.priv"
}

make_releases() {
    mkdir -p "$out/slots" "$out/firmware"
    rm -f "$out/data.img"
    mke2fs -q -t ext4 -m 0 "$out/data.img" $data_size >/dev/null
    release good-1 1.0.0 good
    release good-2 2.0.0 good
    release slow 2.0.0 slow
    release panic 3.0.0 panic
    release hang 3.0.0 hang
    release self-test 3.0.0 self-test
    head -c 1M /dev/zero | dd of="$tree/boot/Image" conv=notrunc status=none
    release kernel 3.0.0 good
    make_firmware unsigned good-2 2.0.0
    PLATFORM=other make_firmware other good-2 2.0.0 -s "$out/firmware-key.priv"
}

make_disk() {
    rm -f "$out/disk.img"
    truncate -s $disk_size "$out/disk.img"
    "$fwpack" apply -q -t complete -p "$out/firmware-key.pub" -d "$out/disk.img" "$out/firmware/good-1.fw"
}

fresh_begin "$out"
"$source/packaging/static/build.sh" arm64 "$out/arm64" >"$out/arm64.log" 2>&1 || {
    cat "$out/arm64.log" >&2
    exit 1
}
"$source/packaging/static/extract.sh" "$here/guest-packages.txt" "$guest"
make_keys
"$here/flash.sh" "$out"
make_tree
make_releases
make_disk
fresh_end "$out"
