# SPDX-License-Identifier: Apache-2.0
# Sourced by the scripts that build another device, of U-Boot's kind, from what build.sh has left in BUILDDIR/device. They set
#   here      this directory
#   build     BUILDDIR
#   layout    the name of the new one's directory in BUILDDIR/device
#   programs  as for root.sh
# and call layout_begin and layout_end.
# shellcheck shell=sh disable=SC2034,SC2154

device=$build/device
out=$device/$layout
guest=$device/guest
fwpack=$build/src/fwpack
# shellcheck source=tests/device/root.sh
. "$here/root.sh"
# shellcheck source=tests/device/fresh.sh
. "$here/fresh.sh"

inputs() {
    cat "$device/inputs" "$0"
    echo "$text"
}

# layout_begin TEXT: ends the script while the device, the script and this text are unchanged.
layout_begin() {
    text=$1
    fresh_begin "$out"
    mkdir -p "$out/firmware" "$out/slots"
}

layout_end() {
    fresh_end "$out"
}

# layout_firmware NAME VERSION KEYS: a slot of the tree, and its firmware, signed with the key in the directory KEYS.
layout_firmware() {
    make_slot "$1" "$2" good
    VERSION=$2 SLOT=$out/slots/$1.img BOOT_SCRIPT=$device/boot.scr DATA=$device/data.img \
        "$fwpack" create -f "$here/fwup.conf" -o "$out/firmware/$1.fw" -s "$3/firmware-key.priv"
}
