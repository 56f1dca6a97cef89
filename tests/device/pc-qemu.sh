#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# pc-qemu.sh ARTEFACTS DISK PORT: the virtual PC, with a BIOS, or with UEFI if ARTEFACTS has one, and with as many
# megabytes of memory as its file memory says; everything else is as in qemu.sh.
set -eu
artefacts=$1 disk=$2 port=$3
set --
memory=256
[ ! -e "$artefacts/memory" ] || memory=$(cat "$artefacts/memory")
# The variables of UEFI outlast a reboot, but not this process.
if [ -e "$artefacts/OVMF_CODE_4M.fd" ]; then
    set -- -drive if=pflash,unit=0,format=raw,readonly=on,file="$artefacts/OVMF_CODE_4M.fd" \
        -drive if=pflash,unit=1,format=raw,snapshot=on,file="$artefacts/OVMF_VARS_4M.fd"
fi
exec qemu-system-x86_64 -M q35 -cpu max -m "$memory" -accel tcg,tb-size=128 \
    -nodefaults -display none -monitor none -serial stdio "$@" \
    -drive id=disk,if=none,format=raw,cache=unsafe,file="$disk" -device nvme,serial=disk,drive=disk,bootindex=1 \
    -netdev user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:"$port"-:8989 -device virtio-net-pci,netdev=net,romfile=
