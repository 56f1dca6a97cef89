/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/clean.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *text, *line;
} cases[] = {
    {"", ""},
    {"plain, \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80",
     "plain, \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80"},
    {"\x1b[2J\x07"
     "a\tb\nc\rd\x7f",
     "?[2J?a b?c?d?"},
    {"\xc2\x80|\xc2\x9b"
     "2J|\xc2\x9f|\xc2\xa0",
     "??|??2J|??|\xc2\xa0"},
    {"\x9b"
     "2J",
     "?2J"},
    {"\xd8\x9c\xe2\x80\x8e\xe2\x80\x8f", "????????"},
    {"\xe2\x80\xaa\xe2\x80\xae|\xe2\x81\xa6\xe2\x81\xa9|\xe2\x80\xa8\xe2\x80\xa9",
     "??????|??????|??????"},
    {"\xc0\xaf|\xe0\x80\xaf|\xf0\x80\x80\x80", "??|???|????"},
    {"\xed\xa0\x80|\xf4\x90\x80\x80|\xf4\xbf\xbf\xbf|\xff", "???|????|????|?"},
    {"cut \xe2\x82", "cut ??"},
    {"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"},
};

TEST(line_has_nothing_that_acts)
{
    char text[100];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(text, sizeof text, "%s", cases[i].text);
        clean_line(text);
        assert_string_equal(text, cases[i].line);
    }
}

TEST(lines_keep_their_ends)
{
    char text[] = "a\nb\r\n\x1b[1m\n";

    clean_lines(text);
    assert_string_equal(text, "a\nb?\n?[1m\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_has_nothing_that_acts),
        cmocka_unit_test(lines_keep_their_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
