/* SPDX-License-Identifier: Apache-2.0 */
/* A session's brief: arbitrary bytes, and items that are parsed again after they were joined. */
#include "fuzz.h"

#include "base/io.h"
#include "device/monitor/brief.h"
#include "device/session/session_brief.h"

#include <libssh/libssh.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return ssh_init();
}

/* All items lie within it, one after the other, and give the same bytes again. */
static void fuzz_items(const struct buffer *bytes)
{
    struct buffer again = {0};
    struct brief_item item;
    struct error err;
    size_t at = 0;
    int more;

    while ((more = brief_next(bytes, &at, &item, &err)) > 0)
        brief_add(&again, item.key, item.data, item.len);
    if (again.len > bytes->len || (again.len && memcmp(again.data, bytes->data, again.len)) ||
        (!more && again.len != bytes->len))
        __builtin_trap();
    buffer_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct session_brief brief;
    struct buffer bytes = {0};
    struct error err;

    buffer_add(&bytes, data, size);
    if (bytes.data)
        fuzz_items(&bytes);
    buffer_free(&bytes);
    int fd = memfd_create("brief", MFD_CLOEXEC);
    if (fd < 0 || io_write_all(fd, data, size) || lseek(fd, 0, SEEK_SET))
        abort();
    if (!session_brief_read(&brief, fd, size & 1, &err) &&
        (!brief.host_key_count || brief.host_key_count > SESSION_HOST_KEYS_MAX || !brief.ciphers ||
         !brief.macs || !brief.kex))
        __builtin_trap();
    session_brief_free(&brief);
    close(fd);
    return 0;
}
