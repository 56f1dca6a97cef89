/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a device from earlier pushes: whether it knows the request "assemble", how fast
 * a firmware gets there, and what it may run. */
#ifndef FWSSH_HOST_ADAPTIVE_DEVICE_MEMORY_H
#define FWSSH_HOST_ADAPTIVE_DEVICE_MEMORY_H

#include <stdbool.h>

#define DEVICE_MEMORY_UUID 40

enum device_ability { DEVICE_UNKNOWN, DEVICE_ASSEMBLES, DEVICE_DOES_NOT };

struct device_memory {
    enum device_ability ability;
    double rate; /* bytes a second, when a whole firmware was sent last; 0: not known */
    char runs[DEVICE_MEMORY_UUID]; /* UUID of what it may run since then; "": not known */
};

/* known_as: the device's name in known_hosts. That a device does not assemble is believed for a
 * week: it may have been updated. */
struct device_memory device_memory_read(const char *known_as);

/* Remembers it; that this is not possible is no failure. */
void device_memory_write(const char *known_as, const struct device_memory *m);

#endif
