/* SPDX-License-Identifier: Apache-2.0 */
#include "device/slots/uboot_vars.h"

#include "base/io.h"
#include "base/lock_holder.h"
#include "device/slots/uboot_config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

/* libubootenv's machine-wide lock. It waits for it for ever. */
#define VARS_LOCK_DIRECTORY "/var/lock"
#define VARS_LOCK VARS_LOCK_DIRECTORY "/fw_printenv.lock"
#define VARS_LOCK_SECONDS 5
#define VARS_LOOK_MS 50

void uboot_vars_close(struct uboot_ctx *ctx)
{
    libuboot_close(ctx);
    libuboot_exit(ctx);
}

/* The directory itself, where its name is a link. */
static void uboot_vars_lock_directory(char directory[PATH_MAX])
{
    ssize_t n = readlink(VARS_LOCK_DIRECTORY, directory, PATH_MAX - 1);

    if (n < 0)
        snprintf(directory, PATH_MAX, "%s", VARS_LOCK_DIRECTORY);
    else if (*directory == '/')
        directory[n] = '\0';
    else
        snprintf(directory, PATH_MAX, "/run/lock"); /* "../run/lock" */
}

static int uboot_vars_busy(struct error *err)
{
    char holder[LOCK_HOLDER_SIZE];

    lock_holder_find_path(VARS_LOCK, holder);
    return error_set(
        err, EXIT_REFUSED,
        "the lock of the U-Boot environment, %s, was not free within %d seconds%s%s; try "
        "again when it is",
        VARS_LOCK, VARS_LOCK_SECONDS, *holder ? "; it is held by " : "", holder);
}

/* Waits until nobody holds the lock. Somebody may take it again before libubootenv does; then the
 * alarm ends the wait. */
static int uboot_vars_await_lock(struct error *err)
{
    double end = io_now() + VARS_LOCK_SECONDS;
    char directory[PATH_MAX];
    int rc;

    uboot_vars_lock_directory(directory);
    /* A bare system has no /run/lock. Best effort: opening the lock fails otherwise. */
    (void)mkdir(directory, 0755);
    int fd = open(VARS_LOCK, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (fd < 0) {
        error_errno(err, "cannot open the lock of the U-Boot environment, %s", VARS_LOCK);
        return error_suffix(err, "libubootenv cannot do without it: mount a tmpfs on %s",
                            directory);
    }
    while ((rc = flock(fd, LOCK_EX | LOCK_NB)) && io_now() < end)
        (void)poll(NULL, 0, VARS_LOOK_MS);
    io_close(&fd);
    return rc ? uboot_vars_busy(err) : 0;
}

/* Only interrupts flock(2). */
static void uboot_vars_on_alarm(int signal)
{
    (void)signal;
}

/* From then on a wait for a lock fails with EINTR, again and again; off: as before. */
static void uboot_vars_set_alarm(bool on)
{
    struct sigaction action = {.sa_handler = on ? uboot_vars_on_alarm : SIG_DFL};
    struct itimerval timer = {0};
    sigset_t alarm;

    if (on)
        timer = (struct itimerval){.it_interval = {.tv_usec = VARS_LOOK_MS * 1000},
                                   .it_value = {.tv_sec = VARS_LOCK_SECONDS}};
    else
        setitimer(ITIMER_REAL, &timer, NULL);
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    sigaction(SIGALRM, &action, NULL);
    sigprocmask(SIG_UNBLOCK, &alarm, NULL);
    if (on)
        setitimer(ITIMER_REAL, &timer, NULL);
}

static int uboot_vars_load(struct uboot_ctx *ctx, const char *env_config, struct error *err)
{
    if (!uboot_config_has_copy(env_config) || libuboot_read_config(ctx, env_config) < 0)
        return uboot_config_explain(env_config, err);
    if (uboot_vars_await_lock(err) || uboot_config_prepare(env_config, err))
        return -1;
    double before = io_now();
    uboot_vars_set_alarm(true);
    int rc = libuboot_open(ctx);
    uboot_vars_set_alarm(false);
    if (rc >= 0)
        return 0;
    return io_now() - before >= VARS_LOCK_SECONDS ? uboot_vars_busy(err)
                                                  : uboot_config_explain(env_config, err);
}

struct uboot_ctx *uboot_vars_open(const char *env_config, struct error *err)
{
    struct uboot_ctx *ctx = NULL;

    if (access(env_config, R_OK)) {
        error_errno(err, "cannot read %s (key uboot-env-config)", env_config);
        return NULL;
    }
    if (libuboot_initialize(&ctx, NULL) < 0) {
        error_set(err, EXIT_FAILED, "cannot initialize libubootenv");
        return NULL;
    }
    if (uboot_vars_load(ctx, env_config, err)) {
        error_prefix(err, "cannot read the U-Boot environment");
        uboot_vars_close(ctx); /* a failed open keeps the machine-wide lock until it is closed */
        return NULL;
    }
    return ctx;
}

bool uboot_vars_are_busy(struct error *err)
{
    return uboot_vars_await_lock(err) && err->status == EXIT_REFUSED;
}

int uboot_vars_store(struct uboot_ctx *ctx, struct error *err)
{
    if (libuboot_env_store(ctx) < 0)
        return error_set(err, EXIT_FAILED, "cannot write the U-Boot environment");
    sync();
    return 0;
}
