/* SPDX-License-Identifier: Apache-2.0 */
/* The output of a push to several devices: on a terminal a line for each device, kept up to date;
 * elsewhere a line for each change; or JSON as the devices' processes write it. */
#ifndef FWSSH_HOST_OUTPUT_FLEET_VIEW_H
#define FWSSH_HOST_OUTPUT_FLEET_VIEW_H

#include "base/buffer.h"
#include "host/output/console.h"

#include <stdbool.h>
#include <sys/types.h>

struct fleet_device {
    const char *host;
    pid_t pid; /* 0: not started, or ended */
    int fd;    /* output of its process, or -1 */
    int status;
    int percent;
    double began, ended;
    double due; /* when to try it again; 0: not at all */
    int tries;
    struct buffer line;  /* incomplete line of its process */
    struct buffer state; /* what it is doing, or how it ended */
    bool done;
};

struct fleet_view {
    enum console_mode mode;
    size_t count, width;
    struct fleet_device *device; /* owned */
    size_t drawn;                /* lines on the terminal */
    double last_draw;
};

/* The hosts' names are not copied. Release it with fleet_view_close(). */
void fleet_view_open(struct fleet_view *v, const struct output_options *o, const char *const *hosts,
                     size_t count, const struct firmware_file *firmware);

/* Reads and shows what a device's process has written; false at the end. */
bool fleet_view_read(struct fleet_view *v, struct fleet_device *d);

/* A device's process starts, again perhaps. */
void fleet_view_started(struct fleet_view *v, struct fleet_device *d);

/* A device is in another state, will be tried again, or its process has ended. */
void fleet_view_state(struct fleet_view *v, struct fleet_device *d, const char *text);
void fleet_view_pending(struct fleet_view *v, struct fleet_device *d, const char *text);
void fleet_view_ended(struct fleet_view *v, struct fleet_device *d);

/* Redraws the lines on a terminal, every 0.2 s at most. */
void fleet_view_draw(struct fleet_view *v);

/* Prints the table at the end. why: the reason why no more devices were started, or NULL. Returns
 * done if all devices are done, else otherwise. */
int fleet_view_close(struct fleet_view *v, const char *why, enum exit_status done,
                     enum exit_status otherwise);

#endif
