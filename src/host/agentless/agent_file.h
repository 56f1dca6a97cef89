/* SPDX-License-Identifier: Apache-2.0 */
/* The fwssh-agent for a device's machine: where it is on this one, its size and its hash. */
#ifndef FWSSH_HOST_AGENTLESS_AGENT_FILE_H
#define FWSSH_HOST_AGENTLESS_AGENT_FILE_H

#include "base/error.h"
#include "base/file_hash.h"

#include <stdint.h>

struct agent_file {
    int fd; /* -1: none */
    uint64_t size;
    char hash[FILE_HASH_TEXT]; /* SHA-256, in hexadecimal */
    const char *arch;
};

#define AGENT_FILE_NONE ((struct agent_file){.fd = -1})

/*
 * machine: as uname -m prints it. dir: the directory of ARCH/fwssh-agent; NULL: the installed one.
 * Returns 0 with the descriptor at the start of the file (agent_file_close()), or -1 with the error
 * set: there is none for this machine.
 */
int agent_file_open(struct agent_file *f, const char *machine, const char *dir, struct error *err);
void agent_file_close(struct agent_file *f);

#endif
