#include "engine/medium/disk_map.h"

#include "base/memory.h"
#include "base/number.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#define LEVELS_MAX 3
#define BLOCK 512u

const struct disk_map disk_map_system = {
    .sys_dev_block = "/sys/dev/block",
    .mountinfo = "/proc/self/mountinfo",
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

struct disk_map_search {
    dev_t wanted;
    int depth;
};

static bool disk_map_is_wanted(const struct disk_map *map, dev_t device, void *data)
{
    struct disk_map_search *search = data;

    if (device == search->wanted)
        return true;
    if (search->depth == LEVELS_MAX)
        return false;
    search->depth++;
    bool found = disk_map_any_slave(map, device, disk_map_is_wanted, search);
    search->depth--;
    return found;
}

bool disk_map_is_made_from(const struct disk_map *map, dev_t device, dev_t from)
{
    struct disk_map_search search = {.wanted = from};

    return disk_map_is_wanted(map, device, &search);
}

int disk_map_start(const struct disk_map *map, dev_t partition, uint64_t *block)
{
    return disk_map_number(map, partition, "/start", block);
}

/* The range of a disk that is searched for. */
struct disk_map_range {
    dev_t disk;
    uint64_t offset, end; /* bytes */
    int depth;
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

static bool disk_map_overlaps(const struct disk_map *map, dev_t device, void *data)
{
    struct disk_map_range *range = data;
    uint64_t start, size;
    dev_t parent;

    if (device == range->disk)
        return true;
    if (!disk_map_parent(map, device, &parent) && parent == range->disk &&
        !disk_map_start(map, device, &start) && !disk_map_number(map, device, "/size", &size))
        return start * BLOCK < range->end && range->offset < (start + size) * BLOCK;
    if (range->depth == LEVELS_MAX)
        return false;
    range->depth++;
    bool found = disk_map_any_slave(map, device, disk_map_overlaps, range);
    range->depth--;
    return found;
}

bool disk_map_is_on(const struct disk_map *map, dev_t device, dev_t disk)
{
    struct disk_map_range all = {.disk = disk, .end = UINT64_MAX};

    return disk_map_overlaps(map, device, &all);
}

int disk_map_find_mount(const struct disk_map *map, dev_t disk, const struct block_range *bytes,
                        char where[DISK_MAP_POINT_MAX], struct error *err)
{
    struct disk_map_range range = {
        .disk = disk, .offset = bytes->offset, .end = bytes->offset + bytes->len};
    FILE *f = fopen(map->mountinfo, "re");
    char *line = NULL;
    size_t room = 0;
    int found = 0;

    if (!f)
        return error_errno(err, "cannot read %s", map->mountinfo);
    /* ID, parent ID, major:minor, root, mount point ... (proc(5)) */
    while (!found && getline(&line, &room, f) > 0) {
        char device_text[32], point[DISK_MAP_POINT_MAX];
        dev_t device;
        if (sscanf(line, "%*s %*s %31s %*s %255s", device_text, point) != 2 ||
            disk_map_parse_device(device_text, &device) || !major(device) ||
            !disk_map_overlaps(map, device, &range))
            continue;
        snprintf(where, DISK_MAP_POINT_MAX, "%s", point);
        found = 1;
    }
    free(line);
    fclose(f);
    return found;
}
