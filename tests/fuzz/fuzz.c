/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "base/memory.h"

#include <string.h>

static struct fuzz_medium *self(struct medium *m)
{
    return (struct fuzz_medium *)m;
}

static int fuzz_read(struct medium *m, uint64_t offset, void *buf, size_t len, struct error *err)
{
    if (len > FUZZ_MEDIUM_SIZE || offset > FUZZ_MEDIUM_SIZE - len)
        return error_set(err, EXIT_FAILED, "outside");
    memcpy(buf, self(m)->bytes + offset, len);
    return 0;
}

/* The engine must never write outside the device. */
static int fuzz_write(struct medium *m, uint64_t offset, const struct iovec *pieces, int count,
                      struct error *err)
{
    (void)err;
    for (int i = 0; i < count; i++) {
        if (pieces[i].iov_len > FUZZ_MEDIUM_SIZE || offset > FUZZ_MEDIUM_SIZE - pieces[i].iov_len)
            __builtin_trap();
        memcpy(self(m)->bytes + offset, pieces[i].iov_base, pieces[i].iov_len);
        offset += pieces[i].iov_len;
    }
    return 0;
}

static int fuzz_flush(struct medium *m, struct error *err)
{
    (void)m;
    (void)err;
    return 0;
}

void fuzz_medium_init(struct fuzz_medium *m, const uint8_t *data, size_t size)
{
    size = size < FUZZ_MEDIUM_SIZE ? size : FUZZ_MEDIUM_SIZE;
    memcpy(m->bytes, data, size);
    memset(m->bytes + size, 0, FUZZ_MEDIUM_SIZE - size);
    m->medium = (struct medium){
        .read = fuzz_read,
        .write = fuzz_write,
        .flush = fuzz_flush,
        .size = FUZZ_MEDIUM_SIZE,
        .hard_end = FUZZ_MEDIUM_SIZE,
    };
}

char *fuzz_text(const uint8_t *data, size_t size)
{
    char *text = memory_new(size + 1, 1);

    memcpy(text, data, size);
    return text;
}
