#include "host/command/ask.h"

#include "base/memory.h"
#include "host/output/console.h"
#include "host/remote/remote.h"
#include "host/remote/transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a request that only says "ok" has done. */
static const struct {
    const char *word, *done;
} ask_words[] = {
    {"status", NULL},
    {"log", NULL},
    {"confirm", "The running firmware is confirmed."},
    {"revert", "The firmware before this one boots next; if it does not run already, the device "
               "reboots."},
    {"reboot", "The device reboots."},
    {"activate", "The staged firmware boots next; the device reboots."},
};

static const char *ask_done(const char *word)
{
    for (size_t i = 0; i < sizeof ask_words / sizeof *ask_words; i++)
        if (!strcmp(word, ask_words[i].word))
            return ask_words[i].done;
    return NULL;
}

int ask_is_word(const char *word)
{
    for (size_t i = 0; i < sizeof ask_words / sizeof *ask_words; i++)
        if (!strcmp(word, ask_words[i].word))
            return 1;
    return 0;
}

/* Blanks of a reason are sent as '_', as the words of a request end at them. */
static char *ask_request(const struct push_options *o, const char *word)
{
    if (strcmp(word, "revert") || !o->reason)
        return memory_text(word);
    char *request = memory_printf("revert reason=%.190s", o->reason);
    for (char *p = request + strlen("revert "); *p; p++)
        if (*p == ' ' || *p == '\n')
            *p = '_';
    return request;
}

static void ask_print_json(const char *word, const char *host, const struct remote_answer *a)
{
    struct buffer line = {0};

    buffer_add_text(&line, "{\"event\":");
    console_json_string(&line, word);
    buffer_add_text(&line, ",\"host\":");
    console_json_string(&line, host);
    buffer_printf(&line, ",\"status\":%d,\"text\":", a->status);
    console_json_string(&line, buffer_text(&a->text));
    buffer_add_text(&line, ",\"facts\":{");
    for (size_t i = 0; i < a->facts.count; i++) {
        if (i)
            buffer_add_text(&line, ",");
        console_json_string(&line, a->facts.fact[i].name);
        buffer_add_text(&line, ":");
        console_json_string(&line, a->facts.fact[i].value);
    }
    buffer_add_text(&line, "}}\n");
    fputs(buffer_text(&line), stdout);
    buffer_free(&line);
}

/* "slot a, Pump 2.0, confirmed" */
static void ask_print_summary(const char *host, const struct facts *facts)
{
    const char *active = facts_get(facts, "active"), *next = facts_get(facts, "next");
    const char *confirmed = facts_get(facts, "confirmed"), *left = facts_get(facts, "tries-left");

    printf("%s: %s%s%s%s%s", host, *active ? "slot " : "slots not known", active,
           *facts_get(facts, "product") ? ", " : "", facts_get(facts, "product"),
           *facts_get(facts, "version") ? " " : "");
    printf("%s", facts_get(facts, "version"));
    if (!strcmp(confirmed, "yes"))
        printf(", confirmed");
    else if (!strcmp(confirmed, "no"))
        printf(", NOT confirmed%s%s%s", *left ? " (" : "", left, *left ? " more starts)" : "");
    if (*next && strcmp(active, next))
        printf(", slot %s boots next", next);
    putchar('\n');
}

static void ask_print(const struct push_options *o, const char *word, const char *host,
                      const struct remote_answer *a)
{
    if (o->json) {
        ask_print_json(word, host, a);
    } else if (a->status) {
        fprintf(stderr, "fwssh: %s: %s\n", host, buffer_text(&a->text));
    } else if (!o->quiet && ask_done(word)) {
        printf("%s: %s\n", host, ask_done(word));
    } else if (!o->quiet) {
        if (!strcmp(word, "status"))
            ask_print_summary(host, &a->facts);
        for (size_t i = 0; i < a->facts.count; i++)
            printf("  %-18s %s\n", a->facts.fact[i].name, a->facts.fact[i].value);
    }
    fflush(stdout);
}

int ask_run(const struct push_options *o, const char *word)
{
    char *request = ask_request(o, word);
    int status = EXIT_DONE;

    transfer_watch_signals();
    for (size_t i = 0; i < o->host_count && !transfer_is_interrupted(); i++) {
        struct remote_answer a;
        remote_ask(o, o->hosts[i], request, false, &a);
        ask_print(o, word, o->hosts[i], &a);
        if (a.status)
            status = o->host_count > 1 ? EXIT_SOME_FAILED : a.status;
        remote_free(&a);
    }
    free(request);
    return transfer_is_interrupted() ? EXIT_INTERRUPTED : status;
}
