/* The data of a file-resource at creation: its host files one after another, or its contents text.
 */
#ifndef FWSSH_ENGINE_ARCHIVE_RESOURCE_FILE_H
#define FWSSH_ENGINE_ARCHIVE_RESOURCE_FILE_H

#include "base/error.h"
#include "base/source.h"

#include <confuse.h>
#include <stdbool.h>
#include <stdint.h>

#define RESOURCE_PIECES_MAX 256u

struct resource_file {
    char *paths;      /* host-path, cut at each ';' */
    char *next;       /* of paths, NULL behind the last */
    const char *dir;  /* configuration file whose directory relative paths start from */
    const char *text; /* contents, or NULL */
    int fd;
    uint64_t data_end; /* of the present file: where the data being read end */
    bool skip_holes;
    /* What has been read so far: data, hole, data, hole ... in bytes. */
    uint64_t piece[RESOURCE_PIECES_MAX];
    unsigned pieces;
};

int resource_file_open(struct resource_file *f, cfg_t *resource, struct error *err);
struct source resource_file_source(struct resource_file *f);

/* Puts the length list (as read so far) and the hash into the section. */
void resource_file_describe(const struct resource_file *f, cfg_t *resource, const char *digest);
void resource_file_close(struct resource_file *f);

#endif
