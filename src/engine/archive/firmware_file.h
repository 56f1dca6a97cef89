/* A firmware file on the host: open, and what its metadata says (docs/fw-format.md, "Metadata"). */
#ifndef FWSSH_ENGINE_ARCHIVE_FIRMWARE_FILE_H
#define FWSSH_ENGINE_ARCHIVE_FIRMWARE_FILE_H

#include "base/error.h"

#include <stdint.h>

struct firmware_file {
    char *path;
    int fd;
    uint64_t size;                                                /* bytes */
    char *product, *version, *platform, *architecture, *nickname; /* NULL: not given */
    char uuid[40];
};

/*
 * Opens the file and reads its metadata; the descriptor stands at the start again. EXIT_USAGE when
 * it cannot be opened or is not a regular file, EXIT_MISMATCH when it is not a usable archive.
 * firmware_file_close() frees what it holds, in any case.
 */
int firmware_file_open(struct firmware_file *f, const char *path, struct error *err);
void firmware_file_close(struct firmware_file *f);

#endif
