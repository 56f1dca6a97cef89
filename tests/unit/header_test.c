/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "wire/header.h"

#include <string.h>

static int parse(const char *text, struct header *h)
{
    struct error err;

    return header_parse(text, strlen(text), h, &err);
}

TEST(one_firmware_and_reboot)
{
    struct header h;

    assert_int_equal(parse("fwup:10000,reboot", &h), 0);
    assert_int_equal(h.count, 1);
    assert_int_equal(h.size[0], 10000);
    assert_true(h.reboot);
}

TEST(size_in_parentheses)
{
    struct header h;

    assert_int_equal(parse("fwup(10000)", &h), 0);
    assert_int_equal(h.size[0], 10000);
    assert_false(h.reboot);
}

TEST(several_firmwares)
{
    struct header h;

    assert_int_equal(parse("fwup:1,fwup(2),fwup:9223372036854775807", &h), 0);
    assert_int_equal(h.count, 3);
    assert_true(h.size[2] == INT64_MAX);
}

TEST(reboot_alone)
{
    struct header h;

    assert_int_equal(parse("reboot", &h), 0);
    assert_int_equal(h.count, 0);
    assert_true(h.reboot);
}

TEST(what_is_no_header)
{
    static const char *const bad[] = {
        "",
        ",",
        "rebot",
        "REBOOT",
        "reboot\r",
        "reboot,",
        ",reboot",
        "reboot,reboot",
        "reboot,fwup:5",
        "fwup",
        "fwup:",
        "fwup:0",
        "fwup:-5",
        "fwup:+5",
        "fwup: 5",
        "fwup:5 ",
        "fwup:5,  reboot",
        "fwup:0x10",
        "fwup:1_000",
        "fwup:1.5",
        "fwup:12x",
        "fwup(5",
        "fwup()",
        "fwup(5)x",
        "fwup5",
        "fwup:9223372036854775808",
        "fwup:99999999999999999999999999999999999999999",
        "format:1",
    };
    struct header h;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (parse(bad[i], &h) == 0)
            fail_msg("'%s' was taken for a header", bad[i]);
}

TEST(bytes_that_are_no_text)
{
    struct header h;
    struct error err;

    assert_int_equal(header_parse("reboot\0", 7, &h, &err), -1);
    assert_int_equal(header_parse("\xff\xfe\x01", 3, &h, &err), -1);
    assert_non_null(strstr(err.text, "\\xff\\xfe\\x01"));
    assert_int_equal(err.status, EXIT_USAGE);
}

TEST(too_many_firmwares)
{
    char text[HEADER_PAYLOADS_MAX * 7 + 16] = "";
    struct header h;

    for (int i = 0; i <= HEADER_PAYLOADS_MAX; i++)
        strcat(text, i ? ",fwup:1" : "fwup:1");
    assert_int_equal(parse(text, &h), -1);
}

TEST(what_is_printed_is_read_as_the_same)
{
    struct header h = {.count = 2, .size = {10000, INT64_MAX}, .reboot = true}, again;
    struct header reboot = {.reboot = true};
    struct buffer line = {0};

    header_print(&h, &line);
    assert_string_equal(buffer_text(&line), "fwup:10000,fwup:9223372036854775807,reboot\n");
    line.data[line.len - 1] = '\0';
    assert_int_equal(parse(line.data, &again), 0);
    assert_memory_equal(&h, &again, sizeof h);
    buffer_clear(&line);
    header_print(&reboot, &line);
    assert_string_equal(buffer_text(&line), "reboot\n");
    buffer_free(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_firmware_and_reboot),
        cmocka_unit_test(size_in_parentheses),
        cmocka_unit_test(several_firmwares),
        cmocka_unit_test(reboot_alone),
        cmocka_unit_test(what_is_no_header),
        cmocka_unit_test(bytes_that_are_no_text),
        cmocka_unit_test(too_many_firmwares),
        cmocka_unit_test(what_is_printed_is_read_as_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
