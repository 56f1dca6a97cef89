/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "engine/archive/conf.h"
#include "engine/archive/function_table.h"
#include "engine/archive/meta.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The canonical text of a configuration, which is parsed from a file. The caller frees it. */
static struct buffer canonical(const char *text)
{
    char path[] = "conf-XXXXXX";
    struct buffer out = {0};
    struct error err;

    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_true(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    cfg_t *cfg = conf_parse_file(path, &err);
    if (cfg) {
        conf_print(cfg, &out);
        cfg_free(cfg);
    }
    unlink(path);
    return out;
}

static void prints(const char *text, const char *expected)
{
    struct buffer out = canonical(text);

    assert_string_equal(buffer_text(&out), expected);
    buffer_free(&out);
}

static void refuses(const char *text)
{
    struct buffer out = canonical(text);

    if (out.data)
        fail_msg("accepted: %s", text);
}

TEST(strings_are_quoted_only_where_needed)
{
    prints("meta-product = \"abc_1.2\"", "meta-product=abc_1.2\n");
    prints("meta-product = \"a b\"", "meta-product=\"a b\"\n");
    prints("meta-product = \"a-b\"", "meta-product=\"a-b\"\n");
    prints("meta-product = 'say \"hi\" \\\\'", "meta-product=\"say \\\"hi\\\" \\\\\"\n");
    prints("meta-product = \"a\\nb\"", "meta-product=\"a\nb\"\n");
}

TEST(defaults_and_derived_values_are_left_out)
{
    prints("", "# Empty file\n");
    prints("meta-product = \"\"", "# Empty file\n");
    prints("meta-uuid = \"x\" meta-nickname = \"y\" meta-creation-date = \"z\"", "# Empty file\n");
    prints("block-cache-size-mb = 8", "# Empty file\n");
    prints("block-cache-size-mb = 16", "block-cache-size-mb=16\n");
    prints("require-fwup-version = \"0\"", "# Empty file\n");
}

TEST(order_is_that_of_the_schema)
{
    prints("meta-version = 2 meta-product = p", "meta-product=p\nmeta-version=2\n");
}

TEST(sections_functions_and_requirements)
{
    prints("uboot-environment e { block-offset = 16 block-count = 0x10 }\n"
           "task \"up.b\" { require-uboot-variable(e, \"b.x\", \"\")\n"
           " on-init { info(\"Go on\") trim(1, 2) } }\n"
           "task empty { }\n",
           "task \"up.b\" {\nreqlist={4,\"require-uboot-variable\",e,b.x,\"\"}\non-init {\n"
           "funlist={2,info,\"Go on\",3,trim,1,2}\n}\n}\ntask \"empty\" {\n}\n"
           "uboot-environment \"e\" {\nblock-offset=16\nblock-count=16\n}\n");
}

TEST(definitions)
{
    unsetenv("T_ONE");
    setenv("T_SET", "outside", 1);
    prints("define(T_ONE, 5)\ndefine(T_SET, inside)\ndefine-eval(T_TWO, \"${T_ONE} * 2K\")\n"
           "meta-product = \"${T_ONE} ${T_SET} ${T_TWO} ${T_UNSET:-none}\"",
           "meta-product=\"5 outside 10240 none\"\n");
    prints("define!(T_SET, forced)\nmeta-product = ${T_SET}", "meta-product=forced\n");
    prints("meta-product = \"\\${LATER}\"", "meta-product=\"${LATER}\"\n");
}

TEST(fat_write_gets_the_resources_name)
{
    prints("file-resource r { contents = \"x\" }\ntask t { on-resource r { fat_write(63) } }",
           "task \"t\" {\non-resource \"r\" {\nfunlist={3,fat_write,63,r}\n}\n}\n");
}

TEST(mistakes_are_refused)
{
    refuses("no-such-key = 1");
    refuses("task t { on-init { raw_write(0) } }");
    refuses("task t { on-init { trim(0, 0) } }");
    refuses("task t { on-init { trim(x, 1) } }");
    refuses("task t { on-init { raw_memset(0, 1, 256) } }");
    refuses("task t { on-init { mbr_write(missing) } }");
    refuses("task t { on-resource missing { raw_write(0) } }");
    refuses("file-resource r { host-path = a contents = b }");
    refuses("file-resource r { }");
    refuses("file-resource \"dir/\" { contents = b }");
    refuses("task t { } task t { }");
    refuses("mbr m { partition 0 { block-offset = 0 block-count = 10 type = 1 } "
            "partition 1 { block-offset = 5 block-count = 10 type = 1 } }");
    refuses("mbr m { partition 4 { block-offset = 9 block-count = 10 type = 1 } }");
    refuses("uboot-environment e { block-offset = 1 block-count = 0 }");
    refuses("uboot-environment e { block-offset = 1 block-count = 4 block-offset-redund = 3 }");
    refuses("require-fwup-version = \"99.0.0\"");
    refuses("include(\"/no/such/file\")");
    refuses("define-eval(X, \"1 +\")");
}

TEST(an_archive_may_not_define_or_call)
{
    struct error err;

    assert_null(conf_parse_meta("define!(FWUP_META_UUID, x)\n", &err));
    assert_null(conf_parse_meta("include(\"/etc/passwd\")\nmeta-product=x\n", &err));
    assert_null(conf_parse_meta("task t { on-init { info(hello) } }\n", &err));
}

TEST(what_an_archive_holds_beyond_our_knowledge_is_skipped)
{
    struct error err;
    cfg_t *cfg = conf_parse_meta("new-key=1\nnew-list={1,2}\nnew-call(1,2)\nmeta-product=x\n"
                                 "new-section { a=1 b=\"}\" c { d={1,\"{\"} } }\n"
                                 "new-section \"with a title\" { # a comment with }\n a='\\'}' }\n"
                                 "task t { on-later { info=1 } on-init { funlist={2,info,\"}{\"} "
                                 "new { x=1 } } }\nmeta-version=2\n",
                                 &err);

    assert_non_null(cfg);
    assert_string_equal(cfg_getstr(cfg, "meta-product"), "x");
    assert_string_equal(cfg_getstr(cfg, "meta-version"), "2");
    cfg_t *init = cfg_getsec(cfg_getnsec(cfg, "task", 0), "on-init");
    assert_int_equal(cfg_size(init, "funlist"), 3);
    assert_string_equal(cfg_getnstr(init, "funlist", 2), "}{");
    cfg_free(cfg);
}

static int order(const char *a, const char *b)
{
    bool ok;
    int result = conf_compare_versions(a, b, &ok);

    assert_true(ok);
    return result;
}

TEST(versions_have_the_order_of_semver)
{
    assert_int_equal(order("1.0.0", "1.0.0"), 0);
    assert_int_equal(order("1", "1.0.0"), 0);
    assert_int_equal(order("0.9.9", "1.0.0"), -1);
    assert_int_equal(order("1.10.0", "1.9.0"), 1);
    assert_int_equal(order("1.0.0-alpha", "1.0.0"), -1);
    assert_int_equal(order("1.0.0-alpha", "1.0.0-alpha.1"), -1);
    assert_int_equal(order("1.0.0-2", "1.0.0-11"), -1);
    assert_int_equal(order("1.0.0-1", "1.0.0-a"), -1);
    assert_int_equal(order("1.0.0+x", "1.0.0+y"), 0);
    bool ok;
    conf_compare_versions("v1", "1", &ok);
    assert_false(ok);
}

TEST(uuid_and_nickname)
{
    char uuid[META_UUID_SIZE];

    meta_uuid("# Empty file\n", 13, uuid);
    assert_int_equal(strlen(uuid), 36);
    assert_int_equal(uuid[14], '5');
    char *name = meta_nickname("ed01f478-5f8e-5a45-b205-e2a8804fa9fe");
    assert_string_equal(name, "truth-able");
    free(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_are_quoted_only_where_needed),
        cmocka_unit_test(defaults_and_derived_values_are_left_out),
        cmocka_unit_test(order_is_that_of_the_schema),
        cmocka_unit_test(sections_functions_and_requirements),
        cmocka_unit_test(definitions),
        cmocka_unit_test(fat_write_gets_the_resources_name),
        cmocka_unit_test(mistakes_are_refused),
        cmocka_unit_test(an_archive_may_not_define_or_call),
        cmocka_unit_test(what_an_archive_holds_beyond_our_knowledge_is_skipped),
        cmocka_unit_test(versions_have_the_order_of_semver),
        cmocka_unit_test(uuid_and_nickname),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
