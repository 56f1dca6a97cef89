/*
 * Names of files on FAT: the long one, and the short one of 8 and 3 characters that goes with it
 * (docs/fw-format.md, "FAT").
 */
#ifndef FWSSH_ENGINE_FAT_FAT_NAME_H
#define FWSSH_ENGINE_FAT_FAT_NAME_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define FAT_NAME_MAX 255
#define FAT_SHORT_SIZE 11
#define FAT_CASE_BODY 0x08u /* small letters in the first eight */
#define FAT_CASE_EXTENSION 0x10u

struct fat_name {
    uint16_t text[FAT_NAME_MAX]; /* UTF-16 */
    unsigned len;
    uint8_t brief[FAT_SHORT_SIZE]; /* the short name as it is stored */
    uint8_t case_bits;
    bool needs_long;
    bool is_lossy; /* the short name does not tell it all, and is numbered */
};

/* Takes the first part of *path, which moves to the next part, or to "" when that was the last. */
int fat_name_parse(struct fat_name *n, const char **path, struct error *err);

/* The short name with ~1, ~2 ...; from 6 on with a hash, as numbers get rare. */
void fat_name_number(const struct fat_name *n, unsigned sequence, uint8_t brief[FAT_SHORT_SIZE]);

/* Whether a long name is the same but for case. */
bool fat_name_is(const struct fat_name *n, const uint16_t *text, unsigned len);

/* What ties the parts of a long name to their short one. */
uint8_t fat_name_checksum(const uint8_t brief[FAT_SHORT_SIZE]);

#endif
