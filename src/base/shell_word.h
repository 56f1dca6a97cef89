/* SPDX-License-Identifier: Apache-2.0 */
/* Words of a command for a shell. */
#ifndef FWSSH_BASE_SHELL_WORD_H
#define FWSSH_BASE_SHELL_WORD_H

#include "base/buffer.h"

/* Appends a blank and the text as one word, in single quotes: any shell takes it as it is. */
void shell_word_add(struct buffer *out, const char *text);

#endif
