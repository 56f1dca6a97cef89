/* What the device's slots say of an update that is to begin, or has failed. */
#ifndef FWSSH_DEVICE_RECEIVE_SLOT_CHECK_H
#define FWSSH_DEVICE_RECEIVE_SLOT_CHECK_H

#include "base/error.h"
#include "device/config/device_config.h"
#include "device/receive/client.h"

/*
 * Before an update. An update that waits for its first start is in the way: the next one would
 * overwrite what runs (EXIT_REFUSED). A running firmware that is not confirmed is told to the
 * client, or refused, as the key unconfirmed says. 0 also where the slots are not known; where they
 * should be, and cannot be read, the client is told.
 */
int slot_check_before(const struct device_config *config, struct client *client, struct error *err);

/* Behind a failed update, adds to the error: what the device is, if the firmware does not fit it;
 * and that the new slot boots next all the same, if it does. */
void slot_check_after_failure(const struct device_config *config, struct error *err);

#endif
