/* SPDX-License-Identifier: Apache-2.0 */
/* fwup's command line, which fwpack accepts, too. */
#ifndef FWSSH_DEVICE_UPDATERS_UPDATER_FWUP_H
#define FWSSH_DEVICE_UPDATERS_UPDATER_FWUP_H

#include "device/updaters/updater_driver.h"

/*
 * Appends options between fwup's own and the site's (key updater-options); used by fwpack's driver.
 */
typedef void updater_fwup_more(const struct device_config *config, const struct updater_job *job,
                               struct argv *a);

/*
 * Append the arguments for UPDATER_WRITE or UPDATER_STAGE, and for UPDATER_TASK. more may be NULL.
 */
void updater_fwup_add_write(const struct updater *u, const struct device_config *config,
                            const struct updater_job *job, updater_fwup_more *more, struct argv *a);
void updater_fwup_add_task(const struct device_config *config, const struct updater_job *job,
                           struct argv *a);

/* Appends the keys with which firmware must be signed (key firmware-public-keys). */
void updater_fwup_add_keys(const struct device_config *config, struct argv *a);

#endif
