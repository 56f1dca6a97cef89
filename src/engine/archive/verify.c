/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/archive/verify.h"

#include "base/memory.h"
#include "engine/archive/conf.h"
#include "engine/archive/hash.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static ssize_t verify_read(void *data, void *buf, size_t size, struct error *err)
{
    return zip_reader_read(data, buf, size, err);
}

/* The source is on the device, so whether a delta makes the right file cannot be told here. */
static int verify_patch(struct firmware *fw, const struct zip_entry *entry, uint64_t expected,
                        verify_delta check_delta, struct error *err)
{
    struct source patch = {.read = verify_read, .data = fw->zip};

    if (!check_delta(patch, expected, err))
        return 0;
    return error_prefix(err,
                        "'%s' is %" PRIu64 " bytes, but should be %" PRIu64 ", or a sound delta",
                        entry->name, entry->size, expected);
}

static int verify_data(struct firmware *fw, const struct zip_entry *entry, cfg_t *resource,
                       struct error *err)
{
    uint64_t expected = firmware_resource_size(resource), total = 0;
    char actual[HASH_TEXT_SIZE];
    uint8_t piece[65536];
    struct hash h;
    ssize_t n;

    hash_start(&h);
    while ((n = zip_reader_read(fw->zip, piece, sizeof piece, err)) > 0) {
        hash_add(&h, piece, (size_t)n);
        total += (uint64_t)n;
    }
    if (n < 0)
        return -1;
    if (total != expected)
        return error_set(err, EXIT_MISMATCH, "'%s' is %" PRIu64 " bytes, but should be %" PRIu64,
                         entry->name, total, expected);
    hash_end_text(&h, actual);
    if (strcasecmp(actual, cfg_getstr(resource, "blake2b-256")))
        return error_set(err, EXIT_MISMATCH, "verification detected blake2b mismatch on '%s'",
                         entry->name);
    return 0;
}

static int verify_entry(struct firmware *fw, const struct zip_entry *entry, cfg_t *resource,
                        verify_delta check_delta, struct error *err)
{
    uint64_t expected = firmware_resource_size(resource);
    const char *digest = cfg_getstr(resource, "blake2b-256");

    if (!digest || strlen(digest) != 2 * HASH_SIZE)
        return error_set(err, EXIT_MISMATCH, "invalid blake2b-256 hash for '%s'", entry->name);
    if (entry->size_known && entry->size != expected && cfg_size(resource, "length") <= 1)
        return verify_patch(fw, entry, expected, check_delta, err);
    return verify_data(fw, entry, resource, err);
}

static unsigned verify_index(cfg_t *cfg, const char *name)
{
    unsigned i = 0;

    while (i < cfg_size(cfg, "file-resource") &&
           strcmp(cfg_title(cfg_getnsec(cfg, "file-resource", i)), name))
        i++;
    return i;
}

int verify_resources(struct firmware *fw, verify_delta check_delta, struct error *err)
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
        if (verify_entry(fw, &entry, cfg_getnsec(fw->cfg, "file-resource", i), check_delta, err))
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
