/* SPDX-License-Identifier: Apache-2.0 */
#include "base/source.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static ssize_t source_read_fd(void *data, void *buf, size_t size, struct error *err)
{
    const int *fd = data;
    ssize_t n;

    do
        n = read(*fd, buf, size);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        error_errno(err, "cannot read the firmware");
    return n;
}

struct source source_from_fd(int *fd)
{
    return (struct source){.read = source_read_fd, .data = fd};
}

static ssize_t source_read_bytes(void *data, void *buf, size_t size, struct error *err)
{
    struct source_bytes *b = data;
    size_t n = b->left < size ? b->left : size;

    (void)err;
    memcpy(buf, b->data, n);
    b->data = (const char *)b->data + n;
    b->left -= n;
    return (ssize_t)n;
}

struct source source_from_bytes(struct source_bytes *bytes)
{
    return (struct source){.read = source_read_bytes, .data = bytes};
}

ssize_t source_read_full(const struct source *s, void *buf, size_t size, struct error *err)
{
    size_t got = 0;

    while (got < size) {
        ssize_t n = s->read(s->data, (char *)buf + got, size - got, err);
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}
