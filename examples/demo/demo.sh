#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make demo: a complete update on this machine, showing every command. The device is an image file.
set -eu
build=$(cd "${1:-build}/src" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
rm -rf demo
mkdir demo
cd demo
PATH=$build:$PATH
export PATH SOURCE_DATE_EPOCH=1700000000

daemon=
stop() {
    [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
    [ -z "$daemon" ] || wait "$daemon" 2>/dev/null || true
    daemon=
}
trap stop EXIT
trap 'exit 1' INT TERM

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
# Shows a command as a user would type it, and runs it.
show() {
    printf '$ %s\n' "$*"
    "$@"
}
show_sh() {
    printf '$ %s\n' "$1"
    sh -c "$1"
}

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])' 2>/dev/null || echo 18989)

say "1. Keys: one to log in with, one pair to sign firmware with"
show ssh-keygen -q -t ed25519 -N '' -C you@desk -f id_ed25519
show fwpack gen-keys -o firmware-key >/dev/null

say "2. Two versions of a firmware, signed (the configuration is examples/demo/fwup.conf)"
for version in 1 2; do
    { echo "root file system of version $version"; head -c 3000000 /dev/urandom; } >root-$version.img
    show_sh "VERSION=$version.0.0 ROOTFS=$PWD/root-$version.img fwpack create -f $here/fwup.conf -s firmware-key.priv -o demo-$version.fw"
done
show fwpack metadata demo-2.fw
show fwpack verify -p firmware-key.pub demo-2.fw

say "3. A new device: version 1 is written to slot A of its disk, an image file"
show fwpack apply -q -t complete -d disk.img demo-1.fw
printf '%s/disk.img 0x2000 0x2000\n%s/disk.img 0x4000 0x2000\n' "$PWD" "$PWD" >fw_env.config
show fw_printenv -c fw_env.config

say "4. The device's SSH server"
cat >fwsshd.conf <<EOF
port = $port
listen-address = {"127.0.0.1"}
strict-modes = false # other users may be able to write to this directory
authorized-keys-files = {"$PWD/id_ed25519.pub"}
system-dir = "/nonexistent"
state-dir = "$PWD/state"
device = "$PWD/disk.img"
updater = "$build/fwpack"
firmware-public-keys = {"$PWD/firmware-key.pub"}
reboot-command = "/bin/sh $PWD/reboot.sh"
lock-file = "$PWD/DEVICE.lock"
receive-program = "$build/fwssh-receive"
session-program = "$build/fwssh-session"
hold-program = "$build/fwssh-hold"
EOF
cat >reboot.sh <<'EOF'
echo 'the device reboots' >>"$(dirname "$0")/rebooted"
exit 1 # a real one would not return; this one lets the demo continue at once
EOF
show cat fwsshd.conf
show fwsshd -f fwsshd.conf --init-host-key
printf '$ fwsshd -f fwsshd.conf &\n'
fwsshd -f fwsshd.conf 2>fwsshd.log &
daemon=$!
until grep -q 'listening on' fwsshd.log; do
    kill -0 $daemon || { cat fwsshd.log; exit 1; }
    sleep 0.1
done
# Normally ssh asks the user to check the device's fingerprint; here the key comes from the step before.
{ printf '[127.0.0.1]:%s ' "$port"; fwsshd -f fwsshd.conf --init-host-key 2>/dev/null; } >known_hosts
set -- --port "$port" --ssh-option UserKnownHostsFile="$PWD/known_hosts" --user-dir "$PWD"

say "5. Push version 2"
show fwssh check 127.0.0.1 "$@"
show fwssh push 127.0.0.1 --firmware demo-2.fw "$@"
until [ -e rebooted ]; do sleep 0.1; done
show cat rebooted

say "6. What the device runs now"
show fw_printenv -c fw_env.config nerves_fw_active b.nerves_fw_version b.nerves_fw_uuid
show fwpack apply -q -t status -d disk.img demo-2.fw
show_sh "dd if=disk.img bs=512 skip=10240 count=1 status=none | head -n 1"

say "7. A damaged firmware changes nothing"
show_sh "cp demo-1.fw damaged.fw && printf x | dd of=damaged.fw bs=1 seek=200000 conv=notrunc status=none"
before=$(fw_printenv -c fw_env.config nerves_fw_active)
printf '$ fwssh push 127.0.0.1 --firmware damaged.fw ...\n'
if fwssh push 127.0.0.1 --firmware damaged.fw "$@"; then
    echo "the damaged firmware was accepted" >&2
    exit 1
else
    printf '(exit status %s)\n' $?
fi
show fw_printenv -c fw_env.config nerves_fw_active
[ "$before" = "$(fw_printenv -c fw_env.config nerves_fw_active)" ]

say "8. The device's log"
show cat fwsshd.log
stop
say "Done. Everything is in demo/; nothing is left running."
