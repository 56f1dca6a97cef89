/* SPDX-License-Identifier: Apache-2.0 */
#include "host/remote/ssh_jump.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/shell_word.h"

#include <stdlib.h>
#include <string.h>

/* USER@HOST:PORT, HOST may be in brackets. */
struct ssh_hop {
    char *user, *host, *port; /* user and port: NULL if there is none */
};

static void ssh_hop_free(struct ssh_hop *hop)
{
    free(hop->user);
    free(hop->host);
    free(hop->port);
}

static bool ssh_hop_parse(struct ssh_hop *hop, const char *text, size_t len)
{
    static const char scheme[] = "ssh://";
    char *copy = memory_printf("%.*s", (int)len, text), *host = copy, *port;

    if (!strncmp(host, scheme, strlen(scheme)))
        host += strlen(scheme);
    char *at = strrchr(host, '@');
    *hop = (struct ssh_hop){.user = at ? memory_printf("%.*s", (int)(at - host), host) : NULL};
    host = at ? at + 1 : host;
    char *end = *host == '[' ? strchr(host, ']') : NULL;
    if (end) {
        *end = '\0';
        host++;
        port = end[1] == ':' ? end + 2 : NULL;
    } else if ((port = strchr(host, ':'))) {
        *port++ = '\0';
    }
    hop->host = memory_text(host);
    hop->port = port ? memory_text(port) : NULL;
    bool known = *hop->host && (*host != '[' || end);
    free(copy);
    return known;
}

/* For ssh, which expands %h and the like in a ProxyCommand. */
static char *ssh_jump_keep_percents(const char *text)
{
    struct buffer out = {0};

    buffer_add_text(&out, "");
    for (const char *p = text; *p; p++)
        buffer_add_text(&out, *p == '%' ? "%%" : (char[]){*p, '\0'});
    return out.data;
}

static void ssh_jump_add(struct buffer *out, const char *option, const char *value)
{
    if (!value)
        return;
    char *text = ssh_jump_keep_percents(value);
    buffer_printf(out, " %s", option);
    shell_word_add(out, text);
    free(text);
}

char *ssh_jump_command(const char *ssh, const char *hops)
{
    const char *comma = strrchr(hops, ','), *last = comma ? comma + 1 : hops;
    struct buffer out = {0};
    struct ssh_hop hop;
    char *before = NULL;

    if (comma) {
        char *rest = memory_printf("%.*s", (int)(comma - hops), hops);
        before = ssh_jump_command(ssh, rest);
        free(rest);
    }
    if (ssh_hop_parse(&hop, last, strlen(last)) && (!comma || before)) {
        char *program = ssh_jump_keep_percents(ssh);
        buffer_printf(&out, "%s -o LogLevel=INFO", program);
        free(program);
        char *way = before ? memory_printf("ProxyCommand=%s", before) : NULL;
        ssh_jump_add(&out, "-o", way);
        free(way);
        ssh_jump_add(&out, "-l", hop.user);
        ssh_jump_add(&out, "-p", hop.port);
        buffer_add_text(&out, " -W '[%h]:%p'");
        ssh_jump_add(&out, "--", hop.host);
    }
    ssh_hop_free(&hop);
    free(before);
    return out.data;
}

bool ssh_jump_any(const char *hops, bool (*visit)(const char *name, void *data), void *data)
{
    bool found = false;

    for (const char *at = hops; *at && !found; at += strcspn(at, ",")) {
        at += *at == ',';
        struct ssh_hop hop;
        if (ssh_hop_parse(&hop, at, strcspn(at, ","))) {
            char *name =
                memory_printf("%s%s%s", hop.user ? hop.user : "", hop.user ? "@" : "", hop.host);
            found = visit(name, data);
            free(name);
        }
        ssh_hop_free(&hop);
    }
    return found;
}
