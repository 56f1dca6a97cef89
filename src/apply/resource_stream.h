/* The data of one resource on its way from the archive to an operation: counted, hashed, readable
 * once. */
#ifndef FWSSH_APPLY_RESOURCE_STREAM_H
#define FWSSH_APPLY_RESOURCE_STREAM_H

#include "apply/report.h"
#include "archive/firmware.h"
#include "archive/hash.h"

struct resource_stream {
    struct firmware *firmware;
    struct report *report;
    cfg_t *resource;
    uint64_t expected, count;
    struct hash hash;
    bool ended;
};

/* Begins with the present archive entry. Refuses an entry whose size cannot be right. */
int resource_stream_open(struct resource_stream *s, struct firmware *fw, struct report *report,
                         const struct zip_entry *entry, struct error *err);

/* The count, 0 at the end (after the size and hash have been found right), -1. */
ssize_t resource_stream_read(struct resource_stream *s, void *buf, size_t size, struct error *err);

#endif
