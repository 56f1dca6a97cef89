/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/comments.h"

#include <string.h>

static void becomes(const char *text, const char *expected)
{
    char copy[256];

    strcpy(copy, text);
    comments_blank(copy, strlen(copy));
    assert_string_equal(copy, expected);
}

TEST(comments_become_blanks)
{
    becomes("a # b\nc", "a    \nc");
    becomes("a//b\nc", "a   \nc");
    becomes("a /* b\nc */ d", "a     \n     d");
    becomes("/**/x", "    x");
    becomes("/*/x*/y", "      y");
    becomes("#", " ");
}

TEST(mark_at_the_start_becomes_blanks)
{
    becomes("\xef\xbb\xbf"
            "a # b",
            "   a    ");
    becomes("a\xef\xbb\xbf", "a\xef\xbb\xbf");
    becomes("\xef\xbb", "\xef\xbb");
}

TEST(what_only_looks_like_one_stays)
{
    becomes("a = \"# // /* \\\" #\" b", "a = \"# // /* \\\" #\" b");
    becomes("a = '# \\' //' b", "a = '# \\' //' b");
    becomes("a / b * c", "a / b * c");
}

TEST(what_does_not_end_is_cut_off)
{
    becomes("a /* b", "a     ");
    becomes("a \"b # c", "a \"b # c");
    becomes("a \"b\\", "a \"b\\");
    becomes("/", "/");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comments_become_blanks),
        cmocka_unit_test(mark_at_the_start_becomes_blanks),
        cmocka_unit_test(what_only_looks_like_one_stays),
        cmocka_unit_test(what_does_not_end_is_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
