/* SPDX-License-Identifier: Apache-2.0 */
#include "device/receive/local.h"

#include "base/device_lock.h"
#include "base/io.h"
#include "device/receive/change.h"
#include "device/receive/status.h"
#include "device/receive/version_settle.h"
#include "device/slots/device_path.h"

#include <stdio.h>
#include <stdlib.h>

static int local_end(int rc, const struct error *err)
{
    if (rc)
        fprintf(stderr, "fwssh-receive: %s\n", err->text);
    return rc ? (int)err->status : EXIT_DONE;
}

/*
 * A running update writes to the same environment. If the device cannot be found, one of any device
 * counts; one whose environment is in use is not even looked for.
 */
static int local_lock(const struct device_config *config, int *lock, struct error *err)
{
    char *device = device_path_find(config, err);
    int rc;

    *lock = device ? device_lock_take(config->lock_file, device, err) : -1;
    if (device || err->status == EXIT_REFUSED)
        rc = *lock < 0 ? -1 : 0;
    else
        rc = device_lock_check_all(config->lock_file, err);
    device_lock_export(*lock, config->lock_file);
    free(device);
    return rc;
}

int local_status(const struct device_config *config)
{
    struct facts facts = {0};
    struct buffer text = {0};
    struct error err;
    int rc = status_read(config, false, &facts, &err);

    facts_print(&facts, &text);
    fputs(buffer_text(&text), stdout);
    buffer_free(&text);
    facts_free(&facts);
    return local_end(rc, &err);
}

/* The change is made, whatever comes of this. */
static void local_settle(const struct device_config *config)
{
    struct error err;

    if (version_settle(config, &err))
        fprintf(stderr, "fwssh-receive: %s\n", err.text);
}

int local_confirm(const struct device_config *config)
{
    struct facts facts = {0};
    struct error err;
    int lock;
    int rc = local_lock(config, &lock, &err) ? -1 : change_confirm(config, &facts, &err);

    facts_free(&facts);
    if (!rc)
        local_settle(config);
    io_close(&lock);
    return local_end(rc, &err);
}

int local_revert(const struct device_config *config, const char *reason)
{
    struct facts facts = {0};
    struct error err;
    bool reboot; /* left to the script */
    int lock;
    int rc = local_lock(config, &lock, &err);

    if (!rc) {
        local_settle(config); /* what has proved itself counts, even if it is left now */
        rc = change_revert(config, reason, &reboot, &facts, &err);
    }
    facts_free(&facts);
    io_close(&lock);
    return local_end(rc, &err);
}
