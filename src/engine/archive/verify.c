#include "engine/archive/verify.h"

#include "base/memory.h"
#include "engine/archive/conf.h"
#include "engine/archive/hash.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* RFC 3284, 4.1: the first bytes of a VCDIFF patch. */
static bool verify_is_delta(const uint8_t *head, size_t len)
{
    return len >= 4 && head[0] == 0xd6 && head[1] == 0xc3 && head[2] == 0xc4 && head[3] == 0;
}

static int verify_entry(struct firmware *fw, const struct zip_entry *entry, cfg_t *resource,
                        struct error *err)
{
    uint64_t expected = firmware_resource_size(resource), total = 0;
    const char *digest = cfg_getstr(resource, "blake2b-256");
    bool delta = entry->size_known && entry->size != expected && cfg_size(resource, "length") <= 1;
    uint8_t piece[65536], head[4] = {0};
    char actual[HASH_TEXT_SIZE];
    struct hash h;
    ssize_t n;

    if (!digest || strlen(digest) != 2 * HASH_SIZE)
        return error_set(err, EXIT_MISMATCH, "invalid blake2b-256 hash for '%s'", entry->name);
    hash_start(&h);
    while ((n = zip_reader_read(fw->zip, piece, sizeof piece, err)) > 0) {
        for (size_t i = 0; i < (size_t)n && total + i < sizeof head; i++)
            head[total + i] = piece[i];
        hash_add(&h, piece, (size_t)n);
        total += (uint64_t)n;
    }
    if (n < 0)
        return -1;
    if (delta) {
        /* The source is on the device, so only the patch's header can be checked here. */
        if (!verify_is_delta(head, total < sizeof head ? (size_t)total : sizeof head))
            return error_set(err, EXIT_MISMATCH,
                             "'%s' is %" PRIu64 " bytes, but should be %" PRIu64, entry->name,
                             total, expected);
        return 0;
    }
    if (total != expected)
        return error_set(err, EXIT_MISMATCH, "'%s' is %" PRIu64 " bytes, but should be %" PRIu64,
                         entry->name, total, expected);
    hash_end_text(&h, actual);
    if (strcasecmp(actual, digest))
        return error_set(err, EXIT_MISMATCH, "verification detected blake2b mismatch on '%s'",
                         entry->name);
    return 0;
}

static unsigned verify_index(cfg_t *cfg, const char *name)
{
    unsigned i = 0;

    while (i < cfg_size(cfg, "file-resource") &&
           strcmp(cfg_title(cfg_getnsec(cfg, "file-resource", i)), name))
        i++;
    return i;
}

int verify_resources(struct firmware *fw, struct error *err)
{
    unsigned count = cfg_size(fw->cfg, "file-resource");
    bool *seen = memory_new(count, sizeof *seen);
    struct zip_entry entry;
    int rc = -1, found;

    while ((found = firmware_next(fw, &entry, err)) > 0) {
        unsigned i = verify_index(fw->cfg, entry.name);
        if (i == count) {
            error_set(err, EXIT_MISMATCH, "Can't find file-resource for %s", entry.name);
            goto cleanup;
        }
        if (seen[i]) {
            error_set(err, EXIT_MISMATCH, "'%s' is in the archive twice", entry.name);
            goto cleanup;
        }
        seen[i] = true;
        if (verify_entry(fw, &entry, cfg_getnsec(fw->cfg, "file-resource", i), err))
            goto cleanup;
    }
    if (found < 0)
        goto cleanup;
    for (unsigned i = 0; i < count; i++)
        if (!seen[i]) {
            error_set(err, EXIT_MISMATCH, "Resource %s not found in archive",
                      cfg_title(cfg_getnsec(fw->cfg, "file-resource", i)));
            goto cleanup;
        }
    rc = 0;
cleanup:
    free(seen);
    return rc;
}
