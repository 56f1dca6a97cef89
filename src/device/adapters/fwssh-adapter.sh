# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# What the adapters share (fwssh-updater(7)): text on its way to the client, and what it means.

# Ends with a status and why, in a line: for the message of a failed update, else for who has asked.
fail() {
    status=$1
    shift
    if [ -n "${FWSSH_RESULT_FD-}" ]; then
        printf 'because %.250s\n' "$*" >&3
    else
        printf '%s\n' "$*" >&2
    fi
    exit "$status"
}

# Runs a command. Its text is passed on line by line, through the function line, and kept in $text; the result is its
# exit status. It gets neither the lock nor the result's descriptor: what it leaves behind would keep them.
relay() {
    {
        "$@" 2>&1 3>&- 4>&- 5>&-
        echo $? >"$FWSSH_RUN/status"
    } | while IFS= read -r text || [ -n "$text" ]; do
        printf '%s\n' "$text" >>"$FWSSH_RUN/text"
        line "$text"
    done
    text=$(cat "$FWSSH_RUN/text" 2>/dev/null)
    return "$(cat "$FWSSH_RUN/status")"
}

line() {
    printf '%s\n' "$1"
}

# The site's own settings and functions, if there are any: /etc/fwssh/updater-NAME.conf.
site_settings() {
    conf=${FWSSH_UPDATER_CONF:-/etc/fwssh/updater-$1.conf}
    [ -e "$conf" ] || return 1
    # shellcheck source=/dev/null
    . "$conf"
}

has() {
    command -v "$1" >/dev/null
}

# Slots by the site's functions: running and next print a slot, switch_to SLOT makes it boot next. pending, confirmed and
# confirm_running are optional.

other() {
    if [ "$1" = a ]; then echo b; else echo a; fi
}

need_site_functions() {
    for function in running next switch_to; do
        has $function || fail 1 "$conf has no function $function"
    done
}

site_status() {
    printf 'active=%s\nnext=%s\n' "$(running)" "$(next)"
    ! has pending || echo "pending=$(pending)"
    if has confirmed; then echo "confirmed=$(confirmed)"; else echo "confirmed=$1"; fi
}

# What is no slot never gets to switch_to: an empty one could remove what the boot loader reads.
need_slot() {
    case $2 in a | b) ;; *) fail 1 "$1 of $conf prints no slot: '$2'" ;; esac
}

# An update that has not booted yet is discarded. From a firmware on trial, a reboot goes back.
site_revert() {
    active=$(running)
    to=$(next)
    need_slot running "$active"
    need_slot next "$to"
    if has pending && [ "$(pending)" = fallback ]; then
        return 0
    elif [ "$to" != "$active" ]; then
        switch_to "$active"
    else
        switch_to "$(other "$active")"
    fi
}
