#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# board.sh DISK DIR BLOCKS: plays a board whose disk has the layout of examples/slots, with slots of so many blocks of 512 bytes.
# At each start it does what boot.cmd says, and then, in a root of its own, what systemd would: fwsshd and the two units of
# docs/devices/debian.md. DIR/starts has a line for each start.
set -eu

variable() { fw_printenv -c "$dir/fw_env.config" -n "$1"; }
set_variables() {
    printf '%s\n' "$@" >"$dir/env.txt"
    fw_setenv -c "$dir/fw_env.config" -s "$dir/env.txt"
}

other() { if [ "$1" = a ]; then echo b; else echo a; fi; }

count_starts() {
    [ "$(variable upgrade_available)" = 1 ] || return 0
    count=$(($(variable bootcount) + 1))
    if [ "$count" -gt "$(variable bootlimit)" ]; then
        set_variables "nerves_fw_active=$(other "$(variable nerves_fw_active)")" "upgrade_available=0" "nerves_fw_validated=1" "bootcount=0"
    else
        set_variables "bootcount=$count"
    fi
}

# mount_part FIRST-BLOCK BLOCKS DIRECTORY
mount_part() { mount -o "loop,offset=$(($1 * 512)),sizelimit=$(($2 * 512))" "$disk" "$3"; }

# In namespaces of its own: the first process of the board, which ends with the reboot.
up() {
    root=$dir/mounted
    mount --make-rprivate /
    mount_part "$first" "$blocks" "$root"
    mount -t proc proc "$root/proc"
    mount --bind "$dir/boot-id" "$root/proc/sys/kernel/random/boot_id"
    mount --bind "$dir/cmdline" "$root/proc/cmdline"
    mount -t tmpfs run "$root/run"
    mkdir "$root/run/lock"
    mount -t tmpfs dev "$root/dev"
    mknod "$root/dev/null" c 1 3
    mknod "$root/dev/zero" c 1 5
    mknod "$root/dev/urandom" c 1 9
    touch "$root/dev/mmcblk0"
    mount --bind "$disk" "$root/dev/mmcblk0"
    mount_part $((36864 + 2 * blocks)) 131072 "$root/data"
    # The link /sbin/reboot leads there. Nobody gets past it to the machine that runs the test.
    mount --bind "$dir/reboot" "$root/usr/bin/systemctl"
    mkfifo "$root/run/rebooting"
    exec chroot "$root" /bin/sh -c "$SYSTEM"
}

# shellcheck disable=SC2016
SYSTEM='
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
start() { sed -n "s/^ExecStart=//p" "/etc/systemd/system/$1.service" >"/run/$1" && sh -e "/run/$1"; }
$(sed -n "s/^ExecStart=//p" /lib/systemd/system/fwsshd.service) 2>/run/fwsshd.log &
start fwssh-trial &
{ until grep -qs listening /run/fwsshd.log; do sleep 0.1; done; start fwssh-confirm; } >>/data/confirm.log 2>&1 &
read -r _ </run/rebooting
'

if [ "$1" = up ]; then
    disk=$2 dir=$3 first=$4 blocks=$5
    up
fi
disk=$1 dir=$2 blocks=$3
mkdir "$dir/mounted"
printf '%s 0x100000 0x4000\n%s 0x140000 0x4000\n' "$disk" "$disk" >"$dir/fw_env.config"
printf '#!/bin/sh\necho >/run/rebooting\n' >"$dir/reboot"
chmod 755 "$dir/reboot"
ip link set lo up
start=0
while :; do
    count_starts
    slot=$(variable nerves_fw_active)
    start=$((start + 1))
    echo "boot-$start" >"$dir/boot-id"
    echo "fwssh.slot=$slot" >"$dir/cmdline"
    echo "$slot" >>"$dir/starts"
    if [ "$slot" = a ]; then first=36864; else first=$((36864 + blocks)); fi
    unshare -m -p -f --kill-child "$0" up "$disk" "$dir" "$first" "$blocks"
done
