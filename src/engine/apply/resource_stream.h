/*
 * The data of one resource on its way from the archive to an operation: decoded if it is a delta,
 * counted, hashed, put in its true place between holes, readable once.
 */
#ifndef FWSSH_ENGINE_APPLY_RESOURCE_STREAM_H
#define FWSSH_ENGINE_APPLY_RESOURCE_STREAM_H

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
    uint64_t expected, count; /* bytes of data */
    unsigned piece;           /* of the length list: the data piece being read */
    uint64_t piece_left;
    uint64_t position; /* of the next byte in the file, holes counted */
    struct hash hash;
    bool ended;
    struct delta_source source;
    struct vcdiff *delta; /* NULL unless the entry is a patch */
};

/*
 * Begins with the present archive entry. handler: the on-resource section, which says where the
 * source of a delta is; it is read through the cache. Refuses an entry whose size cannot be right.
 */
int resource_stream_open(struct resource_stream *s, struct firmware *fw, struct report *report,
                         const struct zip_entry *entry, cfg_t *handler, struct block_cache *cache,
                         struct error *err);
void resource_stream_close(struct resource_stream *s);

/* Takes a piece of the data. at: its place in the file; what was left out before it is a hole. */
typedef int (*resource_stream_take)(void *data, uint64_t at, const uint8_t *bytes, size_t len,
                                    struct error *err);

/*
 * Hands all data on, piece by piece, and at the end once more none of it, with the file's size in
 * place of at. Fails when the data turn out not to be what the configuration says. Adds to the
 * progress: with_holes also for what lies between the data.
 */
int resource_stream_each(struct resource_stream *s, bool with_holes, resource_stream_take take,
                         void *data, struct error *err);

const char *resource_stream_name(const struct resource_stream *s);

#endif
