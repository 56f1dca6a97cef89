/* What identifies a firmware: its metadata, UUID and nickname (docs/fw-format.md, "Metadata and
 * UUID"). */
#ifndef FWSSH_ENGINE_ARCHIVE_META_H
#define FWSSH_ENGINE_ARCHIVE_META_H

#include "base/buffer.h"

#include <confuse.h>
#include <stdint.h>

#define META_UUID_SIZE 37
#define META_VERSION_SIZE 64

/* What tells one firmware from another. Each is "" as long as it is not known. */
struct meta_identity {
    char uuid[META_UUID_SIZE];
    char version[META_VERSION_SIZE]; /* meta-version, if it can be compared with others */
};

/* The UUID of canonical meta.conf bytes, 8-4-4-4-12 lower-case hex digits. */
void meta_uuid(const void *text, size_t len, char uuid[META_UUID_SIZE]);

/* Two words for a UUID; the caller frees the text. */
char *meta_nickname(const char *uuid);

/* All metadata in the order and style of fwup -m. */
void meta_print(cfg_t *cfg, struct buffer *out);

/* SOURCE_DATE_EPOCH, else NOW, else the clock. */
int64_t meta_now(void);

#endif
