/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text from a device, an archive or a stranger, on its way to a terminal, JSON, a log or the name
 * of a file: it must not move the cursor, change its direction, forge a line, or be anything but
 * UTF-8.
 */
#ifndef FWSSH_BASE_CLEAN_H
#define FWSSH_BASE_CLEAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The length of the valid UTF-8 sequence at p (RFC 3629), which is NUL-terminated, and its code
 * point; 0: it is none (overlong, a surrogate, beyond U+10FFFF, cut off). */
size_t clean_utf8(const char *p, uint32_t *code);

/* Whether a code point is a control character (C0, DEL, C1), a bidirectional control, or another
 * end of line (U+2028, U+2029). */
bool clean_is_control(uint32_t code);

/* Replaces in place what is neither: a tab by a blank, each byte of another control character, and
 * each that is not UTF-8, by '?'. The length stays. */
void clean_line(char *text);

/* The same, but keeps ends of lines. */
void clean_lines(char *text);

#endif
