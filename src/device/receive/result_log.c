/* SPDX-License-Identifier: Apache-2.0 */
#include "device/receive/result_log.h"

#include "base/log.h"
#include "device/config/log_events.h"

#include <stdio.h>

static enum log_level result_log_level(const struct result *r, bool is_listener)
{
    /* An empty request has come as an update, whose start is in the log. */
    if (r->asked)
        return is_listener && *r->request ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
    return r->status ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO;
}

static const char *result_log_event(const struct result *r)
{
    if (r->asked)
        return EVENT_REQUEST_ANSWERED;
    if (result_is_update(r))
        return r->status ? EVENT_UPDATE_FAILED : EVENT_UPDATE_DONE;
    return r->status ? EVENT_REQUEST_FAILED : EVENT_REQUEST_DONE;
}

void result_log(const struct result *r, const struct result_source *from)
{
    bool is_listener = *from->address;
    char text[700];
    const struct log_field fields[] = {
        LOG_TEXT("address", from->address),
        LOG_TEXT("key", from->key),
        LOG_TEXT("request", r->request),
        LOG_TEXT("result", r->status ? "failed" : "done"),
        LOG_NUMBER("status", r->status),
        LOG_TEXT("task", result_is_update(r) ? from->task : ""),
        LOG_TEXT("uuid", r->uuid),
        LOG_NUMBER("firmwares", r->firmwares),
        LOG_NUMBER("bytes", r->bytes),
        LOG_NUMBER("seconds", from->seconds),
        LOG_TEXT("reboot", r->reboot ? "yes" : "no"),
        LOG_TEXT("error", r->text),
        LOG_FIELDS_END,
    };

    result_describe(r, text, sizeof text);
    log_event(result_log_level(r, is_listener), result_log_event(r), fields, "%s%s%s",
              from->address, is_listener ? ": " : "", text);
    if (*r->note)
        log_event(LOG_LEVEL_INFO, EVENT_NOTE, fields, "%s%s%s", from->address,
                  is_listener ? ": " : "", r->note);
}
