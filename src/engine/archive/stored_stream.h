/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An archive as one string of bytes in which equal content is found again: a ZIP with the same
 * entries in the same order, none of them compressed, and no directory (PROTOCOL.md, "The stream").
 * Any updater reads it as it reads the archive; signature and hashes are of the entries' bytes, so
 * they hold. A file that is no archive is its own stream.
 */
#ifndef FWSSH_ENGINE_ARCHIVE_STORED_STREAM_H
#define FWSSH_ENGINE_ARCHIVE_STORED_STREAM_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* The data of an entry. */
struct stored_part {
    uint64_t at, len; /* in the stream */
    char *name;
};

struct stored_stream {
    uint8_t *bytes; /* mapped; changes are for this process only */
    uint64_t len;
    struct stored_part *part; /* owned; in order */
    size_t parts;
    uint64_t
        start; /* bytes up to the end of meta.conf, the first entries; 0: no firmware archive */
};

/*
 * Reads the file from its start, without moving its offset; the stream lies in an unnamed temporary
 * file (in TMPDIR, else /var/tmp). EXIT_MISMATCH if the archive is damaged. stored_stream_close()
 * frees s in any case.
 */
int stored_stream_open(struct stored_stream *s, int fd, struct error *err);
void stored_stream_close(struct stored_stream *s);

#endif
