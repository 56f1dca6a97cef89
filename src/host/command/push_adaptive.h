/* SPDX-License-Identifier: Apache-2.0 */
/* A push that sends only what the device lacks: when it is tried, with what, and what it says. */
#ifndef FWSSH_HOST_COMMAND_PUSH_ADAPTIVE_H
#define FWSSH_HOST_COMMAND_PUSH_ADAPTIVE_H

#include "host/adaptive/device_memory.h"
#include "host/command/wait.h"
#include "host/remote/transfer.h"

struct push_adaptive {
    struct wait *w;
    struct adaptive adaptive;
    struct device_memory memory;
    struct firmware_stream own; /* the firmware, unless a fleet has read it */
};

/* Whether a push is to be adaptive, by what is asked for and the firmware's size. */
bool push_adaptive_is_asked_for(const struct host_options *o, const struct firmware_file *firmware);

/* Whether to try with a device: what is asked for, and what is known of the device. If so, memory
 * gets what is remembered of it. */
bool push_adaptive_is_wanted(const struct wait *w, const struct ssh_target *target,
                             struct device_memory *memory);

/* Runs it; the memory is set, and t and call are set up as for a plain push. w->before gets the
 * device's facts, if they were not asked for before. Returns 0, or -1 with the error set.
 * push_adaptive_free() in any case. */
int push_adaptive_run(struct push_adaptive *p, struct wait *w, struct transfer *t,
                      const struct ssh_call *call, struct error *err);
void push_adaptive_free(struct push_adaptive *p);

/* The exit status of an ending other than ADAPTIVE_RAN and ADAPTIVE_CANNOT, with the line for the
 * user. */
int push_adaptive_judge(const struct push_adaptive *p, struct buffer *text);

/* After a success: what was sent, and keeps the firmware as a base for the next one. */
void push_adaptive_note(const struct push_adaptive *p, const struct transfer *t);

#endif
