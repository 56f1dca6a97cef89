/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and answers of the subsystem fwssh, and facts as a device or a site's command gives
 * them. */
#include "fuzz.h"

#include "wire/answer.h"
#include "wire/facts.h"
#include "wire/request.h"

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

/* What is printed must be read as the same. */
static void fuzz_print(const struct request *q)
{
    struct buffer line = {0}, twice = {0};
    struct error err;
    struct request again;

    request_print(q, &line);
    if (request_parse(line.data, line.len - 1, &again, &err))
        __builtin_trap();
    request_print(&again, &twice);
    if (strcmp(buffer_text(&line), buffer_text(&twice)))
        __builtin_trap();
    buffer_free(&line);
    buffer_free(&twice);
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
    } else if (q.verb >= REQUEST_VERBS || (q.verb == REQUEST_UPDATE) != (q.size > 0)) {
        __builtin_trap();
    } else {
        fuzz_print(&q);
    }
}

static void fuzz_answer(const uint8_t *data, size_t size)
{
    char *input = fuzz_text(data, size);
    struct buffer reason = {0};
    struct answer a;

    if (answer_parse(&a, input) && a.status > EXIT_WIRE_MAX)
        __builtin_trap();
    (void)answer_find_reason(input, input, &reason);
    for (size_t i = 0; i < reason.len; i++)
        if ((unsigned char)reason.data[i] < 0x20)
            __builtin_trap();
    buffer_free(&reason);
    answer_free(&a);
    free(input);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_request(data, size);
    fuzz_facts(data, size);
    fuzz_answer(data, size);
    return 0;
}
