/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "engine/medium/block_cache.h"
#include "memory_medium.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct memory_medium medium;

static struct block_cache *cache(uint64_t hard_end, bool verify, bool minimize)
{
    struct block_cache_options options = {.verify = verify, .minimize = minimize};

    memory_medium_init(&medium, hard_end);
    return block_cache_new(&medium.medium, &options);
}

static int write_at(struct block_cache *c, uint64_t offset, uint8_t value, size_t len,
                    bool streamed)
{
    uint8_t *data = malloc(len);
    struct error err;

    memset(data, value, len);
    int rc = block_cache_write(c, offset, data, len, streamed, &err);
    free(data);
    return rc;
}

TEST(only_whole_pages_around_a_write_reach_the_medium)
{
    struct block_cache *c = cache(MEMORY_MEDIUM_SIZE, false, false);
    struct error err;

    assert_int_equal(write_at(c, 5 * 512, 1, 512, false), 0);
    assert_int_equal(block_cache_finish(c, &err), 0);
    int writes = 0;
    for (int i = 0; i < medium.events; i++)
        if (medium.event[i].what == 'w') {
            writes++;
            assert_int_equal(medium.event[i].offset, 0);
            assert_int_equal(medium.event[i].len, 4096);
        }
    assert_int_equal(writes, 1);
    assert_int_equal(medium.bytes[5 * 512], 1);
    assert_int_equal(medium.bytes[5 * 512 - 1], 0xee);
    assert_int_equal(medium.bytes[6 * 512], 0xee);
    block_cache_free(c);
}

TEST(what_was_touched_last_is_written_last_and_alone_between_flushes)
{
    struct block_cache *c = cache(MEMORY_MEDIUM_SIZE, false, false);
    struct error err;

    write_at(c, 0, 1, 512, false);
    write_at(c, 1 << 20, 2, 512, false);
    write_at(c, 2 << 20, 3, 512, false);
    write_at(c, 0, 4, 512, false); /* the boot switch */
    assert_int_equal(block_cache_finish(c, &err), 0);
    assert_int_equal(medium.events, 5);
    assert_int_equal(medium.event[0].offset, 1 << 20);
    assert_int_equal(medium.event[1].offset, 2 << 20);
    assert_int_equal(medium.event[2].what, 'f');
    assert_int_equal(medium.event[3].what, 'w');
    assert_int_equal(medium.event[3].offset, 0);
    assert_int_equal(medium.event[4].what, 'f');
    assert_int_equal(medium.bytes[0], 4);
    block_cache_free(c);
}

TEST(streamed_segments_go_out_together_up_to_1_mib)
{
    struct block_cache *c = cache(MEMORY_MEDIUM_SIZE, false, false);
    struct error err;

    for (uint64_t i = 1; i < 18; i++)
        write_at(c, i * SEGMENT_SIZE, (uint8_t)i, SEGMENT_SIZE, true);
    assert_int_equal(medium.events, 2);
    assert_int_equal(medium.event[0].offset, SEGMENT_SIZE);
    assert_int_equal(medium.event[0].len, 7 * SEGMENT_SIZE);
    assert_int_equal(medium.event[1].len, 8 * SEGMENT_SIZE);
    assert_int_equal(block_cache_sync(c, &err), 0);
    assert_int_equal(medium.event[2].len, 2 * SEGMENT_SIZE);
    for (int i = 1; i < 18; i++)
        assert_int_equal(medium.bytes[(size_t)i * SEGMENT_SIZE + 5], i);
    block_cache_free(c);
}

TEST(what_was_not_written_is_dropped_with_the_cache)
{
    struct block_cache *c = cache(MEMORY_MEDIUM_SIZE, false, false);

    write_at(c, 0, 1, 2 * SEGMENT_SIZE, true);
    write_at(c, 1 << 20, 1, 512, false);
    block_cache_free(c);
    assert_int_equal(medium.events, 0);
}

TEST(the_last_segment_of_a_task_is_written_alone_even_in_a_stream)
{
    struct block_cache *c = cache(MEMORY_MEDIUM_SIZE, false, false);
    struct error err;

    for (uint64_t i = 1; i < 4; i++)
        write_at(c, i * SEGMENT_SIZE, (uint8_t)i, SEGMENT_SIZE, true);
    assert_int_equal(block_cache_finish(c, &err), 0);
    assert_int_equal(medium.events, 5);
    assert_int_equal(medium.event[2].what, 'f');
    assert_int_equal(medium.event[3].offset, 3 * SEGMENT_SIZE);
    assert_int_equal(medium.event[3].len, SEGMENT_SIZE);
    block_cache_free(c);
}

static void switch_at(struct block_cache *c, uint64_t group, uint64_t offset, uint8_t value)
{
    uint8_t block[512];
    struct error err;

    memset(block, value, sizeof block);
    assert_int_equal(block_cache_write_switch(c, group, offset, block, sizeof block, &err), 0);
}

/* The writes and flushes so far: "w OFFSET/512" and "f". */
static void order_is(const char *expected)
{
    char text[512] = "";

    for (int i = 0; i < medium.events; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text),
                 medium.event[i].what == 'w' ? "w%d " : "f ", (int)(medium.event[i].offset / 512));
    assert_string_equal(text, expected);
}

TEST(switches_come_alone_and_last_in_the_order_of_their_last_change)
{
    struct block_cache *c = cache(MEMORY_MEDIUM_SIZE, false, false);
    struct error err;

    switch_at(c, 0, 0, 1);
    switch_at(c, 16 * 512, 16 * 512, 2);
    write_at(c, 1 << 20, 3, 512, false);
    switch_at(c, 0, 0, 4);
    assert_int_equal(block_cache_finish(c, &err), 0);
    order_is("w2048 f w16 f w0 f ");
    assert_int_equal(medium.bytes[0], 4);
    assert_int_equal(medium.bytes[16 * 512], 2);
    assert_int_equal(medium.bytes[17 * 512], 0xee);
    block_cache_free(c);
}

TEST(of_two_copies_the_one_not_in_force_is_written_first)
{
    struct block_cache *c = cache(MEMORY_MEDIUM_SIZE, false, false);
    struct error err;

    /* An environment whose first copy is active is changed three times. */
    switch_at(c, 16 * 512, 24 * 512, 1);
    switch_at(c, 16 * 512, 16 * 512, 2);
    switch_at(c, 16 * 512, 24 * 512, 3);
    assert_int_equal(block_cache_finish(c, &err), 0);
    order_is("w24 f w16 f ");
    assert_int_equal(medium.bytes[24 * 512], 3);
    block_cache_free(c);
}

TEST(a_file_touched_behind_a_switch_is_the_last_of_all)
{
    struct block_cache *c = cache(MEMORY_MEDIUM_SIZE, false, false);
    struct error err;

    switch_at(c, 0, 0, 1);
    write_at(c, 2 << 20, 2, 512, false);
    write_at(c, 32 * 512, 3, 512, false); /* in the switch's segment */
    assert_int_equal(block_cache_finish(c, &err), 0);
    order_is("w4096 f w0 f w32 f ");
    assert_int_equal(medium.bytes[0], 1);
    assert_int_equal(medium.bytes[32 * 512], 3);
    block_cache_free(c);
}

TEST(waiting_switches_are_read_and_give_way)
{
    struct block_cache *c = cache(MEMORY_MEDIUM_SIZE, false, false);
    struct error err;
    uint8_t bytes[1024];

    switch_at(c, 512, 512, 7);
    assert_int_equal(block_cache_read(c, 256, bytes, 1024, &err), 0);
    assert_int_equal(bytes[255], 0xee);
    assert_int_equal(bytes[256], 7);
    assert_int_equal(bytes[768], 0xee);
    assert_int_equal(block_cache_read_exact(c, 600, bytes, 2, &err), 0);
    assert_int_equal(bytes[0], 7);
    /* A write over it goes out after it. */
    write_at(c, 0, 9, 4096, false);
    assert_int_equal(block_cache_read(c, 512, bytes, 1, &err), 0);
    assert_int_equal(bytes[0], 9);
    assert_int_equal(block_cache_finish(c, &err), 0);
    assert_int_equal(medium.bytes[512], 9);
    block_cache_free(c);
}

TEST(more_switches_than_there_is_room_for)
{
    struct block_cache *c = cache(MEMORY_MEDIUM_SIZE, false, false);
    struct error err;

    for (uint64_t i = 0; i < 40; i++)
        switch_at(c, i * 4096, i * 4096, (uint8_t)i);
    assert_int_equal(block_cache_finish(c, &err), 0);
    for (size_t i = 0; i < 40; i++)
        assert_int_equal(medium.bytes[i * 4096], i);
    assert_int_equal(medium.events, 80);
    block_cache_free(c);
}

TEST(more_than_fits_is_evicted_and_reads_back)
{
    struct block_cache *c = cache(MEMORY_MEDIUM_SIZE, false, false);
    struct error err;
    uint8_t byte;

    for (unsigned i = 0; i < 32; i++)
        assert_int_equal(write_at(c, i * (uint64_t)SEGMENT_SIZE, (uint8_t)i, 512, false), 0);
    for (unsigned i = 0; i < 32; i++) {
        assert_int_equal(block_cache_read(c, i * (uint64_t)SEGMENT_SIZE + 5, &byte, 1, &err), 0);
        assert_int_equal(byte, i);
        assert_int_equal(block_cache_read(c, i * (uint64_t)SEGMENT_SIZE + 512, &byte, 1, &err), 0);
        assert_int_equal(byte, 0xee);
    }
    block_cache_free(c);
}

TEST(nothing_goes_behind_the_hard_end)
{
    struct block_cache *c = cache(SEGMENT_SIZE + 1024, false, false);
    struct error err;
    uint8_t buf[1024];

    assert_int_equal(write_at(c, SEGMENT_SIZE + 512, 1, 1024, true), -1);
    assert_int_equal(block_cache_read(c, SEGMENT_SIZE + 512, buf, 1024, &err), -1);
    assert_int_equal(block_cache_read(c, UINT64_MAX - 100, buf, 1024, &err), -1);
    assert_int_equal(write_at(c, SEGMENT_SIZE + 512, 1, 512, true), 0);
    assert_int_equal(block_cache_finish(c, &err), 0);
    for (int i = 0; i < medium.events; i++)
        if (medium.event[i].what == 'w')
            assert_true(medium.event[i].offset + medium.event[i].len <= SEGMENT_SIZE + 1024);
    block_cache_free(c);
}

TEST(trim_discards_exactly_its_whole_segments)
{
    struct block_cache *c = cache(MEMORY_MEDIUM_SIZE, false, false);
    struct error err;
    uint8_t byte;

    write_at(c, SEGMENT_SIZE, 9, 512, false);
    assert_int_equal(block_cache_trim(c, 512, 3 * (uint64_t)SEGMENT_SIZE, &err), 0);
    assert_int_equal(medium.events, 1);
    assert_int_equal(medium.event[0].what, 'd');
    assert_int_equal(medium.event[0].offset, SEGMENT_SIZE);
    assert_int_equal(medium.event[0].len, 2 * SEGMENT_SIZE);
    assert_int_equal(block_cache_read(c, SEGMENT_SIZE, &byte, 1, &err), 0);
    assert_int_equal(byte, 0);
    assert_int_equal(medium.read_bytes, 0);
    /* Written again in part, the rest of the segment is zeros. */
    write_at(c, SEGMENT_SIZE + 512, 5, 512, false);
    assert_int_equal(block_cache_sync(c, &err), 0);
    assert_int_equal(medium.bytes[SEGMENT_SIZE], 0);
    assert_int_equal(medium.bytes[SEGMENT_SIZE + 512], 5);
    assert_int_equal(medium.bytes[2 * SEGMENT_SIZE - 1], 0);
    assert_int_equal(medium.bytes[2 * SEGMENT_SIZE], 0xee);
    block_cache_free(c);
}

/* Of the last segment of such a device only a part exists. */
TEST(trim_takes_the_end_of_a_device_if_it_goes_past_it)
{
    const uint64_t end = 2 * SEGMENT_SIZE + 1024;
    struct block_cache *c = cache(end, false, false);
    struct error err;

    assert_int_equal(block_cache_trim(c, SEGMENT_SIZE, end - SEGMENT_SIZE, &err), 0);
    assert_int_equal(medium.event[0].len, SEGMENT_SIZE);
    assert_int_equal(block_cache_trim(c, SEGMENT_SIZE, 2 * (uint64_t)SEGMENT_SIZE, &err), 0);
    assert_int_equal(medium.event[1].what, 'd');
    assert_int_equal(medium.event[1].offset, SEGMENT_SIZE);
    assert_int_equal(medium.event[1].len, end - SEGMENT_SIZE);
    write_at(c, 2 * SEGMENT_SIZE, 5, 512, false);
    assert_int_equal(block_cache_sync(c, &err), 0);
    assert_int_equal(medium.bytes[2 * SEGMENT_SIZE], 5);
    assert_int_equal(medium.bytes[2 * SEGMENT_SIZE + 512], 0);
    assert_int_equal(medium.bytes[end], 0xee);
    block_cache_free(c);
}

TEST(huge_trims_are_harmless)
{
    struct block_cache *c = cache(MEMORY_MEDIUM_SIZE, false, false);
    struct error err;

    assert_int_equal(block_cache_trim(c, 0, UINT64_MAX, &err), 0);
    assert_int_equal(medium.event[0].len, MEMORY_MEDIUM_SIZE);
    assert_int_equal(block_cache_trim(c, UINT64_MAX - 5, UINT64_MAX, &err), 0);
    assert_int_equal(medium.events, 1);
    block_cache_free(c);
}

TEST(verify_finds_a_medium_that_lies)
{
    struct block_cache *c = cache(MEMORY_MEDIUM_SIZE, true, false);
    struct error err;

    medium.corrupt = true;
    write_at(c, 0, 1, 4096, false);
    assert_int_equal(block_cache_finish(c, &err), -1);
    assert_non_null(strstr(err.text, "write verification failed at offset 0"));
    block_cache_free(c);
}

TEST(minimize_writes_only_what_differs)
{
    struct block_cache *c = cache(MEMORY_MEDIUM_SIZE, false, true);
    struct error err;

    write_at(c, 0, 0xee, SEGMENT_SIZE, true);
    write_at(c, SEGMENT_SIZE, 1, SEGMENT_SIZE, true);
    assert_int_equal(block_cache_finish(c, &err), 0);
    assert_int_equal(medium.events, 2);
    assert_int_equal(medium.event[0].offset, SEGMENT_SIZE);
    assert_int_equal(medium.event[0].len, SEGMENT_SIZE);
    assert_int_equal(medium.event[1].what, 'f');
    block_cache_free(c);
}

TEST(after_a_failed_write_nothing_more_is_written)
{
    struct block_cache *c = cache(MEMORY_MEDIUM_SIZE, false, false);
    struct error err;

    medium.fail_write_after = 1;
    write_at(c, 0, 1, 512, false);
    write_at(c, 1 << 20, 2, 512, false);
    write_at(c, 2 << 20, 3, 512, false);
    assert_int_equal(block_cache_finish(c, &err), -1);
    medium.fail_write_after = -1;
    assert_int_equal(block_cache_finish(c, &err), -1);
    assert_int_equal(medium.bytes[2 << 20], 0xee);
    block_cache_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_whole_pages_around_a_write_reach_the_medium),
        cmocka_unit_test(what_was_touched_last_is_written_last_and_alone_between_flushes),
        cmocka_unit_test(streamed_segments_go_out_together_up_to_1_mib),
        cmocka_unit_test(what_was_not_written_is_dropped_with_the_cache),
        cmocka_unit_test(the_last_segment_of_a_task_is_written_alone_even_in_a_stream),
        cmocka_unit_test(switches_come_alone_and_last_in_the_order_of_their_last_change),
        cmocka_unit_test(of_two_copies_the_one_not_in_force_is_written_first),
        cmocka_unit_test(a_file_touched_behind_a_switch_is_the_last_of_all),
        cmocka_unit_test(waiting_switches_are_read_and_give_way),
        cmocka_unit_test(more_switches_than_there_is_room_for),
        cmocka_unit_test(more_than_fits_is_evicted_and_reads_back),
        cmocka_unit_test(nothing_goes_behind_the_hard_end),
        cmocka_unit_test(trim_discards_exactly_its_whole_segments),
        cmocka_unit_test(trim_takes_the_end_of_a_device_if_it_goes_past_it),
        cmocka_unit_test(huge_trims_are_harmless),
        cmocka_unit_test(verify_finds_a_medium_that_lies),
        cmocka_unit_test(minimize_writes_only_what_differs),
        cmocka_unit_test(after_a_failed_write_nothing_more_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
