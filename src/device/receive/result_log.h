/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of the log for the outcome of an update or request. */
#ifndef FWSSH_DEVICE_RECEIVE_RESULT_LOG_H
#define FWSSH_DEVICE_RECEIVE_RESULT_LOG_H

#include "device/receive/result.h"

/* Who asked, as far as the one who logs knows: "" without a listener. */
struct result_source {
    const char *address, *key;
    const char *task; /* result_task() */
    double seconds;   /* since the start */
};

void result_log(const struct result *r, const struct result_source *from);

#endif
