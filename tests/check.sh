#!/bin/sh
# make check: builds with warnings as errors (gcc, and clang with sanitizers) and runs all tests on both builds.
# The last line counts.
set -eu
cd "$(dirname "$0")/.."
tests/packages.sh build demo check arm64 device

gcc_build=build-check
clang_build=build-sanitize
[ -e $gcc_build/build.ninja ] || CC=gcc meson setup $gcc_build -Dwerror=true >/dev/null
# The one with ISA-L, the other with zlib, as a static build has it.
[ -e $clang_build/build.ninja ] || CC=clang meson setup $clang_build -Dwerror=true -Dbuildtype=debug \
    -Doptimization=1 -Dinflate=zlib -Db_sanitize=address,undefined -Db_lundef=false >/dev/null
ninja --quiet -C $gcc_build
ninja --quiet -C $clang_build
tests/device/build.sh $gcc_build

log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=0
run() {
    status=0
    tests/run.py "$@" >"$log" || status=$?
    cat "$log"
    [ $status = 0 ] || failed=1
    tail -n 1 "$log" >>"$log.counts"
}
rm -f "$log.counts"
echo "== gcc, as released =="
run $gcc_build
echo "== clang, address and undefined-behaviour sanitizers =="
run $clang_build --suite unit --suite scenario --suite interop --suite power --suite sandbox --suite load --suite cut

echo "== fuzz targets, a few seconds each =="
tests/fuzz.sh 3 || failed=1

echo "== all =="
awk '{ passed += $1; failed += $3; skipped += $5 }
     END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped }' "$log.counts"
rm -f "$log.counts"
exit $failed
