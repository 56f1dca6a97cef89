/* Code page 850, in which names of FAT files are given and their short forms are stored. */
#ifndef FWSSH_ENGINE_FAT_FAT_CODEPAGE_H
#define FWSSH_ENGINE_FAT_FAT_CODEPAGE_H

#include <stdint.h>

#define FAT_CODEPAGE_SIZE 128

/* For the bytes from 0x80: the character in UTF-16, and the byte of its capital letter. */
extern const uint16_t fat_codepage_unicode[FAT_CODEPAGE_SIZE];
extern const uint8_t fat_codepage_upper[FAT_CODEPAGE_SIZE];

#endif
