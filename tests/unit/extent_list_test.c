/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "engine/medium/extent_list.h"

#include <stdlib.h>

static void expect(const struct extent_list *l, size_t count, const uint64_t (*want)[2])
{
    assert_int_equal(l->count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(l->item[i].offset, want[i][0]);
        assert_int_equal(l->item[i].len, want[i][1]);
    }
}

TEST(ranges_are_sorted_and_joined)
{
    struct extent_list l = {0};

    extent_list_add(&l, 1000, 0);
    expect(&l, 0, NULL);
    extent_list_add(&l, 1000, 100);
    extent_list_add(&l, 1100, 100); /* touches */
    extent_list_add(&l, 100, 100);
    extent_list_add(&l, 5000, 1);
    extent_list_add(&l, 3000, 10);
    expect(&l, 4, (const uint64_t[][2]){{100, 100}, {1000, 200}, {3000, 10}, {5000, 1}});
    extent_list_add(&l, 1050, 20); /* inside */
    extent_list_add(&l, 150, 100); /* over the end */
    extent_list_add(&l, 950, 60);  /* over the start */
    expect(&l, 4, (const uint64_t[][2]){{100, 150}, {950, 250}, {3000, 10}, {5000, 1}});
    extent_list_add(&l, 240, 4700); /* over several */
    expect(&l, 2, (const uint64_t[][2]){{100, 4840}, {5000, 1}});
    extent_list_add(&l, 0, 10000);
    expect(&l, 1, (const uint64_t[][2]){{0, 10000}});
    extent_list_free(&l);
}

/* Compared with a map of the bytes, in any order. */
TEST(nothing_gets_lost)
{
    static unsigned char written[4096];
    struct extent_list l = {0};
    size_t at = 0;

    srand(7);
    for (int i = 0; i < 300; i++) {
        size_t offset = (size_t)rand() % 4000, len = (size_t)rand() % 20 + 1;
        extent_list_add(&l, offset, len);
        for (size_t k = 0; k < len; k++)
            written[offset + k] = 1;
    }
    for (size_t i = 0; i < l.count; i++) {
        for (; at < l.item[i].offset; at++)
            assert_int_equal(written[at], 0);
        for (; at < l.item[i].offset + l.item[i].len; at++)
            assert_int_equal(written[at], 1);
        assert_true(i + 1 == l.count || l.item[i + 1].offset > at);
    }
    for (; at < sizeof written; at++)
        assert_int_equal(written[at], 0);
    extent_list_free(&l);
}

/* Then gaps are included, but still nothing is left out. */
TEST(a_list_that_grows_too_long)
{
    struct extent_list l = {0};
    uint64_t number = 3ull * EXTENT_LIST_MAX, step = 8192, covered = 0;

    for (uint64_t i = 0; i < number; i++)
        extent_list_add(&l, i * 7919 % number * step, 512);
    assert_true(l.count && l.count <= EXTENT_LIST_MAX);
    for (uint64_t i = 0, k = 0; i < number; i++) {
        while (k < l.count && l.item[k].offset + l.item[k].len < i * step + 512)
            k++;
        covered += k < l.count && l.item[k].offset <= i * step;
    }
    assert_int_equal(covered, number);
    extent_list_free(&l);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_are_sorted_and_joined),
        cmocka_unit_test(nothing_gets_lost),
        cmocka_unit_test(a_list_that_grows_too_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
