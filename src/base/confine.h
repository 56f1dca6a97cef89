/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel can take away from a process that reads what strangers send. Each part may be
 * missing in a kernel, or under an emulator. */
#ifndef FWSSH_BASE_CONFINE_H
#define FWSSH_BASE_CONFINE_H

#include <stdbool.h>
#include <stddef.h>

/* System calls, as SCMP_SYS() names them. */
struct confine_calls {
    const int *item;
    size_t count;
};

/* Takes away all access to files that are not open (Landlock). False: not available. */
bool confine_files(void);

/*
 * From now on, only these calls are possible (seccomp): those that move bytes between open
 * descriptors, memory that is never executable, time and random numbers; also, which the caller
 * adds; and pointless, which fail with ENOSYS. Any other kills the process. False: not available.
 */
bool confine_to_calls(struct confine_calls also, struct confine_calls pointless);

#endif
