/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A firmware file on the host, opened, with its metadata (docs/fw-format.md, "Metadata and UUID").
 */
#ifndef FWSSH_ENGINE_ARCHIVE_FIRMWARE_FILE_H
#define FWSSH_ENGINE_ARCHIVE_FIRMWARE_FILE_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

enum firmware_kind {
    FIRMWARE_FW,
    FIRMWARE_RAUC,
    FIRMWARE_SWUPDATE,
    FIRMWARE_MENDER,
    FIRMWARE_IMAGE, /* a file system or disk, without anything around it */
};

struct firmware_file {
    char *path;
    int fd;
    enum firmware_kind kind;
    uint64_t size;                    /* bytes */
    struct timespec changed, written; /* st_ctim and st_mtim when it was opened */
    char *product, *version, *platform, *architecture, *nickname; /* cleaned; NULL if not set */
    char uuid[40];   /* "" for other kinds than FIRMWARE_FW */
    char sha256[65]; /* of the file, for those; "" for FIRMWARE_FW */
};

/*
 * Opens the file and reads its metadata; the descriptor is back at the start. EXIT_USAGE if the
 * file cannot be opened or is not a regular one, EXIT_MISMATCH if it is not a usable archive, or
 * is cut off.
 * firmware_file_close() frees f, even after a failure.
 */
int firmware_file_open(struct firmware_file *f, const char *path, struct error *err);

/* The same for a file of any kind (engine/archive/bundle.h). */
int firmware_file_open_any(struct firmware_file *f, const char *path, struct error *err);
void firmware_file_close(struct firmware_file *f);

/* 0, or -1 with the error set if the file was written to since it was opened: what is read of it
 * now is not what it said of itself. */
int firmware_file_check_unwritten(const struct firmware_file *f, struct error *err);

/* Whether the file may have other bytes now than when it was opened. */
bool firmware_file_has_changed(const struct firmware_file *f);

#endif
