#!/bin/sh
# Links the device programs statically for arm64 and tries them under QEMU. Installs nothing.
# Usage: packaging/arm64/build.sh BUILDDIR (the programs end up in BUILDDIR/bin)
set -eu

programs='fwsshd fwssh-session fwssh-receive fwssh-hold fwpack'
tool=aarch64-linux-gnu
emulator=qemu-aarch64-static

fail()
{
    echo "build.sh: $*" >&2
    exit 1
}

package_list()
{
    sed '/^#/d' "$here/$1"
}

check_packages()
{
    missing=
    for package in $(package_list packages.txt); do
        dpkg-query -W -f='${db:Status-Abbrev}\n' "$package" 2>/dev/null | grep -q '^ii' || missing="$missing $package"
    done
    [ -z "$missing" ] || fail "Debian packages are missing:$missing"
}

compile_stubs()
{
    for stub in gss_stub nss_stub; do
        $tool-gcc --sysroot="$sysroot" -isystem "$sysroot/usr/include/$tool" -isystem "$sysroot/usr/include" \
            -D_GNU_SOURCE -std=c17 -O2 -fPIE -Wall -Wextra -Werror -c "$here/$stub.c" -o "$out/$stub.o"
    done
}

build()
{
    cat >"$out/paths.ini" <<END
[constants]
sysroot = '$sysroot'
stubs = ['$out/gss_stub.o', '$out/nss_stub.o']
END
    # Meson does not notice a changed cross file; a full build takes a few seconds.
    rm -rf "$out/meson"
    meson setup "$out/meson" "$here/../.." --cross-file "$out/paths.ini" --cross-file "$here/cross.ini" \
        >"$out/meson.log" 2>&1 || {
        cat "$out/meson.log" >&2
        fail "meson setup failed"
    }
    set --
    for program in $programs; do
        set -- "$@" "src/$program"
    done
    ninja --quiet -C "$out/meson" "$@"
}

# The linker does not warn about every use of NSS: calls within the C library are silent.
check_static()
{
    if $tool-readelf -ld "$1" | grep -E 'INTERP|NEEDED'; then
        fail "$1 is not static"
    fi
    if $tool-nm "$1" | grep -E ' _?_nss_'; then
        fail "$1 contains NSS"
    fi
}

strip_programs()
{
    mkdir -p "$out/bin"
    for program in $programs; do
        check_static "$out/meson/src/$program"
        $tool-strip -o "$out/bin/$program" "$out/meson/src/$program"
        printf '%9d %s\n' "$(stat -c %s "$out/bin/$program")" "$program"
    done
}

# A native wrapper around a device program: fwsshd under QEMU can only start native programs.
wrap()
{
    printf '#!/bin/sh\nexec %s "%s" "$@"\n' $emulator "$out/bin/$1" >"$out/run/$1"
    chmod 755 "$out/run/$1"
}

try_programs()
{
    rm -rf "$out/run"
    mkdir -p "$out/run"
    for program in $programs; do
        wrap "$program"
        "$out/run/$program" --version >"$out/run/version" || fail "$program --version failed"
        grep -q '[0-9]\.[0-9]' "$out/run/version" || fail "$program --version printed no version"
    done
    : >"$out/run/disk"
    ssh-keygen -q -t ed25519 -N '' -f "$out/run/login"
    cat >"$out/run/fwsshd.conf" <<END
port = 8989
system-dir = "$out/run"
state-dir = "$out/run/state"
authorized-keys-files = {}
authorized-keys = {"$(cat "$out/run/login.pub")"}
device = "$out/run/disk"
lock-file = "$out/run/lock"
updater = "$out/run/fwpack"
reboot-command = "kernel"
session-program = "$out/run/fwssh-session"
receive-program = "$out/run/fwssh-receive"
END
    "$out/run/fwsshd" -f "$out/run/fwsshd.conf" --init-host-key >/dev/null || fail "fwsshd --init-host-key failed"
    "$out/run/fwsshd" -f "$out/run/fwsshd.conf" -t >"$out/run/report" || fail "fwsshd -t failed"
    # Printed by fwssh-session, so libssh and libcrypto have been run, too.
    grep -q '^# host-key ssh-ed25519 ' "$out/run/report" || fail "fwsshd -t reported no host key"
}

[ $# = 1 ] || fail "Usage: build.sh BUILDDIR"
here=$(cd "$(dirname "$0")" && pwd)
check_packages
mkdir -p "$1"
out=$(cd "$1" && pwd)
sysroot=$out/sysroot
"$here/extract.sh" "$here/sysroot-packages.txt" "$sysroot"
compile_stubs
build
strip_programs
try_programs
