/* SPDX-License-Identifier: Apache-2.0 */
#include "host/remote/server_software.h"

#include "base/io.h"
#include "host/remote/ssh_run.h"
#include "wire/subsystem.h"

#include <stdio.h>
#include <string.h>

#define SERVER_SOFTWARE_SECONDS 20

/* ssh -v: the line after "Remote protocol version 2.0, ". NULL: not there yet. */
static const char *server_software_find(const struct ssh_run *r)
{
    static const char words[] = "remote software version ";
    const char *at = strstr(buffer_text(&r->text[1]), words);

    return at && strchr(at, '\n') ? at + strlen(words) : NULL;
}

bool server_software_read(const struct reach *reach, const struct ssh_target *target,
                          char software[SOFTWARE_MAX + 1])
{
    struct ssh_call call = {.reach = reach,
                            .target = target,
                            .subsystem = SUBSYSTEM_FWSSH,
                            .impatient = true,
                            .verbose = true,
                            .banner_only = true};
    double end = reach_end(reach, SERVER_SOFTWARE_SECONDS);
    int event = SSH_RUN_HEARD;
    struct ssh_run r = {0};
    struct error err;

    *software = '\0';
    if (!ssh_run_start(&r, &call, &err)) {
        ssh_run_close_input(&r);
        while (event == SSH_RUN_HEARD && !server_software_find(&r))
            event = ssh_run_next(&r, false, end, &err);
        const char *found = server_software_find(&r);
        if (found)
            snprintf(software, SOFTWARE_MAX + 1, "%.*s", (int)strcspn(found, "\r\n"), found);
        ssh_run_end(&r, event != SSH_RUN_ENDED);
    }
    ssh_run_free(&r);
    return *software;
}
