/* SPDX-License-Identifier: Apache-2.0 */
/* A whole archive, applied to a device in memory. */
#include "fuzz.h"

#include "engine/apply/apply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fuzz_medium medium;
    struct source_bytes bytes = {.data = data, .left = size};
    struct report report = {.program = "fuzz", .progress = REPORT_QUIET, .high = 100};
    struct meta_identity identity = {0};
    struct error err;
    struct apply_request request = {
        .archive = source_from_bytes(&bytes),
        .task = "t",
        .medium = &medium.medium,
        .reboot_param_path = "/dev/null/nowhere",
    };

    fuzz_medium_init(&medium, data, 0);
    (void)apply_run(&request, &report, &identity, &err);
    return 0;
}
