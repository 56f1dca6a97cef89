/* SPDX-License-Identifier: Apache-2.0 */
#include "host/adaptive/adaptive.h"

#include "base/io.h"
#include "host/adaptive/adaptive_frame.h"
#include "host/adaptive/adaptive_question.h"
#include "host/remote/ssh_outcome.h"
#include "wire/answer.h"

#include <string.h>
#include <unistd.h>

/* Below this, differences would hardly be smaller than the archive. */
#define ADAPTIVE_WHOLE_PERCENT 85
/* For the login, where the user may be asked for a passphrase, and the answer. */
#define ADAPTIVE_ANSWER_SECONDS 150.0
#define ADAPTIVE_SAMPLES 16u
#define ADAPTIVE_SAMPLE (64u << 10)
#define ADAPTIVE_SAMPLE_LEVEL 1

/* One push. */
struct adaptive_push {
    struct adaptive *a;
    struct transfer *t;
    struct adaptive_dialog dialog;
    int base_fd;               /* of the base; -1: none */
    struct adaptive_base base; /* empty, unless it can be read */
    struct adaptive_question question;
    struct chunk_packer *packer;
    struct adaptive_frames frames;
    struct buffer made; /* frames that were made to be counted */
    size_t made_at;     /* the next of them */
    uint64_t counted;   /* bytes of them */
};

static void adaptive_print_empty(struct adaptive_push *p, enum assembly_type type)
{
    struct buffer *out = &p->dialog.out;

    assembly_end(out, assembly_begin(out, type));
}

/* Waits for ssh to end. Returns 0, or -1 with the error set. */
static int adaptive_await_end(struct adaptive_push *p, struct error *err)
{
    int rc;

    do
        rc = adaptive_dialog_wait(&p->dialog, err);
    while (rc > 0);
    return rc;
}

/* Says that no update is wanted, and waits for the end. */
static int adaptive_stop(struct adaptive_push *p, enum adaptive_ending ending, struct error *err)
{
    adaptive_print_empty(p, ASSEMBLY_END);
    p->a->ending = ending;
    return adaptive_await_end(p, err);
}

/* The device has not said "ok": it refuses, or does not know the request. */
static int adaptive_not_answered(struct adaptive_push *p, const struct ssh_call *call,
                                 struct error *err)
{
    struct ssh_outcome outcome;
    struct answer answer = {0};

    ssh_run_close_input(&p->t->ssh);
    if (adaptive_await_end(p, err))
        return -1;
    ssh_run_end(&p->t->ssh, p->t->ssh.interrupted || p->t->ssh.late);
    ssh_outcome_read(&outcome, &p->t->ssh, call->target);
    bool answered = answer_parse(&answer, buffer_text(&p->t->ssh.text[0]));
    if (outcome.no_subsystem || (answered && answer.status == EXIT_USAGE))
        p->a->ending = ADAPTIVE_CANNOT;
    answer_free(&answer);
    ssh_outcome_free(&outcome);
    return 0;
}

static void adaptive_find_base(struct adaptive_push *p, const char *uuid)
{
    struct adaptive *a = p->a;

    p->base_fd = a->find_base ? a->find_base(a->find_data, uuid) : -1;
}

/* The same before the device has answered, with what it probably runs: reading it takes a while. */
static void adaptive_guess_base(struct adaptive_push *p)
{
    if (!*p->a->runs && !p->a->options->base)
        return;
    adaptive_find_base(p, p->a->runs);
    if (p->base_fd >= 0)
        adaptive_base_open(&p->base, p->base_fd);
}

/* Once the device has said what it runs. */
static void adaptive_settle_base(struct adaptive_push *p)
{
    const char *uuid = facts_get(&p->dialog.facts, "uuid");

    if (p->base_fd >= 0 && (p->a->options->base || !strcmp(uuid, p->a->runs)))
        return;
    adaptive_base_close(&p->base);
    io_close(&p->base_fd);
    adaptive_find_base(p, uuid);
}

/* Packs a sample as a frame would have it. */
static void adaptive_sample(const struct adaptive_push *p, struct chunk_bytes bytes,
                            struct buffer *packed)
{
    const struct chunk_bytes none = {0};
    struct chunk_steps s = {0};

    if (!p->base.used) {
        chunk_pack(p->packer, bytes, none, ADAPTIVE_SAMPLE_LEVEL, packed);
        return;
    }
    chunk_diff_make(p->base.diff, bytes, &s);
    const struct buffer *streams[] = {&s.steps, &s.changes, &s.literals};
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++)
        if (streams[i]->len)
            chunk_pack(p->packer,
                       (struct chunk_bytes){(const uint8_t *)streams[i]->data, streams[i]->len},
                       none, ADAPTIVE_SAMPLE_LEVEL, packed);
    chunk_steps_free(&s);
}

/* What the gaps would take, from samples of them, in bytes. */
static uint64_t adaptive_estimate(const struct adaptive_push *p)
{
    const struct gap_list *gaps = &p->question.gaps;
    const uint8_t *bytes = p->a->firmware->stored.bytes;
    size_t step = gaps->count / ADAPTIVE_SAMPLES + 1;
    uint64_t raw = 0;
    struct buffer packed = {0};

    for (size_t i = 0; i < gaps->count; i += step) {
        const struct gap *g = &gaps->item[i];
        /* A few long gaps are looked at in several places. */
        for (uint64_t at = 0; at < g->len; at += g->len / ADAPTIVE_SAMPLES + ADAPTIVE_SAMPLE) {
            size_t n = g->len - at < ADAPTIVE_SAMPLE ? (size_t)(g->len - at) : ADAPTIVE_SAMPLE;
            adaptive_sample(p, (struct chunk_bytes){bytes + g->at + at, n}, &packed);
            raw += n;
        }
    }
    double ratio = raw ? (double)packed.len / (double)raw : 0;
    buffer_free(&packed);
    return (uint64_t)((double)gaps->bytes * ratio);
}

/* Whether the archive itself is the shorter way. */
static bool adaptive_is_hopeless(const struct adaptive_push *p)
{
    if (p->dialog.too_slow)
        return true;
    if (p->a->options->mode == ADAPTIVE_ALWAYS)
        return false;
    return adaptive_estimate(p) >= p->t->total * ADAPTIVE_WHOLE_PERCENT / 100;
}

/* Asks what the device lacks. Returns like adaptive_dialog_wait(). */
static int adaptive_ask(struct adaptive_push *p, struct error *err)
{
    struct adaptive_question *q = &p->question;

    *q = (struct adaptive_question){.dialog = &p->dialog,
                                    .firmware = p->a->firmware,
                                    .base_fd = p->base_fd,
                                    .base = &p->base,
                                    .packer = p->packer};
    int rc = adaptive_question_groups(q, err);
    return rc > 0 ? adaptive_question_refine(q, err) : rc;
}

static uint64_t adaptive_bytes(const struct adaptive_push *p)
{
    return p->dialog.sent + p->dialog.got_bytes + (p->dialog.out.len - p->dialog.out_at);
}

static bool adaptive_is_over_limit(const struct adaptive_push *p, uint64_t more)
{
    uint64_t max = p->a->options->max_bytes;

    return max && adaptive_bytes(p) + more > max;
}

/* Makes all frames, to know how many bytes they are: true if they are within the limit. */
static bool adaptive_count(struct adaptive_push *p)
{
    struct buffer frame = {0};
    bool fits = true;

    while (fits && adaptive_frames_next(&p->frames, &frame)) {
        p->counted += frame.len;
        fits = !adaptive_is_over_limit(p, p->counted);
        if (fits && !p->a->options->dry_run)
            buffer_add(&p->made, frame.data, frame.len);
        buffer_clear(&frame);
    }
    buffer_free(&frame);
    return fits;
}

/* The next frame, made now or before. */
static bool adaptive_next_frame(struct adaptive_push *p, struct buffer *frame)
{
    struct assembly_record record;

    if (!p->counted)
        return adaptive_frames_next(&p->frames, frame);
    if (assembly_next(buffer_text(&p->made) + p->made_at, p->made.len - p->made_at, &record) <= 0)
        return false;
    buffer_add(frame, p->made.data + p->made_at, ASSEMBLY_HEAD + record.body.len);
    p->made_at += ASSEMBLY_HEAD + record.body.len;
    return true;
}

static bool adaptive_has_frames(const struct adaptive_push *p)
{
    return p->counted ? p->made_at < p->made.len : p->frames.gap < p->question.gaps.count;
}

/* Sends what the device has asked for again. */
static int adaptive_fill(struct adaptive_push *p, struct error *err)
{
    struct adaptive_dialog *d = &p->dialog;
    uint64_t most = p->a->firmware->tree.groups.count;

    if (d->late_done == d->lates)
        return 1;
    for (; d->late_done < d->lates; d->late_done++)
        if (d->lates > most || !adaptive_frames_fill(&p->frames, d->late[d->late_done], &d->out))
            return adaptive_dialog_blame(d, "the device asks for what is not in the firmware", err);
    if (adaptive_is_over_limit(p, 0)) {
        p->a->ending = ADAPTIVE_TOO_MUCH;
        return 0;
    }
    return 1;
}

static int adaptive_step(struct adaptive_push *p, struct error *err)
{
    int rc = adaptive_dialog_wait(&p->dialog, err);

    return rc > 0 ? adaptive_fill(p, err) : rc;
}

static void adaptive_show(struct adaptive_push *p)
{
    uint64_t all = p->a->firmware->stored.len;

    console_progress_held(p->t->console, p->t->all_sent > 0 ? all : p->frames.place, all);
}

/* Sends a frame once the device has granted so much. Returns like adaptive_dialog_wait(). */
static int adaptive_send_frame(struct adaptive_push *p, const struct buffer *frame,
                               struct error *err)
{
    struct adaptive_dialog *d = &p->dialog;
    size_t body = frame->len - ASSEMBLY_HEAD;
    int rc = 1;

    while (rc > 0 && d->in_flight && d->in_flight + body > ASSEMBLY_CREDIT)
        rc = adaptive_step(p, err);
    if (rc <= 0)
        return rc;
    /* Behind the last one it would be too late: the device may have everything then. */
    if (adaptive_is_over_limit(p, frame->len)) {
        p->a->ending = ADAPTIVE_TOO_MUCH;
        return 0;
    }
    d->in_flight += body;
    buffer_add(&d->out, frame->data, frame->len);
    if (!adaptive_has_frames(p))
        adaptive_dialog_needs_no_more(d);
    adaptive_show(p);
    /* ssh sends it while the next one is made. */
    while (rc > 0 && d->out.len && p->t->ssh.in >= 0)
        rc = adaptive_step(p, err);
    return rc;
}

static int adaptive_send_frames(struct adaptive_push *p, struct error *err)
{
    struct buffer frame = {0};
    int rc = 1;

    while (rc > 0 && adaptive_next_frame(p, &frame)) {
        rc = adaptive_send_frame(p, &frame, err);
        buffer_clear(&frame);
    }
    buffer_free(&frame);
    return rc;
}

/* Everything after the decision. Returns 0 when ssh has ended, or -1 with the error set. */
static int adaptive_send(struct adaptive_push *p, struct error *err)
{
    adaptive_print_empty(p, ASSEMBLY_GO);
    if (!adaptive_has_frames(p))
        adaptive_dialog_needs_no_more(&p->dialog);
    int rc = adaptive_send_frames(p, err);
    if (rc > 0) {
        adaptive_print_empty(p, ASSEMBLY_END);
        rc = adaptive_dialog_flush(&p->dialog, err);
    }
    if (rc > 0)
        adaptive_show(p);
    while (rc > 0)
        rc = adaptive_step(p, err);
    return rc;
}

/* Sends the archive instead: no more records. */
static int adaptive_send_whole(struct adaptive_push *p, struct error *err)
{
    assembly_add_number(&p->dialog.out, ASSEMBLY_WHOLE, p->t->total);
    p->a->whole = true;
    p->a->began = io_now();
    p->dialog.records = false;
    int rc = adaptive_dialog_flush(&p->dialog, err);
    p->t->sent = 0;
    if (rc > 0)
        rc = transfer_send(p->t, err);
    p->dialog.sent += p->t->sent;
    return rc;
}

static int adaptive_decide(struct adaptive_push *p, struct error *err)
{
    const struct adaptive_options *o = p->a->options;
    bool whole = adaptive_is_hopeless(p);

    p->a->too_slow = p->dialog.too_slow;
    p->a->missing = p->question.gaps.bytes;
    if (whole && !o->dry_run && !adaptive_is_over_limit(p, p->t->total))
        return adaptive_send_whole(p, err);
    if (!whole && (o->dry_run || o->max_bytes) && !adaptive_count(p))
        return adaptive_stop(p, ADAPTIVE_TOO_MUCH, err);
    p->a->expected = adaptive_bytes(p) + (whole ? p->t->total : p->counted);
    p->a->whole = whole;
    if (whole || o->dry_run)
        return adaptive_stop(p, o->dry_run ? ADAPTIVE_DRY : ADAPTIVE_TOO_MUCH, err);
    return adaptive_send(p, err);
}

static int adaptive_converse(struct adaptive_push *p, struct error *err)
{
    int rc = adaptive_dialog_await_facts(&p->dialog, err);

    if (rc <= 0)
        return rc;
    enum adaptive_ending ending = p->a->judge(p->a->judge_data, &p->dialog.facts);
    if (ending != ADAPTIVE_RAN)
        return adaptive_stop(p, ending, err);
    if (p->a->rate > 0 && p->a->options->mode != ADAPTIVE_ALWAYS && !p->a->options->max_bytes)
        p->dialog.patience = (double)p->t->total / p->a->rate;
    adaptive_settle_base(p);
    p->packer = chunk_packer_new();
    rc = adaptive_ask(p, err);
    p->a->has_base = p->base.stream.tree.groups.count > 0;
    if (rc <= 0)
        return rc;
    p->frames = (struct adaptive_frames){.firmware = p->a->firmware,
                                         .base = &p->base,
                                         .gaps = &p->question.gaps,
                                         .packer = p->packer};
    adaptive_frames_open(&p->frames);
    return adaptive_decide(p, err);
}

/* Reads the firmware while ssh logs in, if that has not been done before, and the base if there is
 * still time. */
static int adaptive_prepare(struct adaptive_push *p, struct error *err)
{
    if (!p->a->firmware->stored.bytes &&
        firmware_stream_open(p->a->firmware, p->t->firmware->fd, err)) {
        if (err->status == EXIT_MISMATCH)
            error_prefix(err, "the firmware is damaged");
        return error_suffix(err, "nothing was sent");
    }
    if (firmware_file_check_unwritten(p->t->firmware, err))
        return error_suffix(err, "nothing was sent. Push again");
    if (!ssh_run_has_answered(&p->t->ssh))
        adaptive_guess_base(p);
    return 0;
}

static int adaptive_perform(struct adaptive_push *p, const struct ssh_call *call, struct error *err)
{
    if (adaptive_prepare(p, err))
        return -1;
    double until = p->t->until;
    bool ours = transfer_limit(p->t, io_now() + ADAPTIVE_ANSWER_SECONDS);

    int answered = transfer_await(p->t, err);
    p->t->until = until;
    if (answered < 0)
        return -1;
    if (ours && p->t->ssh.late)
        return error_set(err, EXIT_UNREACHABLE,
                         "the device has not answered in %d s; nothing was sent. Try again with "
                         "--adaptive=never",
                         (int)ADAPTIVE_ANSWER_SECONDS);
    p->a->answered = answered;
    return answered ? adaptive_converse(p, err) : adaptive_not_answered(p, call, err);
}

int adaptive_run(struct adaptive *a, struct transfer *t, const struct ssh_call *call,
                 struct error *err)
{
    struct adaptive_push p = {.a = a, .t = t, .base_fd = -1};

    a->ending = ADAPTIVE_RAN;
    adaptive_dialog_open(&p.dialog, t);
    p.dialog.max_bytes = a->options->max_bytes;
    int rc = transfer_start(t, call, err);
    if (!rc) {
        rc = adaptive_perform(&p, call, err);
        transfer_end(t, rc || a->ending == ADAPTIVE_TOO_MUCH);
    }
    a->bytes = adaptive_bytes(&p);
    adaptive_frames_close(&p.frames);
    gap_list_free(&p.question.gaps);
    chunk_packer_free(p.packer);
    adaptive_base_close(&p.base);
    io_close(&p.base_fd);
    buffer_free(&p.made);
    adaptive_dialog_close(&p.dialog);
    return rc;
}
