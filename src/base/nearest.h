/* The known word that is meant by a mistyped one. */
#ifndef FWSSH_BASE_NEAREST_H
#define FWSSH_BASE_NEAREST_H

#include <stddef.h>

/* Starts with .word set; best is NULL while no candidate was near enough. */
struct nearest {
    const char *word;
    const char *best;
    size_t distance;
};

/* Keeps the candidate (not copied) if it is near and nearer than those before it. */
void nearest_try(struct nearest *n, const char *candidate);

#endif
