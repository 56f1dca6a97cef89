/* SPDX-License-Identifier: Apache-2.0 */
#include "host/remote/reach.h"

#include "base/io.h"
#include "base/memory.h"
#include "host/remote/ssh_gate.h"

#include <stdlib.h>
#include <string.h>

double reach_end(const struct reach *r, double seconds)
{
    double now = io_now(), end = seconds > 0 ? now + seconds : 0;
    double own = r->until > 0 ? r->until : r->timeout ? now + r->timeout : 0;

    return own > 0 && (end <= 0 || own < end) ? own : end;
}

static void reach_add(const char ***list, size_t *count, const char *text)
{
    *list = memory_resize(*list, (*count + 1) * sizeof **list);
    (*list)[(*count)++] = text;
}

void reach_add_ssh_option(struct reach *r, const char *option)
{
    reach_add(&r->ssh_options, &r->ssh_option_count, option);
}

void reach_add_agent_option(struct reach *r, const char *option)
{
    reach_add(&r->agent_options, &r->agent_option_count, option);
}

void reach_copy(struct reach *to, const struct reach *from)
{
    *to = *from;
    to->ssh_options = to->agent_options = NULL;
    to->ssh_option_count = to->agent_option_count = 0;
    for (size_t i = 0; i < from->ssh_option_count; i++)
        reach_add_ssh_option(to, from->ssh_options[i]);
    for (size_t i = 0; i < from->agent_option_count; i++)
        reach_add_agent_option(to, from->agent_options[i]);
}

void reach_drop(struct reach *copy)
{
    free(copy->ssh_options);
    free(copy->agent_options);
    copy->ssh_options = copy->agent_options = NULL;
}

void reach_free(struct reach *r)
{
    if (r->passphrase)
        explicit_bzero(r->passphrase, strlen(r->passphrase));
    free(r->passphrase);
    if (r->secret)
        explicit_bzero(r->secret, sizeof *r->secret);
    free(r->secret);
    reach_drop(r);
    *r = (struct reach){0};
}
