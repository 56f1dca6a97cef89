/* SPDX-License-Identifier: Apache-2.0 */
/* A medium that is a block device or an image file. */
#ifndef FWSSH_ENGINE_MEDIUM_MEDIUM_FILE_H
#define FWSSH_ENGINE_MEDIUM_MEDIUM_FILE_H

#include "engine/medium/medium.h"

struct medium_options {
    uint64_t max_blocks; /* of 512 bytes; 0: no limit */
    bool enable_trim;
    bool unmount; /* the file systems of a device, before opening it */
};

/* NULL with the error set; release with medium_file_close(). A missing image file is created. */
struct medium *medium_file_open(const char *path, const struct medium_options *options,
                                struct error *err);
void medium_file_close(struct medium *m);

#endif
