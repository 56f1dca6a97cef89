/* Starting a child program with exactly the descriptors that it is meant to have. */
#ifndef FWSSH_BASE_SPAWN_H
#define FWSSH_BASE_SPAWN_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define SPAWN_FDS 8

struct spawn {
    const char *program; /* a path, or a name for PATH if it holds no slash */
    char *const *argv;   /* NULL-terminated */
    int fds[SPAWN_FDS];  /* fds[i] becomes descriptor i of the child; -1: closed (0-2: /dev/null) */
    size_t fd_count;
    char *const *
        extra_env; /* "NAME=value" strings added to the environment, NULL-terminated; may be NULL */
    bool new_group;       /* a process group of its own, so that all of it can be killed */
    bool die_with_parent; /* SIGKILL when the parent goes away */
    bool (*in_child)(
        void *); /* runs just before exec (drop rights ...); false ends the child; may be NULL */
    void *in_child_data;
};

/*
 * Starts the program. Returns the child's pid (the caller reaps it), or -1 with the error set when
 * the program cannot be executed. Every other descriptor is closed at exec. Signals have their
 * default actions.
 */
pid_t spawn_start(const struct spawn *s, struct error *err);

/* Waits for the child, also across signals: the status as of waitpid(2), -1 if it is not ours. */
int spawn_wait(pid_t pid);

/*
 * A descriptor that becomes readable when a process ends (pidfd_open(2)); -1 where the kernel has
 * none, before Linux 5.3. The caller closes it, and then looks now and then.
 */
int spawn_watch(pid_t pid);

/* Whether a child has ended; it still has to be reaped. */
bool spawn_has_ended(pid_t child);

/* "exited with status 3", "was killed by signal 9 (Killed)". */
void spawn_describe(int wait_status, char *text, size_t size);

#endif
