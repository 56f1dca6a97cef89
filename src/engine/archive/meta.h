/* SPDX-License-Identifier: Apache-2.0 */
/* The identity of a firmware: its metadata, UUID and nickname (docs/fw-format.md, "Metadata and
 * UUID"). */
#ifndef FWSSH_ENGINE_ARCHIVE_META_H
#define FWSSH_ENGINE_ARCHIVE_META_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/version.h"

#include <confuse.h>
#include <stdint.h>

#define META_UUID_SIZE 37

/* What distinguishes one firmware from another. Each field is "" until it is known. */
struct meta_identity {
    char uuid[META_UUID_SIZE];
    char version[VERSION_SIZE]; /* meta-version, if it can be compared */
};

/* The UUID of canonical meta.conf bytes, 8-4-4-4-12 lower-case hex digits. */
void meta_uuid(const void *text, size_t len, char uuid[META_UUID_SIZE]);

/* The nickname of a UUID, two words; the caller frees it. */
char *meta_nickname(const char *uuid);

/* Appends all metadata in the order and style of fwup -m. */
void meta_print(cfg_t *cfg, struct buffer *out);

/* The creation time in seconds since 1970: SOURCE_DATE_EPOCH, else NOW, else the clock. Fails if
 * the first of these is no number that an archive can hold. */
int meta_now(int64_t *seconds, struct error *err);

#endif
