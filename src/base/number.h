/* SPDX-License-Identifier: Apache-2.0 */
/* Parses numbers: the whole text must be a number, and it must not overflow. */
#ifndef FWSSH_BASE_NUMBER_H
#define FWSSH_BASE_NUMBER_H

#include <stddef.h>
#include <stdint.h>

/* Unsigned, base 0 as in strtoull(3) (decimal, 0x, leading 0), no sign, no spaces. 0 or -1. */
int number_parse(const char *text, uint64_t *value);

/* Plain decimal digits only. 0 or -1. */
int number_parse_decimal(const char *text, size_t len, uint64_t *value);

/* Hex digits of either case to bytes; the text must be exactly 2 * len digits. 0 or -1. The reverse
 * writes lower case to a text of 2 * len + 1 bytes. */
int number_parse_hex(const char *text, uint8_t *bytes, size_t len);
void number_format_hex(const uint8_t *bytes, size_t len, char *text);

#endif
