/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/pack/card.h"

#include "base/disk_map.h"
#include "base/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define CARD_BYTES_MIN (1u << 20)
#define CARD_SD_LAST 'y'
#define CARD_MMC_LAST 15
#define CARD_MMC_MAJOR 179 /* in the kernel's list of device numbers */

static bool card_is_candidate(const char *path, uint64_t *bytes)
{
    struct stat device, root;
    uint64_t blocks, removable = 0;

    if (stat(path, &device) || !S_ISBLK(device.st_mode) ||
        disk_map_number(&disk_map_system, device.st_rdev, "/size", &blocks))
        return false;
    if (disk_map_number(&disk_map_system, device.st_rdev, "/removable", &removable))
        removable = 0;
    *bytes = blocks * 512;
    return (removable || major(device.st_rdev) == CARD_MMC_MAJOR) && *bytes >= CARD_BYTES_MIN &&
           !stat("/", &root) && !disk_map_is_on(&disk_map_system, root.st_dev, device.st_rdev);
}

static void card_add(const char *path, struct buffer *text)
{
    uint64_t bytes;

    if (card_is_candidate(path, &bytes))
        buffer_printf(text, "%s,%" PRIu64 "\n", path, bytes);
}

void card_list(struct buffer *text)
{
    char path[32];

    for (char c = 'a'; c <= CARD_SD_LAST; c++) {
        snprintf(path, sizeof path, "/dev/sd%c", c);
        card_add(path, text);
    }
    for (int i = 0; i <= CARD_MMC_LAST; i++) {
        snprintf(path, sizeof path, "/dev/mmcblk%d", i);
        card_add(path, text);
    }
}

char *card_find(struct error *err)
{
    struct buffer text = {0};
    char *path = NULL;

    card_list(&text);
    const char *line = buffer_text(&text), *end = strchr(line, '\n');
    if (!end)
        error_set(err, EXIT_FAILED,
                  "no memory card was found: insert one, or name the device with -d");
    else if (end[1])
        error_set(err, EXIT_FAILED,
                  "more than one memory card was found (-D lists them): name the device with -d");
    else
        path = memory_printf("%.*s", (int)strcspn(line, ","), line);
    buffer_free(&text);
    return path;
}

char *card_choose(bool yes, bool stdin_is_archive, struct error *err)
{
    char answer[16] = "";
    char *path = card_find(err);

    if (!path || yes)
        return path;
    if (stdin_is_archive) {
        error_set(err, EXIT_FAILED,
                  "cannot ask whether to write to %s when the firmware comes from standard input: "
                  "name the device with -d, or confirm with -y",
                  path);
    } else {
        fprintf(stderr, "Write to the memory card %s? [y/N] ", path);
        fflush(stderr);
        if (fgets(answer, sizeof answer, stdin) && (*answer == 'y' || *answer == 'Y'))
            return path;
        error_set(err, EXIT_FAILED, "nothing was written");
    }
    free(path);
    return NULL;
}
