/* SPDX-License-Identifier: Apache-2.0 */
#include "host/command/selftest_report.h"

#include "base/io.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TOLD_MAX 300

static const char *const selftest_words[SELFTEST_RESULTS] = {"PASS", "FAIL", "SKIP"};

enum selftest_result selftest_step_end(struct selftest_step *s, enum selftest_result result,
                                       const char *fmt, ...)
{
    char text[TOLD_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    buffer_printf(&s->told, "%s%s", s->told.len ? "; " : "", text);
    s->result = result;
    return result;
}

void selftest_step_free(struct selftest_step *s)
{
    buffer_free(&s->told);
    buffer_free(&s->detail);
}

void selftest_report_add(struct selftest_report *r, const char *name, const struct selftest_step *s,
                         double seconds)
{
    const char *word = selftest_words[s->result];

    r->count[s->result]++;
    buffer_printf(&r->text, "%s %s: %s (%.1f s)\n", word, name, buffer_text(&s->told), seconds);
    if (r->full && s->detail.len)
        buffer_printf(&r->text, "     %s\n", buffer_text(&s->detail));
    printf("%s %s: %s\n", word, name, buffer_text(&s->told));
    fflush(stdout);
    if (s->result == SELFTEST_FAILED && s->detail.len)
        fprintf(stderr, "fwssh: %s\n", buffer_text(&s->detail));
}

int selftest_report_write(struct selftest_report *r, const char *path, struct error *err)
{
    buffer_printf(&r->text, "result: %u passed, %u failed, %u skipped\n", r->count[SELFTEST_PASSED],
                  r->count[SELFTEST_FAILED], r->count[SELFTEST_SKIPPED]);
    if (path && strcmp(path, "-"))
        return io_write_file(path, r->text.data, r->text.len, 0644, err);
    printf("\n%s", buffer_text(&r->text));
    return 0;
}

void selftest_report_free(struct selftest_report *r)
{
    buffer_free(&r->text);
}
