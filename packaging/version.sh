#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# version.sh: prints the version that programs built from this tree report. N counts the commits since the last release.
#   0.2.0                    release: the tag v0.2.0
#   0.2.0-dev.N+gCOMMIT      on the way to 0.2.0 (VERSIONING.md); without N where the history is not here
#   0.2.0-dev                neither git's data nor that of a tarball of ours: nobody knows which commit this is
# and a "dirty" at the end if files differ from the commit.
set -eu
cd "$(dirname "$0")/.."

# Written by dist.sh.
if [ -f .tarball-version ]; then
    cat .tarball-version
    exit
fi
version=$(sed -n "s/^  version: '\(.*\)',$/\1/p" meson.build)
# A repository around these sources is somebody else's.
if ! [ -e .git ] || ! commit=$(git rev-parse --short=12 HEAD 2>/dev/null); then
    echo "$version-dev"
    exit
fi

# Without locks: it runs with each build, beside whatever its user does.
dirty=$(git --no-optional-locks status --porcelain --untracked-files=no)
if [ -n "$(git tag --points-at HEAD --list "v$version")" ]; then
    [ -z "$dirty" ] || version=$version+g$commit
elif [ "$(git rev-parse --is-shallow-repository)" = true ]; then
    version=$version-dev+g$commit
else
    since=$(git describe --tags --match 'v[0-9]*' --abbrev=0 2>/dev/null) || since=
    version=$version-dev.$(git rev-list --count "${since:+$since..}HEAD")+g$commit
fi
echo "$version${dirty:+.dirty}"
