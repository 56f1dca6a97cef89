/* SPDX-License-Identifier: Apache-2.0 */
/* Rebooting at the end of an update. */
#ifndef FWSSH_DEVICE_RECEIVE_REBOOT_H
#define FWSSH_DEVICE_RECEIVE_REBOOT_H

#include "base/error.h"

#include <sys/types.h>

/* Starts the reboot command: words separated by blanks, no shell; or REBOOT_BY_KERNEL
 * (base/reboot_param.h), which calls reboot(2) with the waiting parameter. Returns its process id,
 * which the caller reaps, or -1 with the error set. */
pid_t reboot_start(const char *command, struct error *err);

/* How long a reboot command may take. Its own exit is not the reboot, which only begins then. */
#define REBOOT_SECONDS 30

/* Kills a reboot command that hangs, with all that it has started: it must not act later, in the
 * middle of an update. The caller still reaps it. */
void reboot_kill(pid_t pid);

/* Starts the reboot command and waits for it, REBOOT_SECONDS at most; logs what goes wrong. Returns
 * 0 if it succeeded, 1 if it had to be killed, -1 if it failed. */
int reboot_run(const char *command);

/*
 * For SSH servers other than fwsshd: leaves a process in the background that waits until the SSH
 * server's process above this one has exited, 5 s at most, and then reboots. It holds the lock
 * until then. Returns 0, or -1 with the error set.
 */
int reboot_later(const char *command, int lock, struct error *err);

#endif
