/* SPDX-License-Identifier: Apache-2.0 */
#include "host/command/host_list.h"

#include "base/io.h"
#include "base/memory.h"
#include "host/command/host_config.h"
#include "host/remote/host_name.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOST_LIST_MAX (1u << 20)

int host_list_add(struct fleet_options *f, const char *host, struct error *err)
{
    char *name;
    int port;

    int rc = host_name_split(host, &name, &port, err);
    free(name);
    if (rc)
        return -1;
    f->hosts = memory_resize(f->hosts, (f->host_count + 1) * sizeof *f->hosts);
    f->hosts[f->host_count++] = host;
    return 0;
}

/* A line has one host, and perhaps a comment. Returns it, "" if there is none, or NULL if there are
 * two. */
static char *host_list_line(char *line)
{
    line[strcspn(line, "#")] = '\0';
    line += strspn(line, " \t");
    size_t len = strcspn(line, " \t");
    bool two = line[len + strspn(line + len, " \t")] != '\0';

    line[len] = '\0';
    return two ? NULL : line;
}

/* As people keep them: with the ends of lines, and the mark at the start, of any system. */
static int host_list_parse(struct fleet_options *f, const char *path, char *rest, struct error *err)
{
    static const char mark[] = "\xef\xbb\xbf";
    int number = 0;

    rest += strncmp(rest, mark, strlen(mark)) ? 0 : strlen(mark);
    while (rest) {
        size_t len = strcspn(rest, "\r\n");
        char *next =
            rest[len] ? rest + len + 1 + (rest[len] == '\r' && rest[len + 1] == '\n') : NULL;
        rest[len] = '\0';
        number++;
        char *host = host_list_line(rest);
        if (!host)
            return error_set(err, EXIT_USAGE, "%s, line %d: more than one host", path, number);
        if (*host && host_list_add(f, host, err))
            return error_prefix(err, "%s, line %d", path, number);
        rest = next;
    }
    return 0;
}

int host_list_read(struct fleet_options *f, const char *path, struct error *err)
{
    struct buffer text = {0};

    if (f->hosts_text)
        return error_set(err, EXIT_USAGE, "--hosts can only be given once");
    if (strcmp(path, "-") ? io_read_file(path, HOST_LIST_MAX, &text, err)
                          : io_read_fd(0, "standard input", HOST_LIST_MAX, &text, err)) {
        buffer_free(&text);
        return -1;
    }
    f->hosts_text = text.data ? text.data : memory_text("");
    if (strlen(f->hosts_text) != text.len)
        return error_set(err, EXIT_USAGE, "%s is not a text file in UTF-8", path);
    if (host_list_parse(f, path, f->hosts_text, err))
        return -1;
    return f->host_count ? 0 : error_set(err, EXIT_USAGE, "no hosts in %s", path);
}

int host_list_take(struct fleet_options *f, struct buffer *text, struct error *err)
{
    f->found_text = text->data;
    *text = (struct buffer){0};
    return host_list_parse(f, "mDNS", f->found_text, err);
}

/* The port, as far as the command line and the configuration say it; that of ssh is not asked. */
static int host_list_port(const struct host_options *o, const char *host)
{
    struct host_options own;
    struct error ignored;

    int port = host_config_apply(&own, o, host, &ignored) ? 0 : own.reach.port;
    host_config_drop(&own);
    return port;
}

/* What tells devices apart; the letters of a host's name are the same in either case. The caller
 * frees it. */
static char *host_list_key(const struct host_options *o, const char *host)
{
    struct error ignored;
    char *name;
    int port;

    (void)host_name_split(host, &name, &port, &ignored);
    char *key = memory_printf("%s:%d", name, port ? port : host_list_port(o, host));
    char *at = strrchr(key, '@');
    for (char *c = at ? at : key; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    free(name);
    return key;
}

static bool host_list_has(char *const *keys, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(keys[i], key))
            return true;
    return false;
}

void host_list_unite(struct host_options *o)
{
    struct fleet_options *f = &o->fleet;
    char **keys = memory_new(f->host_count + 1, sizeof *keys);
    size_t kept = 0;

    for (size_t i = 0; i < f->host_count; i++) {
        char *key = host_list_key(o, f->hosts[i]);
        if (!host_list_has(keys, kept, key)) {
            keys[kept] = key;
            f->hosts[kept++] = f->hosts[i];
            continue;
        }
        free(key);
        if (!o->output.quiet)
            fprintf(stderr, "fwssh: %s is named more than once; it is used once\n", f->hosts[i]);
    }
    for (size_t i = 0; i < kept; i++)
        free(keys[i]);
    free(keys);
    f->host_count = kept;
}
