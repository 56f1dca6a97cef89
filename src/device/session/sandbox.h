/*
 * What a session gives up before it listens to a stranger: its user, its rights, the file system,
 * and nearly all system calls (ARCHITECTURE.md, "Processes and messages on the device").
 */
#ifndef FWSSH_DEVICE_SESSION_SANDBOX_H
#define FWSSH_DEVICE_SESSION_SANDBOX_H

#include "base/buffer.h"
#include "base/error.h"

/*
 * From here on only bytes can be moved between descriptors that are open or are handed over; any
 * other system call kills the process. uid: of user and group, taken if this process is root's.
 * missing gets what this kernel, or a start without root's rights, does not give, as words with
 * blanks between them. -1 when root's rights cannot be given up.
 */
int sandbox_enter(unsigned uid, struct buffer *missing, struct error *err);

#endif
