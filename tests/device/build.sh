#!/bin/sh
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
PATH=$PATH:/usr/sbin:/sbin # mke2fs
slot_size=40M
data_size=16M
disk_size=103M

# Modules in the order of their dependencies; softdog has its own directory, because it takes an argument.
network_modules='virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci failover net_failover virtio_net'

inputs() {
    find "$source/src" "$source/packaging/arm64" "$source/meson.build" "$here" -type f ! -name '*.py' ! -name '*.pyc' |
        LC_ALL=C sort | xargs sha256sum
}

make_keys() {
    [ -e "$out/id_ed25519" ] || ssh-keygen -q -t ed25519 -N '' -C tester@desk -f "$out/id_ed25519"
    [ -e "$out/firmware-key.pub" ] || "$fwpack" gen-keys -o "$out/firmware-key" >/dev/null
}

# Debian's U-Boot and its environment, each as large as the flash chip that QEMU provides.
make_flash() {
    cp /usr/lib/u-boot/qemu_arm64/u-boot.bin "$out/uboot.img"
    mkenvimage -s 0x40000 -o "$out/uboot-env.img" "$here/uboot-env.txt"
    truncate -s 64M "$out/uboot.img" "$out/uboot-env.img"
    mkimage -T script -C none -n 'virtual device' -d "$here/boot.cmd" "$out/boot.scr" >/dev/null
}

find_module() {
    find "$guest/lib/modules" -name "$1.ko"
}

write_configuration() {
    cat >"$tree/etc/fw_env.config" <<END
/dev/nvme0n1 0x100000 0x4000
/dev/nvme0n1 0x140000 0x4000
END
    cat >"$tree/etc/fwssh/fwsshd.conf" <<END
authorized-keys = {"$(cat "$out/id_ed25519.pub")"}
authorized-keys-files = {}
device = "uboot-env"
updater = "fwpack"
state-dir = "/data/fwssh"
firmware-public-keys = {"$(cat "$out/firmware-key.pub")"}
reboot-command = "kernel"
END
}

# The root file system of all versions, as a directory.
make_tree() {
    tree=$out/tree
    rm -rf "$tree"
    for directory in bin boot data dev etc/fwssh lib/modules/softdog proc run sys tmp usr/bin usr/sbin usr/libexec var; do
        mkdir -p "$tree/$directory"
    done
    ln -s /run/lock "$tree/var/lock"
    cp "$guest/bin/busybox" "$tree/bin"
    for name in cat grep insmod ip mkdir mount netstat reboot sed sh sleep touch watchdog; do
        ln -s busybox "$tree/bin/$name"
    done
    cp "$out/arm64/bin/fwsshd" "$tree/usr/sbin"
    cp "$out/arm64/bin/fwpack" "$tree/usr/bin"
    cp "$out/arm64/bin/fwssh-session" "$out/arm64/bin/fwssh-receive" "$out/arm64/bin/fwssh-hold" "$tree/usr/libexec"
    ln -s ../libexec/fwssh-receive "$tree/usr/sbin/fwssh-receive"
    cp "$here/init" "$tree/init"
    chmod 755 "$tree/init"
    cp "$guest"/boot/vmlinuz-* "$tree/boot/Image"
    number=10
    for module in $network_modules watchdog; do
        cp "$(find_module "$module")" "$tree/lib/modules/$number-$module.ko"
        number=$((number + 1))
    done
    cp "$(find_module softdog)" "$tree/lib/modules/softdog"
    write_configuration
}

# make_slot NAME VERSION BEHAVIOUR: slots/NAME.img
make_slot() {
    echo "$2" >"$tree/etc/version"
    echo "$3" >"$tree/etc/behaviour"
    rm -f "$out/slots/$1.img"
    # Never written while it runs, so it needs no journal.
    mke2fs -q -t ext4 -O ^has_journal -m 0 -d "$tree" "$out/slots/$1.img" $slot_size >/dev/null
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

mkdir -p "$out"
# Tests that run in parallel wait for the one that builds.
exec 9>"$out/lock"
flock 9
inputs >"$out/inputs.new"
! cmp -s "$out/inputs.new" "$out/inputs" || exit 0
rm -f "$out/inputs"
"$source/packaging/arm64/build.sh" "$out/arm64" >"$out/arm64.log" 2>&1 || {
    cat "$out/arm64.log" >&2
    exit 1
}
"$source/packaging/arm64/extract.sh" "$here/guest-packages.txt" "$guest"
make_keys
make_flash
make_tree
make_releases
make_disk
mv "$out/inputs.new" "$out/inputs"
