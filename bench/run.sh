#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Compares fwsshd with OpenSSH's sshd: run.sh BUILD [--only cpu|memory|start|delay]... (part of make bench).
# FWSSH_BENCH_QUICK=1 uses less data and fewer rounds.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$1
shift
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
for tool in sink meter; do
    "${CC:-cc}" -O2 -o "$tools/$tool" "$here/$tool.c"
done
/usr/bin/python3 "$here/push.py" "$build" "$tools" "$@"
