/* SPDX-License-Identifier: Apache-2.0 */
/* Checks a whole archive without applying it: every entry, size, CRC and hash. */
#ifndef FWSSH_ENGINE_ARCHIVE_VERIFY_H
#define FWSSH_ENGINE_ARCHIVE_VERIFY_H

#include "engine/archive/firmware.h"

/* Checks a delta that should make a resource of expected bytes, reading the patch to its end. */
typedef int (*verify_delta)(struct source patch, uint64_t expected, struct error *err);

/* Reads the opened firmware to its end. 0, or -1 with the error set (EXIT_MISMATCH on damage). */
int verify_resources(struct firmware *fw, verify_delta check_delta, struct error *err);

#endif
