#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# install.sh LIBDIR: installs each fwssh-agent that `make static` has built where fwssh looks for it. Meson runs it.
set -eu
for agent in "$MESON_SOURCE_ROOT"/build-static/*/bin/fwssh-agent; do
    [ -e "$agent" ] || continue
    arch=$(basename "$(dirname "$(dirname "$agent")")")
    install -D -m 755 "$agent" "$MESON_INSTALL_DESTDIR_PREFIX/$1/fwssh/agent/$arch/fwssh-agent"
done
