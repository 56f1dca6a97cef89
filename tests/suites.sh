# SPDX-License-Identifier: Apache-2.0
# Sourced by check.sh and check_long.sh: builds, test runs, and the line with the totals.
# shellcheck shell=sh

gcc_build=build-check
clang_build=build-sanitize
failed=0
counts=$(mktemp)
trap 'rm -f "$counts" "$counts.log"' EXIT

# With gcc, as released.
build_gcc() {
    [ -e $gcc_build/build.ninja ] || CC=gcc meson setup $gcc_build -Dwerror=true >/dev/null
    ninja --quiet -C $gcc_build
}

# With clang and sanitizers, and with zlib like a static build.
build_clang() {
    [ -e $clang_build/build.ninja ] || CC=clang meson setup $clang_build -Dwerror=true -Dbuildtype=debug \
        -Doptimization=1 -Dinflate=zlib -Db_sanitize=address,undefined -Db_lundef=false >/dev/null
    ninja --quiet -C $clang_build
}

# run TITLE BUILD ARGUMENTS...: runs some of the tests; a failure does not stop the script.
run() {
    echo "== $1 =="
    shift
    tests/run.py "$@" >"$counts.log" || failed=1
    cat "$counts.log"
    tail -n 1 "$counts.log" >>"$counts"
}

fuzz() {
    echo "== fuzz targets, $1 seconds each =="
    tests/fuzz.sh "$1" || failed=1
}

# Breaks the program at one place at a time: "caught" counts as passed, "SURVIVED" as failed.
mutate() {
    echo "== mutations, each of which a test must notice =="
    tests/mutate.py >"$counts.log" || failed=1
    cat "$counts.log"
    tail -n 1 "$counts.log" >>"$counts"
}

total() {
    echo "== all =="
    awk '{ passed += $1; failed += $3; skipped += $5 }
         END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped }' "$counts"
    return $failed
}
