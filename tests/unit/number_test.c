/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/buffer.h"
#include "base/number.h"

#include <string.h>

TEST(numbers_of_base_0)
{
    uint64_t v;

    assert_int_equal(number_parse("0x1f", &v), 0);
    assert_int_equal(v, 31);
    assert_int_equal(number_parse("017", &v), 0);
    assert_int_equal(v, 15);
    assert_int_equal(number_parse("18446744073709551615", &v), 0);
    assert_true(v == UINT64_MAX);
    assert_int_equal(number_parse("18446744073709551616", &v), -1);
    assert_int_equal(number_parse("-1", &v), -1);
    assert_int_equal(number_parse("+1", &v), -1);
    assert_int_equal(number_parse(" 1", &v), -1);
    assert_int_equal(number_parse("1 ", &v), -1);
    assert_int_equal(number_parse("", &v), -1);
}

TEST(decimal_digits_only)
{
    uint64_t v;

    assert_int_equal(number_parse_decimal("18446744073709551615", 20, &v), 0);
    assert_true(v == UINT64_MAX);
    assert_int_equal(number_parse_decimal("18446744073709551616", 20, &v), -1);
    assert_int_equal(number_parse_decimal("0x1", 3, &v), -1);
    assert_int_equal(number_parse_decimal("", 0, &v), -1);
}

TEST(hex)
{
    uint8_t bytes[2];
    char text[5];

    assert_int_equal(number_parse_hex("aF09", bytes, 2), 0);
    assert_int_equal(bytes[0], 0xaf);
    number_format_hex(bytes, 2, text);
    assert_string_equal(text, "af09");
    assert_int_equal(number_parse_hex("af0", bytes, 2), -1);
    assert_int_equal(number_parse_hex("af0g", bytes, 2), -1);
    assert_int_equal(number_parse_hex("af091", bytes, 2), -1);
}

TEST(buffers_grow_and_drop)
{
    struct buffer b = {0};

    assert_string_equal(buffer_text(&b), "");
    for (int i = 0; i < 1000; i++)
        buffer_printf(&b, "%03d", i);
    assert_int_equal(b.len, 3000);
    buffer_drop(&b, 2997);
    assert_string_equal(buffer_text(&b), "999");
    buffer_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_of_base_0),
        cmocka_unit_test(decimal_digits_only),
        cmocka_unit_test(hex),
        cmocka_unit_test(buffers_grow_and_drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
