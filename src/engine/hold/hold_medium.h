/* SPDX-License-Identifier: Apache-2.0 */
/* The device, opened for reading only, as a medium of the engine. */
#ifndef FWSSH_ENGINE_HOLD_HOLD_MEDIUM_H
#define FWSSH_ENGINE_HOLD_HOLD_MEDIUM_H

#include "engine/medium/medium.h"

struct hold_medium {
    struct medium medium; /* first: it is handed on */
    int fd;
};

/* The caller keeps fd. */
void hold_medium_init(struct hold_medium *m, int fd);

#endif
