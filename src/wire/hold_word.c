/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/hold_word.h"

#include "base/number.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

static const char *const hold_names[] = {[HOLD_NONE] = "none",
                                         [HOLD_GO] = "go",
                                         [HOLD_WHOLE] = "whole",
                                         [HOLD_COMPLETE] = "complete",
                                         [HOLD_FAILED] = "failed"};

#define HOLD_KINDS (sizeof hold_names / sizeof *hold_names)

static bool hold_has_size(enum hold_word_kind kind)
{
    return kind == HOLD_GO || kind == HOLD_WHOLE;
}

void hold_word_print(const struct hold_word *w, struct buffer *line)
{
    buffer_add_text(line, hold_names[w->kind]);
    if (hold_has_size(w->kind))
        buffer_printf(line, " %" PRIu64, w->size);
    if (w->kind == HOLD_FAILED)
        buffer_printf(line, " %d %s", (int)w->error.status, w->error.text);
    buffer_add_text(line, "\n");
}

static int hold_parse_failure(const char *rest, struct error *err)
{
    if (rest[0] < '0' + EXIT_FAILED || rest[0] > '0' + EXIT_WIRE_MAX || rest[1] != ' ')
        return -1;
    error_set(err, (enum exit_status)(rest[0] - '0'), "%s", rest + 2);
    return 0;
}

int hold_word_parse(const char *line, struct hold_word *w)
{
    size_t len = strcspn(line, " "), kind = 0;
    const char *rest = line[len] ? line + len + 1 : "";

    while (kind < HOLD_KINDS &&
           (strlen(hold_names[kind]) != len || memcmp(hold_names[kind], line, len)))
        kind++;
    if (kind == HOLD_KINDS)
        return -1;
    *w = (struct hold_word){.kind = (enum hold_word_kind)kind};
    if (hold_has_size(w->kind))
        return number_parse_decimal(rest, strlen(rest), &w->size);
    return w->kind == HOLD_FAILED ? hold_parse_failure(rest, &w->error) : *rest ? -1 : 0;
}
