#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# previous.sh BUILDDIR COMMIT: builds BUILDDIR/device/previous from what build.sh has left in BUILDDIR/device: the same device
# with the programs of another version, in the slot that runs. Nothing is rebuilt while what it depends on is unchanged.
set -eu
[ $# = 2 ] || { echo "Usage: previous.sh BUILDDIR COMMIT" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
commit=$2
layout=previous
programs=$build/device/$layout/arm64/bin
# shellcheck source=tests/device/layout.sh
. "$here/layout.sh"

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

make_disk() {
    rm -f "$out/disk.img"
    truncate -s 103M "$out/disk.img"
    "$fwpack" apply -q -t complete -p "$device/firmware-key.pub" -d "$out/disk.img" "$out/firmware/previous.fw"
}

layout_begin "$commit"
build_programs
for name in id_ed25519 id_ed25519.pub firmware-key.pub uboot.img uboot-env.img; do
    ln -sf "../$name" "$out/$name"
done
for name in good-2 self-test; do
    ln -sf "../../slots/$name.img" "$out/slots/$name.img"
    ln -sf "../../firmware/$name.fw" "$out/firmware/$name.fw"
done
make_tree
layout_firmware previous 1.0.0 "$device"
make_disk
layout_end
