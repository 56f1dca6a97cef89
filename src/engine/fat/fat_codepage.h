/* SPDX-License-Identifier: Apache-2.0 */
/* Code page 850: the encoding of FAT file names in a task, and of short names on the medium. */
#ifndef FWSSH_ENGINE_FAT_FAT_CODEPAGE_H
#define FWSSH_ENGINE_FAT_FAT_CODEPAGE_H

#include <stdint.h>

#define FAT_CODEPAGE_SIZE 128

/* For the bytes from 0x80 on: the character in UTF-16, and the byte of its upper-case letter. */
extern const uint16_t fat_codepage_unicode[FAT_CODEPAGE_SIZE];
extern const uint8_t fat_codepage_upper[FAT_CODEPAGE_SIZE];

#endif
