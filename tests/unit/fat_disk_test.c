/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/memory.h"
#include "device/slots/fat_disk.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OFFSET 1536
#define IMAGE "image"

static char top[PATH_MAX];

static bool make(const char *command)
{
    char *full = memory_printf("cd %s && { %s; } >/dev/null 2>&1", top, command);
    int status = system(full);

    free(full);
    return !status;
}

static int set_up(void **state)
{
    (void)state;
    strcpy(top, "/tmp/fat_disk.XXXXXX");
    return mkdtemp(top) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return make("rm -rf \"$PWD\"") ? 0 : -1;
}

/* A volume of that many KiB at OFFSET of an image, with a file in pieces, a directory of many
 * entries, and long names. False without the tools. */
static bool make_volume(int bits, int kib, int sector)
{
    char *format = memory_printf("rm -f fat " IMAGE " && truncate -s %dK fat && "
                                 "PATH=$PATH:/usr/sbin mkfs.vfat -F %d -S %d -s 1 fat",
                                 kib, bits, sector);
    bool made = make(format) &&
                make("export MTOOLS_SKIP_CHECK=1; seq 1 3000 >one && seq 3001 4000 >two && "
                     "mmd -i fat ::EFI ::EFI/BOOT ::loader ::loader/entries && "
                     "mcopy -i fat one ::EFI/BOOT/first && mcopy -i fat two ::EFI/BOOT/second && "
                     "mdel -i fat ::EFI/BOOT/first && mcopy -i fat one ::EFI/BOOT/grubenv && "
                     "for i in $(seq 40); do mcopy -i fat two "
                     "::loader/entries/a-long-name-number-$i+3-0.conf; done && "
                     "mcopy -i fat two ::loader/entries/b+2-1.conf && "
                     "{ head -c 1536 /dev/zero; cat fat; } >" IMAGE);

    free(format);
    return made;
}

static int open_volume(struct fat_disk *f)
{
    char *path = memory_printf("%s/" IMAGE, top);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    struct error err;

    free(path);
    assert_true(fd >= 0);
    assert_int_equal(fat_disk_open(f, fd, OFFSET, 512, &err), 0);
    return fd;
}

static void assert_contents(const struct fat_disk *f, const char *path, const char *file)
{
    struct buffer is = {0}, wanted = {0};
    struct fat_disk_entry entry;
    struct error err;
    char piece[4096], *full = memory_printf("%s/%s", top, file);
    FILE *in = fopen(full, "r");

    assert_non_null(in);
    for (size_t n; (n = fread(piece, 1, sizeof piece, in));)
        buffer_add(&wanted, piece, n);
    fclose(in);
    assert_int_equal(fat_disk_find(f, path, &entry, &err), 1);
    assert_int_equal(fat_disk_read(f, &entry, 65536, &is, &err), 0);
    assert_int_equal(is.len, wanted.len);
    assert_memory_equal(is.data, wanted.data, is.len);
    buffer_free(&is);
    buffer_free(&wanted);
    free(full);
}

static bool count(const struct fat_disk_entry *entry, void *data)
{
    int *seen = data;

    *seen += !strncmp(entry->name, "a-long-name-number-", 19) || !strcmp(entry->name, "b+2-1.conf");
    return false;
}

static void check_volume(void)
{
    struct fat_disk_entry entry;
    struct fat_disk f;
    struct error err;
    int fd = open_volume(&f), seen = 0;

    assert_contents(&f, "/EFI/BOOT/grubenv", "one");
    assert_contents(&f, "efi/boot/SECOND", "two");
    assert_contents(&f, "loader//entries/A-Long-Name-Number-40+3-0.conf", "two");
    assert_int_equal(fat_disk_find(&f, "EFI/BOOT/first", &entry, &err), 0);
    assert_int_equal(fat_disk_find(&f, "EFI/BOOT/grubenv/x", &entry, &err), 0);
    assert_int_equal(fat_disk_find(&f, "loader/entries", &entry, &err), 1);
    assert_true(entry.is_directory);
    assert_int_equal(fat_disk_each(&f, &entry, count, &seen, &err), 0);
    assert_int_equal(seen, 41);
    close(fd);
}

/* Another program reads what was written. */
static void check_overwrite(void)
{
    struct fat_disk_entry entry;
    struct fat_disk f;
    struct error err;
    int fd = open_volume(&f);

    assert_int_equal(fat_disk_find(&f, "EFI/BOOT/grubenv", &entry, &err), 1);
    char *bytes = memory_new(1, entry.size);
    memset(bytes, 'x', entry.size);
    assert_int_equal(fat_disk_overwrite(&f, &entry, bytes, &err), 0);
    free(bytes);
    close(fd);
    assert_true(make("MTOOLS_SKIP_CHECK=1 mcopy -n -o -i " IMAGE "@@1536 ::EFI/BOOT/grubenv new && "
                     "tr '\\000-\\377' x <one | cmp - new && "
                     "MTOOLS_SKIP_CHECK=1 mcopy -n -o -i " IMAGE "@@1536 ::EFI/BOOT/second new && "
                     "cmp two new && tail -c +1537 " IMAGE " >fat && "
                     "PATH=$PATH:/usr/sbin fsck.vfat -n fat"));
}

TEST(all_kinds_of_volumes)
{
    static const struct {
        int bits, kib, sector;
    } kinds[] = {{12, 1440, 512}, {16, 8192, 512}, {32, 40960, 512}, {16, 40960, 4096}};

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!make_volume(kinds[i].bits, kinds[i].kib, kinds[i].sector))
            skip();
        check_volume();
        check_overwrite();
    }
}

/* A second descriptor that sees another image, as a mount does whose cache is old. */
TEST(another_view)
{
    struct fat_disk_entry entry;
    struct fat_disk f;
    struct error err;

    if (!make_volume(16, 8192, 512))
        skip();
    char *path = memory_printf("%s/fat", top);
    int fd = open_volume(&f), node = open(path, O_RDWR | O_CLOEXEC);
    free(path);
    assert_int_equal(fat_disk_find(&f, "loader/entries", &entry, &err), 1);
    assert_int_equal(fat_disk_is_seen_by(&f, &entry, node, &err), 1);
    assert_true(make("cp fat saved && MTOOLS_SKIP_CHECK=1 mdel -i fat ::EFI/BOOT/second"));
    assert_int_equal(fat_disk_is_seen_by(&f, &entry, node, &err), 0); /* in the table */
    assert_true(make("cat saved >fat && echo x >empty && : >empty && "
                     "MTOOLS_SKIP_CHECK=1 mcopy -i fat empty ::EFI/BOOT/e"));
    assert_int_equal(fat_disk_is_seen_by(&f, &entry, node, &err), 1); /* in another directory */
    assert_true(make("MTOOLS_SKIP_CHECK=1 mcopy -i fat empty ::loader/entries/e"));
    assert_int_equal(fat_disk_is_seen_by(&f, &entry, node, &err), 0);
    close(node);
    close(fd);
}

static void put(int fd, uint64_t at, const void *bytes, size_t len)
{
    assert_int_equal(pwrite(fd, bytes, len, (off_t)at), (ssize_t)len);
}

TEST(damage)
{
    struct fat_disk_entry entry;
    struct buffer text = {0};
    struct fat_disk f;
    struct error err;

    if (!make_volume(16, 8192, 512) || !make("truncate -s 64M " IMAGE))
        skip();
    int fd = open_volume(&f);
    assert_int_equal(fat_disk_find(&f, "loader/entries", &entry, &err), 1);
    /* A chain that leaves the volume, but not the disk, one that runs in a circle, one that ends
     * early. */
    put(fd, OFFSET + f.table + entry.first * 2u, &(uint16_t){0xfff0}, 2);
    assert_int_equal(fat_disk_find(&f, "loader/entries/none", &entry, &err), -1);
    assert_int_equal(fat_disk_find(&f, "loader/entries", &entry, &err), 1);
    put(fd, OFFSET + f.table + entry.first * 2u, &(uint16_t){(uint16_t)entry.first}, 2);
    assert_int_equal(fat_disk_find(&f, "loader/entries/none", &entry, &err), 0);
    assert_int_equal(fat_disk_find(&f, "EFI/BOOT/second", &entry, &err), 1);
    put(fd, OFFSET + f.table + entry.first * 2u, &(uint16_t){0xfff0}, 2);
    assert_int_equal(fat_disk_read(&f, &entry, 65536, &text, &err), -1);
    put(fd, OFFSET + f.table + entry.first * 2u, &(uint16_t){0xffff}, 2);
    assert_int_equal(fat_disk_read(&f, &entry, 65536, &text, &err), -1);
    assert_int_equal(fat_disk_overwrite(&f, &entry, top, &err), -1);
    put(fd, OFFSET + 510, "no", 2);
    assert_int_equal(fat_disk_open(&f, fd, OFFSET, 512, &err), -1);
    assert_int_equal(fat_disk_open(&f, fd, 1u << 30, 512, &err), -1);
    buffer_free(&text);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_kinds_of_volumes),
        cmocka_unit_test(another_view),
        cmocka_unit_test(damage),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
