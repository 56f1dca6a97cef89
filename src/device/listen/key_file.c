#include "device/listen/key_file.h"

#include "base/memory.h"

#include <libgen.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int key_file_check_one(const char *path, struct error *err)
{
    struct stat st;

    if (stat(path, &st))
        return error_errno(err, "cannot read '%s'", path);
    bool guarded = S_ISDIR(st.st_mode) && (st.st_mode & S_ISVTX);
    if (st.st_uid != 0 && st.st_uid != geteuid())
        return error_set(err, EXIT_FAILED, "'%s' belongs to user %u, not to root", path,
                         (unsigned)st.st_uid);
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) && !guarded)
        return error_set(err, EXIT_FAILED,
                         "'%s' is writable by others (mode %04o); fix it with chmod go-w", path,
                         (unsigned)(st.st_mode & 07777));
    return 0;
}

int key_file_check(const char *path, struct error *err)
{
    char *real = realpath(path, NULL);

    if (!real)
        return error_errno(err, "cannot read '%s'", path);
    int rc = key_file_check_one(real, err);
    for (char *dir = real; !rc && strcmp(dir, "/");) {
        dir = dirname(dir);
        rc = key_file_check_one(dir, err);
    }
    free(real);
    return rc;
}
