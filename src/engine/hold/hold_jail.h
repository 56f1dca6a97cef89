/* SPDX-License-Identifier: Apache-2.0 */
/* Takes away what fwssh-hold does not need before it reads a byte of the host. */
#ifndef FWSSH_ENGINE_HOLD_HOLD_JAIL_H
#define FWSSH_ENGINE_HOLD_HOLD_JAIL_H

#include "base/error.h"

/* Started as root: becomes user and group uid (-1: stays), which may write nothing of the device.
 * Memory is limited, no file can be opened, and few system calls are left (base/confine.h). 0, or
 * -1 with the error set. */
int hold_jail_enter(int uid, struct error *err);

#endif
