/* SPDX-License-Identifier: Apache-2.0 */
/* The data of one resource on its way from the archive to an operation: decoded if it is a delta,
 * counted, hashed, placed between the holes of its file, readable once. */
#ifndef FWSSH_ENGINE_APPLY_RESOURCE_STREAM_H
#define FWSSH_ENGINE_APPLY_RESOURCE_STREAM_H

#include "engine/apply/op.h"
#include "engine/apply/report.h"
#include "engine/archive/firmware.h"
#include "engine/archive/hash.h"
#include "engine/delta/delta_source.h"
#include "engine/delta/vcdiff.h"
#include "engine/medium/block_cache.h"

struct resource_stream {
    struct firmware *firmware;
    struct report *report;
    cfg_t *resource;
    const char *reader;       /* the function that runs, for messages */
    uint64_t expected, count; /* bytes of data */
    unsigned piece;           /* of the length list: the data piece being read */
    uint64_t piece_left;
    uint64_t position; /* of the next byte in the file, including holes */
    struct hash hash;
    bool ended;
    struct delta_source source;
    struct vcdiff *delta; /* NULL unless the entry is a patch */
};

/*
 * Opens the current archive entry. handler: the on-resource section, which says where the source of
 * a delta is; that is read through the context's cache. Refuses an entry whose size cannot be
 * right. Call resource_stream_close() even after a failure.
 */
int resource_stream_open(struct resource_stream *s, struct firmware *fw,
                         const struct zip_entry *entry, cfg_t *handler,
                         const struct op_context *context, struct error *err);
void resource_stream_close(struct resource_stream *s);

/* Gets a piece of the data. at: its offset in the file; a gap before it is a hole. */
typedef int (*resource_stream_take)(void *data, uint64_t at, const uint8_t *bytes, size_t len,
                                    struct error *err);

/*
 * Passes all data to take, piece by piece, and at the end calls it once more with len 0 and the
 * size of the file as at. Fails if length or hash of the data are not those of the configuration.
 * Adds to the progress; with_holes: for the holes, too.
 */
int resource_stream_each(struct resource_stream *s, bool with_holes, resource_stream_take take,
                         void *data, struct error *err);

const char *resource_stream_name(const struct resource_stream *s);

#endif
