/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "wire/assembly.h"
#include "wire/hold_word.h"

#include <string.h>

static struct assembly_body body_of(const void *bytes, size_t len)
{
    return (struct assembly_body){.bytes = bytes, .len = len};
}

TEST(numbers_have_seven_bits_in_a_byte)
{
    static const struct {
        uint64_t number;
        size_t len;
        uint8_t bytes[10];
    } cases[] = {
        {0, 1, {0}},
        {1, 1, {1}},
        {127, 1, {127}},
        {128, 2, {0x80, 1}},
        {16383, 2, {0xff, 0x7f}},
        {16384, 3, {0x80, 0x80, 1}},
        {INT64_MAX, 9, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buffer b = {0};
        assembly_put(&b, cases[i].number);
        assert_int_equal(b.len, cases[i].len);
        assert_memory_equal(b.data, cases[i].bytes, b.len);
        struct assembly_body body = body_of(b.data, b.len);
        assert_int_equal(assembly_get(&body), cases[i].number);
        assert_false(body.bad || body.len);
        for (size_t cut = 0; cut < b.len; cut++) {
            body = body_of(b.data, cut);
            assert_int_equal(assembly_get(&body), 0);
            assert_true(body.bad);
        }
        buffer_free(&b);
    }
}

TEST(a_number_of_more_than_63_bits_is_bad_and_stays_bad)
{
    static const uint8_t bytes[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 5, 5};
    struct assembly_body body = body_of(bytes, sizeof bytes);

    assert_int_equal(assembly_get(&body), 0);
    assert_true(body.bad);
    assert_int_equal(assembly_get(&body), 0);
    assert_null(assembly_get_bytes(&body, 1));
    assert_int_equal(assembly_get_hash(&body, 1), 0);
}

TEST(signed_numbers)
{
    static const int64_t numbers[] = {
        0, -1, 1, -2, 2, 1 << 20, -(1 << 20), INT64_MAX / 2, -(INT64_MAX / 2) - 1};

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct buffer b = {0};
        assembly_put_signed(&b, numbers[i]);
        if (i < 5)
            assert_int_equal(b.data[0], i);
        struct assembly_body body = body_of(b.data, b.len);
        assert_int_equal(assembly_get_signed(&body), numbers[i]);
        assert_false(body.bad || body.len);
        buffer_free(&b);
    }
}

TEST(hashes_are_their_low_bytes)
{
    static const uint8_t bytes[] = {0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11};
    const uint64_t hash = 0x1122334455667788;

    for (unsigned n = 1; n <= 8; n++) {
        struct buffer b = {0};
        assembly_put_hash(&b, hash, n);
        assert_int_equal(b.len, n);
        assert_memory_equal(b.data, bytes, n);
        struct assembly_body body = body_of(b.data, b.len);
        assert_int_equal(assembly_get_hash(&body, n), assembly_cut_hash(hash, n));
        assert_false(body.bad);
        body = body_of(b.data, n - 1);
        assert_int_equal(assembly_get_hash(&body, n), 0);
        assert_true(body.bad);
        buffer_free(&b);
    }
    assert_int_equal(assembly_cut_hash(hash, 2), 0x7788);
    assert_int_equal(assembly_cut_hash(hash, 8), hash);
}

TEST(runs_begin_with_yes)
{
    static const struct {
        const char *yes;
        size_t len;
        uint8_t runs[6];
    } cases[] = {
        {"", 1, {0}},       {"1", 1, {1}},          {"0", 2, {0, 1}},
        {"110", 2, {2, 1}}, {"0011", 3, {0, 2, 2}}, {"10101", 5, {1, 1, 1, 1, 1}},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t count = strlen(cases[i].yes);
        uint8_t yes[8], again[8];
        struct buffer b = {0};
        for (size_t k = 0; k < count; k++)
            yes[k] = cases[i].yes[k] == '1';
        assembly_put_runs(&b, yes, count);
        assert_int_equal(b.len, cases[i].len);
        assert_memory_equal(b.data, cases[i].runs, b.len);
        struct assembly_body body = body_of(b.data, b.len);
        assembly_get_runs(&body, again, count);
        assert_false(body.bad);
        assert_memory_equal(yes, again, count);
        buffer_free(&b);
    }
}

TEST(runs_that_do_not_add_up_are_bad)
{
    static const struct {
        size_t len;
        uint8_t runs[12];
    } cases[] = {
        {0, {0}},
        {1, {3}},
        {1, {5}},
        {2, {3, 2}},
        {2, {0, 5}},
        {1, {0x84}},
        {9, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}},
        {10, {2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t yes[4];
        struct assembly_body body = body_of(cases[i].runs, cases[i].len);
        assembly_get_runs(&body, yes, sizeof yes);
        assert_true(body.bad);
    }
}

TEST(records)
{
    struct assembly_record r;
    struct buffer b = {0};

    buffer_add_text(&b, "xx");
    size_t place = assembly_begin(&b, ASSEMBLY_TEXT);
    buffer_add_text(&b, "hello");
    assembly_end(&b, place);
    assert_int_equal(b.len, 2 + 9);
    assert_memory_equal(b.data + 2, "T\0\0\5hello", 9);
    for (size_t cut = 0; cut < 9; cut++)
        assert_int_equal(assembly_next(b.data + 2, cut, &r), 0);
    buffer_add_text(&b, "more");
    assert_int_equal(assembly_next(b.data + 2, b.len - 2, &r), 1);
    assert_int_equal(r.type, ASSEMBLY_TEXT);
    assert_int_equal(r.body.len, 5);
    assert_memory_equal(r.body.bytes, "hello", 5);
    assert_int_equal(assembly_next("d\x20\0\0", 4, &r), 0);
    assert_int_equal(assembly_next("d\x20\0\1", 4, &r), -1);
    assert_int_equal(assembly_next("d\xff\xff\xff", 4, &r), -1);
    buffer_free(&b);
}

TEST(hashes_are_as_long_as_the_pairs_need)
{
    assert_int_equal(assembly_hash_bytes(0, 0), 2);
    assert_int_equal(assembly_hash_bytes(1, 1), 2);
    assert_int_equal(assembly_hash_bytes(1 << 10, 1 << 10), 2);
    assert_int_equal(assembly_hash_bytes(1 << 10, (1 << 10) + 1), 3);
    assert_int_equal(assembly_hash_bytes(1 << 18, 1 << 18), 4);
    assert_int_equal(assembly_hash_bytes(1 << 18, 1 << 19), 5);
    assert_int_equal(assembly_hash_bytes(UINT64_MAX, UINT64_MAX), 8);
}

static void check_word(struct hold_word word, const char *line)
{
    struct hold_word again;
    struct buffer b = {0};

    hold_word_print(&word, &b);
    assert_int_equal(b.data[b.len - 1], '\n');
    b.data[b.len - 1] = '\0';
    assert_string_equal(b.data, line);
    assert_int_equal(hold_word_parse(b.data, &again), 0);
    assert_int_equal(again.kind, word.kind);
    assert_int_equal(again.size, word.size);
    assert_int_equal(again.error.status, word.error.status);
    assert_string_equal(again.error.text, word.error.text);
    buffer_free(&b);
}

TEST(words_are_parsed_as_they_are_printed)
{
    struct hold_word failed = {.kind = HOLD_FAILED};

    check_word((struct hold_word){.kind = HOLD_NONE}, "none");
    check_word((struct hold_word){.kind = HOLD_GO, .size = 1}, "go 1");
    check_word((struct hold_word){.kind = HOLD_WHOLE, .size = INT64_MAX},
               "whole 9223372036854775807");
    check_word((struct hold_word){.kind = HOLD_COMPLETE}, "complete");
    error_set(&failed.error, EXIT_USAGE, "this is  no good");
    check_word(failed, "failed 2 this is  no good");
}

TEST(anything_else_is_no_word)
{
    static const char *const lines[] = {
        "",        "non",      "nonee",      "none 1",     "go",          "go ",
        "go x",    "go -1",    "go 1 2",     "whole",      "complete 1",  "failed",
        "failed ", "failed 2", "failed 0 x", "failed 5 x", "failed 22 x", "go 99999999999999999999",
        " go 1",
    };
    struct hold_word word;

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (!hold_word_parse(lines[i], &word))
            fail_msg("'%s' is accepted", lines[i]);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_have_seven_bits_in_a_byte),
        cmocka_unit_test(a_number_of_more_than_63_bits_is_bad_and_stays_bad),
        cmocka_unit_test(signed_numbers),
        cmocka_unit_test(hashes_are_their_low_bytes),
        cmocka_unit_test(runs_begin_with_yes),
        cmocka_unit_test(runs_that_do_not_add_up_are_bad),
        cmocka_unit_test(records),
        cmocka_unit_test(hashes_are_as_long_as_the_pairs_need),
        cmocka_unit_test(words_are_parsed_as_they_are_printed),
        cmocka_unit_test(anything_else_is_no_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
