/* SPDX-License-Identifier: Apache-2.0 */
/* What an update records right before the boot switch, for the key refuse-older of fwsshd.conf(5):
 * the version that counts once this firmware is confirmed, and that an exception was used. */
#ifndef FWSSH_ENGINE_PACK_SWITCH_RECORD_H
#define FWSSH_ENGINE_PACK_SWITCH_RECORD_H

#include "base/buffer.h"
#include "base/error.h"
#include "engine/archive/meta.h"

#include <stdbool.h>

struct switch_record {
    const char *pending_path; /* wire/pending_version.h; NULL: nothing is recorded */
    const char *use_up_path;  /* a file to remove; NULL: none */
    const struct meta_identity *identity;
    struct buffer before; /* what pending_path contained; owned */
};

/* For apply_request. begins: records; when it returns 0, that survives a loss of power. Otherwise
 * restores the file at pending_path. Returns 0, or -1 with the error set and nothing changed. */
int switch_record_write(void *record, bool begins, struct error *err);
void switch_record_free(struct switch_record *r);

#endif
