/* SPDX-License-Identifier: Apache-2.0 */
#include "host/command/host_config.h"

#include "base/buffer.h"
#include "base/comments.h"
#include "base/io.h"
#include "base/memory.h"
#include "base/user_path.h"
#include "host/remote/host_name.h"

#include <confuse.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HOST_CONFIG_MAX (1u << 20)
#define HOST_SECTION "host"
/* Between the patterns of a section. */
#define HOST_BLANKS " \t\n,"

/* libconfuse gives its messages to nobody else, and stops at the first one. */
__attribute__((format(printf, 2, 0))) static void host_config_complain(cfg_t *cfg, const char *fmt,
                                                                       va_list ap)
{
    fprintf(stderr, "fwssh: %s, line %d: ", cfg->filename ? cfg->filename : "", cfg->line);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
}

static int host_config_validate(cfg_t *cfg, cfg_opt_t *opt)
{
    struct error err;

    for (unsigned i = 0; i < cfg_opt_size(opt); i++)
        if (host_options_try(cfg_opt_name(opt), cfg_opt_getnstr(opt, i), &err)) {
            cfg_error(cfg, "%s", err.text);
            return -1;
        }
    return 0;
}

/* libconfuse merges a section into an earlier one of the same title. So each gets one that nobody
 * writes and that means the same: with a separator of patterns at its end. */
static int host_config_keep_apart(cfg_t *cfg, cfg_opt_t *opt)
{
    cfg_t *section = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
    char *title = memory_printf("%s\n", section->title);
    (void)cfg;

    free(section->title);
    section->title = title;
    return 0;
}

/* All keys are texts, which the options' own code reads. */
static cfg_t *host_config_new(const char *path)
{
    cfg_opt_t keys[HOST_OPTIONS_MAX + 1], top[] = {CFG_END(), CFG_END()};
    size_t count = 0;

    for (size_t i = 0; i < HOST_OPTIONS_MAX; i++) {
        const char *key = host_options_key(i);
        if (key && host_options_is_list(key))
            keys[count++] = (cfg_opt_t)CFG_STR_LIST(key, NULL, CFGF_NODEFAULT);
        else if (key)
            keys[count++] = (cfg_opt_t)CFG_STR(key, NULL, CFGF_NODEFAULT);
    }
    keys[count] = (cfg_opt_t)CFG_END();
    top[0] = (cfg_opt_t)CFG_SEC(HOST_SECTION, keys, CFGF_MULTI | CFGF_TITLE);
    cfg_t *cfg = cfg_init(top, CFGF_NONE);
    cfg_set_error_function(cfg, host_config_complain);
    for (size_t i = 0; i < count; i++) {
        char *name = memory_printf(HOST_SECTION "|%s", keys[i].name);
        cfg_set_validate_func(cfg, name, host_config_validate);
        free(name);
    }
    cfg_set_validate_func(cfg, HOST_SECTION, host_config_keep_apart);
    cfg->filename = memory_text(path);
    return cfg;
}

/* libconfuse takes the end of the file for that of a section. Comments have been blanked. */
static bool host_config_is_open(const char *text)
{
    int depth = 0;

    for (const char *p = text; *p; p++) {
        char quote = *p == '"' || *p == '\'' ? *p : '\0';
        for (p += quote != '\0'; quote && *p != quote; p++)
            p += *p == '\\';
        depth += (*p == '{') - (*p == '}');
    }
    return depth > 0;
}

/* The text, which must not be empty, is changed. */
static int host_config_parse(cfg_t *cfg, struct buffer *text, struct error *err)
{
    if (memchr(text->data, '\0', text->len))
        return error_set(err, EXIT_USAGE, "%s contains zero bytes", cfg->filename);
    if (!comments_blank(text->data, text->len))
        return error_set(err, EXIT_USAGE, "%s: unterminated string or comment", cfg->filename);
    if (host_config_is_open(buffer_text(text)))
        return error_set(err, EXIT_USAGE, "%s: a { is not closed", cfg->filename);
    FILE *f = fmemopen(text->data, text->len, "r");
    if (!f)
        return error_errno(err, "cannot read %s", cfg->filename);
    int rc = cfg_parse_fp(cfg, f);
    fclose(f);
    return rc == CFG_SUCCESS ? 0 : error_set(err, EXIT_USAGE, "%s", "");
}

int host_config_load(struct host_options *o, struct error *err)
{
    char *path = user_path("XDG_CONFIG_HOME", ".config", "fwssh/config");
    struct buffer text = {0};
    int rc = 0;

    if (path && (!access(path, F_OK) || errno != ENOENT)) {
        o->config = host_config_new(path);
        rc = io_read_file(path, HOST_CONFIG_MAX, &text, err);
        if (!rc && text.len)
            rc = host_config_parse(o->config, &text, err);
    }
    buffer_free(&text);
    free(path);
    return rc;
}

void host_config_free(struct host_options *o)
{
    if (o->config)
        cfg_free(o->config);
    o->config = NULL;
}

/* As in ssh_config(5): one of the patterns, and none of those with an exclamation mark. */
static bool host_config_fits(const char *patterns, const char *name)
{
    char *copy = memory_text(patterns), *rest = copy;
    bool fits = false, excluded = false;

    for (char *word; (word = strsep(&rest, HOST_BLANKS));) {
        bool not = *word == '!';
        if (!*word || fnmatch(word + not, name, FNM_CASEFOLD))
            continue;
        *(not ? &excluded : &fits) = true;
    }
    free(copy);
    return fits && !excluded;
}

static int host_config_apply_section(struct host_options *own, const struct host_options *o,
                                     cfg_t *section, bool has_user, struct error *err)
{
    for (cfg_opt_t *opt = section->opts; opt->name; opt++)
        for (unsigned i = 0; i < cfg_opt_size(opt); i++)
            if (!(has_user && !strcmp(opt->name, "user")) &&
                host_options_default(own, o, opt->name, cfg_opt_getnstr(opt, i), err))
                return -1;
    return 0;
}

static int host_config_apply_all(struct host_options *own, const struct host_options *o,
                                 const char *host, struct error *err)
{
    cfg_t *cfg = o->config;
    char *name;
    int port, rc = host_name_split(host, &name, &port, err);

    for (unsigned i = 0; !rc && i < cfg_size(cfg, HOST_SECTION); i++) {
        cfg_t *section = cfg_getnsec(cfg, HOST_SECTION, i);
        const char *at = strrchr(name, '@');
        if (host_config_fits(cfg_title(section), at ? at + 1 : name))
            rc = host_config_apply_section(own, o, section, at != NULL, err);
    }
    free(name);
    return rc;
}

int host_config_apply(struct host_options *own, const struct host_options *o, const char *host,
                      struct error *err)
{
    *own = *o;
    reach_copy(&own->reach, &o->reach);
    if (!o->config)
        return 0;
    if (!host_config_apply_all(own, o, host, err) && !host_options_check(own, err))
        return 0;
    return error_suffix(err, "this is said by the options and %s together",
                        ((cfg_t *)o->config)->filename);
}

void host_config_drop(struct host_options *own)
{
    reach_drop(&own->reach);
}
