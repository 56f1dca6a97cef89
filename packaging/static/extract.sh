#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# extract.sh LIST DIRECTORY [ARCHITECTURE]: unpacks the Debian packages in a list, and their dependencies, into a directory:
# those for arm64, if nothing else is said. Nothing is installed, and none of their programs is run.
set -eu
list=$1 directory=$2 architecture=${3:-arm64}

# This machine's package sources, so that these packages come from the same place as its own.
apt_sources()
{
    find /etc/apt/sources.list /etc/apt/sources.list.d -type f \( -name '*.list' -o -name '*.sources' \) 2>/dev/null
}

# A finished directory contains the list that it was made from.
! cmp -s "$list" "$directory/packages.txt" || exit 0
if [ -z "$(apt_sources)" ]; then
    echo "extract.sh: /etc/apt has no package sources" >&2
    exit 1
fi
# Only root may use the mode with chroot.
mode=root
[ "$(id -u)" = 0 ] || mode=chrootless

# extract SOURCE...: the log is beside the directory.
extract()
{
    rm -rf "$directory"
    mmdebstrap --mode=$mode --architectures="$architecture" --variant=extract --include="$(sed '/^#/d' "$list" | paste -sd,)" \
        '' "$directory" "$@" >"$directory.log" 2>&1
}

# Copies of the sources without those of security updates, of which a mirror may lack an architecture for a while.
sources_without_security()
{
    copies=$directory.sources
    rm -rf "$copies"
    mkdir "$copies"
    for source in $(apt_sources); do
        case $source in
        *.list) grep -v security "$source" >"$copies/$(basename "$source")" || : ;;
        *) awk 'BEGIN { RS = ""; ORS = "\n\n" } !/security/' "$source" >"$copies/$(basename "$source")" ;;
        esac
    done
    find "$copies" -type f -size +0
}

# shellcheck disable=SC2046 # one argument for each source
if ! extract $(apt_sources); then
    cp "$directory.log" "$directory.first.log"
    extract $(sources_without_security) || {
        cat "$directory.first.log" >&2
        echo "extract.sh: cannot create $directory" >&2
        exit 1
    }
    echo "extract.sh: the security updates for $architecture cannot be had now; $directory is without them" >&2
fi
cp "$list" "$directory/packages.txt"
