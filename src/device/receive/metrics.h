/* SPDX-License-Identifier: Apache-2.0 */
/* The last update as numbers, in Prometheus' text format, for who collects them from a file. */
#ifndef FWSSH_DEVICE_RECEIVE_METRICS_H
#define FWSSH_DEVICE_RECEIVE_METRICS_H

#include "device/receive/result.h"

/* Replaces the file of the key metrics-file, if there is one and this was an update that was
 * tried. seconds: how long it took. A failure to write is only logged. */
void metrics_write(const struct device_config *config, const struct result *r, double seconds);

#endif
