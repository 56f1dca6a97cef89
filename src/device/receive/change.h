/* SPDX-License-Identifier: Apache-2.0 */
/* Changes without a new firmware: confirm the running one, or revert to another. */
#ifndef FWSSH_DEVICE_RECEIVE_CHANGE_H
#define FWSSH_DEVICE_RECEIVE_CHANGE_H

#include "base/error.h"
#include "device/config/device_config.h"
#include "wire/facts.h"

#include <stdbool.h>

/*
 * Each reads what is known about the slots, refuses what would be wrong (EXIT_REFUSED), acts, and
 * reads again: 0 only if the one who decides what boots shows the change, or cannot show it. The
 * facts are those after the change, and the caller frees them in any case. -1 with the error set.
 */

/* Marks the running firmware as good. */
int change_confirm(const struct device_config *config, struct facts *facts, struct error *err);

/*
 * Makes the firmware before this one boot next, or discards an update that has not booted yet.
 * reason: for the device's status; "": requested over SSH. *reboot: the running firmware has to be
 * left; after a failure, too, if what boots next is not known then. If it is not known what boots
 * next, next is not among the facts.
 */
int change_revert(const struct device_config *config, const char *reason, bool *reboot,
                  struct facts *facts, struct error *err);

/* EXIT_REFUSED with what contradicts itself, if what is known about the slots does. */
int change_check(const struct facts *facts, struct error *err);

#endif
