/* SPDX-License-Identifier: Apache-2.0 */
/* The data of a file-resource when an archive is created: its host files one after another, or its
 * contents text. */
#ifndef FWSSH_ENGINE_ARCHIVE_RESOURCE_FILE_H
#define FWSSH_ENGINE_ARCHIVE_RESOURCE_FILE_H

#include "base/error.h"
#include "base/source.h"

#include <confuse.h>
#include <stdbool.h>
#include <stdint.h>

#define RESOURCE_PIECES_MAX 256u

struct resource_file {
    char *paths;      /* host-path, split at each ';' */
    char *next;       /* in paths; NULL after the last */
    const char *dir;  /* configuration file that relative paths are resolved against */
    const char *text; /* contents, or NULL */
    int fd;
    uint64_t data_end; /* in the current file: the end of the data being read */
    bool skip_holes;
    /* Read so far, in bytes: data, hole, data, hole ... */
    uint64_t piece[RESOURCE_PIECES_MAX];
    unsigned pieces;
};

/* Opens no file yet. The section must outlive f, which resource_file_close() frees. */
int resource_file_open(struct resource_file *f, cfg_t *resource, struct error *err);
struct source resource_file_source(struct resource_file *f);

/* Stores the length list (as read so far) and the hash in the section. */
void resource_file_describe(const struct resource_file *f, cfg_t *resource, const char *digest);
void resource_file_close(struct resource_file *f);

#endif
