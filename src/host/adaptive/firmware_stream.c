/* SPDX-License-Identifier: Apache-2.0 */
#include "host/adaptive/firmware_stream.h"

/* Cutting begins anew at each entry's data and behind it, so that a changed header moves nothing.
 */
static void firmware_stream_cut(struct firmware_stream *s)
{
    const struct stored_stream *stored = &s->stored;
    struct chunk_cutter cutter;
    uint64_t at = 0;

    chunk_cutter_init(&cutter);
    for (size_t i = 0; i < stored->parts; i++) {
        const struct stored_part *p = &stored->part[i];
        chunk_tree_add(&s->tree, &cutter, stored->bytes + at, at, p->at - at);
        chunk_tree_add(&s->tree, &cutter, stored->bytes + p->at, p->at, p->len);
        at = p->at + p->len;
    }
    chunk_tree_add(&s->tree, &cutter, stored->bytes + at, at, stored->len - at);
}

int firmware_stream_open(struct firmware_stream *s, int fd, struct error *err)
{
    *s = (struct firmware_stream){0};
    if (stored_stream_open(&s->stored, fd, err))
        return -1;
    firmware_stream_cut(s);
    return 0;
}

void firmware_stream_close(struct firmware_stream *s)
{
    chunk_tree_free(&s->tree);
    stored_stream_close(&s->stored);
}
