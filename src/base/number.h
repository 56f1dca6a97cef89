/* Numbers from text: the whole text must be the number, and nothing may overflow. */
#ifndef FWSSH_BASE_NUMBER_H
#define FWSSH_BASE_NUMBER_H

#include <stddef.h>
#include <stdint.h>

/* Unsigned, base 0 as in strtoull(3) (decimal, 0x, 0), no sign, no blanks. 0 or -1. */
int number_parse(const char *text, uint64_t *value);

/* Plain decimal digits only. 0 or -1. */
int number_parse_decimal(const char *text, size_t len, uint64_t *value);

/* Lower- or upper-case hex digits to bytes; the text must be exactly 2 * len digits. 0 or -1. */
int number_parse_hex(const char *text, uint8_t *bytes, size_t len);
void number_format_hex(const uint8_t *bytes, size_t len, char *text);

#endif
