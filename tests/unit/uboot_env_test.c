/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "engine/apply/uboot_env.h"
#include "memory_medium.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENV_SIZE 1024u

static struct memory_medium medium;
static const struct uboot_table plain = {.offset = {512}, .size = ENV_SIZE};
static const struct uboot_table redundant = {
    .offset = {0, 4096}, .size = ENV_SIZE, .redundant = true};

static struct block_cache *cache(void)
{
    struct block_cache_options options = {0};

    memory_medium_init(&medium, MEMORY_MEDIUM_SIZE);
    return block_cache_new(&medium.medium, &options);
}

static void set(struct block_cache *c, const struct uboot_table *table, const char *name,
                const char *value)
{
    struct uboot_env env;
    struct error err;

    assert_int_equal(uboot_env_read(&env, table, c, &err), 0);
    uboot_env_set(&env, name, value);
    assert_int_equal(uboot_env_write(&env, table, c, &err), 0);
    uboot_env_free(&env);
}

TEST(variables_are_sorted_and_replaced)
{
    struct uboot_env env = {0};
    uint8_t data[64];
    struct error err;

    uboot_env_set(&env, "b", "2");
    uboot_env_set(&env, "a", "1");
    uboot_env_set(&env, "ab", "");
    uboot_env_set(&env, "b", "3");
    uboot_env_unset(&env, "missing");
    assert_int_equal(uboot_env_format(&env, data, sizeof data, &err), 0);
    assert_memory_equal(data, "a=1\0ab=\0b=3\0\0\xff", 14);
    assert_string_equal(uboot_env_get(&env, "b"), "3");
    assert_string_equal(uboot_env_get(&env, "ab"), "");
    assert_null(uboot_env_get(&env, "c"));
    uboot_env_unset(&env, "a");
    assert_null(uboot_env_get(&env, "a"));
    uboot_env_free(&env);
}

TEST(plain_round_trip)
{
    struct block_cache *c = cache();
    struct uboot_env env;
    struct error err;

    assert_int_equal(uboot_env_read(&env, &plain, c, &err), -1);
    assert_int_equal(uboot_env_clear(&plain, c, &err), 0);
    set(c, &plain, "x", "y=z");
    assert_int_equal(uboot_env_read(&env, &plain, c, &err), 0);
    assert_string_equal(uboot_env_get(&env, "x"), "y=z");
    uboot_env_free(&env);
    block_cache_free(c);
}

TEST(redundant_copies_take_turns)
{
    struct block_cache *c = cache();
    struct uboot_env env;
    struct error err;

    assert_int_equal(uboot_env_clear(&redundant, c, &err), 0);
    for (int i = 0; i < 300; i++) { /* past the counter's 255 */
        char value[8];
        snprintf(value, sizeof value, "%d", i);
        set(c, &redundant, "n", value);
        assert_int_equal(uboot_env_read(&env, &redundant, c, &err), 0);
        assert_string_equal(uboot_env_get(&env, "n"), value);
        assert_int_equal(env.copy, 1 - i % 2);
        assert_int_equal(env.counter, (uint8_t)(2 + i));
        uboot_env_free(&env);
    }
    block_cache_free(c);
}

TEST(a_damaged_copy_falls_back_to_the_other)
{
    struct block_cache *c = cache();
    uint8_t block[512];
    struct uboot_env env;
    struct error err;

    uboot_env_clear(&redundant, c, &err);
    set(c, &redundant, "n", "first");  /* copy 1 */
    set(c, &redundant, "n", "second"); /* copy 0 */
    memset(block, 0x55, sizeof block);
    assert_int_equal(block_cache_write(c, 0, block, sizeof block, false, &err), 0);
    assert_int_equal(uboot_env_read(&env, &redundant, c, &err), 0);
    assert_string_equal(uboot_env_get(&env, "n"), "first");
    assert_int_equal(env.copy, 1);
    uboot_env_free(&env);
    assert_int_equal(block_cache_write(c, 4096, block, sizeof block, false, &err), 0);
    assert_int_equal(uboot_env_read(&env, &redundant, c, &err), -1);
    block_cache_free(c);
}

/* mkenvimage -s 16 of an empty file, and of one with a comment only. */
TEST(an_empty_one_is_what_mkenvimage_makes)
{
    struct uboot_env env = {0};
    uint8_t data[12], wanted[12] = {0};
    struct error err;

    memset(wanted + 1, 0xff, sizeof wanted - 1);
    assert_int_equal(uboot_env_format(&env, data, sizeof data, &err), 0);
    assert_memory_equal(data, wanted, sizeof wanted);
    assert_int_equal(uboot_env_parse(&env, data, sizeof data, &err), 0);
    assert_int_equal(env.count, 0);
    uboot_env_set(&env, "a", "");
    uboot_env_unset(&env, "a");
    assert_int_equal(uboot_env_format(&env, data, sizeof data, &err), 0);
    assert_memory_equal(data, wanted, sizeof wanted);
    uboot_env_free(&env);
}

TEST(it_must_fit)
{
    struct uboot_env env = {0};
    uint8_t data[16];
    struct error err;

    uboot_env_set(&env, "a", "1234567890");
    assert_int_equal(uboot_env_format(&env, data, 15, &err), 0);
    assert_int_equal(uboot_env_format(&env, data, 14, &err), -1);
    uboot_env_free(&env);
}

TEST(rubbish_is_refused)
{
    struct uboot_env env = {0};
    struct error err;

    assert_int_equal(uboot_env_parse(&env, (const uint8_t *)"novalue\0\0", 9, &err), -1);
    assert_int_equal(uboot_env_parse(&env, (const uint8_t *)"a=1", 3, &err), -1);
    assert_int_equal(uboot_env_parse(&env, (const uint8_t *)"a=1\0", 4, &err), 0);
    uboot_env_free(&env);
}

TEST(last_of_equal_names_counts)
{
    static const char text[] = "b=1\0a=1\0ab=1\0b=2\0a=2\0b=3\0=x\0a.=1";
    struct uboot_env env = {0};
    struct error err;

    assert_int_equal(uboot_env_parse(&env, (const uint8_t *)text, sizeof text, &err), 0);
    assert_int_equal(env.count, 5);
    assert_string_equal(env.pairs[0], "=x");
    assert_string_equal(env.pairs[1], "a=2");
    assert_string_equal(env.pairs[2], "a.=1");
    assert_string_equal(env.pairs[3], "ab=1");
    assert_string_equal(env.pairs[4], "b=3");
    assert_string_equal(uboot_env_get(&env, "a."), "1");
    assert_null(uboot_env_get(&env, "ac"));
    /* A second one takes the place of the first. */
    assert_int_equal(uboot_env_parse(&env, (const uint8_t *)"c=1\0", 5, &err), 0);
    assert_int_equal(env.count, 1);
    uboot_env_free(&env);
}

#define FULL_SIZE (1u << 20)

/* If each variable took time in proportion to their number, this would take minutes. */
TEST(a_full_environment_takes_no_time)
{
    char *text = calloc(1, FULL_SIZE + 1);
    struct uboot_env env = {0};
    struct error err;
    size_t len = 0, count = 0;

    /* Five letters in order, so that each one would be looked for among all others. */
    for (unsigned n = 0; len + 8 < FULL_SIZE; n++, count++) {
        unsigned left = n * 79;
        for (int i = 4; i >= 0; i--, left /= 26)
            text[len + (size_t)i] = (char)('a' + left % 26);
        text[len + 5] = '=';
        len += 7;
    }
    assert_int_equal(uboot_env_parse(&env, (const uint8_t *)text, FULL_SIZE, &err), 0);
    assert_int_equal(env.count, count);
    for (size_t i = 1; i < count; i++)
        assert_true(strcmp(env.pairs[i - 1], env.pairs[i]) < 0);
    assert_string_equal(uboot_env_get(&env, "aaaaa"), "");
    uboot_env_set(&env, "aaaaa", "1");
    assert_string_equal(uboot_env_get(&env, "aaaaa"), "1");
    uboot_env_free(&env);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variables_are_sorted_and_replaced),
        cmocka_unit_test(plain_round_trip),
        cmocka_unit_test(redundant_copies_take_turns),
        cmocka_unit_test(a_damaged_copy_falls_back_to_the_other),
        cmocka_unit_test(an_empty_one_is_what_mkenvimage_makes),
        cmocka_unit_test(it_must_fit),
        cmocka_unit_test(rubbish_is_refused),
        cmocka_unit_test(last_of_equal_names_counts),
        cmocka_unit_test(a_full_environment_takes_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
