/*
 * The subsystem "fwssh": one line asks, lines answer (PROTOCOL.md, "Subsystem fwssh").
 *
 *   fwssh/1 VERB [NAME=VALUE]... LF
 *
 * is answered by "fwssh/1 ok" and lines NAME=VALUE, or by "fwssh/1 error STATUS TEXT". What is not
 * known, a verb, a name or a version, is answered with an error that says what is.
 */
#ifndef FWSSH_DEVICE_RECEIVE_REQUEST_H
#define FWSSH_DEVICE_RECEIVE_REQUEST_H

#include "base/error.h"
#include "device/config/device_config.h"
#include "wire/facts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REQUEST_VERSION "fwssh/1"
/* The longest line, with its end. */
#define REQUEST_MAX 1024

enum request_verb {
    REQUEST_STATUS,
    REQUEST_LOG,
    REQUEST_CONFIRM,
    REQUEST_REVERT,
    REQUEST_REBOOT,
    REQUEST_UPDATE,
    REQUEST_ACTIVATE,
};

struct request {
    enum request_verb verb;
    const char *name;   /* of the verb; static */
    uint64_t size;      /* of the firmware (update) */
    char task[64];      /* update: "" is the device's own */
    char reason[200];   /* revert */
    bool reboot, stage; /* update */
};

/* The line without its end; 0, or -1 with the error set (EXIT_USAGE). */
int request_parse(const char *line, size_t len, struct request *q, struct error *err);

/* Whether the device's configuration lets the task be asked for: 0, or EXIT_REFUSED. */
int request_check_task(const struct device_config *config, const struct request *q,
                       struct error *err);

/* The facts for status and log. volatile_key: the host key does not survive a reboot. */
int request_facts(const struct device_config *config, const struct request *q, bool volatile_key,
                  struct facts *facts, struct error *err);

/* Does confirm or revert. *reboot: the change needs one. */
int request_change(const struct device_config *config, const struct request *q, bool *reboot,
                   struct error *err);

#endif
