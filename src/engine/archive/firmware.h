/* SPDX-License-Identifier: Apache-2.0 */
/* An archive opened for reading: signature checked, meta.conf parsed, resources not read yet. */
#ifndef FWSSH_ENGINE_ARCHIVE_FIRMWARE_H
#define FWSSH_ENGINE_ARCHIVE_FIRMWARE_H

#include "base/error.h"
#include "engine/archive/keys.h"
#include "engine/archive/meta.h"
#include "engine/archive/zip_reader.h"

#include <confuse.h>
#include <stdbool.h>

#define FIRMWARE_SIGNATURE_NAME "meta.conf.ed25519"
#define FIRMWARE_META_NAME "meta.conf"

struct firmware {
    struct zip_reader *zip;
    cfg_t *cfg;
    bool is_signed; /* even if the signature was not checked */
    uint8_t signature[KEYS_SIGNATURE_SIZE];
    struct buffer meta_text; /* meta.conf as it is in the archive */
    char uuid[META_UUID_SIZE];
};

/*
 * Reads the start of an archive: meta.conf.ed25519 (optional) and meta.conf. With at least one key,
 * an archive is refused if it is unsigned or no key matches its signature; with none (or NULL)
 * nothing is verified. Sets FWUP_META_UUID and FWUP_META_NICKNAME in the environment, because
 * meta.conf may refer to them. The source must outlive fw. Errors in the archive are EXIT_MISMATCH.
 * After success, firmware_close() frees fw.
 */
int firmware_open(struct firmware *fw, struct source source, const struct public_keys *keys,
                  struct error *err);
void firmware_close(struct firmware *fw);

/* The next resource entry, like zip_reader_next(), but with the resource's name instead of the
 * entry's. */
int firmware_next(struct firmware *fw, struct zip_entry *entry, struct error *err);

/* The number of bytes of a resource that the archive contains (its data pieces), from its length
 * list. */
uint64_t firmware_resource_size(cfg_t *resource);

/* The same plus the holes: the size of the file. */
uint64_t firmware_resource_span(cfg_t *resource);

#endif
