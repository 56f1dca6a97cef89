/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/hold/hold_medium.h"

#include "base/io.h"

#include <sys/stat.h>
#include <unistd.h>

static int hold_medium_read(struct medium *m, uint64_t offset, void *buf, size_t len,
                            struct error *err)
{
    const struct hold_medium *h = (const struct hold_medium *)m;

    return io_pread_zero(h->fd, buf, len, offset)
               ? error_errno(err, "cannot read the device at byte %llu", (unsigned long long)offset)
               : 0;
}

/* Nobody asks for it: what is run on this medium are requirements. */
static int hold_medium_write(struct medium *m, uint64_t offset, const struct iovec *pieces,
                             int count, struct error *err)
{
    (void)m;
    (void)offset;
    (void)pieces;
    (void)count;
    return error_set(err, EXIT_FAILED, "the device is open for reading only");
}

static int hold_medium_flush(struct medium *m, struct error *err)
{
    (void)m;
    (void)err;
    return 0;
}

void hold_medium_init(struct hold_medium *m, int fd)
{
    struct stat st;
    off_t size = lseek(fd, 0, SEEK_END);

    *m = (struct hold_medium){.fd = fd,
                              .medium = {.read = hold_medium_read,
                                         .write = hold_medium_write,
                                         .flush = hold_medium_flush,
                                         .size = size > 0 ? (uint64_t)size : 0,
                                         .hard_end = UINT64_MAX}};
    if (!fstat(fd, &st) && S_ISBLK(st.st_mode)) {
        m->medium.is_device = true;
        m->medium.device = st.st_rdev;
        m->medium.hard_end = m->medium.size;
    }
}
