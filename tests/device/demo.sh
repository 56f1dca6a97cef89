#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make demo-device: an update of a device that boots with U-Boot (in QEMU), and one that does not work and is rolled back.
set -eu
build=$(cd "${1:-build}" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
device=$build/device
rm -rf demo-device
mkdir demo-device
cd demo-device
PATH=$build/src:$PATH
export PATH

qemu=
# The process that shows the console exits with QEMU.
stop() {
    [ -z "$qemu" ] || kill "$qemu" 2>/dev/null || true
    wait
    qemu=
}
trap stop EXIT
trap 'exit 1' INT TERM

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
# Shows a command as a user would type it, and runs it.
show() {
    printf '$ %s\n' "$*"
    "$@"
}
# wait_console TEXT COUNT: waits until the console has printed TEXT that often; its lines are shown meanwhile.
wait_console() {
    until [ "$(grep -c "$1" console.log)" -ge "$2" ]; do
        kill -0 "$qemu" || { cat console.log; exit 1; }
        sleep 0.1
    done
    sleep 0.2 # for the lines to be shown
}

say "1. The device: programs for arm64, Debian's kernel and U-Boot, two slots and a disk (the first time this takes half a minute)"
show "$here/build.sh" "$build"
cp --sparse=always "$device/disk.img" disk.img
printf '%s/disk.img 0x100000 0x4000\n%s/disk.img 0x140000 0x4000\n' "$PWD" "$PWD" >fw_env.config

say "2. Power on: U-Boot boots version 1 from slot A (its console output is marked)"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
printf '$ %s %s disk.img %s &\n' "$here/qemu.sh" "$device" "$port"
"$here/qemu.sh" "$device" disk.img "$port" >console.log 2>&1 </dev/null &
qemu=$!
tail --pid=$qemu -n +1 -f console.log |
    sed -u -n '/^boot: \|^init: \|^fwsshd: listening on 0\|Kernel panic\|reboot: /{s/\r//;s/^/    console | /;p}' &
wait_console 'slot a runs version 1.0.0' 1

# In real life ssh asks you to verify the device's fingerprint.
set -- --port "$port" --user-dir "$device" --ssh-option UserKnownHostsFile="$PWD/known_hosts" \
    --ssh-option StrictHostKeyChecking=accept-new --ssh-option LogLevel=ERROR

say "3. Push version 2: it is written to slot B, booted, tested and confirmed"
show fwssh push 127.0.0.1 --wait --firmware "$device/firmware/good-2.fw" "$@"

say "4. The device's status"
show fwssh status 127.0.0.1 "$@"

say "5. Push version 3 to slot A, where the kernel panics: after two boots U-Boot falls back to slot B"
status=0
show fwssh push 127.0.0.1 --wait --firmware "$device/firmware/panic.fw" "$@" || status=$?
echo "(exit status $status)"
[ $status = 8 ]

say "6. Its U-Boot environment"
show fw_printenv -c fw_env.config
stop
say "Done. Everything is in demo-device/; nothing is left running."
