/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Firmware for other updaters, as far as the host can tell from the file: RAUC's bundles,
 * SWUpdate's and Mender's archives, and plain images.
 */
#ifndef FWSSH_ENGINE_ARCHIVE_BUNDLE_H
#define FWSSH_ENGINE_ARCHIVE_BUNDLE_H

#include "engine/archive/firmware_file.h"

/* What the file is, by its content. FIRMWARE_FW also for what is nothing of the others. */
enum firmware_kind bundle_look(int fd, uint64_t size);

/*
 * For any kind but FIRMWARE_FW: sets what the file says of itself, and its SHA-256; the descriptor
 * is back at the start. f->fd, size and kind must be set. Returns 0, or -1 with the error set:
 * EXIT_MISMATCH if it is cut off.
 */
int bundle_describe(struct firmware_file *f, struct error *err);

/* The word of a kind in the fact "accepts" (fwssh-updater(7)), and its name for people: "a RAUC
 * bundle". */
const char *bundle_word(enum firmware_kind kind);
const char *bundle_name(enum firmware_kind kind);

#endif
