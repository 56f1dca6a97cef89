/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "engine/archive/expression.h"

static void gives(const char *text, int64_t expected)
{
    struct error err;
    int64_t value = -1;

    if (expression_eval(text, &value, &err))
        fail_msg("'%s': %s", text, err.text);
    if (value != expected)
        fail_msg("'%s' gives %lld", text, (long long)value);
}

static void fails(const char *text)
{
    struct error err;
    int64_t value;

    if (expression_eval(text, &value, &err) == 0)
        fail_msg("'%s' gives %lld", text, (long long)value);
}

TEST(numbers)
{
    gives("42", 42);
    gives(" 0x10 ", 16);
    gives("010", 8);
    gives("-5", -5);
    gives("--5", 5);
    gives("9223372036854775807", INT64_MAX);
}

TEST(precedence)
{
    gives("1 + 2 * 3", 7);
    gives("(1 + 2) * 3", 9);
    gives("10 - 4 - 3", 3);
    gives("7 / 2", 3);
    gives("2 ^ 3 ^ 2", 512);
    gives("2 * 3 ^ 2", 18);
}

TEST(suffixes)
{
    gives("1c", 1);
    gives("1w", 2);
    gives("2b", 1024);
    gives("1kB", 1000);
    gives("1K", 1024);
    gives("1MB", 1000000);
    gives("1M", 1048576);
    gives("1GB", 1000000000);
    gives("1G", 1073741824);
    gives("(1 + 1)K", 2048);
    gives("8M / 1b", 16384);
}

TEST(mistakes)
{
    fails("");
    fails("1 +");
    fails("1 2");
    fails("(1");
    fails("1)");
    fails("1 / 0");
    fails("2 ^ 64");
    fails("2 ^ -1");
    fails("9223372036854775807 + 1");
    fails("9223372036854775808");
    fails("9223372036854775807 * 2");
    fails("1Q");
    fails("x");
    fails("(((((((((((((((((1)))))))))))))))))");
    fails("-----------------1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(precedence),
        cmocka_unit_test(suffixes),
        cmocka_unit_test(mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
