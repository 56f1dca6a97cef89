/* What is seen of a push to several devices: a line for each, kept up to date on a terminal; a line
 * for each change elsewhere; JSON as the devices' processes write it. */
#ifndef FWSSH_HOST_OUTPUT_FLEET_VIEW_H
#define FWSSH_HOST_OUTPUT_FLEET_VIEW_H

#include "base/buffer.h"
#include "host/output/console.h"

#include <stdbool.h>
#include <sys/types.h>

struct fleet_device {
    const char *host;
    pid_t pid; /* 0: not begun, or ended */
    int fd;    /* what its process tells, -1 */
    int status;
    int percent;
    double began, ended;
    struct buffer line;  /* what has come of one */
    struct buffer state; /* what it does now, or how it ended */
    bool done;
};

struct fleet_view {
    enum console_mode mode;
    size_t count, width;
    struct fleet_device *device; /* owned */
    size_t drawn;                /* lines on the terminal */
    double last_draw;
};

/* The names of the hosts stay the caller's. fleet_view_close() ends it. */
void fleet_view_open(struct fleet_view *v, const struct output_options *o, const char *const *hosts,
                     size_t count, const struct firmware_file *firmware);

/* What a device's process has written; false at its end. */
bool fleet_view_read(struct fleet_view *v, struct fleet_device *d);

void fleet_view_state(struct fleet_view *v, struct fleet_device *d, const char *text);
void fleet_view_ended(struct fleet_view *v, struct fleet_device *d);

/* The lines on a terminal, now and then. */
void fleet_view_draw(struct fleet_view *v);

/* The table at the end. why: no more devices were begun, or NULL. Returns how many are not done. */
int fleet_view_close(struct fleet_view *v, const char *why);

#endif
