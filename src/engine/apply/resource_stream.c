/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/apply/resource_stream.h"

#include "base/cores.h"
#include "base/memory.h"
#include "engine/apply/resource_pipe.h"
#include "engine/archive/conf_section.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define RESOURCE_PIECE (256u * 1024)
/* From this size on, threads pay off. */
#define RESOURCE_LARGE (1u << 20)

const char *resource_stream_name(const struct resource_stream *s)
{
    return cfg_title(s->resource);
}

static uint64_t resource_piece(const struct resource_stream *s, unsigned i)
{
    return i < cfg_size(s->resource, "length") ? (uint64_t)cfg_getnint(s->resource, "length", i)
                                               : 0;
}

static ssize_t resource_read_entry(void *data, void *buf, size_t size, struct error *err)
{
    struct resource_stream *s = data;

    return zip_reader_read(s->firmware->zip, buf, size, err);
}

/* An entry whose size is not that of the resource is a patch, if the handler names a source. */
static int resource_open_delta(struct resource_stream *s, const struct zip_entry *entry,
                               cfg_t *handler, struct block_cache *cache, struct error *err)
{
    int found = delta_source_open(&s->source, handler, cache, err);

    if (found < 0)
        return -1;
    if (!found)
        return error_set(err, EXIT_MISMATCH,
                         "File '%s' isn't expected size (%" PRIu64 " vs %" PRIu64
                         ") and xdelta3 patch support not enabled on it. (Add "
                         "delta-source-raw-offset and delta-source-raw-count at least)",
                         entry->name, entry->size, s->expected);
    s->delta = vcdiff_new((struct source){.read = resource_read_entry, .data = s}, &s->source,
                          s->expected);
    return 0;
}

int resource_stream_open(struct resource_stream *s, struct firmware *fw,
                         const struct zip_entry *entry, cfg_t *handler,
                         const struct op_context *context, struct error *err)
{
    *s = (struct resource_stream){.firmware = fw, .report = context->report};
    s->resource = conf_section(fw->cfg, "file-resource", entry->name);
    s->expected = firmware_resource_size(s->resource);
    s->piece_left = resource_piece(s, 0);
    const char *digest = cfg_getstr(s->resource, "blake2b-256");
    if (!digest || strlen(digest) != 2 * HASH_SIZE)
        return error_set(err, EXIT_MISMATCH, "invalid blake2b-256 hash for '%s'", entry->name);
    hash_start(&s->hash);
    if (!entry->size_known || entry->size == s->expected)
        return 0;
    if (cfg_size(s->resource, "length") > 1)
        return error_set(err, EXIT_MISMATCH,
                         "File '%s' isn't expected size (%" PRIu64 " vs %" PRIu64 ")", entry->name,
                         entry->size, s->expected);
    return resource_open_delta(s, entry, handler, context->cache, err);
}

void resource_stream_close(struct resource_stream *s)
{
    vcdiff_free(s->delta);
    delta_source_close(&s->source);
}

/* At the end: whether all of it has arrived and has the right hash. */
static int resource_stream_check(struct resource_stream *s, struct error *err)
{
    const char *name = cfg_title(s->resource);
    char digest[HASH_TEXT_SIZE];

    if (s->count != s->expected)
        return error_set(err, EXIT_MISMATCH,
                         "%s wrote %" PRIu64 " bytes for '%s', but should have written %" PRIu64,
                         s->reader, s->count, name, s->expected);
    hash_end_text(&s->hash, digest);
    if (strcasecmp(digest, cfg_getstr(s->resource, "blake2b-256")))
        return error_set(err, EXIT_MISMATCH, "%s detected blake2b mismatch on '%s'", s->reader,
                         name);
    return 0;
}

/* Skips holes to the next data piece; false after the last. */
static bool resource_next_piece(struct resource_stream *s)
{
    while (!s->piece_left) {
        if (s->piece >= cfg_size(s->resource, "length"))
            return false;
        s->position += resource_piece(s, s->piece + 1);
        s->piece += 2;
        s->piece_left = resource_piece(s, s->piece);
    }
    return true;
}

/* The count, 0 at the end, -1. *at is the offset in the file. Nothing may follow the last expected
 * byte: what does is counted but not returned, and the check finds it. */
static ssize_t resource_stream_read(struct resource_stream *s, void *buf, size_t size, uint64_t *at,
                                    struct error *err)
{
    bool more = resource_next_piece(s);

    *at = s->position;
    if (more && size > s->piece_left)
        size = (size_t)s->piece_left;
    ssize_t n =
        s->delta ? vcdiff_read(s->delta, buf, size, err) : resource_read_entry(s, buf, size, err);
    if (n < 0)
        return -1;
    s->count += (uint64_t)n;
    if (!more)
        return 0;
    s->position += (uint64_t)n;
    s->piece_left -= (uint64_t)n;
    return n;
}

static uint64_t resource_in(const struct resource_stream *s)
{
    return zip_reader_position(s->firmware->zip);
}

static int resource_each_plain(struct resource_stream *s, bool with_holes,
                               resource_stream_take take, void *data, struct error *err)
{
    uint8_t *piece = memory_new(RESOURCE_PIECE, 1);
    uint64_t at, counted = 0;
    ssize_t n;
    int rc = 0;

    while (!rc && (n = resource_stream_read(s, piece, RESOURCE_PIECE, &at, err)) != 0) {
        rc = n < 0 ? -1 : take(data, at, piece, (size_t)n, err);
        if (rc)
            break;
        hash_add(&s->hash, piece, (size_t)n);
        s->report->in = resource_in(s);
        report_add(s->report, with_holes ? s->position - counted : (uint64_t)n);
        counted = s->position;
    }
    free(piece);
    return rc;
}

/* Fills a slot with data without a hole: 1, 0 if there was none left, -1. */
static int resource_fill_slot(struct resource_stream *s, struct resource_slot *slot,
                              struct error *err)
{
    uint64_t at;
    ssize_t n;

    do {
        n = resource_stream_read(s, slot->data + slot->len, RESOURCE_SLOT_SIZE - slot->len, &at,
                                 err);
        if (n < 0)
            return -1;
        if (!slot->len)
            slot->at = at;
        slot->len += (size_t)n;
    } while (n && slot->len < RESOURCE_SLOT_SIZE && s->piece_left);
    slot->in = resource_in(s);
    return slot->len > 0;
}

static int resource_each_piped(struct resource_stream *s, struct resource_pipe *pipe,
                               bool with_holes, struct error *err)
{
    struct resource_slot *slot;
    struct error writing;
    uint64_t counted = 0;
    int more = 1;

    while (more > 0 && (slot = resource_pipe_slot(pipe))) {
        more = resource_fill_slot(s, slot, err);
        slot->units = with_holes ? s->position - counted : slot->len;
        counted = s->position;
        if (more > 0)
            resource_pipe_pass(pipe);
    }
    if (resource_pipe_end(pipe, &writing)) {
        *err = writing;
        return -1;
    }
    return more < 0 ? -1 : 0;
}

/* Deltas read the medium while it is written, so they stay in one thread. */
static bool resource_is_for_threads(const struct resource_stream *s)
{
    return !s->delta && s->expected >= RESOURCE_LARGE && cores_count() > 1;
}

int resource_stream_each(struct resource_stream *s, bool with_holes, resource_stream_take take,
                         void *data, struct error *err)
{
    struct resource_pipe *pipe = NULL;
    uint64_t before = s->report->done;

    if (s->ended) /* empty: any number of functions may use it */
        return take(data, s->position, (const uint8_t *)"", 0, err);
    if (resource_is_for_threads(s))
        pipe = resource_pipe_start(&s->hash, s->report, take, data);
    if (pipe ? resource_each_piped(s, pipe, with_holes, err)
             : resource_each_plain(s, with_holes, take, data, err))
        return -1;
    s->ended = true;
    if (resource_stream_check(s, err) || take(data, s->position, (const uint8_t *)"", 0, err))
        return -1;
    /* A trailing hole. */
    if (with_holes)
        report_add(s->report, s->position - (s->report->done - before));
    return 0;
}
