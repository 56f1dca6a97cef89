/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/apply/report.h"

#include "base/clean.h"
#include "base/io.h"
#include "base/memory.h"
#include "engine/archive/frame.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REPORT_STEP (128u * 1024)
#define REPORT_BAR_WIDTH 36

static void report_line(struct report *r, const char *type, const char *text)
{
    if (r->framing) {
        fflush(stdout);
        frame_write(STDOUT_FILENO, type, 0, text, strlen(text));
        return;
    }
    /* Replaces a progress bar: back to the start of the line, and clear it. */
    if (*text && r->progress == REPORT_BAR && r->active)
        fputs("\r\033[K", stdout);
    printf("%s: %s\n", r->program, text);
    fflush(stdout);
}

/* The text may be the archive's. */
static void report_message(struct report *r, const char *type, const char *text)
{
    char *copy = memory_text(text);

    clean_lines(copy);
    report_line(r, type, copy);
    free(copy);
}

void report_info(struct report *r, const char *fmt, ...)
{
    char text[2048];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    report_message(r, "WN", text);
}

void report_error(struct report *r, const char *text)
{
    report_message(r, "ER", text);
}

void report_result(struct report *r, const char *text)
{
    char *copy = memory_text(text);

    clean_lines(copy);
    if (r->framing)
        frame_write(STDOUT_FILENO, "OK", 0, copy, strlen(copy));
    else
        fputs(copy, stdout);
    fflush(stdout);
    free(copy);
}

static void report_scale(uint64_t n, double *value, const char **unit)
{
    static const char *const units[] = {"bytes", "KB", "MB", "GB", "TB"};
    size_t i = 0;

    *value = (double)n;
    while (*value >= 1000 && i + 1 < sizeof units / sizeof *units) {
        *value /= 1000;
        i++;
    }
    *unit = units[i];
}

static void report_bar(struct report *r, int percent)
{
    char bar[REPORT_BAR_WIDTH + 1];
    int filled = percent * REPORT_BAR_WIDTH / 100;

    memset(bar, ' ', REPORT_BAR_WIDTH);
    memset(bar, '=', (size_t)filled);
    bar[REPORT_BAR_WIDTH] = '\0';
    printf("\r%3d%% [%s]", percent, bar);
    if (r->total) {
        double in, out;
        const char *in_unit, *out_unit;
        report_scale(r->in, &in, &in_unit);
        report_scale(r->done, &out, &out_unit);
        printf(" %.2f %s in / %.2f %s out     \b\b\b\b\b", in, in_unit, out, out_unit);
    }
}

static void report_percent(struct report *r, int percent)
{
    if (percent <= r->last)
        return;
    r->last = percent;
    if (r->progress == REPORT_QUIET)
        return;
    if (r->framing)
        frame_write(STDOUT_FILENO, "PR", (uint16_t)percent, NULL, 0);
    else if (r->progress == REPORT_NUMERIC)
        printf("%d\n", percent);
    else
        report_bar(r, percent);
    fflush(stdout);
}

void report_start(struct report *r)
{
    r->active = true;
    r->last = -1;
    r->start = io_now();
    report_percent(r, r->low);
}

static void report_step(struct report *r, uint64_t units)
{
    uint64_t range = (uint64_t)(r->high - r->low);

    r->done += units;
    if (!r->total || !range)
        return;
    uint64_t done = r->done, total = r->total;
    for (; done > UINT64_MAX / range; done >>= 1)
        total >>= 1;
    uint64_t step = total ? done * range / total : range;
    if (step > range - 1)
        step = range - 1;
    report_percent(r, r->low + (int)step);
}

/* In small steps, however much was written at once, so that every percentage is shown. */
void report_add(struct report *r, uint64_t units)
{
    do {
        uint64_t step = units < REPORT_STEP ? units : REPORT_STEP;
        report_step(r, step);
        units -= step;
    } while (units && r->progress != REPORT_QUIET);
    r->done += units;
}

void report_success(struct report *r)
{
    double seconds = io_now() - r->start;

    report_percent(r, r->high);
    r->active = false;
    if (r->framing) {
        frame_write(STDOUT_FILENO, "OK", 0, NULL, 0);
        return;
    }
    if (r->progress != REPORT_BAR)
        return;
    printf("\nSuccess!\n");
    if (r->total && seconds > 60)
        printf("Elapsed time: %d min %02d s\n", (int)seconds / 60, (int)seconds % 60);
    else if (r->total)
        printf("Elapsed time: %.3f s\n", seconds);
    fflush(stdout);
}
