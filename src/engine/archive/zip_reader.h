/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a ZIP as a stream, front to back, from its local headers only (docs/fw-format.md, "Reading
 * rules"; APPNOTE.TXT 4.3.7 to 4.3.9). The central directory is never needed, so an update can
 * start before it has arrived.
 */
#ifndef FWSSH_ENGINE_ARCHIVE_ZIP_READER_H
#define FWSSH_ENGINE_ARCHIVE_ZIP_READER_H

#include "base/source.h"

#include <stdbool.h>
#include <stdint.h>

#define ZIP_NAME_MAX 511

struct zip_reader;

struct zip_entry {
    char name[ZIP_NAME_MAX + 1];
    bool size_known;
    uint64_t size; /* uncompressed, if size_known */
    int64_t mtime; /* seconds since 1970: the UT field, else the DOS time taken as UTC */
};

/* The caller keeps the source, which must outlive the reader. */
struct zip_reader *zip_reader_new(struct source source);
void zip_reader_free(struct zip_reader *r);

/*
 * Advances to the next entry, skipping the rest of the current one: 1 found, 0 no more, -1 error.
 */
int zip_reader_next(struct zip_reader *r, struct zip_entry *entry, struct error *err);

/* Reads data of the current entry: the count, 0 at its end (after its CRC and size have been
 * checked), -1 on damage (EXIT_MISMATCH) or if the input cannot be read. */
ssize_t zip_reader_read(struct zip_reader *r, void *buf, size_t size, struct error *err);

/*
 * Reads to the end of the archive, after the last entry that is wanted: the other entries, which
 * are checked, and the directory up to its end record with that one's comment. Nothing is searched
 * for, and nothing past it is needed from the source. Returns 0, or -1 with the error set.
 */
int zip_reader_finish(struct zip_reader *r, struct error *err);

/* Bytes consumed from the source so far. */
uint64_t zip_reader_position(const struct zip_reader *r);

#endif
