#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Links the device programs statically for an architecture and tries them, under QEMU if need be. Installs nothing.
# Usage: packaging/static/build.sh arm64|armhf|x86_64 BUILDDIR (the programs end up in BUILDDIR/bin, what they are linked with
# in BUILDDIR/sbom)
set -eu

linked='fwssh-session fwssh-agent'
# fwssh-agent is these, too: they share most of their code.
links='fwsshd fwssh-receive fwssh-hold fwpack'

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

# debian: its architecture. Debian has no rcrt1.o for armhf, so programs there have fixed addresses.
choose_architecture()
{
    pie=-static-pie b_pie=true more=
    case $1 in
    arm64) debian=arm64 tool=aarch64-linux-gnu family=aarch64 emulator=qemu-aarch64-static ;;
    armhf)
        debian=armhf tool=arm-linux-gnueabihf family=arm emulator=qemu-arm-static
        pie=-static b_pie=false more=", '-D_TIME_BITS=64'"
        ;;
    x86_64) debian=amd64 tool=x86_64-linux-gnu family=x86_64 emulator= ;;
    *) fail "unknown architecture '$1': arm64, armhf or x86_64" ;;
    esac
}

compile_stubs()
{
    for stub in gss_stub nss_stub; do
        $tool-gcc --sysroot="$sysroot" -isystem "$sysroot/usr/include/$tool" -isystem "$sysroot/usr/include" \
            -D_GNU_SOURCE -std=c17 -O2 -fPIE -Wall -Wextra -Werror -c "$here/$stub.c" -o "$out/$stub.o"
    done
}

# -isystem, -B and -L: Debian's cross compiler would otherwise use the C library of its own package (libc6-dev-ARCH-cross),
# which does not get the security updates that the sysroot has. -lgcrypt: libssh.pc does not list what libssh.a needs. -lz:
# likewise libubootenv.a, which is found without its .pc file. Fatal warnings: the linker only warns if a static program
# needs shared libraries of the C library (NSS, dlopen). The maps make the bytes independent of where this is done.
write_cross_file()
{
    archives=$sysroot/usr/lib/$tool
    wrapper=
    [ -z "$emulator" ] || wrapper="exe_wrapper = '$emulator'"
    cat >"$out/cross.ini" <<END
[binaries]
c = '$tool-gcc'
ar = '$tool-gcc-ar'
strip = '$tool-strip'
pkgconfig = 'pkg-config'
$wrapper

[properties]
sys_root = '$sysroot'
pkg_config_libdir = '$archives/pkgconfig'

[built-in options]
prefix = '/usr'
debug = false
prefer_static = true
b_pie = $b_pie
c_args = ['--sysroot=$sysroot', '-isystem', '$sysroot/usr/include/$tool', '-isystem', '$sysroot/usr/include',
  '-ffile-prefix-map=$source=.', '-ffile-prefix-map=$out=.'$more]
c_link_args = ['--sysroot=$sysroot', '-B$archives', '-L$archives', '$pie', '-Wl,-Map=%', '-Wl,--fatal-warnings', '-Wl,--wrap=dlopen',
  '$out/gss_stub.o', '$out/nss_stub.o', '-lgcrypt',
  '-lgpg-error', '-lz']

[host_machine]
system = 'linux'
cpu_family = '$family'
cpu = '$family'
endian = 'little'
END
}

build()
{
    # Meson does not notice a changed cross file; a full build takes a few seconds.
    rm -rf "$out/meson"
    meson setup "$out/meson" "$source" --cross-file "$out/cross.ini" -Dinflate=zlib -Dwerror=true >"$out/meson.log" 2>&1 || {
        cat "$out/meson.log" >&2
        fail "meson setup failed"
    }
    set --
    for program in $linked; do
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
    rm -rf "${out:?}/bin"
    mkdir -p "$out/bin"
    for program in $linked; do
        check_static "$out/meson/src/$program"
        $tool-strip -o "$out/bin/$program" "$out/meson/src/$program"
        printf '%9d %s\n' "$(stat -c %s "$out/bin/$program")" "$program"
    done
    for program in $links; do
        ln -s fwssh-agent "$out/bin/$program"
    done
}

list_libraries()
{
    set --
    for program in $linked; do
        set -- "$@" "$out/meson/src/$program"
    done
    "$source/packaging/sbom.py" "$out/sbom" "$@"
}

# A native wrapper around a device program: fwsshd under QEMU can only start native programs.
wrap()
{
    printf '#!/bin/sh\nexec %s "%s" "$@"\n' "$emulator" "$out/bin/$1" >"$out/run/$1"
    chmod 755 "$out/run/$1"
}

try_programs()
{
    rm -rf "$out/run"
    mkdir -p "$out/run"
    for program in $linked $links; do
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
    # Printed by fwssh-session, so libssh and its cryptography have been run, too.
    grep -q '^# host-key ssh-ed25519 ' "$out/run/report" || fail "fwsshd -t reported no host key"
}

[ $# = 2 ] || fail "Usage: build.sh arm64|armhf|x86_64 BUILDDIR"
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
choose_architecture "$1"
check_packages
mkdir -p "$2"
out=$(cd "$2" && pwd)
sysroot=$out/sysroot
"$here/extract.sh" "$here/sysroot-packages.txt" "$sysroot" $debian
compile_stubs
write_cross_file
build
strip_programs
list_libraries
try_programs
