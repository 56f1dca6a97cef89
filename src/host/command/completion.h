/* SPDX-License-Identifier: Apache-2.0 */
/* `fwssh completion SHELL`: a script with which bash, zsh or fish completes fwssh's words, made
 * from the tables of commands and options. */
#ifndef FWSSH_HOST_COMMAND_COMPLETION_H
#define FWSSH_HOST_COMMAND_COMPLETION_H

#include <stddef.h>

struct completion_command {
    const char *word, *help;
    unsigned set; /* enum command_set */
};

/* Prints the script. Returns the exit status: EXIT_USAGE for another shell. */
int completion_run(const char *shell, const struct completion_command *command, size_t count);

#endif
