#include "host/command/push.h"

#include "host/command/firmware_find.h"
#include "host/command/fleet.h"
#include "host/command/push_device.h"
#include "host/remote/transfer.h"

#include <stdio.h>

static int push_one(const struct push_options *o, struct firmware_file *firmware)
{
    struct console console;
    struct error err;
    int status = EXIT_USAGE;

    if (console_open(&console, o->hosts[0], o->json, o->quiet, o->log_dir, &err))
        fprintf(stderr, "fwssh: %s\n", err.text);
    else
        status = push_device(o, o->hosts[0], firmware, &console);
    console_close(&console);
    return status;
}

/* Before a device is named: the firmware itself cannot be used. */
static int push_no_firmware(const struct push_options *o, const struct error *err)
{
    struct console console;
    struct error ignored;

    if (!console_open(&console, o->hosts[0], o->json, o->quiet, NULL, &ignored))
        console_result(&console, (int)err->status, err->text);
    console_close(&console);
    return (int)err->status;
}

int push_run(const struct push_options *o)
{
    struct firmware_file firmware;
    struct error err;

    transfer_watch_signals();
    int status;
    if (firmware_find(&firmware, o->firmware, o->target, &err))
        status = push_no_firmware(o, &err);
    else
        status = o->host_count > 1 ? fleet_run(o, &firmware) : push_one(o, &firmware);
    firmware_file_close(&firmware);
    return status;
}
