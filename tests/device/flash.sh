#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# flash.sh OUT: Debian's U-Boot and its environment (OUT/uboot.img, uboot-env.img), each as large as the flash chip that QEMU
# provides, and OUT/boot.scr, which chooses the slot.
set -eu
[ $# = 1 ] || { echo "Usage: flash.sh OUT" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
out=$1
cp /usr/lib/u-boot/qemu_arm64/u-boot.bin "$out/uboot.img"
mkenvimage -s 0x40000 -o "$out/uboot-env.img" "$here/uboot-env.txt"
truncate -s 64M "$out/uboot.img" "$out/uboot-env.img"
# The script that people copy, but for what it says of their board.
{ cat "$here/board.cmd" && sed '1,/^# --- /d' "$here/../../examples/slots/boot.cmd"; } >"$out/boot.cmd"
mkimage -T script -C none -n 'virtual device' -d "$out/boot.cmd" "$out/boot.scr" >/dev/null
