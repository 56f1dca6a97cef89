# SPDX-License-Identifier: Apache-2.0
# Sourced by the scripts that build a virtual device, which do it again only when what it depends on has changed. That is what
# their function `inputs` prints.
# shellcheck shell=sh

# fresh_begin DIRECTORY: ends the script if DIRECTORY was made from the same. Tests that run in parallel wait for the one that
# builds.
fresh_begin() {
    mkdir -p "$1"
    exec 9>"$1/lock"
    flock 9
    inputs >"$1/inputs.new"
    ! cmp -s "$1/inputs.new" "$1/inputs" || exit 0
    rm -f "$1/inputs"
}

# fresh_end DIRECTORY: it is complete.
fresh_end() {
    mv "$1/inputs.new" "$1/inputs"
}
