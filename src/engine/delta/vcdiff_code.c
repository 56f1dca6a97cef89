/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/delta/vcdiff_code.h"

#include <stdbool.h>
#include <string.h>

#define MODE_SELF 0u
#define MODE_HERE 1u
#define MODE_NEAR 2u
#define MODE_SAME (MODE_NEAR + VCDIFF_NEAR)

struct vcdiff_half {
    enum vcdiff_kind kind;
    uint8_t size; /* 0: follows as an integer */
    uint8_t mode;
};

int vcdiff_damaged(struct error *err)
{
    return error_set(err, EXIT_MISMATCH, "the delta (xdelta3 patch) is damaged");
}

int vcdiff_code_integer(struct vcdiff_section *s, uint64_t *value)
{
    *value = 0;
    while (s->at < s->end) {
        uint8_t byte = *s->at++;
        if (*value >> 57)
            return -1;
        *value = *value << 7 | (byte & 0x7f);
        if (!(byte & 0x80))
            return 0;
    }
    return -1;
}

/* The default code table (RFC 3284, 5.6), computed from its rules. */
static struct vcdiff_half vcdiff_table(unsigned index, bool second)
{
    const struct vcdiff_half none = {.kind = VCDIFF_NONE};

    if (index >= 247) /* COPY of 4, then ADD of 1 */
        return second ? (struct vcdiff_half){VCDIFF_ADD, 1, 0}
                      : (struct vcdiff_half){VCDIFF_COPY, 4, (uint8_t)(index - 247)};
    if (index >= 235) { /* ADD of 1 to 4, then COPY of 4, modes 6 to 8 */
        index -= 235;
        return second ? (struct vcdiff_half){VCDIFF_COPY, 4, (uint8_t)(6 + index / 4)}
                      : (struct vcdiff_half){VCDIFF_ADD, (uint8_t)(1 + index % 4), 0};
    }
    if (index >= 163) { /* ADD of 1 to 4, then COPY of 4 to 6, modes 0 to 5 */
        index -= 163;
        return second ? (struct vcdiff_half){VCDIFF_COPY, (uint8_t)(4 + index % 3),
                                             (uint8_t)(index / 12)}
                      : (struct vcdiff_half){VCDIFF_ADD, (uint8_t)(1 + index / 3 % 4), 0};
    }
    if (second)
        return none;
    if (index >= 19) { /* COPY of any size or of 4 to 18, modes 0 to 8 */
        index -= 19;
        unsigned size = index % 16;
        return (struct vcdiff_half){VCDIFF_COPY, (uint8_t)(size ? size + 3 : 0),
                                    (uint8_t)(index / 16)};
    }
    if (index >= 1) /* ADD of any size or of 1 to 17 */
        return (struct vcdiff_half){VCDIFF_ADD, (uint8_t)(index - 1), 0};
    return (struct vcdiff_half){VCDIFF_RUN, 0, 0};
}

/* RFC 3284, 5.3 */
static int vcdiff_address(struct vcdiff_cursor *c, unsigned mode, uint64_t *address)
{
    uint64_t here = c->source_size + c->target_at, value;

    if (mode >= MODE_SAME) {
        if (c->address.at == c->address.end)
            return -1;
        *address = c->same[(mode - MODE_SAME) * 256 + *c->address.at++];
    } else {
        if (vcdiff_code_integer(&c->address, &value))
            return -1;
        if (mode == MODE_HERE && value > here)
            return -1;
        *address = mode == MODE_SELF   ? value
                   : mode == MODE_HERE ? here - value
                                       : c->near[mode - MODE_NEAR] + value;
    }
    c->near[c->near_next] = *address;
    c->near_next = (c->near_next + 1) % VCDIFF_NEAR;
    c->same[*address % VCDIFF_SAME] = *address;
    return *address < here ? 0 : -1;
}

static int vcdiff_data(struct vcdiff_cursor *c, size_t size, const uint8_t **data)
{
    if (size > (size_t)(c->data.end - c->data.at))
        return -1;
    *data = c->data.at;
    c->data.at += size;
    return 0;
}

static int vcdiff_take(struct vcdiff_cursor *c, const struct vcdiff_half *half,
                       struct vcdiff_instruction *i)
{
    uint64_t size = half->size;

    if (!size && vcdiff_code_integer(&c->code, &size))
        return -1;
    if (size > c->target_size - c->target_at)
        return -1;
    *i = (struct vcdiff_instruction){.kind = half->kind, .size = (uint32_t)size};
    if (half->kind == VCDIFF_COPY) {
        if (vcdiff_address(c, half->mode, &i->address))
            return -1;
    } else if (vcdiff_data(c, half->kind == VCDIFF_RUN ? 1 : (size_t)size, &i->data)) {
        return -1;
    }
    c->target_at += (uint32_t)size;
    return 0;
}

int vcdiff_code_next(struct vcdiff_cursor *c, struct vcdiff_instruction *instruction,
                     struct error *err)
{
    struct vcdiff_half half = {.kind = VCDIFF_NONE};

    if (c->second >= 0) {
        half = vcdiff_table((unsigned)c->second, true);
        c->second = -1;
    }
    if (half.kind == VCDIFF_NONE) {
        if (c->code.at == c->code.end)
            return 0;
        uint8_t index = *c->code.at++;
        half = vcdiff_table(index, false);
        c->second = index;
    }
    return vcdiff_take(c, &half, instruction) ? vcdiff_damaged(err) : 1;
}
