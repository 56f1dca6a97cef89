#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# pc.sh BUILDDIR: builds BUILDDIR/device-pc, a virtual PC (x86_64) whose slots have the programs in BUILDDIR, a kernel of Debian's
# and GRUB or systemd-boot: a directory with a disk and firmware for each habit. Nothing is rebuilt while what it depends on
# is unchanged.
set -eu
[ $# = 1 ] || { echo "Usage: pc.sh BUILDDIR" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
build=$(cd "$1" && pwd)
out=$build/device-pc
fwpack=$build/src/fwpack
guest=$out/guest
programs=$build/src
# shellcheck source=tests/device/root.sh
. "$here/root.sh"
# shellcheck source=tests/device/fresh.sh
. "$here/fresh.sh"
other_modules='fat vfat nls_cp437 nls_ascii'
device_programs='fwsshd fwssh-session fwssh-receive fwssh-hold fwpack'
grub=$guest/usr/lib/grub/i386-pc

inputs() {
    for program in $device_programs; do
        sha256sum "$programs/$program"
    done
    sha256sum "$source/packaging/static/extract.sh"
    find "$here" -type f ! -name '*.py' ! -name '*.pyc' | LC_ALL=C sort | xargs sha256sum
}

# The programs are those that this machine runs, so they need its libraries.
copy_libraries() {
    for program in $device_programs; do
        ldd "$programs/$program"
    done | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^[[:space:]]*\(\/[^ ]*ld-linux[^ ]*\) .*/\1/p' | sort -u |
        while read -r library; do
            mkdir -p "$tree/$(dirname "$library")"
            cp -L "$library" "$tree/$library"
        done
}

# grubenv NAME VARIABLE=VALUE...
grubenv() {
    file=$layout/grubenv-$1
    shift
    grub-editenv "$file" create
    grub-editenv "$file" set "$@"
}

# make_firmware NAME SLOT VERSION
make_firmware() {
    VERSION=$3 SLOT=$out/slots/$2.img DATA=$out/data.img BOOT_CODE=$grub/boot.img GRUB_CORE=$out/core.img \
        GRUB_CONFIG=$here/$config.cfg GRUBENV_NEW=$layout/grubenv-new GRUBENV_A=$layout/grubenv-a GRUBENV_B=$layout/grubenv-b \
        "$fwpack" create -f "$here/fwup-grub.conf" -o "$layout/firmware/$1.fw" -s "$out/firmware-key.priv"
}

# make_layout NAME: its grubenv-* are there already.
make_layout() {
    config=$1
    ln -s ../id_ed25519 ../id_ed25519.pub ../slots "$layout"
    make_firmware good-1 good-1 1.0.0
    make_firmware good-2 good-2 2.0.0
    make_firmware trial trial 3.0.0
    truncate -s 103M "$layout/disk.img"
    "$fwpack" apply -q -t complete -p "$out/firmware-key.pub" -d "$layout/disk.img" "$layout/firmware/good-1.fw"
}

new_layout() {
    layout=$out/$1
    rm -rf "$layout"
    mkdir -p "$layout/firmware"
}

make_layouts() {
    new_layout grub-boot
    grubenv new boot=0
    grubenv a boot=0
    grubenv b boot=1
    make_layout grub-boot

    new_layout grub-count
    grubenv new boot=0 upgrade_available=0 bootcount=0
    grubenv a boot=0 upgrade_available=1 bootcount=0
    grubenv b boot=1 upgrade_available=1 bootcount=0
    make_layout grub-count

    new_layout grub-rauc
    grubenv new 'ORDER=A B' A_OK=1 A_TRY=0 B_OK=0 B_TRY=0
    grubenv a 'ORDER=A B' A_OK=1 A_TRY=0 B_OK=1 B_TRY=0
    grubenv b 'ORDER=B A' A_OK=1 A_TRY=0 B_OK=1 B_TRY=0
    make_layout grub-rauc
}

# entry SLOT PARTITION VERSION
entry() {
    printf 'title slot %s\nversion %s\nlinux /%s/linux\noptions %s\n' "$1" "$3" "$1" \
        "root=/dev/nvme0n1p$2 ro rootwait init=/init console=ttyS0 quiet panic=-1" >"$layout/entry-$1"
}

# make_efi_firmware NAME VERSION: of the slot PREFIX-NAME.
make_efi_firmware() {
    entry a 2 "$2"
    entry b 3 "$2"
    VERSION=$2 SLOT=$out/slots/$prefix-$1.img DATA=$out/data.img KERNEL=$tree/boot/Image ENTRY_A=$layout/entry-a \
        ENTRY_B=$layout/entry-b TRIES=$tries LOADER=$guest/usr/lib/systemd/boot/efi/systemd-bootx64.efi \
        "$fwpack" create -f "$here/fwup-systemd-boot.conf" -o "$layout/firmware/$1.fw" -s "$out/firmware-key.priv"
}

# make_efi_layout NAME PREFIX TRIES: UEFI with systemd-boot, and no U-Boot environment beside it.
make_efi_layout() {
    new_layout "$1"
    prefix=$2 tries=$3
    make_slot "$prefix-good-1" 1.0.0 good
    make_slot "$prefix-trial" 3.0.0 trial
    make_efi_firmware good-1 1.0.0
    make_efi_firmware trial 3.0.0
    ln -s ../id_ed25519 ../id_ed25519.pub ../slots "$layout"
    cp "$guest/usr/share/OVMF/OVMF_CODE_4M.fd" "$guest/usr/share/OVMF/OVMF_VARS_4M.fd" "$layout"
    truncate -s 146M "$layout/disk.img"
    "$fwpack" apply -q -t complete -p "$out/firmware-key.pub" -d "$layout/disk.img" "$layout/firmware/good-1.fw"
}

make_efi_layouts() {
    rm "$tree/etc/fw_env.config"
    sed -i 's/^device = .*/device = "\/dev\/nvme0n1"/' "$tree/etc/fwssh/fwsshd.conf"
    make_efi_layout systemd-boot-mounted mounted 2
    rm "$tree/etc/boot-partition"
    make_efi_layout systemd-boot efi 1
}

mkdir -p "$out/slots"
fresh_begin "$out"
rm -f "$out/data.img"
"$source/packaging/static/extract.sh" "$here/pc-packages.txt" "$guest" amd64
make_keys
make_tree
copy_libraries
mkdir "$tree/lib/modules/efi"
cp "$(find_module efivarfs)" "$tree/lib/modules/efi"
for program in session receive hold; do
    echo "$program-program = \"/usr/libexec/fwssh-$program\""
done >>"$tree/etc/fwssh/fwsshd.conf"
echo "/dev/nvme0n1p1 rw" >"$tree/etc/boot-partition"
make_slot good-1 1.0.0 good
make_slot good-2 2.0.0 good
make_slot trial 3.0.0 trial
mke2fs -q -t ext4 -m 0 "$out/data.img" 16M >/dev/null
make_grub
make_layouts
make_efi_layouts
fresh_end "$out"
