/* SPDX-License-Identifier: Apache-2.0 */
#include "host/adaptive/adaptive_dialog.h"

#include "base/io.h"
#include "base/memory.h"
#include "wire/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIALOG_LINE_MAX 4096
/* Answers that have not been asked for would fill the memory. */
#define DIALOG_ANSWERS_MAX (2 * ASSEMBLY_BODY_MAX)
/* While it owes an answer, a device says every second what it does. */
#define DIALOG_SILENCE 60.0
#define DIALOG_LATE_MAX ASSEMBLY_GROUPS_MAX
/* A device that has said so much will not end by itself. */
#define DIALOG_HEARD_MAX (64u << 20)

static void dialog_late(struct adaptive_dialog *d, struct assembly_body *body)
{
    uint64_t group = assembly_get(body);

    d->bad |= body->bad || body->len || d->lates == DIALOG_LATE_MAX;
    if (d->bad)
        return;
    if ((d->lates & (d->lates - 1)) == 0)
        d->late = memory_resize(d->late, (d->lates ? d->lates * 2 : 1) * sizeof *d->late);
    d->late[d->lates++] = group;
}

static void dialog_grant(struct adaptive_dialog *d, struct assembly_body *body)
{
    uint64_t len = assembly_get(body);

    d->bad |= body->bad || body->len || len > d->in_flight;
    d->in_flight -= d->bad ? 0 : len;
}

static void dialog_keep_answer(struct adaptive_dialog *d, const struct assembly_record *record)
{
    d->bad |= d->answer.len + record->body.len > DIALOG_ANSWERS_MAX;
    if (d->bad)
        return;
    size_t place = assembly_begin(&d->answer, ASSEMBLY_ANSWER);
    buffer_add(&d->answer, record->body.bytes, record->body.len);
    assembly_end(&d->answer, place);
}

static void dialog_read_facts(struct adaptive_dialog *d, const struct assembly_body *body)
{
    char *text = memory_printf("%.*s", (int)body->len, (const char *)body->bytes);

    facts_parse(&d->facts, text);
    d->has_facts = true;
    free(text);
}

/* The device has looked at so much: how long all of it takes can be told. */
static void dialog_take_progress(struct adaptive_dialog *d, uint64_t percent)
{
    double so_far = io_now() - d->asked;
    char line[80];

    d->too_slow |= d->patience > 0 && percent < 100 &&
                   so_far * 100 > d->patience * (double)(percent ? percent : 1);

    snprintf(line, sizeof line, "the device looks at what it holds: %u%%",
             percent < 100 ? (unsigned)percent : 100);
    console_glance(d->transfer->console, line);
}

static void dialog_take(struct adaptive_dialog *d, struct assembly_record *record,
                        struct buffer *text)
{
    switch (record->type) {
    case ASSEMBLY_TEXT:
        buffer_add(text, record->body.bytes, record->body.len);
        break;
    case ASSEMBLY_INFO:
        dialog_read_facts(d, &record->body);
        break;
    case ASSEMBLY_PROGRESS:
        dialog_take_progress(d, assembly_get(&record->body));
        break;
    case ASSEMBLY_ANSWER:
        dialog_keep_answer(d, record);
        break;
    case ASSEMBLY_GRANT:
        dialog_grant(d, &record->body);
        break;
    case ASSEMBLY_LATE:
        dialog_late(d, &record->body);
        break;
    default:
        d->bad = true;
    }
}

/* Text before the records; the line that ends it is part of it. Returns how many bytes it takes. */
static size_t dialog_read_text(struct adaptive_dialog *d, const char *bytes, size_t len,
                               struct buffer *text)
{
    static const char ok[] = REQUEST_VERSION " ok";
    size_t n = 0;

    while (n < len && !d->records) {
        char c = bytes[n++];
        if (c != '\n') {
            if (d->line.len < DIALOG_LINE_MAX)
                buffer_add(&d->line, &c, 1);
            continue;
        }
        /* A shell's own words may stand before it. */
        size_t before = d->line.len - (d->line.len < strlen(ok) ? d->line.len : strlen(ok));
        d->records = d->line.len && !strcmp(d->line.data + before, ok);
        buffer_clear(&d->line);
    }
    buffer_add(text, bytes, n);
    return n;
}

static void dialog_decode(void *data, const char *bytes, size_t len, struct buffer *text)
{
    struct adaptive_dialog *d = data;
    struct assembly_record record;
    size_t at = 0;
    int found;

    d->got_bytes += len;
    d->bad |= d->got_bytes > DIALOG_HEARD_MAX;
    d->heard = io_now();
    if (!d->records) {
        size_t n = dialog_read_text(d, bytes, len, text);
        bytes += n;
        len -= n;
    }
    if (!d->records || d->bad)
        return;
    buffer_add(&d->got, bytes, len);
    while (!d->bad &&
           (found = assembly_next(buffer_text(&d->got) + at, d->got.len - at, &record)) != 0) {
        d->bad = found < 0;
        at += ASSEMBLY_HEAD + (found < 0 ? 0 : record.body.len);
        if (!d->bad)
            dialog_take(d, &record, text);
    }
    if (d->got.len)
        buffer_drop(&d->got, at < d->got.len ? at : d->got.len);
}

void adaptive_dialog_open(struct adaptive_dialog *d, struct transfer *transfer)
{
    *d = (struct adaptive_dialog){.transfer = transfer};
    transfer->ssh.decode = dialog_decode;
    transfer->ssh.decode_data = d;
}

void adaptive_dialog_close(struct adaptive_dialog *d)
{
    buffer_free(&d->line);
    buffer_free(&d->got);
    buffer_free(&d->answer);
    buffer_free(&d->out);
    facts_free(&d->facts);
    free(d->late);
}

void adaptive_dialog_needs_no_more(struct adaptive_dialog *d)
{
    d->needed = d->sent + (d->out.len - d->out_at);
}

static bool dialog_has_given_all(const struct adaptive_dialog *d)
{
    return d->needed && d->sent >= d->needed;
}

int adaptive_dialog_blame(const struct adaptive_dialog *d, const char *what, struct error *err)
{
    return dialog_has_given_all(d)
               ? error_set(err, EXIT_UNCONFIRMED,
                           "%s, when it had got everything, so it may have finished the update; "
                           "check what it runs before you push again",
                           what)
               : error_set(err, EXIT_FAILED,
                           "%s; nothing was activated. Try again with --adaptive=never", what);
}

static int dialog_write(struct adaptive_dialog *d, struct error *err)
{
    struct transfer *t = d->transfer;
    struct ssh_run *ssh = &t->ssh;
    ssize_t n = ssh_run_write(ssh, d->out.data + d->out_at, d->out.len - d->out_at, err);

    if (n <= 0)
        return (int)n;
    d->sent += (uint64_t)n;
    d->out_at += (size_t)n;
    if (!dialog_has_given_all(d)) {
        t->sent = d->sent < t->total ? d->sent : t->total - 1;
    } else if (t->sent < t->total) {
        t->sent = t->total;
        t->all_sent = io_now();
    }
    if (d->out_at == d->out.len) {
        buffer_clear(&d->out);
        d->out_at = 0;
    }
    return 0;
}

int adaptive_dialog_wait(struct adaptive_dialog *d, struct error *err)
{
    struct ssh_run *ssh = &d->transfer->ssh;
    int event = ssh_run_next(ssh, ssh->in >= 0 && d->out.len, d->transfer->until, err);

    if (event == SSH_RUN_WRITABLE && dialog_write(d, err))
        return -1;
    if (d->bad)
        return adaptive_dialog_blame(d, "the device sent what is no record of fwssh", err);
    return event < 0 ? -1 : event == SSH_RUN_HEARD || event == SSH_RUN_WRITABLE;
}

/* The same for a time in which the device may not be silent, nor talk for ever. */
static int dialog_wait_owed(struct adaptive_dialog *d, struct error *err)
{
    uint64_t bytes = d->sent + d->got_bytes + (d->out.len - d->out_at);
    if (d->max_bytes && bytes > d->max_bytes)
        return error_set(err, EXIT_FAILED,
                         "the questions alone take more than %llu bytes (--max-bytes); nothing was "
                         "activated",
                         (unsigned long long)d->max_bytes);
    struct transfer *t = d->transfer;
    double until = t->until;
    bool ours = transfer_limit(t, d->heard + DIALOG_SILENCE);

    int rc = adaptive_dialog_wait(d, err);
    t->until = until;
    if (!ours || !t->ssh.late)
        return rc;
    return error_set(err, EXIT_UNREACHABLE,
                     "the device has been silent for %d s instead of answering; nothing was "
                     "activated. Try again, or with --adaptive=never",
                     (int)DIALOG_SILENCE);
}

int adaptive_dialog_await_facts(struct adaptive_dialog *d, struct error *err)
{
    int rc = 1;

    d->heard = io_now();
    while (rc > 0 && !d->has_facts)
        rc = dialog_wait_owed(d, err);
    return rc;
}

int adaptive_dialog_await_answer(struct adaptive_dialog *d, enum assembly_type level, size_t count,
                                 uint8_t **yes, uint64_t *candidates, struct error *err)
{
    struct assembly_record record = {0};
    int rc = 1;

    *yes = NULL;
    d->heard = d->asked = io_now();
    while (rc > 0 && !d->too_slow &&
           (d->out.len || !assembly_next(buffer_text(&d->answer), d->answer.len, &record)))
        rc = dialog_wait_owed(d, err);
    if (rc <= 0 || d->too_slow)
        return rc;
    struct assembly_body *body = &record.body;
    const uint8_t *byte = assembly_get_bytes(body, 1);
    bool fits = byte && *byte == level;
    *candidates = assembly_get(body);
    size_t len = d->answer.len;
    *yes = memory_new(count, 1);
    assembly_get_runs(body, *yes, count);
    fits &= !body->bad;
    /* The body's end is the record's. */
    buffer_drop(&d->answer, (size_t)((const char *)body->bytes + body->len - d->answer.data));
    if (fits && d->answer.len < len)
        return 1;
    free(*yes);
    *yes = NULL;
    return adaptive_dialog_blame(d, "the device's answer does not fit the question", err);
}

int adaptive_dialog_flush(struct adaptive_dialog *d, struct error *err)
{
    int rc = 1;

    while (rc > 0 && d->out.len && d->transfer->ssh.in >= 0)
        rc = adaptive_dialog_wait(d, err);
    return rc;
}
