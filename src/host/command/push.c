#include "host/command/push.h"

#include "host/command/firmware_find.h"
#include "host/command/fleet.h"
#include "host/command/push_device.h"
#include "host/remote/interrupt.h"

#include <stdio.h>

static int push_one(const struct host_options *o, struct firmware_file *firmware)
{
    struct console console;
    struct error err;
    int status = EXIT_USAGE;

    if (console_open(&console, o->fleet.hosts[0], &o->output, &err))
        fprintf(stderr, "fwssh: %s\n", err.text);
    else
        status = push_device(o, o->fleet.hosts[0], firmware, &console);
    console_close(&console);
    return status;
}

/* The firmware itself cannot be used: reported before any device is contacted, without a log. */
static int push_no_firmware(const struct host_options *o, const struct error *err)
{
    struct output_options output = {.json = o->output.json, .quiet = o->output.quiet};
    struct console console;
    struct error ignored;

    if (!console_open(&console, o->fleet.hosts[0], &output, &ignored))
        console_result(&console, (int)err->status, err->text);
    console_close(&console);
    return (int)err->status;
}

static void push_tell_choice(const struct host_options *o, const struct firmware_file *firmware,
                             size_t fit)
{
    if (fit > 1 && !o->output.quiet)
        fprintf(stderr, "fwssh: %zu files fit; the newest is pushed: %s\n", fit, firmware->path);
}

int push_run(struct host_options *o)
{
    bool several = o->fleet.host_count > 1;
    struct firmware_file firmware;
    struct error err;
    size_t fit;
    int status;

    interrupt_watch();
    /* All share one terminal: nobody could answer ssh's prompts. */
    o->reach.batch = several && !o->reach.passphrase;
    if (firmware_find(&firmware, o->job.firmware, o->job.target, &fit, &err)) {
        status = push_no_firmware(o, &err);
    } else {
        push_tell_choice(o, &firmware, fit);
        status = several ? fleet_run(o, &firmware) : push_one(o, &firmware);
    }
    firmware_file_close(&firmware);
    return status;
}
