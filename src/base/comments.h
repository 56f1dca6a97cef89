/*
 * Comments of libconfuse's language, taken out before it parses: version 3.3 counts lines wrongly
 * behind them, and a mistake should be told with its own line.
 */
#ifndef FWSSH_BASE_COMMENTS_H
#define FWSSH_BASE_COMMENTS_H

#include <stdbool.h>
#include <stddef.h>

/* Overwrites # and // comments and those between slash-star and star-slash with blanks; newlines
 * and quoted text stay. False if a quoted text or a comment has no end: libconfuse may take such a
 * file for a good one, and then cannot read another. */
bool comments_blank(char *text, size_t len);

#endif
