/* An archive opened for reading: signature checked, meta.conf parsed, resources still to come. */
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
    bool is_signed; /* whether or not the signature could be checked */
    uint8_t signature[KEYS_SIGNATURE_SIZE];
    struct buffer meta_text; /* meta.conf as it is in the archive */
    char uuid[META_UUID_SIZE];
};

/*
 * Reads the beginning of an archive: meta.conf.ed25519 (optional) and meta.conf. With at least one
 * key an unsigned or wrongly signed archive is refused. Sets FWUP_META_UUID and FWUP_META_NICKNAME
 * in the environment, as meta.conf may refer to them. The source must outlive it. Errors of the
 * archive have EXIT_MISMATCH.
 */
int firmware_open(struct firmware *fw, struct source source, const struct public_keys *keys,
                  struct error *err);
void firmware_close(struct firmware *fw);

/* The next resource entry, as zip_reader_next, but with the resource's name in place of the
 * entry's. */
int firmware_next(struct firmware *fw, struct zip_entry *entry, struct error *err);

/* The number of bytes of a resource that are in the archive (its data pieces), from its length
 * list. */
uint64_t firmware_resource_size(cfg_t *resource);

/* The same with the holes: the size of the file. */
uint64_t firmware_resource_span(cfg_t *resource);

#endif
