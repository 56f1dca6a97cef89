/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "device/listen/penalty.h"

#include <stdio.h>

static struct penalty_book book;

static void failures(const char *source, int times, double now)
{
    while (times--)
        penalty_failed(&book, source, PENALTY_COST_KEY, 60, now);
}

TEST(first_failures_are_free_then_it_doubles)
{
    double now = 1000;

    book = (struct penalty_book){0};
    failures("a", 5, now);
    assert_true(penalty_left(&book, "a", now) == 0);
    for (int seconds = 2; seconds <= 32; seconds *= 2) {
        failures("a", 1, now);
        assert_true(penalty_left(&book, "a", now) == seconds);
        assert_true(penalty_left(&book, "b", now) == 0);
        now += seconds;
        assert_true(penalty_left(&book, "a", now) == 0);
    }
    failures("a", 100, now);
    assert_true(penalty_left(&book, "a", now) == 60);
}

TEST(time_and_a_login_make_up)
{
    double now = 1000;

    book = (struct penalty_book){0};
    /* Monitoring that checks every 30 seconds whether the port is open. */
    for (int i = 0; i < 1000; i++, now += 30) {
        failures("monitor", 1, now);
        assert_true(penalty_left(&book, "monitor", now) == 0);
    }
    failures("a", 10, now);
    assert_true(penalty_left(&book, "a", now) > 0);
    penalty_forgive(&book, "a");
    assert_true(penalty_left(&book, "a", now) == 0);
    failures("a", 5, now);
    assert_true(penalty_left(&book, "a", now) == 0);
}

TEST(monitors_that_offer_no_key_count_little)
{
    double now = 1000;

    book = (struct penalty_book){0};
    for (int i = 0; i < 10000; i++, now += 1) {
        penalty_failed(&book, "monitor", PENALTY_COST_NONE, 60, now);
        assert_true(penalty_left(&book, "monitor", now) == 0);
    }
    /* But a flood of them does. */
    for (int i = 0; i < 1000; i++, now += 0.01)
        penalty_failed(&book, "flood", PENALTY_COST_NONE, 60, now);
    assert_true(penalty_left(&book, "flood", now) > 0);
}

TEST(few_are_served_each_second)
{
    book = (struct penalty_book){0};
    failures("a", 10, 1000);
    assert_true(penalty_may_serve(&book, "a", 1000));
    penalty_serve(&book, "a", 1000);
    assert_false(penalty_may_serve(&book, "a", 1000.1));
    assert_true(penalty_may_serve(&book, "b", 1000.1));
    assert_true(penalty_may_serve(&book, "a", 1000.5));
}

static unsigned told_times, told_count;

static void tell(void *data, const char *source, unsigned count)
{
    (void)data;
    assert_string_equal(source, "a");
    told_times++;
    told_count += count;
}

TEST(one_line_a_minute_for_a_source)
{
    double now = 1000;

    book = (struct penalty_book){0};
    told_times = told_count = 0;
    failures("a", 10, now);
    failures("b", 10, now);
    for (int i = 0; i < 6000; i++, now += 0.1) {
        penalty_failed(&book, "a", PENALTY_COST_NONE, 60, now);
        penalty_hush(&book, "a");
        penalty_report(&book, now, tell, NULL);
        /* A login in between changes nothing about that. */
        if (i % 100 == 0)
            penalty_forgive(&book, "a");
    }
    assert_true(told_times >= 8 && told_times <= 10);
    penalty_report(&book, now + 61, tell, NULL);
    penalty_report(&book, now + 200, tell, NULL);
    assert_true(told_times >= 9 && told_times <= 11);
    assert_int_equal(told_count, 6000);
}

TEST(none_when_it_is_switched_off)
{
    book = (struct penalty_book){0};
    for (int i = 0; i < 100; i++)
        penalty_failed(&book, "a", PENALTY_COST_KEY, 0, 1000);
    assert_true(penalty_left(&book, "a", 1000) == 0);
}

TEST(worst_sources_stay_in_a_full_book)
{
    char name[16];

    book = (struct penalty_book){0};
    failures("worst", 20, 1000);
    for (int i = 0; i < 10 * PENALTY_ROWS; i++) {
        snprintf(name, sizeof name, "s%d", i);
        failures(name, 1, 1000);
    }
    assert_true(penalty_left(&book, "worst", 1000) == 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_failures_are_free_then_it_doubles),
        cmocka_unit_test(time_and_a_login_make_up),
        cmocka_unit_test(monitors_that_offer_no_key_count_little),
        cmocka_unit_test(few_are_served_each_second),
        cmocka_unit_test(one_line_a_minute_for_a_source),
        cmocka_unit_test(none_when_it_is_switched_off),
        cmocka_unit_test(worst_sources_stay_in_a_full_book),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
