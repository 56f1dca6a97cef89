#include "host/remote/remote.h"

#include "base/memory.h"
#include "host/remote/outcome.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REMOTE_VERSION "fwssh/1"
/* A person may be asked for a passphrase or a touch meanwhile. */
#define REMOTE_SECONDS 150
#define REMOTE_IMPATIENT_SECONDS 20

/* "fwssh/1 ok" and facts, or "fwssh/1 error STATUS TEXT". False if it is neither. */
static bool remote_parse(struct remote_answer *a, const char *text)
{
    static const char ok[] = REMOTE_VERSION " ok\n", error[] = REMOTE_VERSION " error ";
    int status, at = 0;

    if (!strncmp(text, ok, strlen(ok))) {
        facts_parse(&a->facts, text + strlen(ok));
        return true;
    }
    if (strncmp(text, error, strlen(error)) ||
        sscanf(text + strlen(error), "%d %n", &status, &at) < 1)
        return false;
    const char *why = text + strlen(error) + at;
    a->status = status >= 1 && status <= EXIT_WIRE_MAX ? status : EXIT_FAILED;
    buffer_add(&a->text, why, strcspn(why, "\n"));
    if (a->text.data)
        facts_clean(a->text.data);
    return true;
}

static void remote_judge(struct remote_answer *a, const struct transfer *t,
                         const struct push_options *o, const struct ssh_target *target)
{
    const char *out = buffer_text(&t->out), *errors = buffer_text(&t->err);

    if (t->timed_out) {
        a->status = EXIT_UNREACHABLE;
        buffer_add_text(&a->text, "the device did not answer in time");
        return;
    }
    if (remote_parse(a, out))
        return;
    a->unknown = strstr(errors, "subsystem request failed") != NULL;
    a->status = outcome_judge(t, o, target, &a->text);
    if (a->unknown) {
        a->status = EXIT_FAILED;
        buffer_clear(&a->text);
        buffer_add_text(&a->text, "the device does not offer the subsystem fwssh, so it cannot be "
                                  "asked: it speaks the origin's protocol only");
    } else if (a->status == EXIT_DONE || a->status == EXIT_UNCONFIRMED) {
        a->status = EXIT_UNREACHABLE;
        buffer_clear(&a->text);
        buffer_add_text(&a->text, "the connection ended before the device had answered");
    }
}

void remote_ask(const struct push_options *o, const char *host, const char *request, bool impatient,
                struct remote_answer *a)
{
    struct push_options own = *o;
    struct firmware_file nothing = {.fd = -1};
    struct console silent = {.mode = CONSOLE_SILENT};
    struct ssh_target target;
    struct transfer t;
    struct error err;

    *a = (struct remote_answer){0};
    own.subsystem = PUSH_REQUEST_SUBSYSTEM;
    own.exec = false;
    if (impatient && own.ssh_option_count < PUSH_LIST_MAX)
        own.ssh_options[own.ssh_option_count++] = "ConnectTimeout=5";
    if (ssh_target_resolve(&target, &own, host, &err)) {
        a->status = (int)err.status;
        buffer_add_text(&a->text, err.text);
        return;
    }
    char *line = memory_printf(REMOTE_VERSION " %s\n", request);
    if (transfer_run(&t, &own, &target, line, &nothing,
                     impatient ? REMOTE_IMPATIENT_SECONDS : REMOTE_SECONDS, &silent, &err)) {
        a->status = (int)err.status;
        buffer_add_text(&a->text, err.text);
    } else {
        remote_judge(a, &t, &own, &target);
    }
    free(line);
    console_close(&silent);
    transfer_free(&t);
    ssh_target_free(&target);
}

void remote_free(struct remote_answer *a)
{
    facts_free(&a->facts);
    buffer_free(&a->text);
}
