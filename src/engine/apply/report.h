/* SPDX-License-Identifier: Apache-2.0 */
/* Messages and progress of a running command, plain or framed (docs/fw-format.md, "Text"). */
#ifndef FWSSH_ENGINE_APPLY_REPORT_H
#define FWSSH_ENGINE_APPLY_REPORT_H

#include <stdbool.h>
#include <stdint.h>

enum report_progress { REPORT_BAR, REPORT_NUMERIC, REPORT_QUIET };

struct report {
    const char *program; /* prefix of a plain message */
    enum report_progress progress;
    bool framing, verbose;
    int low, high; /* percent */

    bool active; /* progress is being shown */
    int last;    /* last percentage shown, -1 before the first */
    uint64_t total, done;
    uint64_t in; /* bytes read from the archive */
    double start;
};

/* Everything goes to standard output, even errors. info also carries warnings, as in fwup. */
void report_info(struct report *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void report_error(struct report *r, const char *text);

/* The result of -m, -l, -V ...: as it is, or as the payload of one OK packet. */
void report_result(struct report *r, const char *text);

void report_start(struct report *r);
void report_add(struct report *r, uint64_t units);
void report_success(struct report *r);

#endif
