#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# deb.sh DIRECTORY: builds the Debian packages of the committed sources, with their build dependencies installed (group "deb"
# in tests/packages.txt), and leaves them in DIRECTORY. The same commit and build dependencies give the same .deb files.
set -eu
out=$(realpath "$1")
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tarball=$(packaging/dist.sh "$work")
mkdir "$work/fwssh"
tar -xzf "$work/$tarball" -C "$work/fwssh" --strip-components=1
cp -r packaging/debian "$work/fwssh/debian"
# What is built on the way to a release comes before it.
version=$(sed 's/-/~/' "$work/fwssh/.tarball-version")
sed -i "1s/(.*)/($version)/" "$work/fwssh/debian/changelog"
for unit in service socket; do
    cp "packaging/fwsshd.$unit" "$work/fwssh/debian/fwsshd.$unit"
done
mv "$work/fwssh/packaging/fwsshd.conf.example" "$work/fwssh/packaging/fwsshd.conf"
sed -i 's|^#session-user = .*|session-user = "fwssh-session"|' "$work/fwssh/packaging/fwsshd.conf"
sed -i 's|fwsshd.conf.example|fwsshd.conf|' "$work/fwssh/debian/fwsshd.install"
SOURCE_DATE_EPOCH=$(git show -s --format=%ct HEAD)
export SOURCE_DATE_EPOCH
(cd "$work/fwssh" && dpkg-buildpackage --build=binary --unsigned-changes --no-check-builddeps >"$work/log" 2>&1) || {
    tail -n 40 "$work/log" >&2
    exit 1
}
cp "$work"/*.deb "$work"/*.changes "$work"/*.buildinfo "$out/"
