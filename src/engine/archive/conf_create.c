/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/archive/conf_create.h"

#include "base/comments.h"
#include "base/io.h"
#include "base/memory.h"
#include "base/number.h"
#include "engine/archive/conf_section.h"
#include "engine/archive/conf_variable.h"
#include "engine/archive/expression.h"
#include "engine/archive/function_table.h"
#include "engine/archive/gpt_table.h"
#include "engine/archive/mbr_table.h"
#include "engine/archive/uboot_table.h"

#include <inttypes.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Definitions are environment variables because libconfuse expands ${NAME} from the environment. */
int conf_create_define(cfg_t *cfg, cfg_opt_t *opt, int argc, const char **argv)
{
    const char *name = cfg_opt_name(opt);
    bool always = name[strlen(name) - 1] == '!';
    struct error err;
    int64_t value;

    if (argc != 2 || !argv[0][0]) {
        cfg_error(cfg, "%s() requires a name and a value", name);
        return -1;
    }
    if (strncmp(name, "define-eval", strlen("define-eval"))) {
        setenv(argv[0], argv[1], always);
        return 0;
    }
    char text[32];
    if (expression_eval(argv[1], &value, &err)) {
        cfg_error(cfg, "%s(%s): %s", name, argv[0], err.text);
        return -1;
    }
    snprintf(text, sizeof text, "%" PRId64, value);
    setenv(argv[0], text, always);
    return 0;
}

/* Relative paths are resolved against the directory of the file they are in. The caller frees the
 * result. */
static char *conf_create_path(const char *config, const char *path)
{
    if (*path == '/' || *path == '~' || !config)
        return memory_text(path);
    char *copy = memory_text(config);
    char *joined = memory_printf("%s/%s", dirname(copy), path);
    free(copy);
    return joined;
}

/* libconfuse reads the file itself, and again. What it cannot read is for it to say. */
static unsigned conf_create_open_variable(const char *path)
{
    struct buffer text = {0};
    struct error ignored;
    unsigned line = 0;

    if (!io_read_file(path, CONF_FILE_MAX, &text, &ignored)) {
        (void)comments_blank(text.data, text.len);
        line = conf_variable_open(text.data, text.len);
    }
    buffer_free(&text);
    return line;
}

int conf_create_include(cfg_t *cfg, cfg_opt_t *opt, int argc, const char **argv)
{
    struct stat st;
    unsigned line;
    int rc = -1;

    if (argc != 1 || !argv[0][0]) {
        cfg_error(cfg, argc == 1 ? "Cannot include the contents of an undefined variable"
                                 : "include() requires one file name");
        return -1;
    }
    char *path = conf_create_path(cfg->filename, argv[0]);
    const char *const args[] = {path};
    if (stat(path, &st))
        cfg_error(cfg, "Cannot include '%s': File not found", argv[0]);
    else if (!S_ISREG(st.st_mode))
        cfg_error(cfg, "Cannot include '%s': Not a regular file", argv[0]);
    else if ((line = conf_create_open_variable(path)))
        cfg_error(cfg, "%s:%u: ${ without }", path, line);
    else
        rc = cfg_include(cfg, opt, 1, (const char **)args);
    free(path);
    return rc;
}

static void conf_create_append(cfg_t *cfg, const char *list, const char *text)
{
    cfg_setnstr(cfg, list, text, cfg_size(cfg, list));
}

int conf_create_call(cfg_t *cfg, cfg_opt_t *opt, int argc, const char **argv)
{
    const struct function_spec *spec = function_find(cfg_opt_name(opt));
    const char *list = spec->requirement ? "reqlist" : "funlist";
    bool in_resource = !strcmp(cfg_name(cfg), "on-resource");
    bool add_name = !strcmp(spec->name, "fat_write") && argc == 1;
    struct error err;
    char count[16];

    if (spec->resource_only && !in_resource) {
        cfg_error(cfg, "%s only usable in on-resource", spec->name);
        return -1;
    }
    if (function_check(spec, argc, argv, true, &err)) {
        cfg_error(cfg, "%s", err.text);
        return -1;
    }
    snprintf(count, sizeof count, "%d", 1 + argc + add_name);
    conf_create_append(cfg, list, count);
    conf_create_append(cfg, list, spec->name);
    for (int i = 0; i < argc; i++)
        conf_create_append(cfg, list, argv[i]);
    if (add_name)
        conf_create_append(cfg, list, cfg_title(cfg));
    return 0;
}

static cfg_t *conf_create_last(cfg_opt_t *opt)
{
    return cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
}

static int conf_create_told(cfg_t *cfg, const struct error *err)
{
    cfg_error(cfg, "%s", err->text);
    return -1;
}

static int conf_create_resource_name(cfg_t *cfg, const char *name)
{
    size_t len = strlen(name);
    bool reserved = !strcmp(name, "/") || !strcmp(name, "/meta.conf") || !strcmp(name, "/data") ||
                    !strncmp(name, "/data/", 6);

    if (len == 0 || len > 506 || name[len - 1] == '/' || reserved) {
        cfg_error(cfg, "'%s' cannot be the name of a file-resource", name);
        return -1;
    }
    return 0;
}

/* FWUP_SIZE_<name> makes the size of a file available to expressions. */
static void conf_create_size_variable(cfg_t *section)
{
    const char *path = cfg_getstr(section, "host-path");
    struct stat st;
    char value[32];

    if (!path || stat(path, &st))
        return;
    char *name = memory_printf("FWUP_SIZE_%s", cfg_title(section));
    for (char *p = name; *p; p++)
        if (*p == '-' || *p == '/' || *p == '.')
            *p = '_';
    snprintf(value, sizeof value, "%" PRId64, (int64_t)st.st_size);
    setenv(name, value, 1);
    free(name);
}

/* Of one of its files, or of all. */
static bool conf_create_path_is_empty(const char *host_path)
{
    size_t len = strlen(host_path);

    return !len || host_path[0] == ';' || host_path[len - 1] == ';' || strstr(host_path, ";;");
}

static int conf_create_file_resource(cfg_t *cfg, cfg_opt_t *opt)
{
    cfg_t *section = conf_create_last(opt);
    bool has_path = cfg_getstr(section, "host-path"),
         has_contents = cfg_getstr(section, "contents");

    if (conf_create_resource_name(cfg, cfg_title(section)))
        return -1;
    if (has_path == has_contents) {
        cfg_error(cfg, "file-resource '%s' must have either host-path or contents",
                  cfg_title(section));
        return -1;
    }
    if (has_path && conf_create_path_is_empty(cfg_getstr(section, "host-path"))) {
        cfg_error(
            cfg,
            "file-resource '%s' has an empty path in its host-path: is a variable in it not set?",
            cfg_title(section));
        return -1;
    }
    conf_create_size_variable(section);
    return 0;
}

static int conf_create_bootstrap(cfg_t *section, struct error *err)
{
    const char *path = cfg_getstr(section, "bootstrap-code-host-path");
    struct buffer code = {0};
    char text[2 * MBR_BOOTSTRAP_SIZE + 1];
    int rc = -1;

    if (!path || !*path)
        return 0;
    if (io_read_file(path, 1 << 20, &code, err))
        goto cleanup;
    if (code.len < MBR_BOOTSTRAP_SIZE) {
        error_set(err, EXIT_FAILED, "%s must hold at least %d bytes of bootstrap code", path,
                  MBR_BOOTSTRAP_SIZE);
        goto cleanup;
    }
    number_format_hex((const uint8_t *)code.data, MBR_BOOTSTRAP_SIZE, text);
    cfg_setstr(section, "bootstrap-code", text);
    rc = 0;
cleanup:
    buffer_free(&code);
    return rc;
}

static int conf_create_mbr(cfg_t *cfg, cfg_opt_t *opt)
{
    cfg_t *section = conf_create_last(opt);
    struct mbr_table table;
    struct error err;

    if (conf_create_bootstrap(section, &err) || mbr_table_read(section, &table, &err))
        return conf_create_told(cfg, &err);
    return 0;
}

static int conf_create_gpt(cfg_t *cfg, cfg_opt_t *opt)
{
    struct gpt_table table;
    struct error err;

    if (gpt_table_fold_boot(conf_create_last(opt), &err) ||
        gpt_table_read(conf_create_last(opt), &table, &err))
        return conf_create_told(cfg, &err);
    return 0;
}

static int conf_create_uboot(cfg_t *cfg, cfg_opt_t *opt)
{
    struct uboot_table table;
    struct error err;

    if (uboot_table_read(conf_create_last(opt), &table, &err))
        return conf_create_told(cfg, &err);
    return 0;
}

void conf_create_watch(cfg_t *cfg)
{
    cfg_set_validate_func(cfg, "file-resource", conf_create_file_resource);
    cfg_set_validate_func(cfg, "mbr", conf_create_mbr);
    cfg_set_validate_func(cfg, "gpt", conf_create_gpt);
    cfg_set_validate_func(cfg, "uboot-environment", conf_create_uboot);
}

static int conf_create_check_name(cfg_t *cfg, const char *function, const char *name,
                                  struct error *err)
{
    const struct function_spec *spec = function_find(function);
    const char *kind = spec->kinds[0] == 'm'   ? "mbr"
                       : spec->kinds[0] == 'g' ? "gpt"
                       : spec->kinds[0] == 'u' ? "uboot-environment"
                                               : NULL;

    if (!kind || strstr(name, "${") || conf_section(cfg, kind, name))
        return 0;
    return error_set(err, EXIT_FAILED, "%s: there is no %s section named '%s'", function, kind,
                     name);
}

static int conf_create_check_list(cfg_t *cfg, cfg_t *section, const char *list, struct error *err)
{
    for (unsigned i = 0; i + 1 < cfg_size(section, list);) {
        unsigned count = (unsigned)atoi(cfg_getnstr(section, list, i));
        if (count > 1 && conf_create_check_name(cfg, cfg_getnstr(section, list, i + 1),
                                                cfg_getnstr(section, list, i + 2), err))
            return -1;
        i += 1 + count;
    }
    return 0;
}

static int conf_create_check_task(cfg_t *cfg, cfg_t *task, struct error *err)
{
    static const char *const handlers[] = {"on-init", "on-finish", "on-error"};

    if (conf_create_check_list(cfg, task, "reqlist", err))
        return -1;
    for (size_t i = 0; i < sizeof handlers / sizeof *handlers; i++)
        if (conf_create_check_list(cfg, cfg_getsec(task, handlers[i]), "funlist", err))
            return -1;
    for (unsigned i = 0; i < cfg_size(task, "on-resource"); i++) {
        cfg_t *handler = cfg_getnsec(task, "on-resource", i);
        if (!conf_section(cfg, "file-resource", cfg_title(handler)))
            return error_set(err, EXIT_FAILED, "unknown resource: %s", cfg_title(handler));
        if (conf_create_check_list(cfg, handler, "funlist", err))
            return -1;
    }
    return 0;
}

int conf_create_check(cfg_t *cfg, struct error *err)
{
    for (unsigned i = 0; i < cfg_size(cfg, "task"); i++) {
        cfg_t *task = cfg_getnsec(cfg, "task", i);
        if (conf_create_check_task(cfg, task, err))
            return error_prefix(err, "task '%s'", cfg_title(task));
    }
    return 0;
}
