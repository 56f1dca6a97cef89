/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a session gives up before it reads a byte from the client: its user, its privileges, the
 * file system, and nearly all system calls (ARCHITECTURE.md, "Processes and messages on the
 * device").
 */
#ifndef FWSSH_DEVICE_SESSION_SANDBOX_H
#define FWSSH_DEVICE_SESSION_SANDBOX_H

#include "base/buffer.h"
#include "base/error.h"

/*
 * Afterwards the process can only move bytes between descriptors that are open or that it receives;
 * any other system call kills it. uid: the user and group to become, if it runs as root. missing
 * gets the parts that are not available with this kernel or without root, as words separated by
 * blanks: own-user, landlock, seccomp. Returns 0, or -1 with the error set if privileges cannot be
 * dropped.
 */
int sandbox_enter(unsigned uid, struct buffer *missing, struct error *err);

#endif
