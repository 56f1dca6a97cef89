/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/chunks/chunk_cut.h"

/* SplitMix64, from this seed ("fwssh"). */
#define GEAR_SEED 0x6677737368ull
#define GEAR_STEP 0x9e3779b97f4a7c15ull
#define GEAR_MIX1 0xbf58476d1ce4e5b9ull
#define GEAR_MIX2 0x94d049bb133111ebull
/* Bit i of the sum knows the last i + 1 bytes. Small chunks need a short memory: low bits. */
#define CUT_SHORT 9
#define CUT_SHORT_BIT 6
#define CUT_MEMORY 64

#define GROUP_CHUNKS_MIN 8u
#define GROUP_HASH_BIT 40
#define GROUP_FAN 32u

void chunk_cutter_init(struct chunk_cutter *c)
{
    uint64_t x = GEAR_SEED;

    for (int i = 0; i < 256; i++) {
        uint64_t z = (x += GEAR_STEP);
        z = (z ^ (z >> 30)) * GEAR_MIX1;
        z = (z ^ (z >> 27)) * GEAR_MIX2;
        c->gear[i] = z ^ (z >> 31);
    }
}

/* A cut is where all of these bits are zero. */
static uint64_t cut_mask(unsigned bits, unsigned k)
{
    return k < CUT_SHORT ? ((1ull << bits) - 1) << CUT_SHORT_BIT : UINT64_MAX << (64 - bits);
}

size_t chunk_cut(const struct chunk_cutter *c, const uint8_t *bytes, size_t len, unsigned k)
{
    size_t average = (size_t)1 << k, least = average / 4, most = average * 4, i;
    uint64_t hard = cut_mask(k + 1, k), easy = cut_mask(k - 1, k), sum = 0;

    if (len <= least)
        return len;
    if (len > most)
        len = most;
    size_t middle = len < average ? len : average;
    for (i = least > CUT_MEMORY ? least - CUT_MEMORY : 0; i < least; i++)
        sum = (sum << 1) + c->gear[bytes[i]];
    for (; i < middle; i++)
        if (!((sum = (sum << 1) + c->gear[bytes[i]]) & hard))
            return i + 1;
    for (; i < len; i++)
        if (!((sum = (sum << 1) + c->gear[bytes[i]]) & easy))
            return i + 1;
    return len;
}

bool chunk_group_ends(const struct chunk_group *g, size_t len)
{
    if (!g->chunks)
        return false;
    return g->len + len > CHUNK_GROUP_MAX ||
           (g->chunks >= GROUP_CHUNKS_MIN && (g->last >> GROUP_HASH_BIT) % GROUP_FAN == 0);
}

void chunk_group_add(struct chunk_group *g, size_t len, uint64_t hash)
{
    g->len += len;
    g->chunks++;
    g->last = hash;
}
