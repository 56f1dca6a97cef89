/* SPDX-License-Identifier: Apache-2.0 */
#include "device/config/state_dir.h"

#include "base/io.h"
#include "base/memory.h"
#include "device/config/last_good.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATE_DIR_TRY_SIZE 4096

char *state_dir_path(const struct device_config *config, const char *name)
{
    return memory_printf("%s/%s", config->state_dir, name);
}

int state_dir_make(const struct device_config *config, struct error *err)
{
    if (!mkdir(config->state_dir, 0700))
        return io_flush_directory_of(config->state_dir, err);
    return errno == EEXIST
               ? 0
               : error_errno(err, "cannot create %s (key state-dir)", config->state_dir);
}

int state_dir_write(const struct device_config *config, const char *name, const char *text,
                    size_t len, struct error *err)
{
    if (state_dir_make(config, err))
        return -1;
    char *path = state_dir_path(config, name);
    int rc = io_write_file(path, text, len, 0600, err);
    free(path);
    return rc;
}

int state_dir_remove(const struct device_config *config, const char *name, struct error *err)
{
    char *path = state_dir_path(config, name);
    int rc = io_remove_file(path, err);

    free(path);
    return rc;
}

int state_dir_has(const struct device_config *config, const char *name, struct error *err)
{
    char *path = state_dir_path(config, name);
    struct stat st;
    int rc = lstat(path, &st) ? (errno == ENOENT || errno == ENOTDIR ? 0 : -1) : 1;

    if (rc < 0)
        error_errno(err, "cannot look at %s", path);
    free(path);
    return rc;
}

static int state_dir_try_parent(const struct device_config *config, struct error *err)
{
    char *parent = memory_text(config->state_dir);
    char *slash = strrchr(parent, '/');

    *(slash == parent ? slash + 1 : slash) = '\0';
    int rc = access(parent, W_OK | X_OK)
                 ? error_errno(err, "cannot create %s (key state-dir)", config->state_dir)
                 : 0;
    free(parent);
    return rc;
}

int state_dir_try(const struct device_config *config, struct error *err)
{
    char text[STATE_DIR_TRY_SIZE];
    struct stat st;

    if (stat(config->state_dir, &st) && errno == ENOENT)
        return state_dir_try_parent(config, err);
    memset(text, '\n', sizeof text);
    char *path = memory_printf("%s/test-%d", config->state_dir, (int)getpid());
    int rc = io_write_file(path, text, sizeof text, 0600, err);
    if (!rc)
        rc = io_remove_file(path, err);
    free(path);
    return rc;
}

void state_dir_repair(const struct device_config *config, const char *name, bool secret)
{
    char *path = state_dir_path(config, name);
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    mode_t open_to_others = secret ? 0077 : 0022;
    struct stat st;

    if (fd < 0) {
        if (errno != ENOENT && errno != ENOTDIR)
            log_warning("cannot open %s: %s", path, strerror(errno));
    } else if (!fstat(fd, &st) && S_ISREG(st.st_mode) &&
               (st.st_uid != geteuid() || st.st_mode & open_to_others)) {
        bool repaired =
            (st.st_uid == geteuid() || !fchown(fd, geteuid(), (gid_t)-1)) && !fchmod(fd, 0600);
        log_warning("%s belonged to user %u with mode %03o: %s", path, (unsigned)st.st_uid,
                    (unsigned)st.st_mode & 0777,
                    repaired ? "repaired. Whoever had access may know or have changed it"
                             : "others may read or change it");
    }
    io_close(&fd);
    free(path);
}

void state_dir_repair_all(const struct device_config *config)
{
    static const char *const names[] = {"newest-version",    "pending-version", "staged",
                                        "last-update",       LAST_GOOD_NAME,    "slot-files",
                                        "unfinished-update", LAST_GOOD_OWN_NAME};
    struct stat st;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        state_dir_repair(config, names[i], false);
    if (!stat(config->state_dir, &st) && S_ISDIR(st.st_mode) &&
        ((st.st_uid && st.st_uid != geteuid()) || st.st_mode & 0022))
        log_warning("%s (key state-dir) belongs to user %u with mode %03o: others may change what "
                    "is in it",
                    config->state_dir, (unsigned)st.st_uid, (unsigned)st.st_mode & 0777);
}
