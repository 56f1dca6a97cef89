/* SPDX-License-Identifier: Apache-2.0 */
#include "device/listen/penalty.h"

#include <stdio.h>
#include <string.h>

/* A wrong key, a typo, a port probe: no reason for a penalty yet. */
#define PENALTY_FREE_FAILURES 5
/* This many seconds without a penalty make up for one failure. */
#define PENALTY_FADE_SECONDS 15
#define PENALTY_TURN_SECONDS 0.25
#define PENALTY_TOLD_SECONDS 60

static struct penalty_row *penalty_find(const struct penalty_book *book, const char *source)
{
    for (size_t i = 0; i < PENALTY_ROWS; i++)
        if (!strcmp(book->row[i].source, source))
            return (struct penalty_row *)&book->row[i];
    return NULL;
}

static double penalty_faded(const struct penalty_row *row, double now)
{
    double quiet = now > row->until ? now - row->until : 0;
    double failures = row->failures - quiet / PENALTY_FADE_SECONDS;

    return failures > 0 ? failures : 0;
}

/* A free row, or the one with the fewest failures. */
static struct penalty_row *penalty_new(struct penalty_book *book, const char *source, double now)
{
    struct penalty_row *least = &book->row[0];

    for (size_t i = 1; i < PENALTY_ROWS; i++)
        if (penalty_faded(&book->row[i], now) < penalty_faded(least, now))
            least = &book->row[i];
    *least = (struct penalty_row){0};
    snprintf(least->source, sizeof least->source, "%s", source);
    return least;
}

static double penalty_seconds(double failures, int most)
{
    double seconds = 1;

    for (; failures > PENALTY_FREE_FAILURES && seconds < most; failures--)
        seconds *= 2;
    return seconds < most ? seconds : most;
}

double penalty_left(const struct penalty_book *book, const char *source, double now)
{
    const struct penalty_row *row = penalty_find(book, source);

    return row && row->until > now ? row->until - now : 0;
}

void penalty_failed(struct penalty_book *book, const char *source, double cost, int most,
                    double now)
{
    struct penalty_row *row = penalty_find(book, source);

    if (!most)
        return;
    if (!row)
        row = penalty_new(book, source, now);
    row->failures = penalty_faded(row, now) + cost;
    bool begins = row->until <= now;
    row->until = now;
    if (row->failures > PENALTY_FREE_FAILURES)
        row->until += penalty_seconds(row->failures, most);
    if (begins && row->until > now && !row->silent)
        row->told_at = now; /* the beginning is logged */
}

bool penalty_may_serve(const struct penalty_book *book, const char *source, double now)
{
    const struct penalty_row *row = penalty_find(book, source);

    return !row || now - row->served_at >= PENALTY_TURN_SECONDS;
}

void penalty_serve(struct penalty_book *book, const char *source, double now)
{
    struct penalty_row *row = penalty_find(book, source);

    if (row)
        row->served_at = now;
}

void penalty_hush(struct penalty_book *book, const char *source)
{
    struct penalty_row *row = penalty_find(book, source);

    if (row)
        row->silent++;
}

void penalty_report(struct penalty_book *book, double now,
                    void (*tell)(void *data, const char *source, unsigned count), void *data)
{
    for (size_t i = 0; i < PENALTY_ROWS; i++) {
        struct penalty_row *row = &book->row[i];
        if (!row->silent || now - row->told_at < PENALTY_TOLD_SECONDS)
            continue;
        tell(data, row->source, row->silent);
        row->silent = 0;
        row->told_at = now;
    }
}

void penalty_forgive(struct penalty_book *book, const char *source)
{
    struct penalty_row *row = penalty_find(book, source);

    if (row)
        row->failures = row->until = 0;
}
