/* SPDX-License-Identifier: Apache-2.0 */
/* `fwssh selftest`: whether a device withstands what updates meet in the field. */
#ifndef FWSSH_HOST_COMMAND_SELFTEST_H
#define FWSSH_HOST_COMMAND_SELFTEST_H

#include "host/command/host_options.h"

/* Asks, pushes to the one device of o several times, and writes a report. Returns EXIT_DONE if no
 * step has failed. */
int selftest_run(struct host_options *o);

#endif
