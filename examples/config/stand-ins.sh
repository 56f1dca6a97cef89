#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Creates stand-ins for a kernel and a root file system: stand-ins.sh VERSION [DIRECTORY]
set -eu
version=${1:?a version, such as 1.0.0}
cd "${2:-.}"

# Mostly the same in each version, so that a delta between two of them is small.
fill() {
    echo "$1 of version $version"
    seq 1 "$2" | sed "s/000\$/& of version $version/"
}
fill "kernel" 50000 >kernel.img
fill "root file system" 400000 >rootfs.img
