/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/disk_map.h"
#include "base/memory.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* A tree like sysfs: disk 8:0 with partitions 8:1 (blocks 100 to 199) and 8:2 (200 to 399), 253:0
 * decrypted from 8:2, 253:1 built on 253:0, and another disk 8:16. */
static char top[PATH_MAX];
static struct disk_map map;

static void put(const char *path, const char *text)
{
    char *full = memory_printf("%s/%s", top, path);
    FILE *f = fopen(full, "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    free(full);
}

static void make(const char *command)
{
    char *full = memory_printf("cd %s && %s", top, command);

    assert_int_equal(system(full), 0);
    free(full);
}

static int set_up(void **state)
{
    (void)state;
    strcpy(top, "/tmp/disk_map.XXXXXX");
    assert_non_null(mkdtemp(top));
    make("mkdir -p block devices/sda/sda1 devices/sda/sda2 devices/sdb devices/dm-0/slaves "
         "devices/dm-1/slaves");
    make("ln -s ../devices/sda block/8:0 && ln -s ../devices/sda/sda1 block/8:1 && "
         "ln -s ../devices/sda/sda2 block/8:2 && ln -s ../devices/sdb block/8:16 && "
         "ln -s ../devices/dm-0 block/253:0 && ln -s ../devices/dm-1 block/253:1 && "
         "ln -s ../../sda/sda2 devices/dm-0/slaves/sda2 && "
         "ln -s ../../dm-0 devices/dm-1/slaves/dm-0");
    put("devices/sda/dev", "8:0\n");
    put("devices/sdb/dev", "8:16\n");
    put("devices/dm-0/dev", "253:0\n");
    put("devices/dm-1/dev", "253:1\n");
    put("devices/sda/sda1/dev", "8:1\n");
    put("devices/sda/sda1/partition", "1\n");
    put("devices/sda/sda1/start", "100\n");
    put("devices/sda/sda1/size", "100\n");
    put("devices/sda/sda2/dev", "8:2\n");
    put("devices/sda/sda2/partition", "2\n");
    put("devices/sda/sda2/start", "200\n");
    put("devices/sda/sda2/size", "200\n");
    put("devices/sda/sda2/uevent", "XPARTNAME=no\nPARTNAME=root fs\nDEVNAME=sda2\n");
    map.sys_dev_block = memory_printf("%s/block", top);
    map.mountinfo = memory_printf("%s/mountinfo", top);
    map.cmdline = memory_printf("%s/cmdline", top);
    put("cmdline", "quiet\n");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char *command = memory_printf("rm -rf %s", top);
    assert_int_equal(system(command), 0);
    free(command);
    free((char *)map.sys_dev_block);
    free((char *)map.mountinfo);
    free((char *)map.cmdline);
    return 0;
}

TEST(a_device_is_made_from_itself_and_from_what_lies_below)
{
    assert_true(disk_map_is_made_from(&map, makedev(8, 1), makedev(8, 1)));
    assert_true(disk_map_is_made_from(&map, makedev(253, 0), makedev(8, 2)));
    assert_true(disk_map_is_made_from(&map, makedev(253, 1), makedev(8, 2)));
    assert_false(disk_map_is_made_from(&map, makedev(253, 1), makedev(8, 1)));
    assert_false(disk_map_is_made_from(&map, makedev(8, 1), makedev(8, 0)));
}

TEST(partitions_have_a_start)
{
    uint64_t block;

    assert_int_equal(disk_map_start(&map, makedev(8, 2), &block), 0);
    assert_int_equal(block, 200);
    assert_int_equal(disk_map_start(&map, makedev(8, 0), &block), -1);
}

TEST(the_partition_below_a_mapping_is_found)
{
    struct disk_partition found;

    assert_int_equal(disk_map_partition(&map, makedev(253, 1), makedev(8, 0), &found), 0);
    assert_int_equal(found.number, 2);
    assert_int_equal(found.start, 200);
    assert_int_equal(found.device, makedev(8, 2));
    assert_int_equal(disk_map_partition(&map, makedev(253, 1), makedev(8, 16), &found), -1);
    assert_int_equal(disk_map_partition(&map, makedev(8, 0), makedev(8, 0), &found), -1);
}

static bool add_number(const struct disk_partition *partition, void *data)
{
    uint64_t *sum = data;

    *sum += partition->number * 1000 + partition->start;
    return false;
}

TEST(partitions_of_a_disk)
{
    uint64_t sum = 0;

    assert_false(disk_map_any_partition(&map, makedev(8, 0), add_number, &sum));
    assert_int_equal(sum, 3300);
    assert_false(disk_map_any_partition(&map, makedev(9, 9), add_number, &sum));
    assert_int_equal(sum, 3300);
}

TEST(words_of_a_uevent)
{
    char *name = disk_map_uevent(&map, makedev(8, 2), "PARTNAME");

    assert_string_equal(name, "root fs");
    free(name);
    assert_null(disk_map_uevent(&map, makedev(8, 2), "NAME"));
    assert_null(disk_map_uevent(&map, makedev(8, 1), "PARTNAME"));
}

/* The mount point of what is in blocks [first, first + count) of 8:0; "" if none. */
static const char *only;

static const char *mounted(uint64_t first, uint64_t count)
{
    static char where[DISK_MAP_POINT_MAX];
    struct disk_extent extent = {makedev(8, 0), first * 512, count * 512};
    struct error err;
    int found = disk_map_find_mount(&map, &extent, only, where, &err);

    assert_true(found >= 0);
    return found ? where : "";
}

TEST(mounts_are_found_by_where_they_lie)
{
    put("mountinfo", "21 1 0:20 / /proc rw - proc proc rw\n"
                     "22 1 8:1 / /boot rw - vfat /dev/sda1 rw\n"
                     "23 1 253:1 / / rw - ext4 /dev/mapper/root rw\n"
                     "24 1 8:16 / /other rw - ext4 /dev/sdb rw\n");
    assert_string_equal(mounted(0, 100), "");
    assert_string_equal(mounted(99, 2), "/boot");
    assert_string_equal(mounted(199, 1), "/boot");
    assert_string_equal(mounted(200, 1), "/");
    assert_string_equal(mounted(399, 1), "/");
    assert_string_equal(mounted(400, 1000), "");
}

TEST(one_mount_point_only)
{
    put("mountinfo", "22 1 8:1 / /boot rw - vfat /dev/sda1 rw\n"
                     "23 1 253:1 / / rw - ext4 /dev/mapper/root rw\n");
    only = "/";
    assert_string_equal(mounted(150, 10), "");
    assert_string_equal(mounted(150, 100), "/");
    only = NULL;
}

TEST(root_is_what_was_mounted_last)
{
    dev_t root;
    struct disk_partition partition;

    put("mountinfo", "1 1 0:2 / / rw - rootfs rootfs rw\n"
                     "23 1 253:1 / / rw - ext4 /dev/mapper/root rw\n");
    assert_int_equal(disk_map_root(&map, &root), 0);
    assert_int_equal(root, makedev(253, 1));
    assert_int_equal(disk_map_partition(&map, root, makedev(8, 0), &partition), 0);
    assert_int_equal(partition.number, 2);
    assert_int_equal(partition.start, 200);
    assert_int_equal(disk_map_partition(&map, root, makedev(8, 16), &partition), -1);
    put("mountinfo", "23 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
                     "24 1 0:30 / / rw - overlay overlay rw,lowerdir=/ro\n");
    assert_int_equal(disk_map_root(&map, &root), -1);
    put("mountinfo", "24 1 0:31 / / ro - btrfs /dev/null ro\n");
    assert_int_equal(disk_map_root(&map, &root), -1);
}

static void assert_root(const char *cmdline, const char *type, dev_t wanted)
{
    char *line = memory_printf("24 1 0:30 / / rw - %s /dev/root rw,lowerdir=/ro\n", type);
    dev_t root;

    put("cmdline", cmdline);
    put("mountinfo", line);
    free(line);
    assert_int_equal(disk_map_root(&map, &root), wanted ? 0 : -1);
    if (wanted)
        assert_int_equal(root, wanted);
    only = "/";
    assert_string_equal(mounted(200, 1), wanted == makedev(8, 2) ? "/" : "");
    only = NULL;
}

TEST(root_of_the_command_line_below_an_overlay)
{
    assert_root("root=8:1 xroot=8:1 root=8:2 ro\n", "overlay", makedev(8, 2));
    assert_root("root=8:2", "btrfs", makedev(8, 2));
    assert_root("quiet\n", "overlay", 0);
    assert_root("root=/dev/nfs root=PARTUUID=no\n", "overlay", 0);
    /* A system in memory has left its disk. */
    assert_root("root=8:2\n", "tmpfs", 0);
    assert_root("root=8:2\n", "nfs", 0);
    put("cmdline", "quiet\n");
}

TEST(a_deep_stack)
{
    make("cd devices && for i in 2 3 4 5 6; do mkdir -p dm-$i/slaves && "
         "ln -s ../../dm-$((i - 1)) dm-$i/slaves/ && echo 253:$i > dm-$i/dev && "
         "ln -s ../devices/dm-$i ../block/253:$i; done");
    assert_true(disk_map_is_made_from(&map, makedev(253, 6), makedev(8, 2)));
    make("rm -r devices/dm-[2-6] block/253:[2-6]");
}

static void assert_inside(dev_t device, const char *path, const char *wanted)
{
    char *inside = disk_map_path_inside(&map, device, path);

    if (wanted)
        assert_string_equal(inside, wanted);
    else
        assert_null(inside);
    free(inside);
}

TEST(path_in_a_file_system)
{
    put("mountinfo", "21 1 8:2 / / rw - ext4 /dev/sda2 rw\n"
                     "22 1 8:1 / /boot rw - vfat /dev/sda1 rw\n"
                     "23 1 8:1 /EFI /mnt rw - vfat /dev/sda1 rw\n");
    assert_inside(makedev(8, 1), "/boot/grub/grubenv", "/grub/grubenv");
    assert_inside(makedev(8, 1), "/mnt/BOOT/grubenv", "/EFI/BOOT/grubenv");
    assert_inside(makedev(8, 1), "/boot", "");
    assert_inside(makedev(8, 2), "/etc/grubenv", "/etc/grubenv");
    assert_inside(makedev(8, 1), "/bootx/grubenv", NULL);
    assert_inside(makedev(8, 16), "/boot/grubenv", NULL);
}

TEST(node_of_a_device)
{
    char *node = disk_map_node(&map, makedev(8, 2));

    assert_string_equal(node, "/dev/sda2");
    free(node);
    assert_null(disk_map_node(&map, makedev(8, 16)));
    /* Whatever has that name here. */
    put("devices/sdb/uevent", "DEVNAME=null\n");
    assert_int_equal(disk_map_open(&map, makedev(8, 16), 0), -1);
}

TEST(a_whole_disk_may_be_mounted)
{
    put("mountinfo", "22 1 8:0 / /disk rw - ext4 /dev/sda rw\n");
    assert_string_equal(mounted(5000, 1), "/disk");
    assert_true(disk_map_is_on(&map, makedev(253, 1), makedev(8, 0)));
    assert_false(disk_map_is_on(&map, makedev(253, 1), makedev(8, 16)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_is_made_from_itself_and_from_what_lies_below),
        cmocka_unit_test(partitions_have_a_start),
        cmocka_unit_test(the_partition_below_a_mapping_is_found),
        cmocka_unit_test(partitions_of_a_disk),
        cmocka_unit_test(words_of_a_uevent),
        cmocka_unit_test(mounts_are_found_by_where_they_lie),
        cmocka_unit_test(one_mount_point_only),
        cmocka_unit_test(root_is_what_was_mounted_last),
        cmocka_unit_test(root_of_the_command_line_below_an_overlay),
        cmocka_unit_test(a_deep_stack),
        cmocka_unit_test(path_in_a_file_system),
        cmocka_unit_test(node_of_a_device),
        cmocka_unit_test(a_whole_disk_may_be_mounted),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
