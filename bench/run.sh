#!/bin/sh
# Compares fwsshd with OpenSSH's sshd: run.sh BUILD [--only cpu|memory|start|delay]... (make bench calls it).
# FWSSH_BENCH_QUICK=1 takes less data and fewer rounds, to try it.
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
