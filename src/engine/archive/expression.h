/* SPDX-License-Identifier: Apache-2.0 */
/* The arithmetic of define-eval: 64-bit integers, + - * / ^ ( ), size suffixes (docs/fw-format.md,
 * "Create"). 0, or -1 with the error set. */
#ifndef FWSSH_ENGINE_ARCHIVE_EXPRESSION_H
#define FWSSH_ENGINE_ARCHIVE_EXPRESSION_H

#include "base/error.h"

#include <stdint.h>

int expression_eval(const char *text, int64_t *value, struct error *err);

#endif
