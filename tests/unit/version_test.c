/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/version.h"

#include <string.h>

/* '<', '=' or '>', or '?' where the two cannot be compared. */
static char compare(const char *a, const char *b)
{
    int order;

    return version_compare(a, b, &order) ? '?' : order < 0 ? '<' : order > 0 ? '>' : '=';
}

static char swapped(char order)
{
    return order == '<' ? '>' : order == '>' ? '<' : order;
}

/* Each row both ways. */
TEST(order_of_versions)
{
    static const struct {
        const char *a, *b;
        char order;
    } rows[] = {
        {"1.2.3", "1.2.3", '='},
        {"1.2.3", "1.10.0", '<'},
        {"1.2.3.2", "1.2.3.10", '<'},
        {"1.2.3", "1.2.3.0", '='},
        {"1.2.3", "1.2.3.1", '<'},
        {"1", "1.0.0.0.0.1", '<'},
        {"2", "1.9", '>'},
        {"01.2", "1.02", '='},
        {"20261126.1", "20261126", '>'},
        {"1.99999999999999999999999", "1.100000000000000000000000", '<'},
        {"1.18446744073709551616", "1.0", '>'},
        /* letters before the numbers */
        {"v1.2.4", "1.2.3", '>'},
        {"v1.2.4", "v1.2.4", '='},
        {"V1.2", "v1.2", '='},
        {"R5", "R4.9", '>'},
        {"vR5", "R5", '='},
        {"R5", "5", '?'},
        {"R5", "r5", '?'},
        {"R5", "RC5", '?'},
        {"a1", "b1", '?'},
        /* pre-releases, semver.org */
        {"1.0.0-alpha", "1.0.0", '<'},
        {"1.0.0-alpha", "1.0.0-alpha.1", '<'},
        {"1.0.0-alpha.1", "1.0.0-alpha.beta", '<'},
        {"1.0.0-alpha.beta", "1.0.0-beta", '<'},
        {"1.0.0-beta.2", "1.0.0-beta.11", '<'},
        {"1.0.0-rc.1", "1.0.0-rc.1", '='},
        {"1.0.0-rc.1", "0.9", '>'},
        {"1.0.0-rc-1", "1.0.0-rc", '>'},
        {"1.0.0-5", "1.0.0", '<'},
        {"1.0.0-dirty", "1.0.0", '<'},
        {"1.0.0+5", "1.0.0+4", '='},
        {"1.0.0-rc.1+x.y", "1.0.0-rc.1", '='},
        /* git describe */
        {"1.2.0-5-gabcd", "1.2.0", '>'},
        {"1.2.0-5-gabcd", "1.2.1", '<'},
        {"1.2.0-5-gabcd", "1.2.1-rc.1", '<'},
        {"1.2.0-5-gabcd", "1.2.0-10-gabcd", '<'},
        {"1.2.0-5-gabcd", "1.2.0-5-gffff", '='},
        {"1.2.0-0-gabcd", "1.2.0", '='},
        {"1.2.0-5-gabcd-dirty", "1.2.0-5-gabcd", '='},
        {"v1.2.0-5-gABCDEF0123", "1.2.0", '>'},
        {"1.2.0-rc.1-5-gabcd", "1.2.0-rc.1", '>'},
        {"1.2.0-rc.1-5-gabcd", "1.2.0-rc.2", '<'},
        {"1.2.0-rc.1-5-gabcd", "1.2.0", '<'},
        /* too few hex digits, or none: a pre-release */
        {"1.2.0-5-gabc", "1.2.0", '<'},
        {"1.2.0-5-gxyz1", "1.2.0", '<'},
        {"1.2.0-gabcd", "1.2.0", '<'},
        {"1.2.0-x5-gabcd", "1.2.0", '<'},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char here = compare(rows[i].a, rows[i].b), back = compare(rows[i].b, rows[i].a);
        if (here != rows[i].order || back != swapped(rows[i].order))
            fail_msg("%s %c %s, and the other way round %c; expected %c", rows[i].a, here,
                     rows[i].b, back, rows[i].order);
    }
}

TEST(what_is_no_version)
{
    static const char *const texts[] = {
        "",        "v",     "next",  "R",        ".",        "1.",
        ".1",      "1..2",  "1.2a",  "1.2rc1",   "1 .2",     " 1.2",
        "1.2 ",    "1.2\n", "1.2-",  "1.2-a..b", "1.2-a.",   "1.2+",
        "1.2+a/b", "1.2-ä", "1.2_3", "fw_1.2",   "-1",       "+1",
        "1.2-+x",  "1,2",   "0x10",  "vv",       "1.2-\x1b", "1.2-a b-5-gabcd",
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (version_is_valid(texts[i]) || compare(texts[i], texts[i]) != '?')
            fail_msg("'%s' counts as a version", texts[i]);
}

TEST(long_versions)
{
    char text[VERSION_SIZE + 1] = "1.";

    memset(text + 2, '1', VERSION_SIZE - 3);
    assert_int_equal(strlen(text), VERSION_SIZE - 1);
    assert_true(version_is_valid(text));
    assert_int_equal(compare(text, "1.2"), '>');
    text[VERSION_SIZE - 1] = '1';
    assert_false(version_is_valid(text));
    assert_int_equal(compare(text, "1.2"), '?');
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_of_versions),
        cmocka_unit_test(what_is_no_version),
        cmocka_unit_test(long_versions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
