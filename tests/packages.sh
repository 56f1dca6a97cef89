#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# packages.sh GROUP...: installs those Debian packages of tests/packages.txt that are missing.
set -eu
list=$(dirname "$0")/packages.txt
# The static programs have their own list.
packages() {
    if [ "$1" = static ]; then
        grep -v '^#' "$(dirname "$list")/../packaging/static/packages.txt"
    else
        sed -n "s/^$1  *//p" "$list"
    fi
}

missing=
for group; do
    for package in $(packages "$group"); do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' ||
            missing="$missing $package"
    done
done
[ -n "$missing" ] || exit 0
if ! command -v apt-get >/dev/null; then
    echo "These Debian packages (or what your system calls them) are needed:$missing" >&2
    exit 1
fi
sudo=
if [ "$(id -u)" != 0 ]; then
    sudo=sudo
fi
echo "Installing:$missing"
log=$(mktemp)
# shellcheck disable=SC2086  # a list of words
if ! { $sudo apt-get update && DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y --no-install-recommends $missing; } \
    >"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    rm -f "$log"
    exit 1
fi
rm -f "$log"
