/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/memory.h"
#include "engine/chunks/chunk_diff.h"
#include "engine/chunks/chunk_hash.h"
#include "engine/chunks/chunk_index.h"
#include "engine/chunks/chunk_list.h"

#include <stdlib.h>
#include <string.h>

/* SplitMix64. */
static uint64_t mix_next(uint64_t *x)
{
    uint64_t z = *x += 0x9e3779b97f4a7c15ull;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

static uint8_t *noise(uint64_t seed, size_t len)
{
    uint8_t *bytes = memory_new(len, 1);

    for (size_t i = 0; i < len; i += 8)
        for (uint64_t z = mix_next(&seed), k = 0; k < 8 && i + k < len; k++)
            bytes[i + k] = (uint8_t)(z >> 8 * k);
    return bytes;
}

/* The hash of all lengths, each as four bytes, the lowest first. */
static uint64_t hash_of_lengths(const struct chunk_list *l)
{
    uint8_t *bytes = memory_new(l->count, 4);

    for (size_t i = 0; i < l->count; i++)
        for (int k = 0; k < 4; k++)
            bytes[4 * i + (size_t)k] = (uint8_t)(l->item[i].len >> 8 * k);
    uint64_t hash = chunk_hash(bytes, 4 * l->count);
    free(bytes);
    return hash;
}

/* Made by another implementation (tests/support/assembly.py), from SplitMix64 with the seed 1. */
TEST(cuts_are_those_of_the_protocol)
{
    static const struct {
        unsigned k;
        size_t len, count;
        uint32_t first[8];
        uint64_t first_hash, lengths;
    } cases[] = {
        {12,
         1 << 20,
         211,
         {4544, 5048, 5801, 1343, 7791, 4214, 6604, 2426},
         0xcce8f1a6500c7e22,
         0xa4485a76da073577},
        {9,
         1 << 16,
         106,
         {642, 674, 526, 469, 1300, 642, 291, 647},
         0xfbccc849521bed63,
         0x68bcaec072dc5136},
        {8,
         1 << 16,
         211,
         {284, 246, 353, 147, 198, 79, 318, 272},
         0x732042a741805e2e,
         0x2e008f3965c83e49},
        {7,
         1 << 16,
         414,
         {251, 157, 122, 181, 172, 147, 64, 134},
         0x8bfce79d065225b5,
         0x570a953873a20ceb},
        {5,
         1 << 16,
         1657,
         {12, 20, 34, 38, 35, 38, 52, 22},
         0xcfbde898e2af2d28,
         0x26d6aa1837ea2950},
    };
    uint8_t *bytes = noise(1, 1 << 20);
    struct chunk_cutter cutter;

    chunk_cutter_init(&cutter);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct chunk_list l = {0};
        chunk_list_cut(&l, &cutter, bytes, 0, cases[i].len, cases[i].k);
        assert_int_equal(l.count, cases[i].count);
        for (size_t k = 0; k < 8; k++)
            assert_int_equal(l.item[k].len, cases[i].first[k]);
        assert_int_equal(l.item[0].hash, cases[i].first_hash);
        assert_int_equal(hash_of_lengths(&l), cases[i].lengths);
        chunk_list_free(&l);
    }
    free(bytes);
}

TEST(groups_are_those_of_the_protocol)
{
    static const uint32_t lengths[] = {53766, 100801, 297863, 112676, 112011,
                                       62127, 61072,  150170, 56928,  41162};
    uint8_t *bytes = noise(1, 1 << 20), *zeros = memory_new(2 << 20, 1);
    struct chunk_cutter cutter;
    struct chunk_tree t = {0};

    chunk_cutter_init(&cutter);
    chunk_tree_add(&t, &cutter, bytes, 0, 1 << 20);
    assert_int_equal(t.groups.count, 10);
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(t.groups.item[i].len, lengths[i]);
    assert_int_equal(t.groups.item[0].hash, 0x65e124fc30e9db24);
    /* Without an end, they have 512 KiB; and cutting begins anew. */
    chunk_tree_add(&t, &cutter, zeros, 1 << 20, 2 << 20);
    assert_int_equal(t.groups.count, 14);
    for (size_t i = 10; i < 14; i++)
        assert_int_equal(t.groups.item[i].len, CHUNK_GROUP_MAX);
    assert_int_equal(chunk_list_find(&t.groups, 0), 0);
    assert_int_equal(chunk_list_find(&t.groups, 53765), 0);
    assert_int_equal(chunk_list_find(&t.groups, 53766), 1);
    assert_int_equal(chunk_list_find(&t.groups, (3 << 20) - 1), 13);
    chunk_tree_free(&t);
    free(bytes);
    free(zeros);
}

TEST(hashes)
{
    struct chunk_hasher *h = chunk_hasher_new();

    assert_int_equal(chunk_hash("", 0), 0x2d06800538d394c2);
    assert_int_equal(chunk_hash("fwssh", 5), 0xdf1a5bfc518fb3ad);
    for (int i = 0; i < 2; i++) {
        chunk_hasher_add(h, "fw", 2);
        chunk_hasher_add(h, "ssh", 3);
        assert_int_equal(chunk_hasher_take(h), 0xdf1a5bfc518fb3ad);
    }
    chunk_hasher_free(h);
}

/* What a device does with steps. */
static void follow(const struct chunk_steps *s, const uint8_t *old, size_t old_len, uint8_t *out,
                   size_t len)
{
    struct assembly_body body = {.bytes = (const uint8_t *)s->steps.data, .len = s->steps.len};
    size_t at = 0, changes = 0, literals = 0;
    struct chunk_step step;
    int64_t place = 0;

    while (chunk_step_next(&body, &step)) {
        place += step.move;
        assert_true(place >= 0 || !step.copy);
        assert_true((uint64_t)place + step.copy <= old_len || !step.copy);
        assert_true(at + step.copy + step.literals <= len);
        for (uint64_t i = 0; i < step.copy; i++)
            out[at++] = (uint8_t)(old[place++] + (uint8_t)s->changes.data[changes++]);
        if (step.literals)
            memcpy(out + at, s->literals.data + literals, (size_t)step.literals);
        at += (size_t)step.literals;
        literals += (size_t)step.literals;
    }
    assert_false(body.bad);
    assert_int_equal(at, len);
    assert_int_equal(changes, s->changes.len);
    assert_int_equal(literals, s->literals.len);
}

/* Moves, repeats, changes and inserts. */
static size_t edit(uint64_t *seed, const uint8_t *old, size_t old_len, uint8_t *new, size_t room)
{
    size_t len = 0;

    while (len < room) {
        uint64_t r = mix_next(seed);
        size_t from = (size_t)(r >> 8) % (old_len + 1), n = (size_t)(r >> 40) % 3000;
        n = n < room - len ? n : room - len;
        if (r % 4 && n > old_len - from)
            n = old_len - from;
        for (size_t i = 0; i < n; i++)
            new[len + i] = r % 4 ? old[from + i] : (uint8_t)mix_next(seed);
        for (size_t i = 0; r % 4 == 1 && i < n; i += 1 + mix_next(seed) % 60)
            new[len + i] += 4;
        len += n;
        if (r % 64 == 5)
            break;
    }
    return len;
}

TEST(steps_make_the_new_bytes_from_the_old_ones)
{
    uint64_t seed = 7;

    for (int round = 0; round < 60; round++) {
        size_t old_len = round < 30 ? (size_t)round : (size_t)(mix_next(&seed) % 200000);
        uint8_t *old = noise(seed, old_len), *new = memory_new(100000, 1);
        size_t len = edit(&seed, old, old_len, new, round % 7 ? 100000 : (size_t)round);
        struct chunk_diff *d = chunk_diff_new((struct chunk_bytes){old, old_len}, old_len);
        chunk_diff_add(d, 0, round % 3 ? old_len + 5 : old_len / 2);
        chunk_diff_add(d, old_len, old_len / 2);
        struct chunk_steps s;
        chunk_diff_make(d, (struct chunk_bytes){new, len}, &s);
        uint8_t *again = memory_new(len, 1);
        follow(&s, old, old_len, again, len);
        assert_memory_equal(again, new, len);
        assert_true(s.low > s.high || s.high <= old_len);
        chunk_steps_free(&s);
        chunk_diff_free(d);
        free(again);
        free(old);
        free(new);
    }
}

TEST(what_moves_is_copied)
{
    uint8_t *old = noise(3, 50000), *new = memory_new(50000, 1);
    struct chunk_steps s;

    memcpy(new, old + 20000, 30000);
    memcpy(new + 30000, old, 20000);
    struct chunk_diff *d = chunk_diff_new((struct chunk_bytes){old, 50000}, 50000);
    chunk_diff_add(d, 0, 50000);
    chunk_diff_make(d, (struct chunk_bytes){new, 50000}, &s);
    assert_true(s.literals.len < 16 && s.steps.len < 40);
    chunk_steps_free(&s);
    chunk_diff_free(d);
    free(old);
    free(new);
}

TEST(steps_that_are_cut)
{
    static const uint8_t bytes[] = {0x80, 1, 5, 3};
    struct chunk_step step;
    struct assembly_body body = {.bytes = bytes, .len = sizeof bytes};

    assert_true(chunk_step_next(&body, &step));
    assert_true(step.copy == 128 && step.literals == 5 && step.move == -2);
    assert_false(chunk_step_next(&body, &step));
    assert_false(body.bad);
    for (size_t cut = 1; cut < sizeof bytes; cut++) {
        body = (struct assembly_body){.bytes = bytes, .len = cut};
        assert_false(chunk_step_next(&body, &step));
        assert_true(body.bad);
    }
}

static void check_frame(struct chunk_bytes bytes, struct chunk_bytes prefix, int level, size_t most)
{
    struct chunk_packer *p = chunk_packer_new();
    struct chunk_unpacker *u = chunk_unpacker_new();
    uint8_t *out = memory_new(bytes.len + 1, 1);
    struct buffer b = {0};

    chunk_pack(p, bytes, prefix, level, &b);
    if (b.len > most)
        fail_msg("%zu bytes, not %zu", b.len, most);
    const struct chunk_bytes frame = {(const uint8_t *)b.data, b.len};
    assert_true(chunk_unpack(u, frame, prefix, out, bytes.len));
    assert_memory_equal(out, bytes.bytes, bytes.len);
    if (bytes.len)
        assert_false(chunk_unpack(u, frame, prefix, out, bytes.len - 1));
    assert_false(chunk_unpack(u, frame, prefix, out, bytes.len + 1));
    for (size_t cut = 0; cut < b.len; cut += 1 + b.len / 50)
        assert_false(
            chunk_unpack(u, (struct chunk_bytes){frame.bytes, cut}, prefix, out, bytes.len));
    buffer_free(&b);
    free(out);
    chunk_packer_free(p);
    chunk_unpacker_free(u);
}

TEST(frames_stand_for_exactly_their_bytes)
{
    uint8_t *bytes = noise(5, 300000), *text = memory_new(300000, 1);
    const struct chunk_bytes none = {0};

    for (size_t i = 0; i < 300000; i++)
        text[i] = (uint8_t) "abcdefgh"[bytes[i] & 7];
    check_frame((struct chunk_bytes){bytes, 1}, none, 3, 100);
    check_frame((struct chunk_bytes){bytes, 300000}, none, 19, 300200);
    check_frame((struct chunk_bytes){text, 300000}, none, 19, 150000);
    /* With a prefix, what was there before costs nothing. */
    memcpy(text, bytes, 300000);
    const struct chunk_bytes prefix = {text, 300000};
    check_frame((struct chunk_bytes){bytes, 200000}, prefix, 19, 200);
    check_frame((struct chunk_bytes){bytes + 100, 100000}, prefix, 3, 200);
    free(bytes);
    free(text);
}

TEST(what_is_dense)
{
    struct chunk_packer *p = chunk_packer_new();
    uint8_t *bytes = noise(5, 100000);

    assert_true(chunk_is_dense(p, (struct chunk_bytes){bytes, 100000}));
    memset(bytes, 0, 50000);
    assert_false(chunk_is_dense(p, (struct chunk_bytes){bytes, 100000}));
    assert_false(chunk_is_dense(p, (struct chunk_bytes){bytes, 0}));
    free(bytes);
    chunk_packer_free(p);
}

static void index_bytes(struct chunk_index *x, const struct chunk_list *l, const uint8_t *bytes,
                        uint64_t place)
{
    for (size_t i = 0; i < l->count; i++)
        chunk_index_add(x, place + l->item[i].at, bytes + l->item[i].at, l->item[i].len);
    chunk_index_end(x);
}

TEST(an_index_finds_what_it_was_given)
{
    uint8_t *bytes = noise(9, 1 << 20);
    struct chunk_index *x = chunk_index_new();
    struct chunk_cutter cutter;
    struct chunk_tree t = {0};
    size_t at = 0, len;
    uint64_t place;

    chunk_cutter_init(&cutter);
    chunk_tree_add(&t, &cutter, bytes, 0, 1 << 20);
    /* Twice, at other places: the first one counts, and the second is no candidate. */
    index_bytes(x, &t.chunks, bytes, 1000);
    index_bytes(x, &t.chunks, bytes, CHUNK_PLACE_MAX - (1 << 20));
    chunk_index_build(x);
    assert_int_equal(chunk_index_candidates(x), 1 << 20);
    for (size_t i = 0; i < t.chunks.count; i++) {
        const struct chunk *c = &t.chunks.item[i];
        uint64_t hash = assembly_cut_hash(c->hash, CHUNK_INDEX_HASH);
        assert_int_equal(chunk_index_find_chunk(x, hash, CHUNK_INDEX_HASH, c->len), 1000 + c->at);
        assert_int_equal(chunk_index_find_chunk(x, hash ^ 1, CHUNK_INDEX_HASH, c->len),
                         CHUNK_NOWHERE);
        assert_int_equal(chunk_index_find_chunk(x, hash, CHUNK_INDEX_HASH, c->len + 1),
                         CHUNK_NOWHERE);
    }
    assert_int_equal(chunk_index_candidates(x), 0);
    assert_false(chunk_index_next_run(x, &at, 1 << 20, &place, &len));
    chunk_index_free(x);
    chunk_tree_free(&t);
    free(bytes);
}

TEST(groups_that_were_used_are_no_candidates)
{
    uint8_t *bytes = noise(9, 1 << 20);
    struct chunk_index *x = chunk_index_new();
    struct chunk_cutter cutter;
    struct chunk_tree t = {0};
    uint64_t place, sum = 0;
    size_t at = 0, len;

    chunk_cutter_init(&cutter);
    chunk_tree_add(&t, &cutter, bytes, 0, 1 << 20);
    index_bytes(x, &t.chunks, bytes, 0);
    chunk_index_build(x);
    const struct chunk *g = &t.groups.item[2];
    assert_int_equal(chunk_index_find_group(x, g->hash, g->len, false), g->at);
    assert_int_equal(chunk_index_candidates(x), 1 << 20);
    assert_int_equal(chunk_index_find_group(x, g->hash, g->len, true), g->at);
    assert_int_equal(chunk_index_find_group(x, g->hash, g->len + 1, true), CHUNK_NOWHERE);
    assert_int_equal(chunk_index_find_group(x, g->hash + 1, g->len, true), CHUNK_NOWHERE);
    assert_int_equal(chunk_index_candidates(x), (1 << 20) - g->len);
    /* The rest, in runs that do not cross it. */
    while (chunk_index_next_run(x, &at, 100000, &place, &len)) {
        assert_true(len && len <= 100000);
        assert_true(place + len <= g->at || place >= g->at + g->len);
        sum += len;
    }
    assert_int_equal(sum, (1 << 20) - g->len);
    chunk_index_free(x);
    chunk_tree_free(&t);
    free(bytes);
}

TEST(zeros_are_kept_once)
{
    uint8_t *zeros = memory_new(4 << 20, 1);
    struct chunk_index *x = chunk_index_new();
    struct chunk_cutter cutter;
    struct chunk_tree t = {0};

    chunk_cutter_init(&cutter);
    chunk_tree_add(&t, &cutter, zeros, 0, 4 << 20);
    index_bytes(x, &t.chunks, zeros, 0);
    chunk_index_build(x);
    assert_int_equal(chunk_index_candidates(x), CHUNK_MAX);
    assert_int_equal(chunk_index_find_group(x, t.groups.item[3].hash, CHUNK_GROUP_MAX, true), 0);
    assert_int_equal(chunk_index_candidates(x), 0);
    chunk_index_free(x);
    chunk_tree_free(&t);
    free(zeros);
}

/* Of those that look equal, one stands for all; of another length, none does. */
TEST(short_hashes)
{
    uint8_t *bytes = noise(11, 1 << 20);
    struct chunk_index *x = chunk_index_new();

    for (size_t i = 0; i < 1 << 20; i += 32)
        chunk_index_add(x, i, bytes + i, 32);
    chunk_index_build(x);
    for (unsigned n = 2; n <= CHUNK_INDEX_HASH; n++)
        for (size_t i = 0; i < 1 << 20; i += 3200) {
            uint64_t hash = assembly_cut_hash(chunk_hash(bytes + i, 32), n);
            uint64_t place = chunk_index_find_chunk(x, hash, n, 32);
            assert_true(place <= i);
            assert_int_equal(assembly_cut_hash(chunk_hash(bytes + place, 32), n), hash);
            assert_int_equal(chunk_index_find_chunk(x, hash, n, 33), CHUNK_NOWHERE);
            if (n > 3)
                assert_int_equal(place, i);
        }
    chunk_index_free(x);
    free(bytes);
}

TEST(an_empty_index)
{
    struct chunk_index *x = chunk_index_new();
    uint64_t place;
    size_t at = 0, len;

    chunk_index_end(x);
    chunk_index_build(x);
    assert_int_equal(chunk_index_find_group(x, 1, 1, true), CHUNK_NOWHERE);
    assert_int_equal(chunk_index_find_chunk(x, 1, 2, 1), CHUNK_NOWHERE);
    assert_int_equal(chunk_index_candidates(x), 0);
    assert_false(chunk_index_next_run(x, &at, 100, &place, &len));
    chunk_index_free(x);
    chunk_index_free(NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_are_those_of_the_protocol),
        cmocka_unit_test(groups_are_those_of_the_protocol),
        cmocka_unit_test(hashes),
        cmocka_unit_test(steps_make_the_new_bytes_from_the_old_ones),
        cmocka_unit_test(what_moves_is_copied),
        cmocka_unit_test(steps_that_are_cut),
        cmocka_unit_test(frames_stand_for_exactly_their_bytes),
        cmocka_unit_test(what_is_dense),
        cmocka_unit_test(an_index_finds_what_it_was_given),
        cmocka_unit_test(groups_that_were_used_are_no_candidates),
        cmocka_unit_test(zeros_are_kept_once),
        cmocka_unit_test(short_hashes),
        cmocka_unit_test(an_empty_index),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
