#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Compares fwpack with the sum of its parts: engine.sh BUILD (part of make bench). Works in a tmpfs if it may mount one,
# else in a temporary directory. FWSSH_BENCH_QUICK=1 uses less data and fewer rounds.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$1
dir=$(mktemp -d)
trap 'umount "$dir" 2>/dev/null || true; rm -rf "$dir"' EXIT
mount -t tmpfs none "$dir" 2>/dev/null || echo "cannot mount a tmpfs: the results depend on the disk"
"${CC:-cc}" -O2 -o "$dir/parts" "$here/parts.c" -lz -lsodium
/usr/bin/python3 "$here/engine.py" "$build" "$dir/parts" "$dir"
