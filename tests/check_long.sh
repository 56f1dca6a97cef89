#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make check-long: what takes too long for make check: an hour and a quarter on two cores. The last line has the totals.
set -eu
cd "$(dirname "$0")/.."
tests/packages.sh build demo check static device deb long
. tests/suites.sh

build_gcc
tests/device/build.sh $gcc_build
FWSSH_DEVICE_CUTS=20
FWSSH_SOAK_PUSHES=1000
FWSSH_LONG=1
export FWSSH_DEVICE_CUTS FWSSH_SOAK_PUSHES FWSSH_LONG
run "the virtual device, switched off at twenty places of each kind" $gcc_build --suite device
FWSSH_LONG=1 run "static programs from two places" $gcc_build --suite static --only two_places
run "a thousand pushes in a row" $gcc_build --suite load --only many_pushes
run "hosts and devices of versions before this one" $gcc_build --suite drift
run "the Debian packages" $gcc_build --suite package
build_clang
run "with sanitizers, what the check leaves out" $clang_build --suite scenario --suite interop --suite cut \
    --only agentless --only adapter
mutate
fuzz "${FUZZ_SECONDS:-60}"
total
