/* SPDX-License-Identifier: Apache-2.0 */
/* inflate.h with ISA-L: twice as fast as zlib. */
#include "engine/archive/inflate.h"

#include "base/memory.h"

#include <isa-l/igzip_lib.h>
#include <stdlib.h>

/* zlib's Z_DATA_ERROR. */
#define INFLATE_DATA_ERROR (-3)

struct inflate {
    struct inflate_state state;
};

struct inflate *inflate_new(void)
{
    struct inflate *s = memory_new(1, sizeof *s);

    isal_inflate_init(&s->state);
    return s;
}

void inflate_free(struct inflate *s)
{
    free(s);
}

void inflate_reset(struct inflate *s)
{
    isal_inflate_reset(&s->state);
}

enum inflate_result inflate_run(struct inflate *s, const uint8_t *in, size_t *in_len, uint8_t *out,
                                size_t *out_len, struct inflate_end *end)
{
    uint32_t in_size = *in_len > UINT32_MAX ? UINT32_MAX : (uint32_t)*in_len;
    uint32_t out_size = *out_len > UINT32_MAX ? UINT32_MAX : (uint32_t)*out_len;

    s->state.next_in = (uint8_t *)in;
    s->state.avail_in = in_size;
    s->state.next_out = out;
    s->state.avail_out = out_size;
    int rc = isal_inflate(&s->state);
    *in_len = in_size - s->state.avail_in;
    *out_len = out_size - s->state.avail_out;
    if (rc < 0) {
        end->code = INFLATE_DATA_ERROR;
        return INFLATE_BAD;
    }
    if (s->state.block_state != ISAL_BLOCK_FINISH)
        return INFLATE_MORE;
    /* Whole bytes that it has read ahead into its bit buffer. */
    end->unused = (size_t)s->state.read_in_length / 8;
    return INFLATE_END;
}
