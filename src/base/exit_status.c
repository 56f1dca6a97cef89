/* SPDX-License-Identifier: Apache-2.0 */
#include "base/exit_status.h"

#include <stddef.h>

static const char *const exit_status_texts[] = {
    [EXIT_DONE] = "done",
    [EXIT_FAILED] = "failed",
    [EXIT_USAGE] = "usage",
    [EXIT_REFUSED] = "refused by the device (busy, a hook, a rule)",
    [EXIT_MISMATCH] = "firmware does not fit the device or is damaged",
    [EXIT_ACCESS] = "key or host key",
    [EXIT_UNREACHABLE] = "unreachable, lost before the last byte, or never came back",
    [EXIT_INTERRUPTED] = "interrupted",
    [EXIT_REVERTED] = "came back with the old firmware",
    [EXIT_UNCONFIRMED] = "not confirmed, or lost after the last byte",
    [EXIT_SOME_FAILED] = "some of several devices failed",
};

const char *exit_status_text(int status)
{
    size_t count = sizeof exit_status_texts / sizeof *exit_status_texts;

    return status >= 0 && (size_t)status < count ? exit_status_texts[status] : NULL;
}
