/* SPDX-License-Identifier: Apache-2.0 */
#include "device/slots/boot_file.h"

#include "base/disk_map.h"
#include "base/io.h"
#include "base/memory.h"
#include "device/slots/fat_disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define BOOT_FILE_MAX (1u << 20)

/* A path on a FAT file system that is mounted, and the disk below it. */
struct boot_place {
    char *path;   /* without links */
    char *inside; /* the same, in the file system */
    dev_t device; /* that is mounted */
    int fd;       /* of the disk */
    struct fat_disk fat;
};

static void boot_place_close(struct boot_place *p)
{
    free(p->path);
    free(p->inside);
    io_close(&p->fd);
}

/* The path if it is a directory, else the one that it is in; -1 if there is none. */
static int boot_place_open_directory(const struct boot_place *p)
{
    int fd = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0)
        return fd;
    char *directory = memory_printf("%.*s/", (int)(strrchr(p->path, '/') - p->path), p->path);
    fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(directory);
    return fd;
}

/* What was written through the mount goes to the disk. 1 if it is FAT, 0 if it is not or the path
 * leads nowhere, or -1 with the error set. */
static int boot_place_flush(struct boot_place *p, struct error *err)
{
    int fd = boot_place_open_directory(p);
    struct statfs fs;
    struct stat st;
    int rc = 0;

    if (fd >= 0 && !fstatfs(fd, &fs) && fs.f_type == MSDOS_SUPER_MAGIC && !fstat(fd, &st)) {
        p->device = st.st_dev;
        rc = syncfs(fd) ? error_errno(err, "cannot flush it") : 1;
    }
    io_close(&fd);
    return rc;
}

static int boot_place_open_disk(struct boot_place *p, int flags, struct error *err)
{
    dev_t disk = disk_map_whole_disk(&disk_map_system, p->device);
    uint64_t start = 0;
    int block = 0;

    p->inside = disk_map_path_inside(&disk_map_system, p->device, p->path);
    if (!p->inside)
        return error_set(err, EXIT_FAILED, "the mount table does not have it");
    if (disk != p->device && disk_map_start(&disk_map_system, p->device, &start))
        return error_set(err, EXIT_FAILED, "cannot find where its partition begins");
    p->fd = disk_map_open(&disk_map_system, disk, flags | O_DIRECT);
    if (p->fd < 0)
        return error_errno(err, "cannot open its disk");
    if (ioctl(p->fd, BLKSSZGET, &block) || block <= 0)
        return error_errno(err, "cannot find out the size of its disk's blocks");
    return fat_disk_open(&p->fat, p->fd, start * 512, (size_t)block, err);
}

/* 1 if the path is on FAT, 0 if it is not, or -1 with the error set. boot_place_close() in any
 * case. */
static int boot_place_open(struct boot_place *p, const char *path, int flags, struct error *err)
{
    *p = (struct boot_place){.path = io_resolve(path), .fd = -1};
    int rc = boot_place_flush(p, err);

    if (rc > 0 && boot_place_open_disk(p, flags, err))
        rc = -1;
    if (rc < 0)
        error_prefix(err,
                     "cannot read %s on the disk below its mount, where an updater may have "
                     "changed it",
                     path);
    return rc;
}

static int boot_place_find(const struct boot_place *p, struct fat_disk_entry *entry,
                           struct error *err)
{
    int rc = fat_disk_find(&p->fat, p->inside, entry, err);

    return rc ? rc : error_set(err, EXIT_FAILED, "there is no %s on the disk", p->path);
}

static int boot_place_read(const struct boot_place *p, size_t max, struct buffer *out,
                           struct error *err)
{
    struct fat_disk_entry entry;

    return boot_place_find(p, &entry, err) < 0 || fat_disk_read(&p->fat, &entry, max, out, err) ? -1
                                                                                                : 0;
}

int boot_file_read(const char *path, size_t max, struct buffer *out, struct error *err)
{
    struct boot_place p;
    int rc = boot_place_open(&p, path, O_RDONLY, err);

    if (rc > 0)
        rc = boot_place_read(&p, max, out, err);
    else if (!rc)
        rc = io_read_file(path, max, out, err);
    boot_place_close(&p);
    return rc;
}

/* What the mount has cached of the file is the old one. Best effort: whoever reads it there later
 * gets the new one, if it still has the same place on the disk. */
static void boot_file_drop_cache(const char *path)
{
    int fd = open(path, O_RDONLY | O_NOATIME | O_CLOEXEC);

    if (fd >= 0)
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    io_close(&fd);
}

static int boot_place_overwrite(const struct boot_place *p, const void *bytes, size_t len,
                                struct error *err)
{
    struct fat_disk_entry entry;

    if (boot_place_find(p, &entry, err) < 0)
        return -1;
    if (entry.is_directory || entry.size != len)
        return error_set(err, EXIT_FAILED, "%s has %u bytes on the disk, and not %zu", p->path,
                         entry.size, len);
    if (fat_disk_overwrite(&p->fat, &entry, bytes, err))
        return error_prefix(err, "%s", p->path);
    boot_file_drop_cache(p->path);
    return 0;
}

static int boot_file_overwrite_mounted(const char *path, const void *bytes, size_t len,
                                       struct error *err)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    int rc = fd >= 0 && !io_pwrite_all(fd, bytes, len, 0) && !fsync(fd)
                 ? 0
                 : error_errno(err, "cannot write %s", path);

    io_close(&fd);
    return rc;
}

int boot_file_overwrite(const char *path, const void *bytes, size_t len, struct error *err)
{
    struct boot_place p;
    int rc = boot_place_open(&p, path, O_RDWR, err);

    if (rc > 0)
        rc = boot_place_overwrite(&p, bytes, len, err);
    else if (!rc)
        rc = boot_file_overwrite_mounted(path, bytes, len, err);
    boot_place_close(&p);
    return rc;
}

struct boot_file_listing {
    void (*take)(const char *name, void *data);
    void *data;
};

static bool boot_file_take_entry(const struct fat_disk_entry *entry, void *data)
{
    const struct boot_file_listing *listing = data;

    listing->take(entry->name, listing->data);
    return false;
}

static int boot_file_list_mounted(const char *directory, const struct boot_file_listing *listing,
                                  struct error *err)
{
    DIR *dir = opendir(directory);

    if (!dir)
        return error_errno(err, "cannot open %s", directory);
    for (struct dirent *e; (e = readdir(dir));)
        listing->take(e->d_name, listing->data);
    closedir(dir);
    return 0;
}

int boot_file_list(const char *directory, void (*take)(const char *name, void *data), void *data,
                   struct error *err)
{
    struct boot_file_listing listing = {take, data};
    struct fat_disk_entry entry;
    struct boot_place p;
    int rc = boot_place_open(&p, directory, O_RDONLY, err);

    if (rc > 0)
        rc = boot_place_find(&p, &entry, err) < 0 ||
                     fat_disk_each(&p.fat, &entry, boot_file_take_entry, &listing, err)
                 ? -1
                 : 0;
    else if (!rc)
        rc = boot_file_list_mounted(directory, &listing, err);
    boot_place_close(&p);
    return rc;
}

/* The file system's tables, and the directory (of the path, if it is a file), through the node that
 * is mounted: it shares its cache with the mount. 1 if they are the same, 0, or -1. */
static int boot_place_compare_directory(const struct boot_place *p, const char *inside,
                                        struct error *err)
{
    struct fat_disk_entry entry;
    int rc = fat_disk_find(&p->fat, inside, &entry, err);

    if (rc <= 0)
        return rc;
    int node = disk_map_open(&disk_map_system, p->device, O_RDONLY);
    rc = node < 0 ? error_errno(err, "cannot open the partition below %s", p->path)
                  : fat_disk_is_seen_by(&p->fat, &entry, node, err);
    io_close(&node);
    return rc;
}

static int boot_place_compare_file(const struct boot_place *p, struct error *err)
{
    struct buffer disk = {0}, mount = {0};
    char *parent = memory_printf("%.*s", (int)(strrchr(p->inside, '/') - p->inside), p->inside);
    int rc = boot_place_compare_directory(p, parent, err);

    if (rc > 0)
        rc = boot_place_read(p, BOOT_FILE_MAX, &disk, err) ||
                     io_read_file(p->path, BOOT_FILE_MAX, &mount, err)
                 ? -1
                 : disk.len == mount.len && !memcmp(disk.data, mount.data, disk.len);
    free(parent);
    buffer_free(&mount);
    buffer_free(&disk);
    return rc;
}

int boot_file_check_mount(const char *path, struct error *err)
{
    struct boot_place p;
    struct stat st;
    int rc = boot_place_open(&p, path, O_RDONLY, err);

    if (rc > 0 && !stat(path, &st) && S_ISDIR(st.st_mode))
        rc = boot_place_compare_directory(&p, p.inside, err);
    else if (rc > 0)
        rc = boot_place_compare_file(&p, err);
    else if (!rc)
        rc = 1; /* nobody writes below */
    boot_place_close(&p);
    if (!rc)
        error_set(err, EXIT_REFUSED,
                  "%s is another one on the disk than where it is mounted: an update has written "
                  "it there, and a change through the mount would destroy that. Reboot first",
                  path);
    return rc > 0 ? 0 : -1;
}
