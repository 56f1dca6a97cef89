/* SPDX-License-Identifier: Apache-2.0 */
#include "host/remote/rate_limit.h"

#include "base/io.h"

#include <sys/mman.h>

#define RATE_SECOND 1e9
#define RATE_PIECES 10
#define RATE_PIECE_MIN 1024

struct rate_limit *rate_limit_new_shared(uint64_t rate, struct error *err)
{
    struct rate_limit *r =
        mmap(NULL, sizeof *r, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (r == MAP_FAILED) {
        error_errno(err, "cannot share memory between the pushes");
        return NULL;
    }
    r->rate = rate;
    return r;
}

void rate_limit_free_shared(struct rate_limit *r)
{
    if (r)
        munmap(r, sizeof *r);
}

static uint64_t rate_now(void)
{
    return (uint64_t)(io_now() * RATE_SECOND);
}

double rate_limit_wait(struct rate_limit *r)
{
    if (!r || !r->rate)
        return 0;
    uint64_t now = rate_now(), until = atomic_load(&r->until);
    return until > now ? (double)(until - now) / RATE_SECOND : 0;
}

size_t rate_limit_piece(const struct rate_limit *r, size_t len)
{
    if (!r || !r->rate)
        return len;
    uint64_t piece = r->rate / RATE_PIECES;
    if (piece < RATE_PIECE_MIN)
        piece = RATE_PIECE_MIN;
    return len < piece ? len : (size_t)piece;
}

void rate_limit_take(struct rate_limit *r, size_t len)
{
    if (!r || !r->rate)
        return;
    uint64_t now = rate_now(), until = atomic_load(&r->until);
    uint64_t share = (uint64_t)((double)len / (double)r->rate * RATE_SECOND);
    while (!atomic_compare_exchange_weak(&r->until, &until, (until > now ? until : now) + share))
        ;
}
