/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The report of `fwssh selftest`: text that a user can send to others. What may name a device or
 * its site (the words of the device and of ssh) is in it only if the user wants it.
 */
#ifndef FWSSH_HOST_COMMAND_SELFTEST_REPORT_H
#define FWSSH_HOST_COMMAND_SELFTEST_REPORT_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>

enum selftest_result { SELFTEST_PASSED, SELFTEST_FAILED, SELFTEST_SKIPPED, SELFTEST_RESULTS };

/* How a step has ended. */
struct selftest_step {
    enum selftest_result result;
    struct buffer told;   /* how, in our own words */
    struct buffer detail; /* what the device or ssh said, or empty */
};

struct selftest_report {
    bool full; /* with what may name a device */
    struct buffer text;
    unsigned count[SELFTEST_RESULTS];
};

/* Sets the result and adds to what is told of it. Returns the result. */
enum selftest_result selftest_step_end(struct selftest_step *s, enum selftest_result result,
                                       const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void selftest_step_free(struct selftest_step *s);

/* Adds the line of a step, and shows it to the user, with all that is known. */
void selftest_report_add(struct selftest_report *r, const char *name, const struct selftest_step *s,
                         double seconds);

/* Adds the last line and writes the report to a file; NULL or "-": standard output. Returns 0, or
 * -1 with the error set. */
int selftest_report_write(struct selftest_report *r, const char *path, struct error *err);
void selftest_report_free(struct selftest_report *r);

#endif
