/* Writes a ZIP front to back, deterministic, sizes in the local headers (docs/fw-format.md,
 * "Writing rules"). */
#ifndef FWSSH_ENGINE_ARCHIVE_ZIP_WRITER_H
#define FWSSH_ENGINE_ARCHIVE_ZIP_WRITER_H

#include "base/error.h"
#include "base/source.h"

#include <stdbool.h>
#include <stdint.h>

struct zip_writer;

/* level: 1 to 9. The descriptor stays the caller's. */
struct zip_writer *zip_writer_new(int fd, int level);
void zip_writer_free(struct zip_writer *w);

struct zip_new_entry {
    const char *name;
    uint64_t size; /* of the data that the source will give */
    bool stored;   /* not compressed */
    bool has_mtime;
    int64_t mtime;
};

/* An entry with the data of a source; it is an error when the source gives another number of bytes.
 */
int zip_writer_add(struct zip_writer *w, const struct zip_new_entry *entry,
                   const struct source *data, struct error *err);

/* The central directory; nothing may follow. */
int zip_writer_finish(struct zip_writer *w, struct error *err);

#endif
