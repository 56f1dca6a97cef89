/* SPDX-License-Identifier: Apache-2.0 */
/* Starts a child program with exactly the descriptors that it should have. */
#ifndef FWSSH_BASE_SPAWN_H
#define FWSSH_BASE_SPAWN_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define SPAWN_FDS 8

struct spawn {
    const char *program; /* a path, or without a slash a name to search in PATH */
    char *const *argv;   /* NULL-terminated */
    int fds[SPAWN_FDS];  /* fds[i] becomes descriptor i of the child; -1: closed (0-2: /dev/null) */
    size_t fd_count;
    char *const *extra_env; /* "NAME=value", NULL-terminated, added to the environment; or NULL */
    bool new_group; /* in a session and process group of its own, which can be killed as a whole */
    bool die_with_parent; /* SIGKILL when the parent dies */
    /* Called just before exec, to drop privileges; false: the child fails. May be NULL. */
    bool (*in_child)(void *);
    void *in_child_data;
};

/*
 * Starts the program. Returns the child's process id, which the caller reaps, or -1 with the error
 * set if the program cannot be executed. All other descriptors are closed, and signals get their
 * default actions.
 */
pid_t spawn_start(const struct spawn *s, struct error *err);

/* Waits for the child, restarting when interrupted by a signal. Returns the status from waitpid(2),
 * or -1 if it is not our child. */
int spawn_wait(pid_t pid);

/* Returns a descriptor that becomes readable when a process ends (pidfd_open(2)), which the caller
 * closes; -1 on kernels before Linux 5.3, where the caller has to check repeatedly. */
int spawn_watch(pid_t pid);

/* Whether a child has exited; it still has to be reaped. */
bool spawn_has_ended(pid_t child);

/* Describes a status: "exited with status 3", "was killed by signal 9 (Killed)". */
void spawn_describe(int wait_status, char *text, size_t size);

#endif
