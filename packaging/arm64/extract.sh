#!/bin/sh
# extract.sh LIST DIRECTORY: unpacks the arm64 Debian packages of a list, and what they depend on, into a directory. Installs
# nothing and runs nothing of them.
set -eu
list=$1 directory=$2

# The sources of this machine, so that these packages come from where its other packages come from.
apt_sources()
{
    find /etc/apt/sources.list /etc/apt/sources.list.d -type f \( -name '*.list' -o -name '*.sources' \) 2>/dev/null
}

# A finished directory holds the list that it was made from.
! cmp -s "$list" "$directory/packages.txt" || exit 0
if [ -z "$(apt_sources)" ]; then
    echo "extract.sh: /etc/apt has no package sources" >&2
    exit 1
fi
rm -rf "$directory"
# Only root may use the mode with chroot.
mode=root
[ "$(id -u)" = 0 ] || mode=chrootless
# shellcheck disable=SC2046 # one argument for each source
mmdebstrap --mode=$mode --architectures=arm64 --variant=extract --include="$(sed '/^#/d' "$list" | paste -sd,)" \
    '' "$directory" $(apt_sources) >"$directory.log" 2>&1 || {
    cat "$directory.log" >&2
    echo "extract.sh: cannot make $directory" >&2
    exit 1
}
cp "$list" "$directory/packages.txt"
