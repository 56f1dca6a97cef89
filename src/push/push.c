#include "push/push.h"

#include "base/memory.h"
#include "push/outcome.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The origin's protocol (PROTOCOL.md, "Header"); the subsystem fwup has none. */
static char *push_header(const struct push_options *o, const struct firmware_file *firmware)
{
    if (push_options_are_bare(o))
        return memory_text("");
    return memory_printf("fwup:%" PRIu64 "%s\n", firmware->size, o->no_reboot ? "" : ",reboot");
}

static int push_to_target(const struct push_options *o, const struct ssh_target *target,
                          struct firmware_file *firmware, struct console *console,
                          struct buffer *text)
{
    char *header = push_header(o, firmware);
    struct transfer t;
    struct error err;
    int status;

    if (o->no_reboot && !*header)
        console_note(console,
                     "--no-reboot has no effect with the subsystem fwup: the device decides");
    if (transfer_run(&t, o, target, header, firmware, console, &err)) {
        buffer_add_text(text, err.text);
        status = (int)err.status;
    } else {
        status = outcome_judge(&t, o, target, text);
    }
    transfer_free(&t);
    free(header);
    return status;
}

static int push_one(const struct push_options *o, const char *host, struct firmware_file *firmware)
{
    struct console console;
    struct ssh_target target;
    struct buffer text = {0};
    struct error err;
    int status;

    if (console_open(&console, host, o->json, o->quiet, o->log_dir, &err)) {
        fprintf(stderr, "fwssh: %s\n", err.text);
        console_close(&console);
        return EXIT_USAGE;
    }
    if (lseek(firmware->fd, 0, SEEK_SET) || ssh_target_resolve(&target, o, host, &err)) {
        buffer_add_text(&text, err.text);
        status = (int)err.status;
    } else {
        console_firmware(&console, firmware, target.port);
        status = push_to_target(o, &target, firmware, &console, &text);
        ssh_target_free(&target);
    }
    console_result(&console, status, buffer_text(&text));
    console_close(&console);
    buffer_free(&text);
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
    int status = EXIT_DONE;

    transfer_watch_signals();
    if (firmware_find(&firmware, o->firmware, o->target, &err))
        return push_no_firmware(o, &err);
    for (size_t i = 0; i < o->host_count; i++) {
        int one = push_one(o, o->hosts[i], &firmware);
        if (one)
            status = o->host_count > 1 ? EXIT_SOME_FAILED : one;
        if (one == EXIT_INTERRUPTED) {
            status = one;
            break;
        }
    }
    firmware_find_close(&firmware);
    return status;
}
