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
device=$build/device
out=$device/rotation
guest=$device/guest
fwpack=$build/src/fwpack
programs=$device/arm64/bin
# shellcheck source=tests/device/root.sh
. "$here/root.sh"

inputs() {
    cat "$device/inputs" "$here/rotation.sh"
}

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

# release NAME VERSION KEYS
release() {
    make_slot "$1" "$2" good
    VERSION=$2 SLOT=$out/slots/$1.img BOOT_SCRIPT=$device/boot.scr DATA=$device/data.img \
        "$fwpack" create -f "$here/fwup.conf" -o "$out/firmware/$1.fw" -s "$3/firmware-key.priv"
}

mkdir -p "$out/firmware" "$out/slots"
exec 9>"$out/lock"
flock 9
inputs >"$out/inputs.new"
! cmp -s "$out/inputs.new" "$out/inputs" || exit 0
rm -f "$out/inputs"
for name in uboot.img uboot-env.img disk.img; do
    ln -sf "../$name" "$out/$name"
done
make_keys
make_tree
accept "$device" "$out"
release both 2.0.0 "$device"
accept "$out"
release new 3.0.0 "$out"
mv "$out/inputs.new" "$out/inputs"
