/* SPDX-License-Identifier: Apache-2.0 */
/* The number of CPUs that this process may run on. */
#ifndef FWSSH_BASE_CORES_H
#define FWSSH_BASE_CORES_H

/* At least 1. */
unsigned cores_count(void);

#endif
