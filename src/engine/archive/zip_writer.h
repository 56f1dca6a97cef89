/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a ZIP front to back, deterministically, with the sizes in the local headers
 * (docs/fw-format.md, "Writing rules"). */
#ifndef FWSSH_ENGINE_ARCHIVE_ZIP_WRITER_H
#define FWSSH_ENGINE_ARCHIVE_ZIP_WRITER_H

#include "base/error.h"
#include "base/source.h"

#include <stdbool.h>
#include <stdint.h>

struct zip_writer;

/* level: of compression, 1 to 9. The caller keeps fd. */
struct zip_writer *zip_writer_new(int fd, int level);
void zip_writer_free(struct zip_writer *w);

struct zip_new_entry {
    const char *name;
    uint64_t size; /* of the source's data */
    bool stored;   /* not compressed */
    bool has_mtime;
    int64_t mtime;
};

/*
 * Adds an entry with the data of a source; it is an error if that is not exactly entry->size bytes.
 */
int zip_writer_add(struct zip_writer *w, const struct zip_new_entry *entry,
                   const struct source *data, struct error *err);

/* Writes the central directory; nothing may follow. */
int zip_writer_finish(struct zip_writer *w, struct error *err);

#endif
