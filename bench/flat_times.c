/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LD_PRELOAD for mke2fs before 1.47.1, which copies each file's times of access and change into the
 * file system: both are its time of modification, so that the same tree makes the same image.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/stat.h>

#define FLATTEN(type, name, where)                                                                 \
    int name(where, struct type *s)                                                                \
    {                                                                                              \
        int (*real)(where, struct type *) =                                                        \
            (int (*)(where, struct type *))dlsym(RTLD_NEXT, #name);                                \
        int rc = real(file, s);                                                                    \
                                                                                                   \
        if (!rc)                                                                                   \
            s->st_atim = s->st_ctim = s->st_mtim;                                                  \
        return rc;                                                                                 \
    }

FLATTEN(stat, stat, const char *file)
FLATTEN(stat, lstat, const char *file)
FLATTEN(stat, fstat, int file)
FLATTEN(stat64, stat64, const char *file)
FLATTEN(stat64, lstat64, const char *file)
FLATTEN(stat64, fstat64, int file)
