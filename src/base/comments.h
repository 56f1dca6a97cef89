/* SPDX-License-Identifier: Apache-2.0 */
/* Blanks out comments before libconfuse parses a file: libconfuse 3.3 miscounts lines after a
 * comment, and a mistake should be reported with its own line number. Likewise the mark (U+FEFF)
 * that some editors put at the start, which libconfuse takes for a key. */
#ifndef FWSSH_BASE_COMMENTS_H
#define FWSSH_BASE_COMMENTS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Overwrites #, // and slash-star comments, and a mark at the start, with spaces; newlines and
 * quoted strings stay. Returns false if a quoted string or a comment is unterminated: libconfuse
 * may accept such a file, and then cannot parse another one.
 */
bool comments_blank(char *text, size_t len);

#endif
