#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# rotation.sh BUILDDIR: builds BUILDDIR/device/rotation from what build.sh has left in BUILDDIR/device: two firmwares by which
# keys are replaced (docs/keys.md). The first is signed with the old key and accepts old and new ones, for firmware and
# login; the second is signed with the new key and accepts only new ones. Nothing is rebuilt while what it depends on is
# unchanged.
set -eu
[ $# = 1 ] || { echo "Usage: rotation.sh BUILDDIR" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
layout=rotation
programs=$build/device/arm64/bin
# shellcheck source=tests/device/layout.sh
. "$here/layout.sh"

# accept NAME...: the keys in the tree's configuration.
accept() {
    keys='' logins=''
    for name in "$@"; do
        keys="$keys${keys:+, }\"$(cat "$name/firmware-key.pub")\""
        logins="$logins${logins:+, }\"$(cat "$name/id_ed25519.pub")\""
    done
    sed -i "s|^authorized-keys = .*|authorized-keys = {$logins}|; s|^firmware-public-keys = .*|firmware-public-keys = {$keys}|" \
        "$tree/etc/fwssh/fwsshd.conf"
}

layout_begin ''
for name in uboot.img uboot-env.img disk.img; do
    ln -sf "../$name" "$out/$name"
done
make_keys
make_tree
accept "$device" "$out"
layout_firmware both 2.0.0 "$device"
accept "$out"
layout_firmware new 3.0.0 "$out"
layout_end
