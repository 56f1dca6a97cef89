/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "wire/pending_version.h"

#include <string.h>

#define BOOT "5f0d3c4e-0000-0000-0000-000000000001"

static int parse(const char *text, struct pending_versions *list)
{
    return pending_version_parse(text, strlen(text), list);
}

TEST(what_is_printed_is_parsed_again)
{
    struct pending_versions list = {0}, again;
    struct buffer text = {0};

    pending_version_add(&list, "1.0", "u1", BOOT);
    pending_version_add(&list, "", "u2", BOOT);
    pending_version_add(&list, NULL, "u3", BOOT);
    pending_version_add(&list, "2.0-rc.1", "u1", BOOT);
    pending_version_print(&list, &text);
    assert_string_equal(buffer_text(&text), "2.0-rc.1 u1 " BOOT "\n- u3 " BOOT "\n- u2 " BOOT "\n");
    assert_int_equal(parse(buffer_text(&text), &again), 0);
    assert_memory_equal(&list, &again, sizeof list);
    buffer_free(&text);
}

TEST(the_oldest_falls_out)
{
    static const char *const uuids[] = {"a", "b", "c", "d", "e", "f"};
    struct pending_versions list = {0};

    for (size_t i = 0; i < 6; i++)
        pending_version_add(&list, "1.0", uuids[i], BOOT);
    assert_int_equal(list.count, PENDING_VERSION_LINES);
    assert_string_equal(list.item[0].uuid, "f");
    assert_string_equal(list.item[PENDING_VERSION_LINES - 1].uuid, "c");
    pending_version_drop(&list, 0);
    assert_string_equal(list.item[0].uuid, "e");
    assert_int_equal(list.count, PENDING_VERSION_LINES - 1);
}

TEST(anything_else_is_damaged)
{
    static const char *const texts[] = {
        "",
        "\n",
        "1.0\n",
        "1.0 u\n",
        "1.0 u " BOOT,
        "1.0 u " BOOT "\n\n",
        "1.0  u " BOOT "\n",
        "1.0 u " BOOT " x\n",
        "monday u " BOOT "\n",
        "1.0 u " BOOT "\n1.0 u",
        "1.0 \x1b " BOOT "\n",
        "1.0 0123456789012345678901234567890123456789 " BOOT "\n",
        "1 a b\n1 b b\n1 c b\n1 d b\n1 e b\n",
    };
    struct pending_versions list;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!parse(texts[i], &list) || list.count)
            fail_msg("'%s' is accepted", texts[i]);
    assert_int_equal(pending_version_parse("1 a b\n\0\0", 8, &list), -1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_printed_is_parsed_again),
        cmocka_unit_test(the_oldest_falls_out),
        cmocka_unit_test(anything_else_is_damaged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
