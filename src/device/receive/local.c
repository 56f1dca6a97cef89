/* SPDX-License-Identifier: Apache-2.0 */
#include "device/receive/local.h"

#include "device/receive/change.h"
#include "device/receive/job.h"
#include "device/receive/status.h"
#include "device/receive/version_settle.h"

#include <stdio.h>

static int local_end(int rc, const struct error *err)
{
    if (rc)
        fprintf(stderr, "fwssh-receive: %s\n", err->text);
    return rc ? (int)err->status : EXIT_DONE;
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
    struct job job;

    job_open(&job, config, NULL);
    int rc = job_lock_if_found(&job, &err) ? -1 : change_confirm(config, &facts, &err);

    facts_free(&facts);
    if (!rc)
        local_settle(config);
    job_close(&job);
    return local_end(rc, &err);
}

int local_revert(const struct device_config *config, const char *reason)
{
    struct facts facts = {0};
    struct error err;
    bool reboot; /* left to the script */
    struct job job;

    job_open(&job, config, NULL);
    int rc = job_lock_if_found(&job, &err);

    if (!rc) {
        local_settle(config); /* what has proved itself counts, even if it is left now */
        rc = change_revert(config, reason, &reboot, &facts, &err);
    }
    facts_free(&facts);
    job_close(&job);
    return local_end(rc, &err);
}
