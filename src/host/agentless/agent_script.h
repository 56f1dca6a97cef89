/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands for the device's shell. They are for any login shell (single quotes only), and need
 * a POSIX shell as /bin/sh, uname, id, cat, chmod, wc, mkdir, rmdir, mount and umount -l.
 */
#ifndef FWSSH_HOST_AGENTLESS_AGENT_SCRIPT_H
#define FWSSH_HOST_AGENTLESS_AGENT_SCRIPT_H

#include "host/remote/reach.h"

#include <stdint.h>

#define AGENT_NONCE_TEXT 17

/* How the login becomes root. */
enum agent_root { AGENT_IS_ROOT, AGENT_SUDO, AGENT_DOAS, AGENT_DOAS_PASSWORD, AGENT_NO_ROOT };

/* What a shell says before our program speaks, and sudo when it asks: like nothing else. */
struct agent_script {
    char nonce[AGENT_NONCE_TEXT];
    char *marker, *prompt;
};

void agent_script_init(struct agent_script *s);
void agent_script_free(struct agent_script *s);

/* Asks what the device is; stays until its input ends. Its answer: agent_script_facts(). */
extern const char agent_script_ask[];

/* Whether the answer is there. machine (room for 32 bytes) and *root get what it says. */
bool agent_script_facts(const char *text, char *machine, enum agent_root *root);

/* Takes a fwssh-agent of that size on standard input, and has it stay. The caller frees it. */
char *agent_script_bring(const struct agent_script *s, enum agent_root root, uint64_t size);

/* Starts fwssh-receive of the one that stays as process pid. The caller frees it. */
char *agent_script_serve(const struct agent_script *s, enum agent_root root, int pid,
                         const struct reach *reach);

#endif
