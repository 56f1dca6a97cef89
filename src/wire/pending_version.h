/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file pending-version in state-dir: versions of firmware that was switched to, and does not
 * count as the newest one yet (key refuse-older). The updater writes it, right before the switch;
 * fwssh-receive and fwsshd read it. A line for each firmware, the latest first:
 *
 *   line = version " " uuid " " boot-id
 *
 * version: base/version.h, or "-" if it has none; boot-id: the kernel's, when it was written.
 */
#ifndef FWSSH_WIRE_PENDING_VERSION_H
#define FWSSH_WIRE_PENDING_VERSION_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/version.h"

#include <stdbool.h>

#define PENDING_VERSION_LINES 4
#define PENDING_VERSION_MAX 4096

struct pending_version {
    char version[VERSION_SIZE];
    char uuid[40];
    char boot_id[40];
};

struct pending_versions {
    size_t count;
    struct pending_version item[PENDING_VERSION_LINES];
};

/* Puts a firmware first, in place of an earlier line with its UUID; the oldest may fall out.
 * version: NULL or "" if it has none. */
void pending_version_add(struct pending_versions *list, const char *version, const char *uuid,
                         const char *boot_id);

/* Drops a line. */
void pending_version_drop(struct pending_versions *list, size_t index);

/* Reads what pending_version_print() wrote. Returns 0, or -1 if the text is anything else. */
int pending_version_parse(const char *text, size_t len, struct pending_versions *list);
void pending_version_print(const struct pending_versions *list, struct buffer *out);

#endif
