/* SPDX-License-Identifier: Apache-2.0 */
#include "device/receive/run_dir.h"

#include "base/device_lock.h"
#include "base/log.h"
#include "base/memory.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RUN_DIR_DESCRIPTORS 16

/* Goes on with the rest after one that cannot be removed. */
static int run_dir_remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    (void)remove(path);
    return 0;
}

/* Depth first, not through links, not into other file systems. Returns 0 if nothing is left. */
static int run_dir_clear(const char *path)
{
    struct stat st;

    (void)nftw(path, run_dir_remove_one, RUN_DIR_DESCRIPTORS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    return lstat(path, &st) ? 0 : -1;
}

static bool run_dir_is_ours(const char *path)
{
    struct stat st;

    return !lstat(path, &st) && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

char *run_dir_make(const char *lock_file, const char *device, struct error *err)
{
    char *lock = device_lock_path(lock_file, device);
    char *path = memory_printf("%s.run", lock);
    int rc = mkdir(path, 0700);

    free(lock);
    if (rc && errno == EEXIST && run_dir_is_ours(path) && !run_dir_clear(path))
        rc = mkdir(path, 0700);
    if (!rc)
        return path;
    error_errno(err, "cannot make the directory %s for the updater", path);
    error_suffix(err, "%snothing was done", errno == EEXIST ? "remove it; " : "");
    free(path);
    return NULL;
}

void run_dir_remove(char *path)
{
    if (path && run_dir_clear(path))
        log_warning("%s, which the updater has left, cannot be removed", path);
    free(path);
}
