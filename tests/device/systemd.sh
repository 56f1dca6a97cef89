#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# systemd.sh BUILDDIR: builds BUILDDIR/device/systemd.img, a root file system of Debian's systemd and the packaged unit, from
# what build.sh has left in BUILDDIR/device. Nothing is rebuilt while what it depends on is unchanged.
set -eu
[ $# = 1 ] || { echo "Usage: systemd.sh BUILDDIR" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
out=$(cd "$1" && pwd)/device
tree=$out/systemd-tree
PATH=$PATH:/usr/sbin:/sbin # mke2fs
image_size=200M
# shellcheck source=tests/device/fresh.sh
. "$here/fresh.sh"

inputs() {
    cat "$out/inputs" "$here/systemd.sh" "$here/systemd-packages.txt" "$here/systemd-network" "$here/systemd-updater" \
        "$source/packaging/fwsshd.service" | sha256sum
}

# As the packages' scripts would, which do not run when packages are only unpacked.
write_system() {
    printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n' >"$tree/etc/passwd"
    printf 'root:x:0:\nnogroup:x:65534:\n' >"$tree/etc/group"
    : >"$tree/etc/machine-id"
    : >"$tree/etc/fstab"
    rm -rf "${tree:?}/usr/share/doc" "${tree:?}/usr/share/locale" "${tree:?}/usr/share/man" "${tree:?}/boot"
    mkdir -p "$tree/boot" "$tree/var" "$tree/root" "$tree/usr/libexec" "$tree/dev" "$tree/proc" "$tree/run" "$tree/sys" "$tree/tmp" "$tree/etc/fwssh" "$tree/lib/modules/device"
    cp "$out/tree"/bin/busybox "$tree/bin/busybox"
    for name in sh insmod ip cat sed ls; do
        [ -e "$tree/bin/$name" ] || ln -s busybox "$tree/bin/$name"
    done
    cp "$out/tree"/lib/modules/*.ko "$tree/lib/modules/device"
}

write_service() {
    cp "$out/arm64/bin/fwssh-session" "$out/arm64/bin/fwssh-agent" "$tree/usr/libexec"
    for name in sbin/fwsshd libexec/fwssh-receive libexec/fwssh-hold; do
        ln -s ../libexec/fwssh-agent "$tree/usr/$name"
    done
    cp "$source/packaging/fwsshd.service" "$tree/lib/systemd/system"
    cp "$here/systemd-updater" "$tree/usr/bin/updater"
    cp "$here/systemd-network" "$tree/usr/sbin/device-network"
    chmod 755 "$tree/usr/bin/updater" "$tree/usr/sbin/device-network"
    cat >"$tree/etc/fwssh/fwsshd.conf" <<END
authorized-keys = {"$(cat "$out/id_ed25519.pub")"}
authorized-keys-files = {}
device = "/var/disk.img"
updater = "/usr/bin/updater"
reboot-command = "/bin/true"
END
    truncate -s 1M "$tree/var/disk.img"
    cat >"$tree/lib/systemd/system/device-network.service" <<END
[Unit]
DefaultDependencies=no
Before=network.target
[Service]
Type=oneshot
ExecStart=/usr/sbin/device-network
StandardOutput=journal+console
[Install]
WantedBy=multi-user.target
END
    printf '[Unit]\nAfter=fwsshd.service\n[Service]\nType=oneshot\nExecStart=/bin/systemctl reload fwsshd\n' \
        >"$tree/lib/systemd/system/device-reload.service"
    mkdir -p "$tree/etc/systemd/system/multi-user.target.wants" "$tree/etc/systemd/system/fwsshd.service.d"
    for unit in fwsshd device-network device-reload; do
        ln -s "/lib/systemd/system/$unit.service" "$tree/etc/systemd/system/multi-user.target.wants"
    done
    ln -s /lib/systemd/system/multi-user.target "$tree/etc/systemd/system/default.target"
    # All that is added to the unit: its log is on the console.
    printf '[Service]\nStandardError=journal+console\n' >"$tree/etc/systemd/system/fwsshd.service.d/console.conf"
}

fresh_begin "$out/systemd"
rm -f "$out/systemd.img"
"$source/packaging/static/extract.sh" "$here/systemd-packages.txt" "$out/systemd-packages"
rm -rf "${tree:?}"
cp -a "$out/systemd-packages" "$tree"
write_system
write_service
mke2fs -q -t ext4 -m 0 -d "$tree" "$out/systemd.img" $image_size >/dev/null
rm -rf "${tree:?}"
fresh_end "$out/systemd"
