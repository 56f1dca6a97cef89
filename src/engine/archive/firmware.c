/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/archive/firmware.h"

#include "base/date.h"
#include "engine/archive/conf.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FIRMWARE_PIECES_MAX 256u

/* The entry's CRC does not matter: a wrong signature fails anyway, and with a better message. */
static int firmware_read_signature(struct firmware *fw, const struct zip_entry *entry,
                                   struct error *err)
{
    size_t got = 0;
    ssize_t n;

    if (entry->size_known && entry->size != sizeof fw->signature)
        return error_set(err, EXIT_MISMATCH, "Unexpected meta.conf.ed25519 size: %llu",
                         (unsigned long long)entry->size);
    while (got < sizeof fw->signature) {
        n = zip_reader_read(fw->zip, fw->signature + got, sizeof fw->signature - got, err);
        if (n < 0)
            return -1;
        if (n == 0)
            return error_set(err, EXIT_MISMATCH, "Unexpected meta.conf.ed25519 size: %zu", got);
        got += (size_t)n;
    }
    fw->is_signed = true;
    return 0;
}

static int firmware_read_meta(struct firmware *fw, struct error *err)
{
    char piece[4096];
    ssize_t n;

    while ((n = zip_reader_read(fw->zip, piece, sizeof piece, err)) > 0) {
        buffer_add(&fw->meta_text, piece, (size_t)n);
        if (fw->meta_text.len > CONF_META_MAX)
            break;
    }
    if (n < 0)
        return -1;
    if (fw->meta_text.len < CONF_META_MIN || fw->meta_text.len > CONF_META_MAX)
        return error_set(err, EXIT_MISMATCH, "Unexpected meta.conf size: %zu", fw->meta_text.len);
    return 0;
}

static int firmware_check_signature(const struct firmware *fw, const struct public_keys *keys,
                                    struct error *err)
{
    if (!keys || keys->count == 0)
        return 0;
    if (!fw->is_signed)
        return error_set(err, EXIT_MISMATCH, "Expecting signed firmware archive.");
    if (!keys_verify(keys, fw->signature, fw->meta_text.data, fw->meta_text.len))
        return error_set(err, EXIT_MISMATCH,
                         "Firmware archive's meta.conf fails digital signature verification.");
    return 0;
}

/* After this check, the length lists can be trusted. */
static int firmware_check_length(cfg_t *resource, struct error *err)
{
    int64_t total = 0;
    unsigned count = cfg_size(resource, "length");
    bool good = count <= FIRMWARE_PIECES_MAX;

    for (unsigned i = 0; good && i < count; i++) {
        long piece = cfg_getnint(resource, "length", i);
        good = piece >= 0 && !__builtin_add_overflow(total, piece, &total);
    }
    return good ? 0
                : error_set(err, EXIT_MISMATCH, "invalid length of resource '%s'",
                            cfg_title(resource));
}

static int firmware_check_lengths(cfg_t *cfg, struct error *err)
{
    for (unsigned i = 0; i < cfg_size(cfg, "file-resource"); i++)
        if (firmware_check_length(cfg_getnsec(cfg, "file-resource", i), err))
            return -1;
    return 0;
}

/* UUID and nickname are derived; an archive that sets them itself is refused. */
static int firmware_identify(struct firmware *fw, int64_t mtime, struct error *err)
{
    char date[DATE_SIZE];
    int rc = -1;

    meta_uuid(fw->meta_text.data, fw->meta_text.len, fw->uuid);
    char *nickname = meta_nickname(fw->uuid);
    setenv("FWUP_META_UUID", fw->uuid, 1);
    setenv("FWUP_META_NICKNAME", nickname, 1);
    fw->cfg = conf_parse_meta(buffer_text(&fw->meta_text), err);
    if (!fw->cfg)
        goto cleanup;
    if (cfg_getstr(fw->cfg, "meta-uuid") || cfg_getstr(fw->cfg, "meta-nickname")) {
        error_set(err, EXIT_MISMATCH,
                  "the archive's meta.conf tries to set its own UUID or nickname");
        goto cleanup;
    }
    if (firmware_check_lengths(fw->cfg, err))
        goto cleanup;
    cfg_setstr(fw->cfg, "meta-uuid", fw->uuid);
    cfg_setstr(fw->cfg, "meta-nickname", nickname);
    if (!cfg_getstr(fw->cfg, "meta-creation-date")) {
        date_format(mtime, date);
        cfg_setstr(fw->cfg, "meta-creation-date", date);
    }
    rc = 0;
cleanup:
    free(nickname);
    return rc;
}

static int firmware_begin(struct firmware *fw, const struct public_keys *keys, struct error *err)
{
    struct zip_entry entry;
    int found = zip_reader_next(fw->zip, &entry, err);

    if (found > 0 && !strcmp(entry.name, FIRMWARE_SIGNATURE_NAME)) {
        if (firmware_read_signature(fw, &entry, err))
            return -1;
        found = zip_reader_next(fw->zip, &entry, err);
    }
    if (found < 0)
        return -1;
    if (!found || strcmp(entry.name, FIRMWARE_META_NAME))
        return error_set(err, EXIT_MISMATCH,
                         "Expecting meta.conf to be at the beginning of the firmware archive");
    if (firmware_read_meta(fw, err) || firmware_check_signature(fw, keys, err))
        return -1;
    return firmware_identify(fw, entry.mtime, err);
}

int firmware_open(struct firmware *fw, struct source source, const struct public_keys *keys,
                  struct error *err)
{
    *fw = (struct firmware){.zip = zip_reader_new(source)};
    if (!firmware_begin(fw, keys, err))
        return 0;
    firmware_close(fw);
    return -1;
}

void firmware_close(struct firmware *fw)
{
    if (fw->cfg)
        cfg_free(fw->cfg);
    buffer_free(&fw->meta_text);
    zip_reader_free(fw->zip);
    *fw = (struct firmware){0};
}

/* data/NAME is resource NAME; any other entry X is resource /X. */
int firmware_next(struct firmware *fw, struct zip_entry *entry, struct error *err)
{
    for (;;) {
        int found = zip_reader_next(fw->zip, entry, err);
        if (found <= 0)
            return found;
        size_t len = strlen(entry->name);
        if (!strncmp(entry->name, "data/", 5)) {
            memmove(entry->name, entry->name + 5, len - 5 + 1);
        } else if (len < ZIP_NAME_MAX) {
            memmove(entry->name + 1, entry->name, len + 1);
            entry->name[0] = '/';
        }
        if (entry->name[0] && strcmp(entry->name, "/"))
            return 1;
    }
}

uint64_t firmware_resource_size(cfg_t *resource)
{
    uint64_t total = 0;

    /* data, hole, data, hole ... */
    for (unsigned i = 0; i < cfg_size(resource, "length"); i += 2)
        total += (uint64_t)cfg_getnint(resource, "length", i);
    return total;
}

uint64_t firmware_resource_span(cfg_t *resource)
{
    uint64_t total = 0;

    for (unsigned i = 0; i < cfg_size(resource, "length"); i++)
        total += (uint64_t)cfg_getnint(resource, "length", i);
    return total;
}
