/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the known word that was probably meant by a mistyped one. */
#ifndef FWSSH_BASE_NEAREST_H
#define FWSSH_BASE_NEAREST_H

#include <stddef.h>

/* Initialize it with .word; best is NULL until a candidate is near enough. */
struct nearest {
    const char *word;
    const char *best;
    size_t distance;
};

/* Keeps the candidate (not copied) if it is near enough, and nearer than those before it. */
void nearest_try(struct nearest *n, const char *candidate);

#endif
