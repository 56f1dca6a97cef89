#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# updaters.sh BUILDDIR: builds BUILDDIR/device-updaters, a virtual PC with GRUB, Debian's systemd and the packaged unit, whose
# updater is Debian's RAUC or SWUpdate: a directory with a disk and firmware for each. Nothing is rebuilt while what it depends
# on is unchanged.
set -eu
[ $# = 1 ] || { echo "Usage: updaters.sh BUILDDIR" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
build=$(cd "$1" && pwd)
out=$build/device-updaters
fwpack=$build/src/fwpack
guest=$out/guest
programs=$build/src
# shellcheck source=tests/device/root.sh
. "$here/root.sh"
# shellcheck source=tests/device/fresh.sh
. "$here/fresh.sh"
pages=$source/docs/migrate
device_programs='fwsshd fwssh-session fwssh-receive fwssh-hold'
# Modules in the order of their dependencies; RAUC needs those from loop on, and nothing here loads any by itself.
other_modules='fat vfat nls_cp437 nls_ascii loop squashfs dm-mod dm-bufio reed_solomon dm-verity'
grub=$guest/usr/lib/grub/i386-pc
slot_size=160M
data_size=192M
disk_size=518M
# As fwup-grub.conf wants it: in blocks.
SLOT_COUNT=327680 DATA_COUNT=393216
export SLOT_COUNT DATA_COUNT

inputs() {
    for program in $device_programs; do
        sha256sum "$programs/$program"
    done
    find "$source/src/device/adapters" "$source/packaging/fwsshd.service" "$source/packaging/fwsshd-swupdate.conf" \
        "$source/packaging/static/extract.sh" "$pages" "$here" -type f ! -name '*.py' ! -name '*.pyc' | LC_ALL=C sort | xargs sha256sum
}

# A key and a certificate that signs itself, for bundles and archives: NAME.key, NAME.pem.
make_certificate() {
    [ -e "$out/$1.pem" ] || openssl req -x509 -newkey rsa:2048 -nodes -keyout "$out/$1.key" -out "$out/$1.pem" -days 3650 \
        -subj "/CN=$1" -addext extendedKeyUsage=emailProtection 2>/dev/null
}

# What a device does without, and what would wait for hardware.
remove_ballast() {
    for path in boot usr/lib/modules usr/share/doc usr/share/locale usr/share/man usr/share/perl usr/share/grub usr/share/i18n \
        usr/lib/grub usr/lib/dpkg usr/lib/apt usr/lib/udev usr/lib/x86_64-linux-gnu/perl usr/lib/x86_64-linux-gnu/perl-base \
        usr/lib/x86_64-linux-gnu/gconv usr/share/perl5 usr/share/zoneinfo usr/share/bash-completion usr/share/zsh \
        lib/modules lib/udev usr/bin/perl; do
        rm -rf "${tree:?}/$path"
    done
    rm -f "$tree"/usr/lib/x86_64-linux-gnu/libperl.*
    find "$tree/usr/bin" \( -name 'perl*' -o -name 'grub-*' \) ! -name grub-editenv -delete
    rm -f "$tree"/lib/systemd/systemd-networkd "$tree"/usr/sbin/user* "$tree"/usr/sbin/group*
    find "$tree/lib/systemd/system" -name '*udev*' -exec rm -rf {} +
    rm "$tree/lib/systemd/system-generators/systemd-getty-generator"
}

# The programs are those that this machine runs, so they need its libraries.
copy_libraries() {
    for program in $device_programs; do
        ldd "$programs/$program"
    done | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p' | sort -u | while read -r library; do
        [ -e "$tree/usr$library" ] || cp -L "$library" "$tree$library"
    done
}

# As the packages' scripts would, which do not run when packages are only unpacked.
make_system() {
    printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n' >"$tree/etc/passwd"
    printf 'messagebus:x:100:100:bus:/nonexistent:/bin/false\n' >>"$tree/etc/passwd"
    printf 'root:x:0:\nnogroup:x:65534:\nmessagebus:x:100:\nswupdate:x:101:\n' >"$tree/etc/group"
    echo 0123456789abcdef0123456789abcdef >"$tree/etc/machine-id"
    printf 'tmpfs /var tmpfs mode=755 0 0\ntmpfs /tmp tmpfs mode=1777 0 0\n' >"$tree/etc/fstab"
    for directory in boot data dev proc root run sys tmp var usr/libexec usr/sbin etc/fwssh lib/modules/device; do
        mkdir -p "$tree/$directory"
    done
    for name in sh sed grep tail head env modprobe ip; do
        [ -e "$tree/bin/$name" ] || [ -e "$tree/usr/bin/$name" ] || [ -e "$tree/sbin/$name" ] || ln -s busybox "$tree/bin/$name"
    done
    ln -s ../bin/systemctl "$tree/sbin/reboot"
    # systemd takes its parameters from GRUB's configuration, which is that of the other virtual PCs.
    ln -s lib/systemd/systemd "$tree/init"
    cp "$guest"/boot/vmlinuz-* "$tree/boot/Image"
    number=10
    for module in $network_modules $other_modules; do
        cp "$(find_module "$module")" "$tree/lib/modules/device/$number-$module.ko"
        number=$((number + 1))
    done
}

make_service() {
    for program in $device_programs; do
        place=$tree/usr/libexec
        [ "$program" != fwsshd ] || place=$tree/usr/sbin
        strip -o "$place/$program" "$programs/$program"
    done
    cp "$source"/src/device/adapters/fwssh-* "$tree/usr/libexec"
    # Where these programs, which nobody has installed, look for the others.
    mkdir -p "$tree/usr/local"
    ln -s ../libexec "$tree/usr/local/libexec"
    chmod 755 "$tree"/usr/libexec/fwssh-updater-*
    cp "$source/packaging/fwsshd.service" "$tree/lib/systemd/system"
    cp "$here/updaters-start" "$tree/usr/sbin/device-start"
    chmod 755 "$tree/usr/sbin/device-start"
    cp "$here/updaters-start.service" "$tree/lib/systemd/system/device-start.service"
    mkdir -p "$tree/etc/systemd/system/multi-user.target.wants" "$tree/etc/systemd/system/fwsshd.service.d"
    for unit in fwsshd device-start; do
        ln -s "/lib/systemd/system/$unit.service" "$tree/etc/systemd/system/multi-user.target.wants"
    done
    ln -s /lib/systemd/system/multi-user.target "$tree/etc/systemd/system/default.target"
    # All that is added to the unit: its log is on the console.
    printf '[Service]\nStandardError=journal+console\n' >"$tree/etc/systemd/system/fwsshd.service.d/console.conf"
}

# The shell blocks of a page of docs/migrate, as somebody who follows it would run them on this device.
follow() {
    awk '/^ *```/ { inside = !inside; next } inside' "$pages/$1" |
        sed -e "s|/etc/fwssh|$tree/etc/fwssh|" -e 's|/dev/mmcblk0|/dev/nvme0n1|' -e "s|ssh-ed25519 AAAA.*|$(cat "$out/id_ed25519.pub")|" \
            -e 's/^ *//' -e '/^fwsshd -t$/d' | sh -eu
    # For a machine that is emulated.
    echo 'login-grace-time = 300' >>"$tree/etc/fwssh/fwsshd.conf"
}

# make_image VERSION: $layout/slots/VERSION.img
make_image() {
    echo "$1" >"$tree/etc/version"
    rm -f "$layout/slots/$1.img"
    mke2fs -q -t ext4 -O ^has_journal -m 0 -d "$tree" "$layout/slots/$1.img" $slot_size >/dev/null
}

grubenv() {
    grub-editenv "$layout/grubenv" create
    grub-editenv "$layout/grubenv" set "$@"
}

# make_disk CONFIG: a new one, by fwpack.
make_disk() {
    VERSION=1.0.0 SLOT=$layout/slots/1.0.0.img DATA=$out/data.img BOOT_CODE=$grub/boot.img GRUB_CORE=$out/core.img \
        GRUB_CONFIG=$here/$1.cfg GRUBENV_NEW=$layout/grubenv GRUBENV_A=$layout/grubenv GRUBENV_B=$layout/grubenv \
        "$fwpack" create -f "$here/fwup-grub.conf" -o "$layout/disk.fw"
    rm -f "$layout/disk.img"
    truncate -s $disk_size "$layout/disk.img"
    "$fwpack" apply -q -t complete -d "$layout/disk.img" "$layout/disk.fw"
    rm "$layout/disk.fw"
}

new_layout() {
    layout=$out/$1
    rm -rf "$layout"
    mkdir -p "$layout/slots" "$layout/firmware"
    ln -s ../id_ed25519 ../id_ed25519.pub "$layout"
    echo 512 >"$layout/memory"
}

# make_bundle NAME IMAGE: $layout/firmware/NAME.raucb
make_bundle() {
    mkdir "$layout/content"
    ln "$2" "$layout/content/root.ext4"
    printf '[update]\ncompatible=virtual PC\nversion=%s\n[bundle]\nformat=verity\n[image.rootfs]\nfilename=root.ext4\n' "$1" \
        >"$layout/content/manifest.raucm"
    rauc --cert="$out/signer.pem" --key="$out/signer.key" --keyring="$out/signer.pem" bundle "$layout/content" \
        "$layout/firmware/$1.raucb" >"$out/rauc.log" 2>&1 || { cat "$out/rauc.log" >&2; return 1; }
    rm -r "$layout/content"
}

make_rauc() {
    new_layout rauc
    # Of a third of the size, and only SWUpdate needs it.
    rm -rf "$tree/etc/swupdate"* "$tree"/usr/bin/swupdate* "$tree"/usr/lib/x86_64-linux-gnu/libicu*
    rm "$tree/etc/systemd/system/multi-user.target.wants/swupdate.service" \
        "$tree/etc/systemd/system/fwsshd.service.d/fwsshd-swupdate.conf" "$tree/etc/fwssh/updater-swupdate.conf"
    mkdir "$tree/etc/rauc"
    cp "$out/signer.pem" "$tree/etc/rauc"
    cp "$here/updaters-rauc.conf" "$tree/etc/rauc/system.conf"
    follow rauc.md
    make_image 2.0.0
    make_image 1.0.0
    grubenv 'ORDER=A B' A_OK=1 A_TRY=0 B_OK=0 B_TRY=0
    make_disk grub-rauc
    make_bundle 2.0.0 "$layout/slots/2.0.0.img"
    make_bundle small "$out/small.img"
}

hash_of() {
    sha256sum "$1" | cut -d' ' -f1
}

# copy PARTITION: what a .swu does to one of the slots.
copy() {
    printf 'images: ( { filename = "root.img.gz"; device = "/dev/nvme0n1p%s"; type = "raw"; compressed = "zlib";\n' "$1"
    printf '    installed-directly = true; sha256 = "%s"; } );\n' "$(hash_of root.img.gz)"
    printf 'scripts: ( { filename = "post.sh"; type = "shellscript"; sha256 = "%s"; } );\n' "$(hash_of post.sh)"
}

# make_archive NAME IMAGE: $layout/firmware/NAME.swu
make_archive() {
    mkdir "$layout/content"
    gzip -1nc "$2" >"$layout/content/root.img.gz"
    cp "$here/updaters-swupdate-post" "$layout/content/post.sh"
    (
        cd "$layout/content"
        {
            printf 'software = { version = "%s"; description = "virtual PC"; hardware-compatibility = [ "1.0" ];\n' "$1"
            printf 'stable = { copy-a = { %s };\ncopy-b = { %s }; }; }\n' "$(copy 2)" "$(copy 3)"
        } >sw-description
        openssl cms -sign -in sw-description -out sw-description.sig -signer "$out/signer.pem" -inkey "$out/signer.key" \
            -outform DER -nosmimecap -binary
        printf '%s\n' sw-description sw-description.sig post.sh root.img.gz | cpio -o -H crc --quiet
    ) >"$layout/firmware/$1.swu"
    rm -r "$layout/content"
}

# Version 1.0.0 has no daemon of SWUpdate, and 2.0.0 has one.
make_swupdate() {
    new_layout swupdate
    cp "$out/signer.pem" "$tree/etc/swupdate.pem"
    follow swupdate.md
    # The page's is for U-Boot.
    cp "$here/updaters-swupdate.conf" "$tree/etc/fwssh/updater-swupdate.conf"
    make_image 1.0.0
    sed -i '/^updater-options/d' "$tree/etc/fwssh/fwsshd.conf"
    mkdir -p "$tree/etc/swupdate/conf.d"
    echo 'SWUPDATE_ARGS="-v -k /etc/swupdate.pem -H board:1.0 -q stable,copy-a -q stable,copy-b"' >"$tree/etc/swupdate/conf.d/device"
    cp "$source/packaging/fwsshd-swupdate.conf" "$tree/etc/systemd/system/fwsshd.service.d"
    ln -s /lib/systemd/system/swupdate.service "$tree/etc/systemd/system/multi-user.target.wants"
    make_image 2.0.0
    grubenv boot=0 upgrade_available=0 bootcount=0
    make_disk grub-count
    make_archive 1.0.0 "$layout/slots/1.0.0.img"
    make_archive 2.0.0 "$layout/slots/2.0.0.img"
    make_archive small "$out/small.img"
}

fresh_begin "$out"
rm -f "$out/data.img"
"$source/packaging/static/extract.sh" "$here/updaters-packages.txt" "$guest" amd64
[ -e "$out/id_ed25519" ] || ssh-keygen -q -t ed25519 -N '' -C tester@desk -f "$out/id_ed25519"
make_certificate signer
rm -rf "${tree:?}"
cp -a "$guest" "$tree"
remove_ballast
make_system
make_service
copy_libraries
mke2fs -q -t ext4 -m 0 "$out/data.img" $data_size >/dev/null
make_grub
[ -e "$out/small.img" ] || head -c 2M /dev/urandom >"$out/small.img"
make_swupdate
make_rauc
rm -rf "${tree:?}"
fresh_end "$out"
