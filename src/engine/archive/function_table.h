/* SPDX-License-Identifier: Apache-2.0 */
/* Every function and requirement that a task can use, and the form of their arguments. */
#ifndef FWSSH_ENGINE_ARCHIVE_FUNCTION_TABLE_H
#define FWSSH_ENGINE_ARCHIVE_FUNCTION_TABLE_H

#include "base/error.h"

#include <stdbool.h>

#define FUNCTION_ARGS_MAX 9

struct function_spec {
    const char *name;
    int min_args, max_args;
    /*
     * One letter per argument, the last one repeated: o block offset, c count of at least 1, b byte
     * value, n partition number, m name of an mbr section, g of a gpt section, u of a
     * uboot-environment section, v name of a variable in one, a attributes of R, H, S, t text.
     */
    const char *kinds;
    const char *usage;
    bool resource_only; /* reads the resource's data */
    bool requirement;
};

/* NULL if there is no such name. function_specs ends with a NULL name. */
const struct function_spec *function_find(const char *name);
extern const struct function_spec function_specs[];

/* Checks the number and form of the arguments (docs/fw-format.md, "Functions"). creating: an
 * argument that still contains ${...} is left unchecked until the archive is applied. */
int function_check(const struct function_spec *spec, int argc, const char *const *argv,
                   bool creating, struct error *err);

#endif
