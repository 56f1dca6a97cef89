/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that this version does not know, in a configuration of another one. */
#ifndef FWSSH_DEVICE_CONFIG_UNKNOWN_KEY_H
#define FWSSH_DEVICE_CONFIG_UNKNOWN_KEY_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Overwrites statements whose key is_known() does not know with spaces; newlines stay, so that
 * later messages have the right line. The text has no comments (base/comments.h). Calls tell() for
 * each, with the key and its line. What is no statement is left to the parser.
 */
void unknown_key_blank(char *text, bool (*is_known)(const char *name, size_t len),
                       void (*tell)(const void *data, const char *name, size_t len, int line),
                       const void *data);

#endif
