/* SPDX-License-Identifier: Apache-2.0 */
#include "memory_medium.h"

#include <stdlib.h>
#include <string.h>

static struct memory_medium *self(struct medium *m)
{
    return (struct memory_medium *)m;
}

static void note(struct memory_medium *m, char what, uint64_t offset, uint64_t len)
{
    if (m->events == MEMORY_MEDIUM_EVENTS)
        abort();
    m->event[m->events].what = what;
    m->event[m->events].offset = offset;
    m->event[m->events++].len = len;
}

static int memory_read(struct medium *medium, uint64_t offset, void *buf, size_t len,
                       struct error *err)
{
    (void)err;
    memcpy(buf, self(medium)->bytes + offset, len);
    self(medium)->read_bytes += len;
    return 0;
}

static int memory_write(struct medium *medium, uint64_t offset, const struct iovec *pieces,
                        int count, struct error *err)
{
    struct memory_medium *m = self(medium);
    uint64_t end = offset;

    if (m->fail_write_after == 0)
        return error_set(err, EXIT_FAILED, "the medium fails");
    if (m->fail_write_after > 0)
        m->fail_write_after--;
    for (int i = 0; i < count; i++) {
        memcpy(m->bytes + end, pieces[i].iov_base, pieces[i].iov_len);
        end += pieces[i].iov_len;
    }
    note(m, 'w', offset, end - offset);
    if (m->corrupt)
        m->bytes[offset] ^= 1;
    return 0;
}

static int memory_flush(struct medium *medium, struct error *err)
{
    (void)err;
    note(self(medium), 'f', 0, 0);
    return 0;
}

static int memory_discard(struct medium *medium, uint64_t offset, uint64_t len, struct error *err)
{
    (void)err;
    note(self(medium), 'd', offset, len);
    return 0;
}

void memory_medium_init(struct memory_medium *m, uint64_t hard_end)
{
    memset(m, 0, sizeof *m);
    memset(m->bytes, 0xee, sizeof m->bytes);
    m->fail_write_after = -1;
    m->medium = (struct medium){.read = memory_read,
                                .write = memory_write,
                                .flush = memory_flush,
                                .discard = memory_discard,
                                .size = hard_end,
                                .hard_end = hard_end};
}
