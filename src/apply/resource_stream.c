#include "apply/resource_stream.h"

#include "archive/conf_section.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

int resource_stream_open(struct resource_stream *s, struct firmware *fw, struct report *report,
                         const struct zip_entry *entry, struct error *err)
{
    *s = (struct resource_stream){.firmware = fw, .report = report};
    s->resource = conf_section(fw->cfg, "file-resource", entry->name);
    s->expected = firmware_resource_size(s->resource);
    const char *digest = cfg_getstr(s->resource, "blake2b-256");
    if (!digest || strlen(digest) != 2 * HASH_SIZE)
        return error_set(err, EXIT_MISMATCH, "invalid blake2b-256 hash for '%s'", entry->name);
    if (entry->size_known && entry->size != s->expected)
        return error_set(err, EXIT_MISMATCH,
                         "File '%s' isn't expected size (%" PRIu64 " vs %" PRIu64
                         ") and delta updates are not supported yet",
                         entry->name, entry->size, s->expected);
    hash_start(&s->hash);
    return 0;
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

ssize_t resource_stream_read(struct resource_stream *s, void *buf, size_t size, struct error *err)
{
    if (s->ended && s->expected)
        return error_set(err, EXIT_MISMATCH,
                         "a function didn't write anything and was likely called twice in an "
                         "on-resource for '%s'. Try a \"cp\" function.",
                         cfg_title(s->resource));
    ssize_t n = zip_reader_read(s->firmware->zip, buf, size, err);
    s->report->in = zip_reader_position(s->firmware->zip);
    if (n < 0)
        return -1;
    if (n == 0)
        return resource_stream_check(s, err);
    /* Never more than was planned for reaches the medium. */
    if ((uint64_t)n > s->expected - s->count) {
        s->count += (uint64_t)n;
        return resource_stream_check(s, err) ? -1 : n;
    }
    s->count += (uint64_t)n;
    hash_add(&s->hash, buf, (size_t)n);
    return n;
}
