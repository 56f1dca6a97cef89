/* SPDX-License-Identifier: Apache-2.0 */
#include "base/disk_map.h"

#include "base/io.h"
#include "base/kernel_word.h"
#include "base/memory.h"
#include "base/number.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define LEVELS_MAX 8
#define BLOCK 512u

const struct disk_map disk_map_system = {
    .sys_dev_block = "/sys/dev/block",
    .mountinfo = "/proc/self/mountinfo",
    .cmdline = "/proc/cmdline",
};

/* The first word of a small file such as a sysfs attribute; "" if there is none. */
static void disk_map_read(const char *path, char *text, size_t size)
{
    FILE *f = fopen(path, "re");

    text[0] = '\0';
    if (!f)
        return;
    if (fgets(text, (int)size, f))
        text[strcspn(text, " \n")] = '\0';
    fclose(f);
}

static char *disk_map_path(const struct disk_map *map, dev_t device, const char *rest)
{
    return memory_printf("%s/%u:%u%s", map->sys_dev_block, major(device), minor(device), rest);
}

int disk_map_number(const struct disk_map *map, dev_t device, const char *file, uint64_t *value)
{
    char *path = disk_map_path(map, device, file), text[32];

    disk_map_read(path, text, sizeof text);
    free(path);
    return number_parse_decimal(text, strlen(text), value);
}

static int disk_map_parse_device(const char *text, dev_t *device)
{
    unsigned major_number, minor_number;

    if (sscanf(text, "%u:%u", &major_number, &minor_number) != 2)
        return -1;
    *device = makedev(major_number, minor_number);
    return 0;
}

static int disk_map_device(const char *path, dev_t *device)
{
    char text[32];

    disk_map_read(path, text, sizeof text);
    return disk_map_parse_device(text, device);
}

/* Calls visit for every device that this one is built on, until it returns true. */
static bool disk_map_any_slave(const struct disk_map *map, dev_t device,
                               bool (*visit)(const struct disk_map *, dev_t, void *), void *data)
{
    char *dir_path = disk_map_path(map, device, "/slaves");
    DIR *dir = opendir(dir_path);
    bool found = false;
    struct dirent *entry;
    dev_t slave;

    while (dir && !found && (entry = readdir(dir))) {
        char *path = memory_printf("%s/%s/dev", dir_path, entry->d_name);
        found =
            entry->d_name[0] != '.' && !disk_map_device(path, &slave) && visit(map, slave, data);
        free(path);
    }
    if (dir)
        closedir(dir);
    free(dir_path);
    return found;
}

enum disk_map_verdict {
    DISK_MAP_BELOW, /* look at what it is built on */
    DISK_MAP_FOUND,
    DISK_MAP_OTHER, /* what lies below need not be looked at */
};

/* A search in a device and in what it is built on. */
struct disk_map_walk {
    enum disk_map_verdict (*judge)(const struct disk_map *map, dev_t device, void *data);
    void *data;
    int depth;
};

static bool disk_map_walk(const struct disk_map *map, dev_t device, void *data)
{
    struct disk_map_walk *walk = data;
    enum disk_map_verdict verdict = walk->judge(map, device, walk->data);

    if (verdict != DISK_MAP_BELOW || walk->depth == LEVELS_MAX)
        return verdict == DISK_MAP_FOUND;
    walk->depth++;
    bool found = disk_map_any_slave(map, device, disk_map_walk, walk);
    walk->depth--;
    return found;
}

static enum disk_map_verdict disk_map_is_wanted(const struct disk_map *map, dev_t device,
                                                void *data)
{
    const dev_t *wanted = data;

    (void)map;
    return device == *wanted ? DISK_MAP_FOUND : DISK_MAP_BELOW;
}

bool disk_map_is_made_from(const struct disk_map *map, dev_t device, dev_t from)
{
    struct disk_map_walk walk = {.judge = disk_map_is_wanted, .data = &from};

    return disk_map_walk(map, device, &walk);
}

int disk_map_start(const struct disk_map *map, dev_t partition, uint64_t *block)
{
    return disk_map_number(map, partition, "/start", block);
}

/* The range of a disk that is searched for. */
struct disk_map_range {
    dev_t disk;
    uint64_t offset, end; /* bytes */
};

/* The disk that a partition belongs to: the directory above it in sysfs. */
static int disk_map_parent(const struct disk_map *map, dev_t device, dev_t *parent)
{
    uint64_t number;

    if (disk_map_number(map, device, "/partition", &number))
        return -1;
    char *path = disk_map_path(map, device, "/../dev");
    int rc = disk_map_device(path, parent);
    free(path);
    return rc;
}

dev_t disk_map_whole_disk(const struct disk_map *map, dev_t device)
{
    dev_t disk;

    return disk_map_parent(map, device, &disk) ? device : disk;
}

static enum disk_map_verdict disk_map_is_in_range(const struct disk_map *map, dev_t device,
                                                  void *data)
{
    const struct disk_map_range *range = data;
    uint64_t start, size;
    dev_t parent;

    if (device == range->disk)
        return DISK_MAP_FOUND;
    if (disk_map_parent(map, device, &parent) || parent != range->disk ||
        disk_map_start(map, device, &start) || disk_map_number(map, device, "/size", &size))
        return DISK_MAP_BELOW;
    return start * BLOCK < range->end && range->offset < (start + size) * BLOCK ? DISK_MAP_FOUND
                                                                                : DISK_MAP_OTHER;
}

static bool disk_map_overlaps(const struct disk_map *map, dev_t device,
                              const struct disk_map_range *range)
{
    struct disk_map_range wanted = *range;
    struct disk_map_walk walk = {.judge = disk_map_is_in_range, .data = &wanted};

    return disk_map_walk(map, device, &walk);
}

bool disk_map_is_on(const struct disk_map *map, dev_t device, dev_t disk)
{
    return disk_map_overlaps(map, device,
                             &(struct disk_map_range){.disk = disk, .end = UINT64_MAX});
}

/* A line of the mount table (proc(5), /proc/PID/mountinfo). */
struct disk_map_mount {
    dev_t device; /* major 0: not a block device */
    char point[DISK_MAP_POINT_MAX];
};

static bool disk_map_stat(const char *path, dev_t *device)
{
    struct stat st;

    if (stat(path, &st) || !S_ISBLK(st.st_mode))
        return false;
    *device = st.st_rdev;
    return true;
}

/* root=/dev/NAME, root=PARTUUID=... and the like, or root=MAJOR:MINOR. */
static void disk_map_named_root(const struct disk_map *map, dev_t *device)
{
    static const char *const tags[] = {"PARTUUID=", "PARTLABEL=", "UUID=", "LABEL="};
    static const char *const places[] = {"partuuid", "partlabel", "uuid", "label"};
    char *root = kernel_word(map->cmdline, "root"), *path = NULL;

    for (size_t i = 0; root && !path && i < sizeof tags / sizeof *tags; i++)
        if (!strncmp(root, tags[i], strlen(tags[i])))
            path = memory_printf("/dev/disk/by-%s/%s", places[i], root + strlen(tags[i]));
    if (root && !disk_map_stat(path ? path : root, device))
        (void)disk_map_parse_device(root, device);
    free(path);
    free(root);
}

/* btrfs has a number of its own; what it was mounted from follows the " - " and the type. What lies
 * below an overlay need not be in the mount table. */
static void disk_map_mount_source(const struct disk_map *map, const char *line,
                                  struct disk_map_mount *m)
{
    char type[16], source[DISK_MAP_POINT_MAX];
    const char *at = strstr(line, " - ");

    if (!at || sscanf(at, " - %15s %255s", type, source) != 2 ||
        disk_map_stat(source, &m->device) || strcmp(m->point, "/") != 0)
        return;
    if (!strcmp(type, "overlay") || !strcmp(type, "btrfs"))
        disk_map_named_root(map, &m->device);
}

static bool disk_map_parse_mount(const struct disk_map *map, const char *line,
                                 struct disk_map_mount *m)
{
    char device[32];

    if (sscanf(line, "%*s %*s %31s %*s %255s", device, m->point) != 2 ||
        disk_map_parse_device(device, &m->device))
        return false;
    if (!major(m->device))
        disk_map_mount_source(map, line, m);
    return true;
}

/* Calls visit for each mount, until it returns true: then the result is 1. Otherwise 0, or -1 with
 * the error set. */
static int disk_map_each_mount(const struct disk_map *map,
                               bool (*visit)(const struct disk_map *, const struct disk_map_mount *,
                                             void *),
                               void *data, struct error *err)
{
    FILE *f = fopen(map->mountinfo, "re");
    struct disk_map_mount mount;
    char *line = NULL;
    size_t room = 0;
    int found = 0;

    if (!f)
        return error_errno(err, "cannot read %s", map->mountinfo);
    while (!found && getline(&line, &room, f) > 0)
        found = disk_map_parse_mount(map, line, &mount) && visit(map, &mount, data);
    free(line);
    fclose(f);
    return found;
}

struct disk_map_mount_search {
    struct disk_map_range range;
    const char *only;
    char *where;
};

static bool disk_map_mount_overlaps(const struct disk_map *map, const struct disk_map_mount *mount,
                                    void *data)
{
    struct disk_map_mount_search *search = data;

    if (!major(mount->device) || (search->only && strcmp(search->only, mount->point)) ||
        !disk_map_overlaps(map, mount->device, &search->range))
        return false;
    snprintf(search->where, DISK_MAP_POINT_MAX, "%s", mount->point);
    return true;
}

int disk_map_find_mount(const struct disk_map *map, const struct disk_extent *extent,
                        const char *only, char where[DISK_MAP_POINT_MAX], struct error *err)
{
    struct disk_map_mount_search search = {.range = {.disk = extent->disk,
                                                     .offset = extent->offset,
                                                     .end = extent->offset + extent->len},
                                           .only = only,
                                           .where = where};

    return disk_map_each_mount(map, disk_map_mount_overlaps, &search, err);
}

/* The last one lies on top. */
static bool disk_map_take_root(const struct disk_map *map, const struct disk_map_mount *mount,
                               void *data)
{
    dev_t *root = data;

    (void)map;
    if (!strcmp(mount->point, "/"))
        *root = mount->device;
    return false;
}

int disk_map_root(const struct disk_map *map, dev_t *device)
{
    struct error ignored;

    *device = 0;
    if (disk_map_each_mount(map, disk_map_take_root, device, &ignored) < 0)
        return -1;
    return major(*device) ? 0 : -1;
}

struct disk_map_partition_search {
    dev_t disk;
    struct disk_partition *found;
};

static bool disk_map_describe(const struct disk_map *map, dev_t device,
                              struct disk_partition *partition)
{
    partition->device = device;
    return !disk_map_number(map, device, "/partition", &partition->number) &&
           !disk_map_start(map, device, &partition->start);
}

static enum disk_map_verdict disk_map_is_partition(const struct disk_map *map, dev_t device,
                                                   void *data)
{
    const struct disk_map_partition_search *search = data;
    dev_t parent;

    if (disk_map_parent(map, device, &parent) || parent != search->disk)
        return DISK_MAP_BELOW;
    return disk_map_describe(map, device, search->found) ? DISK_MAP_FOUND : DISK_MAP_OTHER;
}

int disk_map_partition(const struct disk_map *map, dev_t device, dev_t disk,
                       struct disk_partition *found)
{
    struct disk_map_partition_search search = {.disk = disk, .found = found};
    struct disk_map_walk walk = {.judge = disk_map_is_partition, .data = &search};

    return disk_map_walk(map, device, &walk) ? 0 : -1;
}

bool disk_map_any_partition(const struct disk_map *map, dev_t disk,
                            bool (*visit)(const struct disk_partition *, void *), void *data)
{
    struct disk_partition partition;
    char *dir_path = disk_map_path(map, disk, "");
    DIR *dir = opendir(dir_path);
    bool found = false;
    struct dirent *entry;
    dev_t device;

    while (dir && !found && (entry = readdir(dir))) {
        char *path = memory_printf("%s/%s/dev", dir_path, entry->d_name);
        found = entry->d_name[0] != '.' && !disk_map_device(path, &device) &&
                disk_map_describe(map, device, &partition) && visit(&partition, data);
        free(path);
    }
    if (dir)
        closedir(dir);
    free(dir_path);
    return found;
}

char *disk_map_uevent(const struct disk_map *map, dev_t device, const char *name)
{
    char *path = disk_map_path(map, device, "/uevent"), *line = NULL, *value = NULL;
    size_t room = 0, len = strlen(name);
    FILE *f = fopen(path, "re");

    while (f && !value && getline(&line, &room, f) > 0)
        if (!strncmp(line, name, len) && line[len] == '=')
            value = memory_printf("%.*s", (int)strcspn(line + len + 1, "\n"), line + len + 1);
    if (f)
        fclose(f);
    free(line);
    free(path);
    return value;
}

char *disk_map_node(const struct disk_map *map, dev_t device)
{
    char *name = disk_map_uevent(map, device, "DEVNAME");
    char *path = name ? memory_printf("/dev/%s", name) : NULL;

    free(name);
    return path;
}

int disk_map_open_node(const char *path, dev_t device, int flags)
{
    int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK);
    struct stat st;

    if (fd >= 0 && (fstat(fd, &st) || !S_ISBLK(st.st_mode) || st.st_rdev != device)) {
        io_close(&fd);
        errno = ENODEV;
    }
    return fd;
}

int disk_map_open(const struct disk_map *map, dev_t device, int flags)
{
    char *path = disk_map_node(map, device);
    int fd = -1;

    if (path)
        fd = disk_map_open_node(path, device, flags);
    else
        errno = ENODEV;
    free(path);
    return fd;
}

/* What follows a directory in a path: "" or "/..."; NULL if the path is not in it. */
static const char *disk_map_rest(const char *path, const char *directory)
{
    size_t len = strlen(directory);

    if (len && directory[len - 1] == '/')
        len--;
    return strncmp(path, directory, len) || (path[len] && path[len] != '/') ? NULL : path + len;
}

char *disk_map_path_inside(const struct disk_map *map, dev_t device, const char *path)
{
    FILE *f = fopen(map->mountinfo, "re");
    char *line = NULL, *inside = NULL, number[32], root[DISK_MAP_POINT_MAX],
         point[DISK_MAP_POINT_MAX];
    size_t room = 0, best = 0;
    dev_t mounted;

    while (f && getline(&line, &room, f) > 0) {
        const char *rest;
        if (sscanf(line, "%*s %*s %31s %255s %255s", number, root, point) != 3 ||
            disk_map_parse_device(number, &mounted) || mounted != device ||
            !(rest = disk_map_rest(path, point)) || strlen(point) < best)
            continue;
        best = strlen(point);
        free(inside);
        inside = memory_printf("%s%s", strcmp(root, "/") ? root : "", rest);
    }
    if (f)
        fclose(f);
    free(line);
    return inside;
}
