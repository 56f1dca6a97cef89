/* Changes without a new firmware: confirm the running one, or revert to another. */
#ifndef FWSSH_DEVICE_RECEIVE_CHANGE_H
#define FWSSH_DEVICE_RECEIVE_CHANGE_H

#include "base/error.h"
#include "device/config/device_config.h"

#include <stdbool.h>

/* Marks the running firmware as good. Returns 0, or -1 with the error set: EXIT_REFUSED if another
 * slot boots next or the running one is unknown. */
int change_confirm(const struct device_config *config, struct error *err);

/*
 * Makes the firmware before this one boot next, or discards an update that has not booted yet.
 * reason: for the device's status; "": requested over SSH. *reboot: the running firmware has to be
 * left. Returns 0, or -1 with the error set.
 */
int change_revert(const struct device_config *config, const char *reason, bool *reboot,
                  struct error *err);

#endif
