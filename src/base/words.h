/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of words in a text, separated by single blanks. */
#ifndef FWSSH_BASE_WORDS_H
#define FWSSH_BASE_WORDS_H

#include <stdbool.h>

/* Whether the list contains this word; it never contains "". */
bool words_contain(const char *list, const char *word);

#endif
