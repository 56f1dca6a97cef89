/* SPDX-License-Identifier: Apache-2.0 */
#include "host/remote/transfer.h"

#include "base/io.h"
#include "wire/answer.h"

#include <string.h>
#include <unistd.h>

#define TRANSFER_PIECE 65536

/* A piece of the firmware that ssh has not taken yet. */
struct transfer_piece {
    size_t pos, len;
    char data[TRANSFER_PIECE];
};

static int transfer_fill(struct transfer *t, struct transfer_piece *p, struct error *err)
{
    uint64_t left = t->total - t->sent;
    size_t len = left < sizeof p->data ? (size_t)left : sizeof p->data;
    ssize_t n = pread(t->firmware->fd, p->data, len, (off_t)t->sent);

    if (n < 0)
        return error_errno(err, "cannot read the firmware");
    if (firmware_file_check_unwritten(t->firmware, err))
        return error_suffix(err, "the device keeps its running firmware. Push again");
    if (n == 0)
        return error_set(err, EXIT_FAILED, "cannot read the firmware to its end");
    p->pos = 0;
    p->len = (size_t)n;
    if (t->fault && t->fault->damage_at - t->sent < p->len)
        p->data[t->fault->damage_at - t->sent] ^= 1;
    return 0;
}

static int transfer_meet_fault(struct transfer *t, struct error *err)
{
    struct transfer_fault *f = t->fault;

    if (t->sent >= f->cut_at) {
        f->met = true;
        return error_set(err, EXIT_UNREACHABLE, "the connection was cut on purpose");
    }
    if (t->sent > f->damage_at)
        f->met = true;
    return 0;
}

static int transfer_feed(struct transfer *t, struct transfer_piece *p, struct error *err)
{
    if (!p->len && transfer_fill(t, p, err))
        return -1;
    ssize_t n = ssh_run_write(&t->ssh, p->data + p->pos, p->len, err);
    if (n <= 0)
        return (int)n;
    p->pos += (size_t)n;
    p->len -= (size_t)n;
    t->sent += (uint64_t)n;
    if (t->fault && transfer_meet_fault(t, err))
        return -1;
    if (t->sent == t->total) {
        ssh_run_close_input(&t->ssh);
        t->all_sent = io_now();
    }
    return 0;
}

static void transfer_hear(void *data, int stream, const char *bytes, size_t len)
{
    console_device_text(data, stream, bytes, len);
}

int transfer_send(struct transfer *t, struct error *err)
{
    struct transfer_piece piece = {0};
    uint64_t shown = 0;
    int event = SSH_RUN_HEARD;

    while (event == SSH_RUN_HEARD || event == SSH_RUN_WRITABLE) {
        event = ssh_run_next(&t->ssh, t->ssh.in >= 0, t->until, err);
        if (event == SSH_RUN_WRITABLE && transfer_feed(t, &piece, err))
            return -1;
        /* Until ssh has read something, it may still be asking the user for a passphrase. */
        if (t->sent != shown && (t->ssh.fed > SSH_RUN_PIPE || t->ssh.text[0].len)) {
            console_progress(t->console, t->sent, t->total);
            shown = t->sent;
        }
    }
    return event < 0 ? -1 : 0;
}

/* Whether the answer has arrived; for "ok", its first line is enough. */
static bool transfer_answered(const char *text)
{
    struct answer a;
    bool found = answer_parse(&a, text);

    answer_free(&a);
    return found;
}

bool transfer_limit(struct transfer *t, double end)
{
    bool earlier = t->until <= 0 || end < t->until;

    if (earlier)
        t->until = end;
    return earlier;
}

int transfer_await(struct transfer *t, struct error *err)
{
    struct answer a = {0};

    if (ssh_run_await(&t->ssh, transfer_answered, t->until, err) < 0)
        return -1;
    bool good = answer_parse(&a, buffer_text(&t->ssh.text[0])) && !a.status;
    answer_free(&a);
    return good;
}

static int transfer_converse(struct transfer *t, struct error *err)
{
    int answered = t->asks ? transfer_await(t, err) : 1;

    if (answered < 0)
        return -1;
    /* Refused: nothing is sent, and the device has given the reason. */
    if (!answered)
        ssh_run_close_input(&t->ssh);
    return t->ssh.interrupted || t->ssh.late ? 0 : transfer_send(t, err);
}

int transfer_start(struct transfer *t, const struct ssh_call *call, struct error *err)
{
    t->sent = 0;
    t->all_sent = 0;
    t->total = t->firmware->size;
    t->ssh.hear = transfer_hear;
    t->ssh.hear_data = t->console;
    if (ssh_run_start(&t->ssh, call, err))
        return -1;
    ssh_run_say(&t->ssh, t->header);
    return 0;
}

void transfer_end(struct transfer *t, int rc)
{
    ssh_run_end(&t->ssh, rc || t->ssh.interrupted || t->ssh.late);
}

int transfer_run(struct transfer *t, const struct ssh_call *call, struct error *err)
{
    int rc = transfer_start(t, call, err);

    if (!rc) {
        rc = transfer_converse(t, err);
        transfer_end(t, rc);
    }
    return rc;
}

void transfer_free(struct transfer *t)
{
    ssh_run_free(&t->ssh);
}
