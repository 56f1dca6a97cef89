#include "apply/resource_stream.h"

#include "archive/conf_section.h"
#include "base/memory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define RESOURCE_PIECE (256u * 1024)

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
    ssize_t n = zip_reader_read(s->firmware->zip, buf, size, err);

    s->report->in = zip_reader_position(s->firmware->zip);
    return n;
}

/* An entry of another size than the resource is a patch, if the handler says what to patch. */
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

int resource_stream_open(struct resource_stream *s, struct firmware *fw, struct report *report,
                         const struct zip_entry *entry, cfg_t *handler, struct block_cache *cache,
                         struct error *err)
{
    *s = (struct resource_stream){.firmware = fw, .report = report};
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
    return resource_open_delta(s, entry, handler, cache, err);
}

void resource_stream_close(struct resource_stream *s)
{
    vcdiff_free(s->delta);
    delta_source_close(&s->source);
}

static int resource_stream_check(struct resource_stream *s, struct error *err)
{
    const char *name = cfg_title(s->resource);
    char digest[HASH_TEXT_SIZE];

    s->ended = true;
    if (s->count != s->expected)
        return error_set(err, EXIT_MISMATCH,
                         "wrote %" PRIu64 " bytes for '%s', but should have written %" PRIu64,
                         s->count, name, s->expected);
    hash_end_text(&s->hash, digest);
    if (strcasecmp(digest, cfg_getstr(s->resource, "blake2b-256")))
        return error_set(err, EXIT_MISMATCH, "detected blake2b mismatch on '%s'", name);
    return 0;
}

/* Goes over holes to the next data piece; false behind the last. */
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

/* Behind the last byte nothing may follow. */
static ssize_t resource_stream_end(struct resource_stream *s, void *buf, size_t size,
                                   struct error *err)
{
    ssize_t n =
        s->delta ? vcdiff_read(s->delta, buf, size, err) : resource_read_entry(s, buf, size, err);

    if (n < 0)
        return -1;
    s->count += (uint64_t)n;
    return resource_stream_check(s, err);
}

/* The count, 0 at the end (after size and hash have been found right), -1. */
static ssize_t resource_stream_read(struct resource_stream *s, void *buf, size_t size, uint64_t *at,
                                    struct error *err)
{
    bool more = resource_next_piece(s);

    *at = s->position;
    if (!more)
        return resource_stream_end(s, buf, size, err);
    if (size > s->piece_left)
        size = (size_t)s->piece_left;
    ssize_t n =
        s->delta ? vcdiff_read(s->delta, buf, size, err) : resource_read_entry(s, buf, size, err);
    if (n < 0)
        return -1;
    if (n == 0)
        return resource_stream_check(s, err);
    s->count += (uint64_t)n;
    s->position += (uint64_t)n;
    s->piece_left -= (uint64_t)n;
    hash_add(&s->hash, buf, (size_t)n);
    return n;
}

int resource_stream_each(struct resource_stream *s, bool with_holes, resource_stream_take take,
                         void *data, struct error *err)
{
    uint64_t at, told = 0;
    ssize_t n;
    int rc;

    if (s->ended && s->expected)
        return error_set(err, EXIT_MISMATCH,
                         "a function didn't write anything and was likely called twice in an "
                         "on-resource for '%s'. Try a \"cp\" function.",
                         cfg_title(s->resource));
    uint8_t *piece = memory_new(RESOURCE_PIECE, 1);
    do {
        n = resource_stream_read(s, piece, RESOURCE_PIECE, &at, err);
        rc = n < 0 ? -1 : take(data, at, piece, (size_t)n, err);
        if (!rc)
            report_add(s->report, with_holes ? s->position - told : (uint64_t)n);
        told = s->position;
    } while (!rc && n);
    free(piece);
    return rc;
}
