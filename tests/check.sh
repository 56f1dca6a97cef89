#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make check: builds with warnings as errors (gcc, and clang with sanitizers) and runs all tests on both builds.
# The last line has the totals.
set -eu
cd "$(dirname "$0")/.."
tests/packages.sh build demo html check static device
. tests/suites.sh

build_gcc
build_clang
tests/device/build.sh $gcc_build
run "gcc, as released" $gcc_build
run "clang, address and undefined-behaviour sanitizers" $clang_build --suite unit --suite scenario \
    --suite interop --suite power --suite sandbox --suite load --suite cut
fuzz 1
total
