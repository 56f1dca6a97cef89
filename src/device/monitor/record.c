/* SPDX-License-Identifier: Apache-2.0 */
#include "device/monitor/record.h"

#include "base/pass_fd.h"

#include <stdio.h>

_Static_assert(sizeof(struct record) == 1024, "records have the same size on every architecture");
_Static_assert(RECORD_FDS == PASS_FD_MAX, "all descriptors fit into one record");

int record_send(int socket, enum record_type type, uint32_t value, const char *text, const int *fds)
{
    struct record r = {.type = type, .value = value};

    snprintf(r.text, sizeof r.text, "%s", text ? text : "");
    int count = 0;
    while (fds && count < RECORD_FDS && fds[count] >= 0)
        count++;
    return pass_fd_send(socket, &r, sizeof r, fds, count);
}

int record_receive(int socket, struct record *r, int *fds)
{
    int rc = pass_fd_receive(socket, r, sizeof *r, fds);

    if (rc > 0)
        r->text[sizeof r->text - 1] = '\0';
    return rc;
}
