/* The reboot at the very end of an update. */
#ifndef FWSSH_DEVICE_RECEIVE_REBOOT_H
#define FWSSH_DEVICE_RECEIVE_REBOOT_H

#include "base/error.h"

#include <sys/types.h>

/* In place of a command: the kernel is asked at once, with what a task's reboot_param says. */
#define REBOOT_BY_KERNEL "kernel"

/* Starts the command (words separated by blanks; no shell is needed on the device). The caller
 * reaps it. */
pid_t reboot_start(const char *command, struct error *err);

/*
 * Where no listener runs the reboot (sshd, Dropbear): leaves a process behind that waits until the
 * SSH server's process above this one has ended, 5 s at most, and then reboots. It holds the lock
 * until then.
 */
int reboot_later(const char *command, int lock, struct error *err);

#endif
