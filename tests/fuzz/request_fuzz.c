/* A request of the subsystem fwssh, and facts as a device or a site's command reports them. */
#include "fuzz.h"

#include "device/receive/request.h"
#include "wire/facts.h"

#include <stdlib.h>
#include <string.h>

static void fuzz_facts(const uint8_t *data, size_t size)
{
    struct facts facts = {0}, again = {0};
    struct buffer text = {0}, twice = {0};
    char *input = fuzz_text(data, size);

    facts_parse(&facts, input);
    facts_print(&facts, &text);
    facts_parse(&again, buffer_text(&text));
    facts_print(&again, &twice);
    /* Facts that were printed once are printed the same a second time. */
    if (strcmp(buffer_text(&text), buffer_text(&twice)))
        __builtin_trap();
    buffer_free(&text);
    buffer_free(&twice);
    facts_free(&facts);
    facts_free(&again);
    free(input);
}

static void fuzz_request(const uint8_t *data, size_t size)
{
    struct request q;
    struct error err = {0};

    if (request_parse((const char *)data, size, &q, &err)) {
        size_t len = strnlen(err.text, sizeof err.text);
        if (err.status != EXIT_USAGE || !len || len == sizeof err.text)
            __builtin_trap();
        for (size_t i = 0; i < len; i++)
            if (err.text[i] < 0x20 || err.text[i] > 0x7e)
                __builtin_trap(); /* a terminal shows it */
    } else if (!*q.name || (q.verb == REQUEST_UPDATE) != (q.size > 0)) {
        __builtin_trap();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_request(data, size);
    fuzz_facts(data, size);
    return 0;
}
