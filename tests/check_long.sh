#!/bin/sh
# make check-long: what takes longer than a check may, 75 minutes at most on two cores. The last line counts.
set -eu
cd "$(dirname "$0")/.."
tests/packages.sh build demo check arm64 device

gcc_build=build-check
[ -e $gcc_build/build.ninja ] || CC=gcc meson setup $gcc_build -Dwerror=true >/dev/null
ninja --quiet -C $gcc_build
tests/device/build.sh $gcc_build

counts=$(mktemp)
trap 'rm -f "$counts"' EXIT
failed=0
# run TITLE ARGUMENTS...: of tests/run.py
run() {
    echo "== $1 =="
    shift
    tests/run.py $gcc_build "$@" >"$counts.log" || failed=1
    cat "$counts.log"
    tail -n 1 "$counts.log" >>"$counts"
    rm -f "$counts.log"
}
FWSSH_DEVICE_CUTS=20
FWSSH_SOAK_PUSHES=1000
export FWSSH_DEVICE_CUTS FWSSH_SOAK_PUSHES
run "the virtual device, switched off at twenty places of each kind" --suite device
run "a thousand pushes in a row" --suite load --only many_pushes

echo "== fuzz targets, a minute each =="
tests/fuzz.sh "${FUZZ_SECONDS:-60}" || failed=1

echo "== all =="
awk '{ passed += $1; failed += $3; skipped += $5 }
     END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped }' "$counts"
exit $failed
