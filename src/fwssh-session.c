/* SPDX-License-Identifier: Apache-2.0 */
/* fwssh-session: one SSH connection. Started by fwsshd, never by hand. Wiring only. */
#include "base/io.h"
#include "base/own_version.h"
#include "device/session/host_key_tool.h"
#include "device/session/session.h"

#include <libssh/libssh.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    const char *what = argc == 2 ? argv[1] : "";
    int status = EXIT_USAGE;

    io_open_standard();
    signal(SIGPIPE, SIG_IGN);
    if (!strcmp(what, "--version")) {
        printf("fwssh-session %s (libssh %s)\n", own_version, ssh_version(0));
        return EXIT_DONE;
    }
    if (ssh_init() != SSH_OK)
        return EXIT_FAILED;
    if (!strcmp(what, "--serve"))
        status = session_run();
    else if (!strcmp(what, "--make-host-key"))
        status = host_key_tool_make(SSH_KEYTYPE_ED25519);
    else if (!strcmp(what, "--make-ecdsa-host-key"))
        status = host_key_tool_make(SSH_KEYTYPE_ECDSA_P256);
    else if (!strcmp(what, "--check"))
        status = host_key_tool_check();
    else
        fputs("fwssh-session is started by fwsshd, not by hand\n", stderr);
    ssh_finalize();
    return status;
}
