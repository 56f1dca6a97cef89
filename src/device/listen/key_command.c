/* SPDX-License-Identifier: Apache-2.0 */
#include "device/listen/key_command.h"

#include "base/argv.h"
#include "base/become_user.h"
#include "base/io.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/spawn.h"
#include "device/config/trusted_file.h"
#include "device/monitor/brief.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEY_COMMAND_SECONDS 10
#define KEY_COMMAND_OUTPUT_MAX (256u << 10)
#define KEY_COMMAND_USER_MAX 32
/* For one connection: more than six keys need, asked about and signed with. */
#define KEY_COMMAND_QUESTIONS_MAX 16

/* The parts of a question, which the command gets as %u, %t, %f and %k. */
struct key_question {
    char *text;
    const char *user, *type, *fingerprint, *key;
};

/* The user name goes into a command line and must not look like an option. */
static bool key_user_is_plain(const char *user)
{
    size_t len = strspn(user, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

    return len && len <= KEY_COMMAND_USER_MAX && !user[len] && *user != '-';
}

static bool key_question_parse(struct key_question *q, const char *text)
{
    *q = (struct key_question){.text = memory_text(text)};
    char *rest = q->text;
    q->user = strsep(&rest, " ");
    q->type = strsep(&rest, " ");
    q->fingerprint = strsep(&rest, " ");
    q->key = rest;
    return q->key && key_user_is_plain(q->user);
}

static const char *key_token_value(char token, const struct key_question *q)
{
    switch (token) {
    case 'u':
        return q->user;
    case 't':
        return q->type;
    case 'f':
        return q->fingerprint;
    case 'k':
        return q->key;
    case '%':
        return "%";
    default:
        return NULL;
    }
}

/* A word with its tokens expanded, which the caller frees. NULL: unknown token. */
static char *key_command_word(const char *word, const struct key_question *q)
{
    struct buffer text = {0};

    for (; *word; word++) {
        if (*word != '%') {
            buffer_add(&text, word, 1);
            continue;
        }
        const char *value = key_token_value(*++word, q);
        if (!value) {
            buffer_free(&text);
            return NULL;
        }
        buffer_add_text(&text, value);
    }
    return text.data ? text.data : memory_text("");
}

/* In the child: another user's privileges, and a limit on the output. */
static bool key_command_limit(void *data)
{
    const struct device_config *config = data;
    struct rlimit size = {KEY_COMMAND_OUTPUT_MAX, KEY_COMMAND_OUTPUT_MAX};

    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (setrlimit(RLIMIT_FSIZE, &size))
        return false;
    return geteuid() != 0 || become_user((unsigned)config->keys_command_uid);
}

static pid_t key_command_run(const struct device_config *config, char **argv, int answer,
                             struct error *err)
{
    struct spawn s = {.program = argv[0],
                      .argv = argv,
                      .fds = {-1, answer, STDERR_FILENO},
                      .fd_count = 3,
                      .new_group = true,
                      .in_child = key_command_limit,
                      .in_child_data = (void *)config};

    if (argv[0][0] != '/')
        return error_set(err, EXIT_FAILED, "'%s' is not an absolute path", argv[0]);
    int fd = config->strict_modes ? trusted_file_open(argv[0], true, err) : -1;
    if (config->strict_modes && fd < 0)
        return -1;
    /* Nobody else can exchange it now: each directory on the way has been checked. */
    io_close(&fd);
    return spawn_start(&s, err);
}

/* Tokens are expanded after the command is split, so a value stays within its word. */
static int key_command_words(const char *command, const struct key_question *q, struct argv *to,
                             struct error *err)
{
    struct argv words = {0};
    bool known = true;

    argv_split(&words, command);
    for (size_t i = 0; i < words.count && known; i++) {
        char *word = key_command_word(words.word[i], q);
        known = word != NULL;
        if (known)
            argv_add(to, word);
        free(word);
    }
    argv_free(&words);
    if (known && to->count)
        return 0;
    return error_set(err, EXIT_FAILED, "'%s' has an unknown token; use %%u, %%f, %%t, %%k or %%%%",
                     command);
}

static pid_t key_command_start(const struct device_config *config, const struct key_question *q,
                               int answer, struct error *err)
{
    struct argv argv = {0};
    pid_t pid = -1;

    if (!key_command_words(config->keys_command, q, &argv, err))
        pid = key_command_run(config, argv.word, answer, err);
    argv_free(&argv);
    return pid;
}

static void key_command_answer(struct connection *c, int answer)
{
    int fds[RECORD_FDS] = {answer, -1, -1};

    if (c->control >= 0)
        record_send(c->control, RECORD_KEYS, 0, NULL, answer >= 0 ? fds : NULL);
}

void key_command_ask(struct listener *l, struct connection *c, const char *question)
{
    struct key_question q;
    struct error err = {0};
    pid_t pid = -1;

    if (c->key_command)
        return;
    if (++c->key_questions > KEY_COMMAND_QUESTIONS_MAX) {
        key_command_answer(c, -1);
        return;
    }
    if (key_question_parse(&q, question)) {
        c->key_answer = memfd_create("authorized-keys", MFD_CLOEXEC);
        pid = c->key_answer < 0 ? error_errno(&err, "cannot create a memory file")
                                : key_command_start(&l->config, &q, c->key_answer, &err);
        if (pid < 0)
            connection_say(c, LOG_LEVEL_ERROR, LOG_EVENT_MESSAGE, "authorized-keys-command: %s",
                           err.text);
    }
    free(q.text);
    if (pid < 0) {
        io_close(&c->key_answer);
        key_command_answer(c, -1);
        return;
    }
    c->key_command = pid;
    c->key_asked = io_now();
}

void key_command_end(struct connection *c, int status)
{
    char how[80];

    c->key_command = 0;
    if (status) {
        spawn_describe(status, how, sizeof how);
        connection_say(c, LOG_LEVEL_ERROR, LOG_EVENT_MESSAGE,
                       "authorized-keys-command %s; ignoring its output", how);
        key_command_answer(c, -1);
    } else {
        (void)lseek(c->key_answer, 0, SEEK_SET);
        key_command_answer(c, c->key_answer);
    }
    io_close(&c->key_answer);
}

void key_command_check(const struct connection *c, double now)
{
    if (c->key_command && (!c->session || now - c->key_asked > KEY_COMMAND_SECONDS))
        kill(-c->key_command, SIGKILL);
}
