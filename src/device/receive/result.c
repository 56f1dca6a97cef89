/* SPDX-License-Identifier: Apache-2.0 */
#include "device/receive/result.h"

#include "base/date.h"
#include "base/io.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/pass_fd.h"
#include "device/config/state_dir.h"
#include "wire/request.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int result_send(int fd, const struct result *r, int lock)
{
    return pass_fd_send(fd, r, sizeof *r, &lock, lock >= 0 ? 1 : 0);
}

int result_receive(int fd, struct result *r, int *lock)
{
    int fds[PASS_FD_MAX];
    struct result got;
    int rc = pass_fd_receive(fd, &got, sizeof got, fds);

    *lock = fds[0];
    for (int i = 1; i < PASS_FD_MAX; i++)
        io_close(&fds[i]);
    if (rc > 0) {
        *r = got; /* a record of the wrong size leaves *r unchanged */
        r->uuid[sizeof r->uuid - 1] = '\0';
        r->request[sizeof r->request - 1] = '\0';
        r->task[sizeof r->task - 1] = '\0';
        r->text[sizeof r->text - 1] = '\0';
        r->note[sizeof r->note - 1] = '\0';
    }
    return rc;
}

bool result_is_update(const struct result *r)
{
    return !*r->request || !strcmp(r->request, request_name(REQUEST_UPDATE)) ||
           !strcmp(r->request, request_name(REQUEST_ASSEMBLE));
}

const char *result_task(const struct result *r, const struct device_config *config)
{
    return *r->task ? r->task : config->task;
}

void result_note(struct result *r, const char *format, ...)
{
    size_t len = strlen(r->note);
    va_list args;

    if (len)
        len += (size_t)snprintf(r->note + len, sizeof r->note - len, "; ");
    if (len >= sizeof r->note)
        return;
    va_start(args, format);
    vsnprintf(r->note + len, sizeof r->note - len, format, args);
    va_end(args);
}

void result_describe(const struct result *r, char *text, size_t size)
{
    const char *unheard = r->told ? "" : "; the client was gone and did not get the result";

    if (r->asked)
        snprintf(text, size, "answered %s", *r->request ? r->request : "an empty request");
    else if (!result_is_update(r) && r->status)
        snprintf(text, size, "request %s failed with status %u: %s", r->request, r->status,
                 r->text);
    else if (!result_is_update(r))
        snprintf(text, size, "request %s: done%s", r->request, r->reboot ? ", reboot follows" : "");
    else if (r->status)
        snprintf(text, size, "update failed with status %u: %s%s", r->status, r->text, unheard);
    else
        snprintf(text, size, RESULT_DONE "%u firmware%s written%s%s%s%s", r->firmwares,
                 r->firmwares == 1 ? "" : "s", *r->uuid ? RESULT_UUID : "", r->uuid,
                 r->reboot ? ", reboot follows" : "", unheard);
}

bool result_is_tried(const struct result *r)
{
    return !r->asked && result_is_update(r) && r->status != EXIT_REFUSED;
}

void result_keep(const struct result *r, const struct device_config *config)
{
    char when[DATE_SIZE], what[700];
    struct error err;

    if (!result_is_tried(r))
        return;
    if (state_dir_make(config, &err) || access(config->state_dir, W_OK))
        return; /* a read-only system stores nothing */
    date_format((int64_t)time(NULL), when);
    result_describe(r, what, sizeof what);
    char *text = memory_printf("%s %s\n", when, what);
    if (state_dir_write(config, "last-update", text, strlen(text), &err))
        log_warning("%s", err.text);
    free(text);
}
