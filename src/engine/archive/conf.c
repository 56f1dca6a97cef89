/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/archive/conf.h"

#include "base/comments.h"
#include "base/io.h"
#include "base/memory.h"
#include "engine/archive/conf_create.h"
#include "engine/archive/conf_unknown.h"
#include "engine/archive/conf_variable.h"
#include "engine/archive/function_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* More than the rows of the longest section plus all functions. */
#define CONF_ROWS_MAX 80

struct conf_rows {
    cfg_opt_t row[CONF_ROWS_MAX];
    size_t count;
};

static int conf_refuse(cfg_t *cfg, cfg_opt_t *opt, int argc, const char **argv)
{
    (void)argc;
    (void)argv;
    cfg_error(cfg, "%s is not allowed inside an archive", cfg_opt_name(opt));
    return -1;
}

static void conf_add(struct conf_rows *rows, cfg_opt_t opt)
{
    if (rows->count == CONF_ROWS_MAX)
        abort();
    rows->row[rows->count++] = opt;
}

#define CONF_ADD(rows, macro) conf_add(rows, (cfg_opt_t)macro)

static void conf_add_function(struct conf_rows *rows, const char *name, cfg_func_t create,
                              bool meta)
{
    CONF_ADD(rows, CFG_FUNC(name, meta ? conf_refuse : create));
}

static void conf_add_specs(struct conf_rows *rows, bool requirements, bool meta)
{
    for (const struct function_spec *s = function_specs; s->name; s++)
        if (s->requirement == requirements)
            conf_add_function(rows, s->name, conf_create_call, meta);
}

static void conf_handler_rows(struct conf_rows *rows, bool meta)
{
    CONF_ADD(rows, CFG_STR_LIST("funlist", 0, CFGF_NONE));
    conf_add_function(rows, "include", conf_create_include, meta);
    conf_add_specs(rows, false, meta);
    CONF_ADD(rows, CFG_END());
}

static void conf_resource_handler_rows(struct conf_rows *rows, bool meta)
{
    CONF_ADD(rows, CFG_BOOL("verify-on-the-fly", cfg_false, CFGF_NONE));
    CONF_ADD(rows, CFG_STR("delta-source-raw-offset", 0, CFGF_NONE));
    CONF_ADD(rows, CFG_INT("delta-source-raw-count", 2147483647, CFGF_NONE));
    CONF_ADD(rows, CFG_STR("delta-source-raw-options", 0, CFGF_NONE));
    CONF_ADD(rows, CFG_STR("delta-source-fat-offset", 0, CFGF_NONE));
    CONF_ADD(rows, CFG_STR("delta-source-fat-path", 0, CFGF_NONE));
    conf_handler_rows(rows, meta);
}

#define CONF_TITLED (CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES)

static void conf_task_rows(struct conf_rows *rows, struct conf_rows *handler,
                           struct conf_rows *resource_handler, bool meta)
{
    conf_handler_rows(handler, meta);
    conf_resource_handler_rows(resource_handler, meta);
    conf_add_function(rows, "include", conf_create_include, meta);
    CONF_ADD(rows, CFG_STR_LIST("reqlist", 0, CFGF_NONE));
    conf_add_specs(rows, true, meta);
    CONF_ADD(rows, CFG_INT("require-partition1-offset", -1, CFGF_NONE));
    CONF_ADD(rows, CFG_BOOL("require-unmounted-destination", cfg_false, CFGF_NONE));
    CONF_ADD(rows, CFG_BOOL("verify-on-the-fly", cfg_false, CFGF_NONE));
    CONF_ADD(rows, CFG_SEC("on-init", handler->row, CFGF_NONE));
    CONF_ADD(rows, CFG_SEC("on-finish", handler->row, CFGF_NONE));
    CONF_ADD(rows, CFG_SEC("on-error", handler->row, CFGF_NONE));
    CONF_ADD(rows, CFG_SEC("on-resource", resource_handler->row, CONF_TITLED));
    CONF_ADD(rows, CFG_END());
}

static void conf_file_resource_rows(struct conf_rows *rows, bool meta)
{
    conf_add_function(rows, "include", conf_create_include, meta);
    CONF_ADD(rows, CFG_STR("host-path", 0, CFGF_NONE));
    CONF_ADD(rows, CFG_BOOL("skip-holes", cfg_false, CFGF_NONE));
    CONF_ADD(rows, CFG_INT_LIST("length", 0, CFGF_NONE));
    CONF_ADD(rows, CFG_STR("contents", 0, CFGF_NONE));
    CONF_ADD(rows, CFG_STR("blake2b-256", 0, CFGF_NONE));
    CONF_ADD(rows, CFG_STR("sha256", 0, CFGF_NONE));
    CONF_ADD(rows, CFG_INT("assert-size-lte", -1, CFGF_NONE));
    CONF_ADD(rows, CFG_INT("assert-size-gte", -1, CFGF_NONE));
    CONF_ADD(rows, CFG_END());
}

static cfg_opt_t conf_mbr_partition_rows[] = {
    CFG_STR("block-offset", 0, CFGF_NONE),    CFG_INT("block-count", 2147483647, CFGF_NONE),
    CFG_INT("type", -1, CFGF_NONE),           CFG_BOOL("boot", cfg_false, CFGF_NONE),
    CFG_BOOL("expand", cfg_false, CFGF_NONE), CFG_END(),
};

static cfg_opt_t conf_osii_rows[] = {
    CFG_INT("os-major", 0, CFGF_NONE),           CFG_INT("os-minor", 0, CFGF_NONE),
    CFG_INT("start-block-offset", 0, CFGF_NONE), CFG_INT("ddr-load-address", 0, CFGF_NONE),
    CFG_INT("entry-point", 0, CFGF_NONE),        CFG_INT("image-size-blocks", 0, CFGF_NONE),
    CFG_INT("attribute", 15, CFGF_NONE),         CFG_END(),
};

static cfg_opt_t conf_mbr_rows[] = {
    CFG_STR("bootstrap-code-host-path", 0, CFGF_NONE),
    CFG_STR("bootstrap-code", 0, CFGF_NONE),
    CFG_BOOL("include-osip", cfg_false, CFGF_NONE),
    CFG_INT("osip-major", 1, CFGF_NONE),
    CFG_INT("osip-minor", 0, CFGF_NONE),
    CFG_INT("osip-num-pointers", 1, CFGF_NONE),
    CFG_STR("signature", 0, CFGF_NONE),
    CFG_SEC("partition", conf_mbr_partition_rows, CONF_TITLED),
    CFG_SEC("osii", conf_osii_rows, CONF_TITLED),
    CFG_END(),
};

static cfg_opt_t conf_gpt_partition_rows[] = {
    CFG_STR("block-offset", 0, CFGF_NONE),
    CFG_INT("block-count", 2147483647, CFGF_NONE),
    CFG_STR("type", 0, CFGF_NONE),
    CFG_STR("guid", 0, CFGF_NONE),
    CFG_STR("name", "", CFGF_NONE),
    CFG_STR("flags", "0", CFGF_NONE),
    CFG_BOOL("expand", cfg_false, CFGF_NONE),
    CFG_BOOL("boot", cfg_false, CFGF_NONE),
    CFG_END(),
};

static cfg_opt_t conf_gpt_rows[] = {
    CFG_STR("guid", 0, CFGF_NONE),
    CFG_SEC("partition", conf_gpt_partition_rows, CONF_TITLED),
    CFG_END(),
};

static cfg_opt_t conf_uboot_rows[] = {
    CFG_STR("block-offset", 0, CFGF_NONE),
    CFG_INT("block-count", 2147483647, CFGF_NONE),
    CFG_STR("block-offset-redund", 0, CFGF_NONE),
    CFG_END(),
};

/* All rows of one parse; libconfuse copies them. */
struct conf_schema {
    struct conf_rows top, file_resource, task, handler, resource_handler;
};

static void conf_top_rows(struct conf_schema *s, bool meta)
{
    static const char *const texts[] = {
        "meta-product",        "meta-description",  "meta-version",       "meta-author",
        "meta-platform",       "meta-architecture", "meta-creation-date", "meta-fwup-version",
        "meta-vcs-identifier", "meta-misc",         "meta-uuid",          "meta-nickname",
    };
    struct conf_rows *top = &s->top;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        CONF_ADD(top, CFG_STR(texts[i], 0, CFGF_NONE));
    CONF_ADD(top, CFG_STR("require-fwup-version", "0", CFGF_NONE));
    CONF_ADD(top, CFG_INT("block-cache-size-mb", 8, CFGF_NONE));
    conf_add_function(top, "define", conf_create_define, meta);
    conf_add_function(top, "define!", conf_create_define, meta);
    conf_add_function(top, "define-eval", conf_create_define, meta);
    conf_add_function(top, "define-eval!", conf_create_define, meta);
    conf_file_resource_rows(&s->file_resource, meta);
    conf_task_rows(&s->task, &s->handler, &s->resource_handler, meta);
    CONF_ADD(top, CFG_SEC("file-resource", s->file_resource.row, CONF_TITLED));
    CONF_ADD(top, CFG_SEC("mbr", conf_mbr_rows, CONF_TITLED));
    CONF_ADD(top, CFG_SEC("gpt", conf_gpt_rows, CONF_TITLED));
    CONF_ADD(top, CFG_SEC("task", s->task.row, CONF_TITLED));
    CONF_ADD(top, CFG_SEC("uboot-environment", conf_uboot_rows, CONF_TITLED));
    conf_add_function(top, "include", conf_create_include, meta);
    CONF_ADD(top, CFG_END());
}

static cfg_t *conf_new(bool meta)
{
    struct conf_schema *s = memory_new(1, sizeof *s);

    conf_top_rows(s, meta);
    cfg_t *cfg = cfg_init(s->top.row, meta ? CFGF_IGNORE_UNKNOWN : CFGF_NONE);
    free(s);
    return cfg;
}

/* Comments are blanked first, so that line numbers are right; in included files they are still
 * those of libconfuse. */
static int conf_parse_text(cfg_t *cfg, const char *path)
{
    bool is_stdin = !strcmp(path, "-");
    struct buffer text = {0};
    struct error ignored;
    int rc = CFG_FILE_ERROR;

    if (is_stdin ? io_read_fd(STDIN_FILENO, "standard input", CONF_FILE_MAX, &text, &ignored)
                 : io_read_file(path, CONF_FILE_MAX, &text, &ignored))
        goto cleanup;
    if (!is_stdin)
        cfg->filename = memory_text(path); /* paths in it are relative to its directory */
    buffer_add_text(&text, "\n");          /* fmemopen(3) rejects an empty file */
    (void)comments_blank(text.data, text.len);
    unsigned open_line = conf_variable_open(text.data, text.len);
    if (open_line) {
        fprintf(stderr, "%s:%u: ${ without }\n", path, open_line);
        rc = CFG_PARSE_ERROR;
    }
    FILE *f = open_line ? NULL : fmemopen(text.data, text.len, "r");
    if (f) {
        rc = cfg_parse_fp(cfg, f);
        fclose(f);
    }
cleanup:
    buffer_free(&text);
    return rc;
}

cfg_t *conf_parse_file(const char *path, struct error *err)
{
    cfg_t *cfg = conf_new(false);
    int rc;

    conf_create_watch(cfg);
    rc = conf_parse_text(cfg, path);
    if (rc == CFG_FILE_ERROR)
        error_set(err, EXIT_FAILED, "could not open file '%s'", path);
    else if (rc != CFG_SUCCESS)
        error_set(err, EXIT_FAILED, "parse error in '%s'", path);
    else if (conf_check_version(cfg_getstr(cfg, "require-fwup-version"), err))
        rc = CFG_PARSE_ERROR;
    else if (conf_create_check(cfg, err))
        rc = CFG_PARSE_ERROR;
    if (rc == CFG_SUCCESS)
        return cfg;
    cfg_free(cfg);
    return NULL;
}

static bool conf_is_section(const char *name, size_t len)
{
    static const char *const names[] = {
        "file-resource", "mbr",     "gpt",       "task",     "uboot-environment", "partition",
        "osii",          "on-init", "on-finish", "on-error", "on-resource",
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == len && !memcmp(names[i], name, len))
            return true;
    return false;
}

cfg_t *conf_parse_meta(const char *text, struct error *err)
{
    cfg_t *cfg = conf_new(true);
    char *known = memory_text(text);

    conf_unknown_blank(known, conf_is_section);
    int rc = cfg_parse_buf(cfg, known);
    free(known);
    if (rc != CFG_SUCCESS) {
        error_set(err, EXIT_MISMATCH, "parse error in the archive's meta.conf");
        cfg_free(cfg);
        return NULL;
    }
    if (conf_check_version(cfg_getstr(cfg, "require-fwup-version"), err)) {
        cfg_free(cfg);
        return NULL;
    }
    return cfg;
}
