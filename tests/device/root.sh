# SPDX-License-Identifier: Apache-2.0
# Sourced by the scripts that build a virtual device: the root file system of its slots. They set
#   here      this directory
#   out       where everything is built
#   guest     unpacked Debian packages of the device's machine: kernel, modules, busybox
#   programs  the device's programs for that machine
#   fwpack    this machine's fwpack
# shellcheck shell=sh disable=SC2154

PATH=$PATH:/usr/sbin:/sbin # mke2fs
tree=$out/tree
slot_size=40M
# Modules in the order of their dependencies; softdog has its own directory, because it takes an argument.
network_modules='virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci failover net_failover virtio_net'
other_modules=

make_keys() {
    [ -e "$out/id_ed25519" ] || ssh-keygen -q -t ed25519 -N '' -C tester@desk -f "$out/id_ed25519"
    [ -e "$out/firmware-key.pub" ] || "$fwpack" gen-keys -o "$out/firmware-key" >/dev/null
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
    for name in cat grep insmod ip mkdir mount netstat reboot sed sh sleep sync touch watchdog; do
        ln -s busybox "$tree/bin/$name"
    done
    cp "$programs/fwssh-session" "$programs/fwssh-agent" "$tree/usr/libexec"
    for name in sbin/fwsshd bin/fwpack libexec/fwssh-receive libexec/fwssh-hold; do
        ln -s ../libexec/fwssh-agent "$tree/usr/$name"
    done
    ln -s ../libexec/fwssh-receive "$tree/usr/sbin/fwssh-receive"
    cp "$here/init" "$tree/init"
    chmod 755 "$tree/init"
    cp "$guest"/boot/vmlinuz-* "$tree/boot/Image"
    number=10
    for module in $network_modules $other_modules watchdog; do
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

# For a PC that boots with the GRUB in $grub, behind the MBR; its configuration is on the boot partition.
make_grub() {
    grub-mkimage -O i386-pc -d "$grub" -p '(hd0,msdos1)/grub' -o "$out/core.img" \
        biosdisk part_msdos fat ext2 normal linux loadenv echo test serial
}
