/* SPDX-License-Identifier: Apache-2.0 */
/* JSON (RFC 8259), written piece by piece. */
#ifndef FWSSH_BASE_JSON_H
#define FWSSH_BASE_JSON_H

#include "base/buffer.h"

/* Appends a string with its quotes: quotes, backslashes and control characters are escaped; bytes
 * that are not UTF-8, and other characters that act (base/clean.h), become U+FFFD. */
void json_string(struct buffer *out, const char *text);

/* Appends ,"key":"text" (text NULL: null). */
void json_member(struct buffer *out, const char *key, const char *text);

#endif
