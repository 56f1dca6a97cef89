/* What the device's slots say of an update that is about to start, or has failed. */
#ifndef FWSSH_DEVICE_RECEIVE_SLOT_CHECK_H
#define FWSSH_DEVICE_RECEIVE_SLOT_CHECK_H

#include "base/error.h"
#include "device/config/device_config.h"
#include "device/receive/client.h"

/*
 * Before an update. EXIT_REFUSED when another update has not booted yet: this one would overwrite
 * what runs. A running firmware that is not confirmed is reported to the client, or refused, as the
 * key unconfirmed says. 0 also where the slots are not known; if they should be and cannot be read,
 * the client hears of it.
 */
int slot_check_before(const struct device_config *config, struct client *client, struct error *err);

/* After a failed update, adds to the error: what the device is, if the firmware does not fit it;
 * and that the new slot boots next, if it does. */
void slot_check_after_failure(const struct device_config *config, struct error *err);

#endif
