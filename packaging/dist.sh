#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# dist.sh DIRECTORY: leaves the tarball of the committed sources there and prints its name. The same commit gives the same
# bytes: all times are the commit's, and what a user's git is configured to do to files does not count.
set -eu
[ $# = 1 ] || { echo "Usage: dist.sh DIRECTORY" >&2; exit 2; }
out=$(realpath "$1")
cd "$(dirname "$0")/.."
version=$(packaging/version.sh)
case $version in
*.dirty | *-dev)
    echo "dist.sh: a tarball has what is committed, and this is $version: commit, or get a clone" >&2
    exit 1
    ;;
esac
name=fwssh-$version
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git -c core.autocrlf=false -c core.eol=lf -c tar.umask=0022 archive --format=tar --prefix="$name/" \
    -o "$work/tar" HEAD
# What git cannot know once it is unpacked.
mkdir "$work/$name"
echo "$version" >"$work/$name/.tarball-version"
tar -C "$work" --append --file="$work/tar" --format=ustar --owner=0 --group=0 --numeric-owner --mode=0644 \
    --mtime="@$(git show -s --format=%ct HEAD)" "$name/.tarball-version"
gzip -9n <"$work/tar" >"$out/$name.tar.gz"
echo "$name.tar.gz"
