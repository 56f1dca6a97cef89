/* SPDX-License-Identifier: Apache-2.0 */
/* FAT file names: the long one, and the short 8.3 name that goes with it (docs/fw-format.md,
 * "FAT"). */
#ifndef FWSSH_ENGINE_FAT_FAT_NAME_H
#define FWSSH_ENGINE_FAT_FAT_NAME_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define FAT_NAME_MAX 255
#define FAT_SHORT_SIZE 11
#define FAT_CASE_BODY 0x08u /* lower case in the first eight */
#define FAT_CASE_EXTENSION 0x10u

struct fat_name {
    uint16_t text[FAT_NAME_MAX]; /* UTF-16 */
    unsigned len;
    uint8_t brief[FAT_SHORT_SIZE]; /* the short name as it is stored */
    uint8_t case_bits;
    bool needs_long;
    bool is_lossy; /* the short name has lost something, and gets a number */
};

/* Parses the first component of *path, which moves to the next one, or to "" after the last. 0, or
 * -1 with the error set. */
int fat_name_parse(struct fat_name *n, const char **path, struct error *err);

/* The short name with ~1, ~2 ...; from 6 on with a hash, which is more likely to be free. */
void fat_name_number(const struct fat_name *n, unsigned sequence, uint8_t brief[FAT_SHORT_SIZE]);

/* Whether a long name is the same, ignoring case. */
bool fat_name_is(const struct fat_name *n, const uint16_t *text, unsigned len);

/* The checksum that ties the parts of a long name to the short one. */
uint8_t fat_name_checksum(const uint8_t brief[FAT_SHORT_SIZE]);

#endif
