/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/archive/deflate.h"

#include "base/cores.h"
#include "base/memory.h"

#include <libdeflate.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define DEFLATE_PIECE (1u << 20)
#define DEFLATE_THREADS_MAX 16
#define DEFLATE_PIECES_A_THREAD 4
/* An empty stored block, which ends a piece on a byte boundary. */
#define DEFLATE_MARK_SIZE 5u
#define DEFLATE_SCRATCH 65536u
#define DEFLATE_SAMPLE 8192u

struct deflate_piece {
    uint8_t *in, *out; /* owned */
    size_t in_len, out_len;
    bool last;
};

/* The pieces that are compressed in parallel. */
struct deflate_round {
    struct deflate_piece *pieces;
    size_t room, count;
    size_t out_room;
    int level;
    atomic_size_t next;
};

/* Levels like those of zlib: the same number takes about as long or less, and 6 to 9 never produce
 * more bytes. libdeflate's own levels from 8 on take many times longer for the last percent. */
static int deflate_level(int level)
{
    static const int levels[10] = {1, 1, 2, 3, 4, 5, 5, 6, 6, 7};

    return levels[level < 1 ? 1 : level > 9 ? 9 : level];
}

static void deflate_clear_bit(uint8_t *bytes, uint64_t bit)
{
    bytes[bit / 8] &= (uint8_t) ~(1u << bit % 8);
}

/*
 * libdeflate ends every stream; this reopens the end for the next piece. Returns the new length.
 * The BFINAL bit is the first one of the last block, which zlib finds: it stops at the end of each
 * block.
 */
static size_t deflate_open_end(uint8_t *bytes, size_t len)
{
    uint8_t scratch[DEFLATE_SCRATCH];
    z_stream z = {.next_in = bytes, .avail_in = (uInt)len};
    uint64_t last_block = 0, end = 0;

    if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
        abort();
    while ((z.data_type & 0xc0) != 0xc0) { /* end of the last block */
        z.next_out = scratch;
        z.avail_out = sizeof scratch;
        int rc = inflate(&z, Z_BLOCK);
        if (rc != Z_OK && rc != Z_BUF_ERROR)
            abort(); /* libdeflate has just produced it */
        end = (uint64_t)z.total_in * 8 - (z.data_type & 7);
        if ((z.data_type & 0xc0) == 0x80)
            last_block = end;
    }
    inflateEnd(&z);
    deflate_clear_bit(bytes, last_block);
    /* Three bits: not final, stored. Then padding to a whole byte, length 0 and its complement. */
    for (uint64_t bit = end; bit < len * 8; bit++)
        deflate_clear_bit(bytes, bit);
    size_t opened = (size_t)((end + 3 + 7) / 8);
    memset(bytes + len, 0, opened - len);
    memcpy(bytes + opened, "\0\0\xff\xff", 4);
    return opened + 4;
}

/* The compressors of one thread. */
struct deflate_tools {
    struct libdeflate_compressor *wanted, *fast, *store;
};

/* Judges by samples: data that is already compressed or encrypted does not get smaller. */
static bool deflate_is_noise(const struct deflate_tools *tools, const struct deflate_piece *piece,
                             size_t room)
{
    for (size_t at = 0; at + DEFLATE_SAMPLE <= piece->in_len; at += piece->in_len / 4)
        if (libdeflate_deflate_compress(tools->fast, piece->in + at, DEFLATE_SAMPLE, piece->out,
                                        room) < DEFLATE_SAMPLE - DEFLATE_SAMPLE / 128)
            return false;
    return piece->in_len >= DEFLATE_SAMPLE;
}

static void deflate_one(const struct deflate_round *round, const struct deflate_tools *tools,
                        struct deflate_piece *piece)
{
    struct libdeflate_compressor *c =
        deflate_is_noise(tools, piece, round->out_room) ? tools->store : tools->wanted;

    piece->out_len =
        libdeflate_deflate_compress(c, piece->in, piece->in_len, piece->out, round->out_room);
    if (!piece->last)
        piece->out_len = deflate_open_end(piece->out, piece->out_len);
}

static void *deflate_work(void *data)
{
    struct deflate_round *round = data;
    struct deflate_tools tools = {
        .wanted = libdeflate_alloc_compressor(deflate_level(round->level)),
        .fast = libdeflate_alloc_compressor(1),
        .store = libdeflate_alloc_compressor(0),
    };
    size_t i;

    if (!tools.wanted || !tools.fast || !tools.store)
        abort();
    while ((i = atomic_fetch_add(&round->next, 1)) < round->count)
        deflate_one(round, &tools, &round->pieces[i]);
    libdeflate_free_compressor(tools.wanted);
    libdeflate_free_compressor(tools.fast);
    libdeflate_free_compressor(tools.store);
    return NULL;
}

static size_t deflate_cores(void)
{
    unsigned count = cores_count();

    return count > DEFLATE_THREADS_MAX ? DEFLATE_THREADS_MAX : count;
}

/* The calling thread works, too. */
static void deflate_round_run(struct deflate_round *round)
{
    pthread_t thread[DEFLATE_THREADS_MAX];
    size_t wanted = deflate_cores(), started = 0;

    wanted = wanted < round->count ? wanted : round->count;
    atomic_store(&round->next, 0);
    while (started + 1 < wanted && !pthread_create(&thread[started], NULL, deflate_work, round))
        started++;
    deflate_work(round);
    while (started)
        pthread_join(thread[--started], NULL);
}

static struct deflate_piece *deflate_piece(struct deflate_round *round, size_t i)
{
    struct deflate_piece *piece = &round->pieces[i];

    if (!piece->in) {
        piece->in = memory_new(DEFLATE_PIECE, 1);
        piece->out = memory_new(round->out_room, 1);
    }
    return piece;
}

/* Reads the pieces of a round, and the first one of the next round, to know which is the last. */
static int deflate_round_fill(struct deflate_round *round, const struct source *source,
                              size_t *ahead, struct error *err)
{
    struct deflate_piece *next = &round->pieces[round->room];

    round->count = 0;
    while (round->count < round->room) {
        struct deflate_piece *piece = deflate_piece(round, round->count);
        struct deflate_piece swap = *piece;
        *piece = *next; /* the one read ahead */
        *next = swap;
        piece->in_len = *ahead;
        ssize_t n = source_read_full(source, next->in, DEFLATE_PIECE, err);
        if (n < 0)
            return -1;
        *ahead = (size_t)n;
        piece->last = n == 0;
        round->count++;
        if (piece->last)
            break;
    }
    return 0;
}

static int deflate_round_put(struct deflate_round *round, const struct deflate_sink *sink,
                             uint64_t *size, uint32_t *crc, struct error *err)
{
    for (size_t i = 0; i < round->count; i++) {
        const struct deflate_piece *piece = &round->pieces[i];
        *size += piece->in_len;
        *crc = libdeflate_crc32(*crc, piece->in, piece->in_len);
        if (sink->put(sink->data, piece->out, piece->out_len, err))
            return -1;
    }
    return 0;
}

static void deflate_round_free(struct deflate_round *round)
{
    for (size_t i = 0; i <= round->room; i++) {
        free(round->pieces[i].in);
        free(round->pieces[i].out);
    }
    free(round->pieces);
}

int deflate_source(const struct source *source, int level, const struct deflate_sink *sink,
                   uint64_t *size, uint32_t *crc, struct error *err)
{
    struct deflate_round round = {.room = DEFLATE_PIECES_A_THREAD * deflate_cores(),
                                  .level = level};
    int rc = -1;

    round.out_room = libdeflate_deflate_compress_bound(NULL, DEFLATE_PIECE) + DEFLATE_MARK_SIZE;
    round.pieces = memory_new(round.room + 1, sizeof *round.pieces);
    *size = 0;
    *crc = 0;
    struct deflate_piece *next = deflate_piece(&round, round.room);
    ssize_t n = source_read_full(source, next->in, DEFLATE_PIECE, err);
    size_t ahead = n < 0 ? 0 : (size_t)n;
    if (n < 0)
        goto cleanup;
    do {
        if (deflate_round_fill(&round, source, &ahead, err))
            goto cleanup;
        deflate_round_run(&round);
        if (deflate_round_put(&round, sink, size, crc, err))
            goto cleanup;
    } while (!round.pieces[round.count - 1].last);
    rc = 0;
cleanup:
    deflate_round_free(&round);
    return rc;
}
