#!/bin/sh
# make check-long: what takes too long for make check, 85 minutes at most on two cores. The last line has the totals.
set -eu
cd "$(dirname "$0")/.."
tests/packages.sh build demo check arm64 device long
. tests/suites.sh

build_gcc
tests/device/build.sh $gcc_build
FWSSH_DEVICE_CUTS=20
FWSSH_SOAK_PUSHES=1000
FWSSH_LONG=1
export FWSSH_DEVICE_CUTS FWSSH_SOAK_PUSHES FWSSH_LONG
run "the virtual device, switched off at twenty places of each kind" $gcc_build --suite device
run "a thousand pushes in a row" $gcc_build --suite load --only many_pushes
run "the Debian packages" $gcc_build --suite package
mutate
fuzz "${FUZZ_SECONDS:-60}"
total
