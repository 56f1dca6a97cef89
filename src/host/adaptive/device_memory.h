/* What is known from earlier pushes: whether a device knows the request "assemble". */
#ifndef FWSSH_HOST_ADAPTIVE_DEVICE_MEMORY_H
#define FWSSH_HOST_ADAPTIVE_DEVICE_MEMORY_H

#include <stdbool.h>

enum device_memory { DEVICE_UNKNOWN, DEVICE_ASSEMBLES, DEVICE_DOES_NOT };

/* known_as: the device's name in known_hosts. That a device does not is believed for a week: it may
 * have been updated. */
enum device_memory device_memory_read(const char *known_as);

/* Remembers it; that this is not possible is no failure. */
void device_memory_write(const char *known_as, bool assembles);

#endif
