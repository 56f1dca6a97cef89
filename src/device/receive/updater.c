#include "device/receive/updater.h"

#include "base/io.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/spawn.h"
#include "device/receive/updater_jail.h"
#include "device/receive/updater_pump.h"
#include "device/updaters/updater_path.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define UPDATER_VERSION_SECONDS 10
/* In the child: 3 takes the cause (FWSSH_RESULT_FD), 4 holds the lock. */
#define UPDATER_RESULT_FD "3"
#define UPDATER_ARGS_MAX 128
/* The key of a firmware in base64: 32 bytes, with or without padding. */
#define UPDATER_KEY_TEXT 43

/* All that it prints in a few seconds, up to the buffer's size. The caller reaps it. */
static size_t updater_read_version(int fd, char *text, size_t size)
{
    double end = io_now() + UPDATER_VERSION_SECONDS;
    size_t len = 0;

    while (len + 1 < size) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        double left = end - io_now();
        if (left <= 0 || poll(&p, 1, (int)(left * 1000) + 1) <= 0)
            break;
        ssize_t n = read(fd, text + len, size - 1 - len);
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    text[len] = '\0';
    return len;
}

static int updater_ask_version(const struct updater *u, char *text, size_t size, struct error *err)
{
    char *argv[] = {u->program, "--version", NULL};
    int out[2], status;

    if (pipe2(out, O_CLOEXEC))
        return error_errno(err, "cannot make a pipe");
    struct spawn s = {.program = u->program,
                      .argv = argv,
                      .fds = {-1, out[1], -1},
                      .fd_count = 3,
                      .new_group = true,
                      .die_with_parent = true};
    pid_t pid = spawn_start(&s, err);
    close(out[1]);
    if (pid < 0) {
        close(out[0]);
        return -1;
    }
    updater_read_version(out[0], text, size);
    close(out[0]);
    kill(-pid, SIGKILL); /* has no effect on one that has ended */
    status = spawn_wait(pid);
    text[strcspn(text, "\r\n")] = '\0';
    if (WIFSIGNALED(status) && !*text)
        return error_set(err, EXIT_FAILED, "%s --version did not answer in %d seconds", u->program,
                         UPDATER_VERSION_SECONDS);
    return 0;
}

/* --exit-handshake came after version 0.17.0. */
static int updater_parse_version(struct updater *u, const char *text, struct error *err)
{
    unsigned major, minor = 0, patch = 0;

    if (*text < '0' || *text > '9' || sscanf(text, "%u.%u.%u", &major, &minor, &patch) < 2)
        return error_set(err, EXIT_FAILED,
                         "%s --version says '%.60s', which is not a version of fwup", u->program,
                         text);
    u->handshake = major > 0 || minor > 17 || (minor == 17 && patch > 0);
    return 0;
}

int updater_find(struct updater *u, const struct device_config *config, struct error *err)
{
    char version[256];

    *u = (struct updater){.program = updater_path_find(config)};
    version_floor_read(&u->floor, config);
    if (!u->program)
        return error_set(
            err, EXIT_FAILED,
            "cannot find the updater '%s' (key updater) on the device; install fwup or "
            "fwpack, or name its path",
            config->updater);
    u->name = strrchr(u->program, '/') ? strrchr(u->program, '/') + 1 : u->program;
    if (!strcmp(u->name, "fwpack")) {
        u->handshake = true;
        return 0;
    }
    if (*config->minimum_version || config->refuse_older) {
        error_set(err, EXIT_FAILED,
                  "the key %s needs fwpack as the updater, but it is %s; nothing was done",
                  config->refuse_older ? "refuse-older" : "minimum-version", u->name);
        updater_free(u);
        return -1;
    }
    if (updater_ask_version(u, version, sizeof version, err) ||
        updater_parse_version(u, version, err)) {
        error_prefix(err, "the updater cannot be used");
        updater_free(u);
        return -1;
    }
    return 0;
}

void updater_free(struct updater *u)
{
    free(u->program);
    free(u->stage_path);
    *u = (struct updater){0};
}

struct updater_args {
    size_t count;
    char *arg[UPDATER_ARGS_MAX + 1];
};

static void updater_add(struct updater_args *a, const char *text)
{
    if (a->count < UPDATER_ARGS_MAX)
        a->arg[a->count++] = (char *)text;
}

/* A key, or the path of a file with one. */
static const char *updater_key_option(const char *key)
{
    return strcspn(key, "=") == UPDATER_KEY_TEXT && !strchr(key, '.') ? "--public-key" : "-p";
}

void updater_add_keys_to(const struct device_config *config, struct buffer *command)
{
    for (size_t i = 0; i < config->firmware_public_keys.count; i++) {
        const char *key = config->firmware_public_keys.item[i];
        buffer_printf(command, " %s %s", updater_key_option(key), key);
    }
}

static void updater_add_minimum(struct updater_args *a, const char *version)
{
    if (!*version)
        return;
    updater_add(a, "--minimum-version");
    updater_add(a, version);
}

/* The origin's arguments in the origin's order, then keys and the site's own options. */
static void updater_arguments(const struct updater *u, const struct device_config *config,
                              const char *device, struct updater_args *a)
{
    *a = (struct updater_args){0};
    updater_add(a, u->program);
    if (u->handshake)
        updater_add(a, "--exit-handshake");
    updater_add(a, "--apply");
    updater_add(a, "--no-unmount");
    updater_add(a, "-d");
    updater_add(a, device);
    updater_add(a, "--task");
    updater_add(a, u->task ? u->task : config->task);
    for (size_t i = 0; i < config->firmware_public_keys.count; i++) {
        const char *key = config->firmware_public_keys.item[i];
        updater_add(a, updater_key_option(key));
        updater_add(a, key);
    }
    updater_add_minimum(a, config->minimum_version);
    if (u->stage_path) {
        updater_add(a, "--stage");
        updater_add(a, u->stage_path);
    }
    if (!u->floor.overridden)
        updater_add_minimum(a, u->floor.version);
    for (size_t i = 0; i < config->updater_options.count; i++)
        updater_add(a, config->updater_options.item[i]);
}

/* The pipes of one run; ours and the child's ends. */
struct updater_pipes {
    int in[2], out[2], err[2], result[2];
};

static int updater_make_pipes(struct updater_pipes *p, struct error *err)
{
    *p = (struct updater_pipes){{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}};
    if (pipe2(p->in, O_CLOEXEC) || pipe2(p->out, O_CLOEXEC) || pipe2(p->err, O_CLOEXEC) ||
        pipe2(p->result, O_CLOEXEC))
        return error_errno(err, "cannot make a pipe");
    /* Fewer wake-ups; without it everything works, too. */
    (void)fcntl(p->in[1], F_SETPIPE_SZ, 1 << 20);
    io_set_nonblocking(p->in[1]);
    io_set_nonblocking(p->out[0]);
    io_set_nonblocking(p->err[0]);
    io_set_nonblocking(p->result[0]);
    return 0;
}

static void updater_close_pipes(struct updater_pipes *p)
{
    for (int i = 0; i < 2; i++) {
        io_close(&p->in[i]);
        io_close(&p->out[i]);
        io_close(&p->err[i]);
        io_close(&p->result[i]);
    }
}

/* What fwpack writes (PROTOCOL.md, "The updater"): the cause behind its exit status of 1, and
 * whether it was about to switch. */
static int updater_read_cause(int fd, struct updater_result *result)
{
    char text[256] = "", *rest = text;
    int status = EXIT_FAILED, cause;
    ssize_t n = read(fd, text, sizeof text - 1);

    text[n > 0 ? n : 0] = '\0';
    for (char *line; (line = strsep(&rest, "\n"));) {
        if (!strcmp(line, "switching") || !strcmp(line, "switched back"))
            result->switching = !strcmp(line, "switching");
        else if (sscanf(line, "%d %39s %63s", &cause, result->uuid, result->version) >= 1)
            status = cause;
    }
    return status == EXIT_MISMATCH ? EXIT_MISMATCH : EXIT_FAILED;
}

static int updater_judge(const struct updater *u, int wait_status, int cause, struct error *err)
{
    char how[80];

    if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0)
        return 0;
    spawn_describe(wait_status, how, sizeof how);
    return error_set(err, cause == EXIT_MISMATCH ? EXIT_MISMATCH : EXIT_FAILED,
                     "the updater %s %s; the device does not reboot", u->name, how);
}

int updater_run(const struct updater *u, const struct device_config *config, const char *device,
                int lock, struct client *client, uint64_t size, bool last,
                struct updater_result *result, struct error *err)
{
    char *environment[] = {"FWSSH_RESULT_FD=" UPDATER_RESULT_FD, NULL};
    struct updater_args args;
    struct updater_pipes p;
    int rc = -1;

    *result = (struct updater_result){0};
    if (updater_make_pipes(&p, err))
        goto cleanup;
    updater_arguments(u, config, device, &args);
    struct spawn s = {.program = u->program,
                      .argv = args.arg,
                      .fds = {p.in[0], p.out[1], p.err[1], p.result[1], lock},
                      .fd_count = 5,
                      .extra_env = environment,
                      .new_group = true,
                      .die_with_parent = true,
                      .in_child = updater_jail_enter,
                      .in_child_data = (void *)config};
    pid_t pid = spawn_start(&s, err);
    io_close(&p.in[0]);
    io_close(&p.out[1]);
    io_close(&p.err[1]);
    io_close(&p.result[1]);
    if (pid < 0)
        goto cleanup;
    struct updater_pump pump = {.client = client,
                                .handshake = u->handshake,
                                .pid = pid,
                                .in = &p.in[1],
                                .out = &p.out[0],
                                .err = &p.err[0],
                                .left = size,
                                .last = last};
    rc = updater_pump_run(&pump, err);
    int cause = updater_read_cause(p.result[0], result);
    if (!rc)
        rc = updater_judge(u, pump.wait_status, cause, err);
    result->unread = size == UPDATER_UNTIL_EOF ? 0 : pump.left;
cleanup:
    updater_close_pipes(&p);
    return rc;
}
