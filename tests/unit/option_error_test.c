/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/option_error.h"

static const struct option names[] = {{"config", required_argument, NULL, 'f'}, {NULL, 0, NULL, 0}};

/* With argv whole, glibc leaves optind at its end, and musl behind it. */
TEST(value_that_is_missing)
{
    char *argv[] = {(char[]){"fwsshd"}, (char[]){"-f"}, NULL};
    struct error err;

    for (optind = 2; optind <= 3; optind++) {
        assert_int_equal(option_error(&err, ':', argv, names, "fwsshd --help"), -1);
        assert_string_equal(err.text, "-f needs a value");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(value_that_is_missing)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
