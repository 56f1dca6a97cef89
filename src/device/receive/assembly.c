/* SPDX-License-Identifier: Apache-2.0 */
#include "device/receive/assembly.h"

#include "base/argv.h"
#include "base/io.h"
#include "base/memory.h"
#include "base/spawn.h"
#include "device/receive/updater_jail.h"
#include "device/updaters/updater_fwup.h"
#include "device/updaters/updater_path.h"
#include "wire/assembly.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Less is in flight when a push is cut, and so less is lost. */
#define ASSEMBLY_FEED_PIPE (128 << 10)
/* How long fwssh-hold may take to end, besides idle-timeout. */
#define ASSEMBLY_END_SECONDS 10
#define ASSEMBLY_LOOK_MS 10

bool assembly_is_possible(const struct device_config *config)
{
    struct error ignored;

    return strcmp(config->adaptive, "no") && !access(config->hold_program, X_OK) &&
           !updater_path_check(config, config->hold_program, "hold-program", &ignored);
}

int assembly_check(const struct device_config *config, struct error *err)
{
    return assembly_is_possible(config)
               ? 0
               : error_set(err, EXIT_USAGE,
                           "this device takes whole firmwares only (keys adaptive, hold-program)");
}

static void assembly_say(struct client *client, enum assembly_type type, const char *text)
{
    struct buffer record = {0};
    size_t place = assembly_begin(&record, type);

    buffer_add_text(&record, text);
    assembly_end(&record, place);
    client_send(client, record.data, record.len);
    buffer_free(&record);
}

void assembly_say_facts(struct client *client, const struct facts *facts)
{
    struct buffer text = {0};

    facts_print(facts, &text);
    assembly_say(client, ASSEMBLY_INFO, buffer_text(&text));
    buffer_free(&text);
}

void assembly_say_text(struct client *client, const char *text)
{
    assembly_say(client, ASSEMBLY_TEXT, text);
}

static void assembly_arguments(const struct job *j, const char *task, struct argv *a)
{
    char number[16];

    argv_add(a, "fwssh-hold");
    argv_add_pair(a, "-d", j->device);
    argv_add_pair(a, "--task", task ? task : j->config->task);
    updater_fwup_add_keys(j->config, a);
    snprintf(number, sizeof number, "%d", j->config->session_uid);
    argv_add_pair(a, "--uid", number);
    snprintf(number, sizeof number, "%d", j->config->idle_timeout);
    argv_add_pair(a, "--idle-timeout", number);
    for (size_t i = 0; i < j->config->adaptive_sources.count; i++)
        argv_add_pair(a, "--source", j->config->adaptive_sources.item[i]);
    if (!strcmp(j->config->adaptive, "coarse"))
        argv_add(a, "--coarse");
}

/* The three pipes: the firmware and words from it, text to it. */
struct assembly_pipes {
    int feed[2], text[2], word[2];
};

static int assembly_make_pipes(struct assembly_pipes *p, struct error *err)
{
    *p = (struct assembly_pipes){{-1, -1}, {-1, -1}, {-1, -1}};
    if (io_pipe(p->feed) || io_pipe(p->text) || io_pipe(p->word))
        return error_errno(err, "cannot create a pipe");
    (void)fcntl(p->feed[1], F_SETPIPE_SZ, ASSEMBLY_FEED_PIPE);
    return 0;
}

static int assembly_start(struct assembly *a, const struct job *j, const char *task,
                          struct assembly_pipes *p, struct error *err)
{
    bool network = j->config->updater_network;
    struct argv argv = {0};

    assembly_arguments(j, task, &argv);
    struct spawn s = {
        .program = j->config->hold_program,
        .argv = argv.word,
        .fds = {j->client->in, j->client->out, STDERR_FILENO, p->feed[1], p->text[0], p->word[1]},
        .fd_count = 6,
        .die_with_parent = true,
        .in_child = updater_jail_enter,
        .in_child_data = &network};
    a->pid = spawn_start(&s, err);
    argv_free(&argv);
    return a->pid < 0 ? -1 : 0;
}

/* Puts fwssh-hold between us and the client. */
static void assembly_step_back(struct assembly *a, struct client *c)
{
    a->client = c;
    a->in = c->in;
    a->out = c->out;
    a->err = c->err;
    c->in = a->feed;
    c->err = c->err == c->out ? a->text : c->err;
    c->out = a->text;
    c->assembled = true;
    io_set_nonblocking(c->in);
    io_set_nonblocking(c->out);
}

int assembly_open(struct assembly *a, const struct job *j, const char *task, struct error *err)
{
    struct assembly_pipes p;

    if (j->client->ahead.len)
        return error_set(err, EXIT_USAGE, "records before the answer; nothing was activated");
    int rc = assembly_make_pipes(&p, err) || assembly_start(a, j, task, &p, err) ? -1 : 0;
    if (!rc) {
        a->feed = p.feed[0];
        a->text = p.text[1];
        a->word = p.word[0];
        p.feed[0] = p.text[1] = p.word[0] = -1;
        assembly_step_back(a, j->client);
    }
    for (int i = 0; i < 2; i++) {
        io_close(&p.feed[i]);
        io_close(&p.text[i]);
        io_close(&p.word[i]);
    }
    return rc;
}

/* The next word: 1, 0 if there is none now, -1 if there will be none. */
static int assembly_hear(struct assembly *a, struct hold_word *word)
{
    char piece[256];
    char *newline;

    while (!(newline = a->line.len ? memchr(a->line.data, '\n', a->line.len) : NULL)) {
        ssize_t n = read(a->word, piece, sizeof piece);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return 0;
        if (n <= 0 || a->line.len > HOLD_WORD_MAX)
            return -1;
        buffer_add(&a->line, piece, (size_t)n);
    }
    *newline = '\0';
    int rc = hold_word_parse(a->line.data, word) ? -1 : 1;
    buffer_drop(&a->line, (size_t)(newline - a->line.data) + 1);
    return rc;
}

static int assembly_died(struct error *err)
{
    return error_set(err, EXIT_FAILED,
                     "fwssh-hold has ended without a word; nothing was activated. Try again "
                     "with --adaptive=never");
}

int assembly_await(struct assembly *a, struct hold_word *word, struct error *err)
{
    /* It looks after the client's silence, and ends. */
    int found = assembly_hear(a, word);

    if (found > 0 && word->kind == HOLD_NONE)
        return 0;
    if (found > 0 && (word->kind == HOLD_GO || word->kind == HOLD_WHOLE) && word->size &&
        word->size <= INT64_MAX)
        return 0;
    if (found > 0 && word->kind == HOLD_FAILED) {
        *err = word->error;
        return -1;
    }
    return assembly_died(err);
}

void assembly_explain(struct assembly *a, struct error *err)
{
    struct hold_word word;
    bool silent = true;

    if (!a->client)
        return;
    io_set_nonblocking(a->word);
    for (; assembly_hear(a, &word) > 0; silent = false)
        if (word.kind == HOLD_FAILED) {
            *err = word.error;
            error_suffix(err, "nothing was activated");
        }
    /* Not even that it is complete: the updater has not got all. */
    if (silent && client_is_gone(a->client))
        assembly_died(err);
}

static void assembly_reap(struct assembly *a, int idle_timeout)
{
    double end = io_now() + idle_timeout + ASSEMBLY_END_SECONDS;

    while (!spawn_has_ended(a->pid) && io_now() < end)
        (void)poll(NULL, 0, ASSEMBLY_LOOK_MS);
    kill(a->pid, SIGKILL);
    spawn_wait(a->pid);
}

void assembly_close(struct assembly *a)
{
    struct client *c = a->client;

    if (!c)
        return;
    c->in = a->in;
    c->out = a->out;
    c->err = a->err;
    c->assembled = false;
    io_close(&a->feed);
    io_close(&a->text);
    assembly_reap(a, c->idle_timeout);
    io_close(&a->word);
    buffer_free(&a->line);
    *a = ASSEMBLY_NONE;
}

void assembly_recover(struct assembly *a)
{
    struct client *c = a->client;

    if (!c || !client_is_gone(c))
        return;
    assembly_close(a);
    c->gone = false;
}
