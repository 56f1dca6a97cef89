#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fuzz.sh SECONDS [TARGET...]: builds the fuzz targets of tests/fuzz and runs each for that time, two at a time,
# starting with the seeds in the tree and what earlier runs have found (build-fuzz/corpus). A finding is saved as
# build-fuzz/TARGET.crash-... and fails the run. ssh_stream and ssh_login do not use libFuzzer, but stream_fuzz.py.
set -eu
cd "$(dirname "$0")/.."
seconds=$1
shift
build="build-fuzz"
[ -e $build/build.ninja ] || CC=clang meson setup $build -Dfuzz=true -Dinflate=zlib -Dbuildtype=debug -Doptimization=1 \
    -Db_sanitize=address,undefined -Db_lundef=false >/dev/null
ninja --quiet -C $build
targets=$*
if [ -z "$targets" ]; then
    for file in tests/fuzz/*_fuzz.c; do
        targets="$targets $(basename "$file" _fuzz.c)"
    done
    targets="$targets ssh_stream ssh_login"
fi

# libconfuse 3.3 leaks memory when it meets a mistake.
leaks() {
    case $1 in
    apply | conf | config | hold | meta | table | task) echo 0 ;;
    *) echo 1 ;;
    esac
}

run_target() {
    case $1 in
    ssh_*)
        tests/fuzz/stream_fuzz.py $build "$1" "$seconds"
        return
        ;;
    esac
    mkdir -p $build/corpus/"$1"
    ASAN_OPTIONS=detect_leaks="$(leaks "$1")" LSAN_OPTIONS=suppressions=tests/fuzz/leaks.txt:print_suppressions=0 \
        UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 $build/tests/fuzz/fuzz_"$1" -max_total_time="$seconds" \
        -timeout=20 -rss_limit_mb=1024 -max_len=262144 -close_fd_mask=3 -artifact_prefix=$build/"$1". -print_final_stats=1 \
        $build/corpus/"$1" tests/fuzz/seeds/"$1"
}

run_one() {
    if run_target "$1" >$build/"$1".log 2>&1; then
        echo "$1: $(sed -n 's/^stat::number_of_executed_units: *//p' $build/"$1".log) inputs, no finding"
    else
        echo "$1: a finding"
        tail -n 60 $build/"$1".log
        return 1
    fi
}

# Two at a time: one from each half of the list.
half() {
    failed=0
    n=0
    for target in $targets; do
        n=$((n + 1))
        [ $((n % 2)) = "$1" ] || continue
        run_one "$target" || failed=1
    done
    return $failed
}
half 1 &
other=$!
failed=0
half 0 || failed=1
wait $other || failed=1
exit $failed
