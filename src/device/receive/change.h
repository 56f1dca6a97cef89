/* Changes that need no firmware: which slot is to stay, which one boots next. */
#ifndef FWSSH_DEVICE_RECEIVE_CHANGE_H
#define FWSSH_DEVICE_RECEIVE_CHANGE_H

#include "base/error.h"
#include "device/config/device_config.h"

#include <stdbool.h>

/* Marks the running firmware as good. EXIT_REFUSED where that would be wrong. */
int change_confirm(const struct device_config *config, struct error *err);

/*
 * Makes the firmware before this one boot next, or discards an update that has not booted yet.
 * reason: for the device's status; "": it was asked for over SSH. *reboot: what runs has to go.
 */
int change_revert(const struct device_config *config, const char *reason, bool *reboot,
                  struct error *err);

#endif
