/*
 * Runs a program to its end: arguments without a shell, an input, a bounded part of its output, a
 * time limit. What must go on beside our own work uses spawn.h instead.
 */
#ifndef FWSSH_BASE_RUN_H
#define FWSSH_BASE_RUN_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define RUN_FDS_MAX 5

enum run_output {
    RUN_DROP, /* to /dev/null */
    RUN_PASS, /* to our own */
    RUN_KEEP, /* into the result's text */
};

struct run {
    char *const *argv; /* NULL-terminated; argv[0] is a path, or a name for PATH */
    const void *input; /* its standard input; NULL: nothing */
    size_t input_size;
    enum run_output output, errors; /* of standard output and standard error */
    size_t keep;                    /* bytes of text to keep; the rest is read and dropped */
    int seconds;                    /* then it is killed; 0: never */
    char *const *env;               /* "NAME=value", NULL-terminated, added to ours; or NULL */
    /*
     * Start it in a session and process group of its own, which is killed when the program has
     * ended: nothing of it stays. It also dies with this process. Without: it can ask the person at
     * the terminal.
     */
    bool detached;
    const int *fds; /* become its descriptors 3 and up, RUN_FDS_MAX at most; or NULL */
    size_t fd_count;
    bool (*in_child)(void *); /* just before exec: drop privileges; false ends it; or NULL */
    void *in_child_data;
};

struct run_result {
    int status;         /* as from waitpid(2) */
    bool timed_out;     /* killed after run.seconds */
    bool truncated;     /* there was more text than run.keep */
    struct buffer text; /* NUL-terminated; may hold NUL bytes before */
};

/*
 * 0 when it has run, however it ended; -1 with the error set when it could not be started.
 * run_free() in any case.
 */
int run_program(const struct run *r, struct run_result *result, struct error *err);
void run_free(struct run_result *result);

/* Whether it exited with status 0 in time. */
bool run_succeeded(const struct run_result *result);

/* How it ended: "exited with status 3", "was killed after 30 seconds". The caller frees the text.
 */
char *run_describe_end(const struct run *r, const struct run_result *result);

/* The same, and the first line that it printed: "exited with status 3: not now". */
char *run_describe(const struct run *r, const struct run_result *result);

#endif
