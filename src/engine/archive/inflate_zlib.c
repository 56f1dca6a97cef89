/* SPDX-License-Identifier: Apache-2.0 */
/* inflate.h with zlib, which is available everywhere. */
#include "engine/archive/inflate.h"

#include "base/memory.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

struct inflate {
    z_stream z;
};

struct inflate *inflate_new(void)
{
    struct inflate *s = memory_new(1, sizeof *s);

    /* Negative window bits mean a raw stream: ZIP has its own checksums. */
    if (inflateInit2(&s->z, -MAX_WBITS) != Z_OK)
        abort();
    return s;
}

void inflate_free(struct inflate *s)
{
    if (!s)
        return;
    inflateEnd(&s->z);
    free(s);
}

void inflate_reset(struct inflate *s)
{
    inflateReset(&s->z);
}

enum inflate_result inflate_run(struct inflate *s, const uint8_t *in, size_t *in_len, uint8_t *out,
                                size_t *out_len, struct inflate_end *end)
{
    uInt in_size = *in_len > UINT_MAX ? UINT_MAX : (uInt)*in_len;
    uInt out_size = *out_len > UINT_MAX ? UINT_MAX : (uInt)*out_len;

    s->z.next_in = (Bytef *)in;
    s->z.avail_in = in_size;
    s->z.next_out = out;
    s->z.avail_out = out_size;
    int rc = inflate(&s->z, Z_NO_FLUSH);
    *in_len = in_size - s->z.avail_in;
    *out_len = out_size - s->z.avail_out;
    if (rc == Z_STREAM_END) {
        end->unused = 0;
        return INFLATE_END;
    }
    if (rc == Z_OK || rc == Z_BUF_ERROR)
        return INFLATE_MORE;
    end->code = rc;
    return INFLATE_BAD;
}
