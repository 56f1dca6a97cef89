/* The processors that this process may use. */
#ifndef FWSSH_BASE_CORES_H
#define FWSSH_BASE_CORES_H

/* At least 1. */
unsigned cores_count(void);

#endif
