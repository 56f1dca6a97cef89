/* SPDX-License-Identifier: Apache-2.0 */
#include "device/listen/session_tool.h"

#include "base/io.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/run.h"
#include "base/spawn.h"
#include "device/listen/host_keys.h"
#include "device/listen/login_keys.h"
#include "device/monitor/brief.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define TOOL_OUTPUT_MAX (1u << 20)
#define TOOL_SECONDS 60

/* What the key compatible adds: none of it is broken, and SHA-1 is not among it. */
static const char *const compatible_macs[] = {"hmac-sha2-256", "hmac-sha2-512", NULL};
static const char *const compatible_kex[] = {"ecdh-sha2-nistp256", "ecdh-sha2-nistp384",
                                             "ecdh-sha2-nistp521", "diffie-hellman-group14-sha256",
                                             NULL};

static bool list_has(const struct text_list *list, const char *item)
{
    for (size_t i = 0; i < list->count; i++)
        if (!strcmp(list->item[i], item))
            return true;
    return false;
}

/* more: names to add at the end, which clients of today do not choose; NULL: none. */
static void brief_list(struct buffer *brief, enum brief_key key, const struct text_list *list,
                       const char *const *more)
{
    char *text = text_list_join(list);
    struct buffer all = {0};

    buffer_add_text(&all, text);
    for (; more && *more; more++)
        if (!list_has(list, *more))
            buffer_printf(&all, "%s%s", all.len ? "," : "", *more);
    brief_add_text(brief, key, buffer_text(&all));
    buffer_free(&all);
    free(text);
}

/* Returns the descriptor of a brief with this configuration and these keys. */
static int session_tool_brief(const struct device_config *config, const struct host_keys *keys,
                              uint64_t *told, struct error *err)
{
    struct buffer brief = {0};

    brief_add_number(&brief, BRIEF_LOG_LEVEL, (int)config->log_level);
    brief_add_number(&brief, BRIEF_GRACE_SECONDS, config->login_grace_time);
    brief_add_number(&brief, BRIEF_IDLE_SECONDS, config->idle_timeout);
    brief_add_number(&brief, BRIEF_UID, config->session_uid);
    brief_add_number(&brief, BRIEF_ASK_KEYS, *config->keys_command != '\0');
    brief_list(&brief, BRIEF_CIPHERS, &config->ciphers, NULL);
    brief_list(&brief, BRIEF_MACS, &config->macs, config->compatible ? compatible_macs : NULL);
    brief_list(&brief, BRIEF_KEX, &config->kex, config->compatible ? compatible_kex : NULL);
    for (size_t i = 0; i < keys->count; i++) {
        brief_add_text(&brief, BRIEF_HOST_KEY_NAME, keys->name[i]);
        brief_add(&brief, BRIEF_HOST_KEY, keys->text[i].data, keys->text[i].len);
    }
    login_keys_add(&brief, config, told);
    int fd = brief_to_fd(&brief, err);
    explicit_bzero(brief.data, brief.len);
    buffer_free(&brief);
    return fd;
}

/* No core file may contain a host key, and no program that it might start gains privileges. */
static bool session_tool_limit(void *data)
{
    struct rlimit none = {0, 0};

    (void)data;
    return !setrlimit(RLIMIT_CORE, &none) && !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* Clients that have not logged in must not slow down those that have. Only root can raise the
 * priority again later. */
#define SESSION_NICE 10

static bool session_tool_prepare(void *data)
{
    if (geteuid() == 0)
        (void)setpriority(PRIO_PROCESS, 0, SESSION_NICE);
    return session_tool_limit(data);
}

void session_tool_raise(pid_t session)
{
    if (geteuid() == 0)
        (void)setpriority(PRIO_PROCESS, (id_t)session, 0);
}

/* Its standard error is /dev/null: one that has been taken over must not write into our log. */
static pid_t session_tool_serve(const struct device_config *config, int connection, int control,
                                int brief, struct error *err)
{
    char *argv[] = {(char *)config->session_program, "--serve", NULL};
    struct spawn s = {.program = config->session_program,
                      .argv = argv,
                      .fds = {-1, -1, -1, connection, control, brief},
                      .fd_count = BRIEF_FD_BRIEF + 1,
                      .new_group = true,
                      .in_child = session_tool_prepare};
    pid_t pid = spawn_start(&s, err);

    if (pid < 0)
        error_prefix(err, "key session-program");
    return pid;
}

/* Runs fwssh-session for a task that needs libssh. */
static int session_tool_run(const struct device_config *config, char *what, int brief,
                            struct buffer *output, struct error *err)
{
    char *argv[] = {(char *)config->session_program, what, NULL};
    const int fds[] = {-1, -1, brief}; /* BRIEF_FD_SOCKET, BRIEF_FD_LISTENER, BRIEF_FD_BRIEF */
    struct run run = {.argv = argv,
                      .fds = fds,
                      .fd_count = sizeof fds / sizeof *fds,
                      .output = RUN_KEEP,
                      .errors = RUN_PASS,
                      .keep = TOOL_OUTPUT_MAX,
                      .seconds = TOOL_SECONDS,
                      .detached = true,
                      .in_child = session_tool_limit};
    struct run_result result;
    char *name = memory_printf("%s %s", config->session_program, what);
    int rc = run_expect(&run, name, &result, err);

    free(name);
    if (rc && result.status) {
        error_suffix(err, "see above");
        err->status = EXIT_USAGE;
    } else if (rc) {
        error_prefix(err, "key session-program");
    }
    if (!rc && result.truncated)
        rc = error_set(err, EXIT_FAILED, "the output of %s %s is longer than %u bytes",
                       config->session_program, what, TOOL_OUTPUT_MAX);
    buffer_add(output, result.text.data, result.text.len);
    if (result.text.data)
        explicit_bzero(result.text.data, result.text.len); /* may be a host key */
    run_free(&result);
    return rc;
}

int session_tool_make_key(const struct device_config *config, struct buffer *text,
                          struct error *err)
{
    return session_tool_run(config, "--make-host-key", -1, text, err);
}

int session_tool_make_ecdsa_key(const struct device_config *config, struct buffer *text,
                                struct error *err)
{
    return session_tool_run(config, "--make-ecdsa-host-key", -1, text, err);
}

int session_tool_check(const struct device_config *config, const struct host_keys *keys,
                       uint64_t *told, struct buffer *report, struct error *err)
{
    *told = 0;
    int brief = session_tool_brief(config, keys, told, err);

    if (brief < 0)
        return -1;
    int rc = session_tool_run(config, "--check", brief, report, err);
    close(brief);
    return rc;
}

pid_t session_tool_start(const struct device_config *config, const struct host_keys *keys,
                         uint64_t *told, int connection, int *control, struct error *err)
{
    int pair[2];
    pid_t pid = -1;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
        return error_errno(err, "cannot create a socket pair");
    int brief = session_tool_brief(config, keys, told, err);
    if (brief >= 0)
        pid = session_tool_serve(config, connection, pair[1], brief, err);
    io_close(&brief);
    close(pair[1]);
    if (pid < 0) {
        close(pair[0]);
        return -1;
    }
    io_set_nonblocking(pair[0]);
    *control = pair[0];
    return pid;
}
