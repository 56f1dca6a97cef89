/* SPDX-License-Identifier: Apache-2.0 */
/* What a firmware is, as far as its first bytes tell: by the words of the fact "accepts"
 * (fwssh-updater(7)). */
#ifndef FWSSH_BASE_FIRMWARE_KIND_H
#define FWSSH_BASE_FIRMWARE_KIND_H

#include <stddef.h>

/* As many bytes as any kind is told by. */
#define FIRMWARE_KIND_BYTES 512

/* "fw", "swu", "mender", or "": none of these, but perhaps one that is told by its end. */
const char *firmware_kind_by_start(const void *data, size_t len);

#endif
