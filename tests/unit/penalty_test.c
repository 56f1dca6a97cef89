#include "check.h"

#include "device/listen/penalty.h"

#include <stdio.h>

static struct penalty_book book;

static void failures(const char *source, int times, double now)
{
    while (times--)
        penalty_failed(&book, source, 60, now);
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

TEST(none_when_it_is_switched_off)
{
    book = (struct penalty_book){0};
    for (int i = 0; i < 100; i++)
        penalty_failed(&book, "a", 0, 1000);
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
        cmocka_unit_test(none_when_it_is_switched_off),
        cmocka_unit_test(worst_sources_stay_in_a_full_book),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
