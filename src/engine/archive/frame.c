/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/archive/frame.h"

#include "base/bytes.h"
#include "base/io.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static ssize_t frame_read(void *data, void *buf, size_t size, struct error *err)
{
    struct frame_reader *r = data;
    uint8_t head[4];

    if (!r->left && !r->ended) {
        ssize_t n = source_read_full(&r->inner, head, sizeof head, err);
        if (n < 0)
            return -1;
        if (n < (ssize_t)sizeof head)
            return error_set(err, EXIT_MISMATCH,
                             "the framed input ends without an end packet (length 0)");
        r->left = bytes_be32(head);
        r->ended = r->left == 0;
    }
    if (r->ended)
        return 0;
    ssize_t n = r->inner.read(r->inner.data, buf, size < r->left ? size : r->left, err);
    if (n == 0)
        return error_set(err, EXIT_MISMATCH, "the framed input ends inside a packet");
    if (n > 0)
        r->left -= (uint32_t)n;
    return n;
}

struct source frame_reader_open(struct frame_reader *r, struct source inner)
{
    *r = (struct frame_reader){.inner = inner};
    return (struct source){.read = frame_read, .data = r};
}

int frame_write(int fd, const char *type, uint16_t code, const void *payload, size_t len)
{
    uint8_t *packet = memory_new(8 + len, 1);

    bytes_put_be32(packet, (uint32_t)(4 + len));
    memcpy(packet + 4, type, 2);
    bytes_put_be16(packet + 6, code);
    if (len)
        memcpy(packet + 8, payload, len);
    int rc = io_write_all(fd, packet, 8 + len);
    free(packet);
    return rc;
}
