/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a program and waits for it: arguments without a shell, an input, a limited amount of output,
 * a time limit. Programs that run alongside our own work use spawn.h instead. */
#ifndef FWSSH_BASE_RUN_H
#define FWSSH_BASE_RUN_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define RUN_FDS_MAX 5

enum run_output {
    RUN_DROP, /* to /dev/null */
    RUN_PASS, /* to our own output */
    RUN_KEEP, /* into the result's text */
};

struct run {
    char *const *argv; /* NULL-terminated; argv[0] is a path, or a name for PATH */
    const void *input; /* its standard input; NULL: empty */
    size_t input_size;
    enum run_output output, errors; /* standard output and standard error */
    size_t keep;                    /* bytes of text to keep; the rest is read and dropped */
    int seconds;                    /* until it is killed; 0: no limit */
    /* Asked before that, and once a second from then on: false while it must not be killed. May be
     * NULL. */
    bool (*may_kill)(void *);
    void *may_kill_data;
    char *const *env; /* "NAME=value", NULL-terminated, added to ours; or NULL */
    /*
     * Start it in a session and process group of its own; the group is killed when the program has
     * exited, so that nothing of it is left behind, and what keeps its output open is waited for
     * no longer than a second. It also dies with this process. If false, it can prompt the user at
     * the terminal.
     */
    bool detached;
    const int *fds; /* become its descriptors 3 and up, RUN_FDS_MAX at most; or NULL */
    size_t fd_count;
    /* Called just before exec, to drop privileges; false: the child fails. May be NULL. */
    bool (*in_child)(void *);
    void *in_child_data;
};

struct run_result {
    int status;         /* from waitpid(2) */
    bool timed_out;     /* killed after run.seconds */
    bool truncated;     /* there was more text than run.keep */
    struct buffer text; /* NUL-terminated; may contain other NUL bytes */
};

/* Returns 0 if it has run, however it ended, or -1 with the error set if it could not be started.
 * run_free() in any case. */
int run_program(const struct run *r, struct run_result *result, struct error *err);
void run_free(struct run_result *result);

/* Whether it exited with status 0 in time. */
bool run_succeeded(const struct run_result *result);

/* How it ended: "exited with status 3", "was killed after 30 seconds"; the caller frees it. */
char *run_describe_end(const struct run *r, const struct run_result *result);

/*
 * Runs it, and takes for an error what is no success: "WHAT exited with status 3: not now", with
 * the first line of its text if that has its errors (result->status is not 0 then). Returns 0, or
 * -1 with the error set; run_free() in any case.
 */
int run_expect(const struct run *r, const char *what, struct run_result *result, struct error *err);

#endif
