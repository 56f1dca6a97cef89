#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# qemu.sh ARTEFACTS DISK PORT [ITS_PORT]: the virtual device, with its serial console on standard output. DISK is a file or
# an NBD URI.
# Its port ITS_PORT (8989) is PORT on loopback; it has no other network.
set -eu
artefacts=$1 disk=$2 port=$3 its_port=${4:-8989}
# A file keeps what QEMU was given, whatever happens to QEMU; only an NBD server, which may lose data, is asked to flush.
case $disk in
nbd*) cache=none ;;
*) cache=unsafe ;;
esac
exec qemu-system-aarch64 -M virt -cpu cortex-a53 -m 256 -accel tcg,tb-size=128 \
    -nodefaults -display none -monitor none -serial stdio \
    -drive if=pflash,unit=0,format=raw,readonly=on,file="$artefacts/uboot.img" \
    -drive if=pflash,unit=1,format=raw,readonly=on,file="$artefacts/uboot-env.img" \
    -drive id=disk,if=none,format=raw,cache=$cache,file="$disk" -device nvme,serial=disk,drive=disk \
    -netdev user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:"$port"-:"$its_port" -device virtio-net-pci,netdev=net,romfile=
