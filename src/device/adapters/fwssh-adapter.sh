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
