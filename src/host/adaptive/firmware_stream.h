/* SPDX-License-Identifier: Apache-2.0 */
/* A firmware as a stream that is cut into chunks and groups: the one that is pushed, or an older
 * one that the device may hold. */
#ifndef FWSSH_HOST_ADAPTIVE_FIRMWARE_STREAM_H
#define FWSSH_HOST_ADAPTIVE_FIRMWARE_STREAM_H

#include "engine/archive/stored_stream.h"
#include "engine/chunks/chunk_list.h"

struct firmware_stream {
    struct stored_stream stored;
    struct chunk_tree tree;
};

/* Reads the file. 0, or -1 with the error set; firmware_stream_close() in any case. */
int firmware_stream_open(struct firmware_stream *s, int fd, struct error *err);
void firmware_stream_close(struct firmware_stream *s);

#endif
