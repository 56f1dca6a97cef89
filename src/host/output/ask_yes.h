/* SPDX-License-Identifier: Apache-2.0 */
/* A question that is answered with yes or no at the terminal. */
#ifndef FWSSH_HOST_OUTPUT_ASK_YES_H
#define FWSSH_HOST_OUTPUT_ASK_YES_H

#include <stdbool.h>

/* Whether anybody could answer: standard input is a terminal. */
bool ask_yes_is_possible(void);

/* Asks; anything but a yes is a no. */
bool ask_yes(const char *question);

#endif
