/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/archive/conf.h"

#include <string.h>

/* Never part of the canonical text: these matter only when an archive is created, or are derived
 * from the text. */
static bool conf_is_left_out(const char *name)
{
    static const char *const names[] = {
        "host-path",     "bootstrap-code-host-path", "contents", "skip-holes", "meta-uuid",
        "meta-nickname", "meta-creation-date"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(name, names[i]))
            return true;
    return !strncmp(name, "assert-", 7);
}

static void conf_print_string(const char *text, struct buffer *out)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.";

    if (*text && !text[strspn(text, plain)]) {
        buffer_add_text(out, text);
        return;
    }
    buffer_add(out, "\"", 1);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            buffer_add(out, "\\", 1);
        buffer_add(out, text, 1);
    }
    buffer_add(out, "\"", 1);
}

void conf_print_option(const char *name, const char *value, struct buffer *out)
{
    buffer_printf(out, "%s=", name);
    conf_print_string(value, out);
    buffer_add(out, "\n", 1);
}

static bool conf_is_default(cfg_opt_t *opt)
{
    unsigned count = cfg_opt_size(opt);

    if (count == 0)
        return true;
    if (opt->flags & CFGF_LIST)
        return opt->type == CFGT_INT && count == 1 && cfg_opt_getnint(opt, 0) == 0;
    switch (opt->type) {
    case CFGT_INT:
        return cfg_opt_getnint(opt, 0) == opt->def.number;
    case CFGT_BOOL:
        return cfg_opt_getnbool(opt, 0) == opt->def.boolean;
    case CFGT_STR: {
        const char *value = cfg_opt_getnstr(opt, 0);
        return !value || !*value || (opt->def.string && !strcmp(value, opt->def.string));
    }
    default:
        return true;
    }
}

static void conf_print_value(cfg_opt_t *opt, unsigned i, struct buffer *out)
{
    if (opt->type == CFGT_INT)
        buffer_printf(out, "%ld", cfg_opt_getnint(opt, i));
    else if (opt->type == CFGT_BOOL)
        buffer_add_text(out, cfg_opt_getnbool(opt, i) ? "true" : "false");
    else
        conf_print_string(cfg_opt_getnstr(opt, i), out);
}

static void conf_print_plain(cfg_opt_t *opt, struct buffer *out)
{
    unsigned count = cfg_opt_size(opt);

    if (conf_is_default(opt) || conf_is_left_out(cfg_opt_name(opt)))
        return;
    buffer_printf(out, "%s=%s", cfg_opt_name(opt), count > 1 ? "{" : "");
    for (unsigned i = 0; i < count; i++) {
        if (i)
            buffer_add(out, ",", 1);
        conf_print_value(opt, i, out);
    }
    buffer_add_text(out, count > 1 ? "}\n" : "\n");
}

static void conf_print_rows(cfg_t *cfg, struct buffer *out);

static void conf_print_sections(cfg_opt_t *opt, struct buffer *out)
{
    for (unsigned i = 0; i < cfg_opt_size(opt); i++) {
        cfg_t *section = cfg_opt_getnsec(opt, i);
        size_t before = out->len;
        buffer_add_text(out, cfg_opt_name(opt));
        if (opt->flags & CFGF_TITLE) {
            /* A title is always quoted, whatever it contains. */
            buffer_add_text(out, " \"");
            for (const char *t = cfg_title(section); *t; t++) {
                if (*t == '"' || *t == '\\')
                    buffer_add(out, "\\", 1);
                buffer_add(out, t, 1);
            }
            buffer_add_text(out, "\"");
        }
        buffer_add_text(out, " {\n");
        size_t inside = out->len;
        conf_print_rows(section, out);
        if (out->len == inside && strcmp(cfg_opt_name(opt), "task")) {
            out->len = before;
            continue;
        }
        buffer_add_text(out, "}\n");
    }
}

static void conf_print_rows(cfg_t *cfg, struct buffer *out)
{
    for (cfg_opt_t *opt = cfg->opts; opt->name; opt++) {
        if (opt->type == CFGT_SEC)
            conf_print_sections(opt, out);
        else if (opt->type != CFGT_FUNC)
            conf_print_plain(opt, out);
    }
}

void conf_print(cfg_t *cfg, struct buffer *out)
{
    size_t before = out->len;

    conf_print_rows(cfg, out);
    if (out->len == before)
        buffer_add_text(out, "# Empty file\n");
}
