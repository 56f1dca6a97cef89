/* SPDX-License-Identifier: Apache-2.0 */
/* The files in state-dir that a bad disk may have changed: the record of a staged firmware, and
 * pending-version; and the versions in them. */
#include "fuzz.h"

#include "base/version.h"
#include "engine/apply/staged.h"
#include "wire/pending_version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void fuzz_staged(const uint8_t *data, size_t size)
{
    struct block_cache_options options = {0};
    static struct fuzz_medium medium;
    struct staged staged;
    struct error err;
    char path[32];
    int fd = memfd_create("fuzz", MFD_CLOEXEC);

    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (!staged_load(&staged, path, &err)) {
        fuzz_medium_init(&medium, data, 0);
        struct block_cache *cache = block_cache_new(&medium.medium, &options);
        /* A list of ranges that are long and not there ends at once. */
        (void)staged_check(&staged, cache, &err);
        block_cache_free(cache);
        staged_free(&staged);
    }
    close(fd);
}

/* What is accepted is what would have been printed. */
static void fuzz_pending(const uint8_t *data, size_t size)
{
    struct pending_versions list;
    struct buffer text = {0};

    if (pending_version_parse((const char *)data, size, &list))
        return;
    pending_version_print(&list, &text);
    if (text.len != size || memcmp(text.data, data, size) != 0)
        __builtin_trap();
    buffer_free(&text);
}

/* Both ways the same, and the same as itself. */
static void fuzz_versions(const char *text)
{
    size_t len = strcspn(text, "\n");
    char *first = strndup(text, len);
    const char *second = text[len] ? text + len + 1 : "";
    int order = 0, back = 0;

    int rc = version_compare(first, second, &order);
    if (rc != version_compare(second, first, &back) || order != -back)
        __builtin_trap();
    if (version_is_valid(first) != !version_compare(first, first, &order) ||
        (version_is_valid(first) && order))
        __builtin_trap();
    free(first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);

    fuzz_staged(data, size);
    fuzz_pending(data, size);
    fuzz_versions(text);
    free(text);
    return 0;
}
