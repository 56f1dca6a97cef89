#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Sends a firmware file to a device over SSH; the device installs it and
# reboots. Needs only a POSIX shell, the standard tools and ssh.
# Run it with --help for the details.

set -u

me=${0##*/}

usage() {
    cat <<END
Usage: $me [destination] [file.fw]

Send a firmware file to a device over SSH. The device installs it and reboots.

  destination   a host, user@host or a name from your ssh configuration;
                nerves.local if omitted
  file.fw       the firmware; if omitted, the first *.fw found in
                  _build/\${MIX_TARGET}_\${MIX_ENV}/nerves/images
                  _build/\${MIX_TARGET}/\${MIX_TARGET}_\${MIX_ENV}/nerves/images
                  _build/\${MIX_TARGET}/\${MIX_ENV}/nerves/images
  -h, --help    show this text

Environment:
  MIX_TARGET    the target to look for, rpi0 if not set
  MIX_ENV       the build environment to look for, dev if not set
  FWSSH_PORT    the port of the device; if not set 8989, or 22 for fwup and
                with FWSSH_EXEC
  FWSSH_SUBSYSTEM  nerves_firmware_ssh if not set, or fwup (nerves_ssh)
  FWSSH_EXEC    yes: run the subsystem as a command (Dropbear)
  SSH_OPTIONS   more options for ssh, split on blanks,
                such as SSH_OPTIONS='-i keys/device -v'

Exit status:
  0    the device took the firmware and reboots
  1    no usable firmware file here, or the update failed on the device
  2    wrong usage of this command
  3    the device is busy or refused the update
  4    the firmware is damaged or does not fit the device
  255  no connection, no permission, or connection lost
  Any other status is passed on from ssh.
END
}

say() {
    printf '%s: %s\n' "$me" "$*" >&2
}

# fail STATUS WORDS...
fail() {
    fail_status=$1
    shift
    say "$@"
    exit "$fail_status"
}

misuse() {
    say "$@"
    usage >&2
    exit 2
}

# ---- The firmware file --------------------------------------------------

# Prints the first firmware file of a directory, fails if it has none.
first_fw_in() {
    for candidate in "$1"/*.fw; do
        if [ -f "$candidate" ]; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done
    return 1
}

# Prints the size in bytes. GNU's form goes first: GNU's -f asks for something
# else, while BSD's stat simply rejects -c. -L because a link has a size too.
size_of() {
    size=$(stat -L -c %s "$1" 2>/dev/null) ||
        size=$(stat -L -f %z "$1" 2>/dev/null) ||
        size=
    case $size in
    '' | *[!0123456789]*) size=$(wc -c <"$1" | tr -d ' \t') ;;
    esac
    printf '%s\n' "$size"
}

# ---- What the firmware says about itself --------------------------------

# The UUID of an archive is derived from a BLAKE2b-256 hash over a fixed
# 16-byte namespace and meta.conf. Prints nothing if it cannot be computed.
uuid_from_archive() {
    command -v b2sum >/dev/null 2>&1 || return 0
    {
        printf '\040\123\337\373\325\036\103\020\271\073\225\155\250\237\237\064'
        unzip -p "$1" meta.conf 2>/dev/null
    } | b2sum -l 256 2>/dev/null |
        sed -n 's/^\([0-9a-f]\{8\}\)\([0-9a-f]\{4\}\).\([0-9a-f]\{3\}\)\([0-9a-f]\{4\}\)\([0-9a-f]\{12\}\)[0-9a-f]\{32\}\([^0-9a-f].*\)\{0,1\}$/\1-\2-5\3-\4-\5/p'
}

# Prints lines such as meta-product="My product", or nothing. The output of a
# tool that fails is not to be trusted, so it is collected first.
metadata_of() {
    for tool in fwup fwpack; do
        command -v "$tool" >/dev/null 2>&1 || continue
        if text=$("$tool" -m -i "$1" </dev/null 2>/dev/null); then
            printf '%s\n' "$text"
            return 0
        fi
    done

    # unzip treats these characters in a name as a pattern and might then
    # describe another file: better no description than a wrong one.
    case ${1##*/} in
    *[]\*?[\\]*) return 0 ;;
    esac
    command -v unzip >/dev/null 2>&1 || return 0
    text=$(unzip -p "$1" meta.conf 2>/dev/null) || return 0
    printf '%s\nmeta-uuid="%s"\n' "$text" "$(uuid_from_archive "$1")"
}

# field NAME: the value of meta-NAME in $metadata, without control characters,
# so that a file from elsewhere cannot manipulate the terminal.
field() {
    printf '%s\n' "$metadata" |
        LC_ALL=C sed -n \
            -e "/^meta-$1=/!d" \
            -e 's/^[^=]*=//' \
            -e '/^".*"$/{' -e 's/^"//' -e 's/"$//' -e 's/\\\(["\\]\)/\1/g' -e '}' \
            -e p -e q |
        LC_ALL=C tr -d '\000-\037\177'
}

# show LABEL VALUE: prints nothing if the value is empty.
show() {
    [ -z "$2" ] || printf '%-10s%s\n' "$1:" "$2"
}

describe() {
    metadata=$(metadata_of "$1")
    product=$(field product)
    version=$(field version)
    show Firmware "$1"
    show Product "$product${product:+${version:+ }}$version"
    show UUID "$(field uuid)"
    show Platform "$(field platform)"
}

# ---- macOS and link-local addresses -------------------------------------

# Prints the device's IPv4 address if it is a link-local one.
link_local_address_of() {
    host=${1##*@}
    case $1 in
    ssh://*)
        host=${host#ssh://}
        host=${host%%[:/]*}
        ;;
    esac
    case $host in
    169.254.*)
        printf '%s\n' "$host"
        return
        ;;
    esac
    # If there is an ordinary address, too, the connection works by itself.
    dscacheutil -q host -a name "$host" 2>/dev/null | awk '
        $1 == "ip_address:" && $2 ~ /^169\.254\./ { if (!found) found = $2; next }
        $1 == "ip_address:" && $2 ~ /^[0-9.]+$/ { ordinary = 1 }
        END { if (found && !ordinary) print found }'
}

# Every interface of a Mac may claim 169.254/16, and the system may then pick
# one without the device. Prints our own address on the right interface,
# nothing if there is no choice or it is unknown, or "several".
link_local_source_for() {
    peer=$(link_local_address_of "$1")
    [ -n "$peer" ] || return 0
    # An incomplete entry only shows where we asked, not who answered.
    via=$(arp -n "$peer" 2>/dev/null |
        sed -n -e '/incomplete/d' -e 's/.* on \([^ ]*\).*/\1/p' | sed 1q)
    ifconfig 2>/dev/null | awk -v via="$via" '
        /^[^ \t]/ { interface = $1; sub(/:$/, "", interface) }
        $1 == "inet" && $2 ~ /^169\.254\./ {
            if (via == "" || interface == via) { count++; address = $2 }
        }
        END {
            if (count == 1) print address
            else if (count > 1) print "several"
        }'
}

# ---- Arguments ----------------------------------------------------------

case ${1-} in
-h | --help)
    usage
    exit 0
    ;;
--) shift ;;
-*) misuse "unknown option '$1'" ;;
esac

[ $# -le 2 ] || misuse "too many arguments"

# An empty argument counts as omitted, to give a file without a destination.
destination=${1:-nerves.local}
file=${2:-}
target=${MIX_TARGET:-rpi0}
environment=${MIX_ENV:-dev}
subsystem=${FWSSH_SUBSYSTEM:-nerves_firmware_ssh}
as_command=${FWSSH_EXEC:-}
default_port=8989
[ "$subsystem" != fwup ] && [ -z "$as_command" ] || default_port=22
port=${FWSSH_PORT:-$default_port}
ssh_options=${SSH_OPTIONS:-}

# ssh would treat such a name as an option, and some options run commands.
case $destination in
-*) misuse "a destination cannot start with '-': '$destination'" ;;
esac

case $port in
*[!0123456789]* | ??????*) port=0 ;;
esac
if [ "$port" -lt 1 ] || [ "$port" -gt 65535 ]; then
    misuse "FWSSH_PORT must be a number from 1 to 65535, not '$FWSSH_PORT'"
fi

case $subsystem in
nerves_firmware_ssh | fwup) ;;
*) misuse "FWSSH_SUBSYSTEM must be nerves_firmware_ssh or fwup, not '$subsystem'" ;;
esac
case $as_command in
'' | yes) ;;
*) misuse "FWSSH_EXEC must be yes or not set, not '$as_command'" ;;
esac

if [ -z "$file" ]; then
    place1=_build/${target}_$environment/nerves/images
    place2=_build/$target/${target}_$environment/nerves/images
    place3=_build/$target/$environment/nerves/images
    file=$(first_fw_in "$place1" || first_fw_in "$place2" ||
        first_fw_in "$place3") ||
        fail 1 "no *.fw file in $place1, $place2 or $place3:" \
            "build the firmware first, set MIX_TARGET (now $target) and" \
            "MIX_ENV (now $environment), or give the file:" \
            "$me $destination FILE"
fi

# Keeps the tools below from treating the name as an option.
case $file in
-*) file=./$file ;;
esac

[ -e "$file" ] ||
    fail 1 "no such file '$file': check the name, or build the firmware first"
[ -f "$file" ] ||
    fail 1 "'$file' is not a regular file: give the .fw file itself"
[ -r "$file" ] ||
    fail 1 "cannot read '$file': check its permissions"
[ -s "$file" ] ||
    fail 1 "'$file' is empty: build the firmware again"

size=$(size_of "$file")
case $size in
'' | *[!0123456789]*) fail 1 "cannot determine the size of '$file': is it readable?" ;;
esac

command -v ssh >/dev/null 2>&1 ||
    fail 127 "ssh is not installed or not in PATH: install the OpenSSH client"

# ---- Sending ------------------------------------------------------------

describe "$file"

# From here on SSH_OPTIONS is split into words, without expanding patterns.
set -f

# The user's options come first: ssh keeps the first value of an option.
# shellcheck disable=SC2086
if [ -n "$as_command" ]; then
    set -- $ssh_options
else
    # shellcheck disable=SC2086
    set -- $ssh_options -s
fi
set -- "$@" -p "$port" -o PreferredAuthentications=publickey

if [ "$(uname -s 2>/dev/null)" = Darwin ]; then
    case " $ssh_options" in
    *' -b'* | *' -B'* | *[Bb][Ii][Nn][Dd]*) source= ;;
    *) source=$(link_local_source_for "$destination") ;;
    esac
    case $source in
    '') ;;
    several)
        say "more than one interface has a link-local address; if there is" \
            "no connection, choose one with SSH_OPTIONS='-b ADDRESS'"
        ;;
    *)
        show From "$source (link-local)"
        # An IPv4 source makes ssh complain about each IPv6 address it tries.
        set -- "$@" -o "BindAddress=$source" -o AddressFamily=inet
        ;;
    esac
fi

printf 'Sending %s bytes to %s, port %s\n' "$size" "$destination" "$port"

# The status of a pipeline is that of its last command: ssh alone decides.
# The subsystem is one of the two words above, so it may expand here.
# shellcheck disable=SC2029
{
    [ "$subsystem" = fwup ] || printf 'fwup:%s,reboot\n' "$size"
    cat "$file"
} | ssh "$@" "$destination" "$subsystem"
status=$?

case $status in
0)
    printf '%s took the firmware and reboots.\n' "$destination"
    exit 0
    ;;
1) reason="the update failed on the device: see its output above" ;;
3) reason="the device is busy or refused the update: try again later" ;;
4) reason="the firmware does not fit the device or is damaged: see above" ;;
255) reason="could not reach $destination, was refused, or lost the connection: see above" ;;
*) reason="ssh exited with status $status: the device may not have taken the firmware" ;;
esac
fail "$status" "$reason"
