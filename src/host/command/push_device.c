#include "host/command/push_device.h"

#include "base/memory.h"
#include "host/command/wait.h"
#include "host/remote/outcome.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The origin's protocol (PROTOCOL.md, "Header"), or a request of the subsystem fwssh; the subsystem
 * fwup has none. */
static char *push_header(const struct push_options *o, const struct firmware_file *firmware)
{
    if (push_options_are_bare(o))
        return memory_text("");
    if (push_options_need_request(o))
        return memory_printf("fwssh/1 update size=%" PRIu64 "%s%s reboot=%s stage=%s\n",
                             firmware->size, o->task ? " task=" : "", o->task ? o->task : "",
                             o->no_reboot || o->stage ? "no" : "yes", o->stage ? "yes" : "no");
    return memory_printf("fwup:%" PRIu64 "%s\n", firmware->size, o->no_reboot ? "" : ",reboot");
}

static void push_tell_times(const struct transfer *t, struct console *console)
{
    char line[120];

    snprintf(line, sizeof line, "Sent in %.1f s, written in another %.1f s.",
             t->all_sent - t->began, t->ended - t->all_sent);
    console_note(console, line);
}

static int push_send(const struct push_options *o, const struct ssh_target *target,
                     struct firmware_file *firmware, struct console *console, struct buffer *text)
{
    struct push_options own = *o;
    struct transfer t;
    struct error err;
    int status;

    if (push_options_need_request(o))
        own.subsystem = PUSH_REQUEST_SUBSYSTEM;
    char *header = push_header(o, firmware);
    if (o->no_reboot && !*header)
        console_note(console,
                     "--no-reboot has no effect with the subsystem fwup: the device decides");
    if (transfer_run(&t, &own, target, header, firmware, 0, console, &err)) {
        buffer_add_text(text, err.text);
        status = (int)err.status;
    } else {
        status = outcome_judge(&t, o, target, text);
        if (!status && o->wait)
            push_tell_times(&t, console);
    }
    transfer_free(&t);
    free(header);
    return status;
}

/* What runs also boots next, and, if that matters, it is to stay. */
static bool push_is_settled(const struct push_options *o, const struct facts *facts)
{
    const char *next = facts_get(facts, "next");

    return (!*next || !strcmp(next, facts_get(facts, "active"))) &&
           (!o->wait || !strcmp(facts_get(facts, "confirmed"), "yes"));
}

/* Before a byte is sent: what the device says of itself decides whether to begin. -1: begin. */
static int push_ask_before(const struct push_options *o, const char *host,
                           const struct firmware_file *firmware, struct wait *w,
                           struct console *console, struct buffer *text)
{
    const struct facts *facts = &w->before.facts;
    int status = wait_begin(w, o, host, console);

    if (status) {
        buffer_add_text(text, buffer_text(&w->before.text));
        return status;
    }
    if (o->host_count > 1 && !o->force && push_is_settled(o, facts) && wait_runs(facts, firmware)) {
        buffer_add_text(text, "Skipped: the device runs this firmware already (--force pushes all "
                              "the same).");
        return EXIT_DONE;
    }
    if (o->stage && !strstr(facts_get(facts, "can"), "stage")) {
        buffer_printf(text, "the device's updater (%s) cannot stage a firmware; nothing was sent",
                      *facts_get(facts, "updater") ? facts_get(facts, "updater") : "unknown");
        return EXIT_REFUSED;
    }
    return -1;
}

static int push_steps(const struct push_options *o, const char *host,
                      struct firmware_file *firmware, struct console *console, struct buffer *text)
{
    struct ssh_target target;
    struct wait w = {0};
    struct error err;
    int status = -1;

    if ((lseek(firmware->fd, 0, SEEK_SET) &&
         error_errno(&err, "cannot read the firmware from its beginning")) ||
        ssh_target_resolve(&target, o, host, &err)) {
        buffer_add_text(text, err.text);
        return (int)err.status;
    }
    console_firmware(console, firmware, target.port);
    if (o->wait || o->stage || o->host_count > 1)
        status = push_ask_before(o, host, firmware, &w, console, text);
    if (status < 0) {
        status = push_send(o, &target, firmware, console, text);
        if (!status && o->wait) {
            buffer_clear(text);
            status = wait_return(&w, o, host, firmware, console, text);
        }
    }
    wait_free(&w);
    ssh_target_free(&target);
    return status;
}

int push_device(const struct push_options *o, const char *host, struct firmware_file *firmware,
                struct console *console)
{
    struct buffer text = {0};
    int status = push_steps(o, host, firmware, console, &text);

    console_result(console, status, buffer_text(&text));
    buffer_free(&text);
    return status;
}
