/* fwup's command line, which fwpack understands, too. */
#ifndef FWSSH_DEVICE_UPDATERS_UPDATER_FWUP_H
#define FWSSH_DEVICE_UPDATERS_UPDATER_FWUP_H

#include "device/updaters/updater_driver.h"

/* Options that the driver fwpack adds between fwup's own and the site's (key updater-options). */
typedef void updater_fwup_more(const struct device_config *config, const struct updater_job *job,
                               struct argv *a);

/* UPDATER_WRITE or UPDATER_STAGE, and UPDATER_TASK; more may be NULL. */
void updater_fwup_add_write(const struct updater *u, const struct device_config *config,
                            const struct updater_job *job, updater_fwup_more *more, struct argv *a);
void updater_fwup_add_task(const struct device_config *config, const struct updater_job *job,
                           struct argv *a);

/* The keys that firmware must be signed with (key firmware-public-keys). */
void updater_fwup_add_keys(const struct device_config *config, struct argv *a);

#endif
