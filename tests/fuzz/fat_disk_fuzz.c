/* SPDX-License-Identifier: Apache-2.0 */
/* Arbitrary bytes in place of a FAT file system on the disk below a mount. */
#include "fuzz.h"

#include "base/io.h"
#include "device/slots/fat_disk.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FUZZ_FILE_MAX 65536

static bool fuzz_name_ends(const struct fat_disk_entry *entry, void *data)
{
    (void)data;
    if (strnlen(entry->name, sizeof entry->name) == sizeof entry->name)
        __builtin_trap();
    return false;
}

static void fuzz_path(const struct fat_disk *f, const char *path)
{
    static const uint8_t zeros[FUZZ_FILE_MAX];
    struct fat_disk_entry entry;
    struct buffer text = {0};
    struct error err;

    if (fat_disk_find(f, path, &entry, &err) <= 0)
        return;
    (void)fat_disk_each(f, &entry, fuzz_name_ends, NULL, &err);
    (void)fat_disk_is_seen_by(f, &entry, f->fd, &err);
    if (!fat_disk_read(f, &entry, FUZZ_FILE_MAX, &text, &err))
        (void)fat_disk_overwrite(f, &entry, zeros, &err);
    buffer_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const paths[] = {"", "KERNEL.IMG", "DIR", "DIR/A long file name.txt",
                                        "dir/b.txt"};
    int fd = memfd_create("fat", MFD_CLOEXEC);
    struct fat_disk f;
    struct error err;

    if (fd < 0 || io_pwrite_all(fd, data, size, 0))
        abort();
    if (!fat_disk_open(&f, fd, 0, 512, &err))
        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
            fuzz_path(&f, paths[i]);
    io_close(&fd);
    return 0;
}
