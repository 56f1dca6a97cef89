/* SPDX-License-Identifier: Apache-2.0 */
#include "device/config/trusted_file.h"

#include "base/io.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRUSTED_FILE_LINKS_MAX 40 /* as the kernel */
#define TRUSTED_FILE_FLAGS (O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

/* The way to a file, name by name. */
struct trusted_walk {
    const char *path;
    int dir;    /* the directory reached, O_PATH */
    char *done; /* its name, for messages */
    char *rest; /* the names still to go */
    unsigned links;
};

static int trusted_file_check(const struct stat *st, const char *name, struct error *err)
{
    bool guarded = S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX);

    if (st->st_uid != 0 && st->st_uid != geteuid())
        return error_set(err, EXIT_FAILED, "'%s' belongs to user %u, not to root", name,
                         (unsigned)st->st_uid);
    if (!S_ISLNK(st->st_mode) && (st->st_mode & (S_IWGRP | S_IWOTH)) && !guarded)
        return error_set(err, EXIT_FAILED,
                         "'%s' is writable by others (mode %04o); fix it with chmod go-w", name,
                         (unsigned)(st->st_mode & 07777));
    return 0;
}

/* Enters a directory, whose descriptor it takes. */
static void trusted_walk_enter(struct trusted_walk *w, int *dir, char *name)
{
    io_close(&w->dir);
    free(w->done);
    w->dir = *dir;
    w->done = name;
    *dir = -1;
}

static int trusted_walk_root(struct trusted_walk *w, struct error *err)
{
    int dir = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct stat st;

    if (dir < 0 || fstat(dir, &st)) {
        io_close(&dir);
        return error_errno(err, "cannot read '/'");
    }
    trusted_walk_enter(w, &dir, memory_text("/"));
    return trusted_file_check(&st, "/", err);
}

/* Puts the target of a link, given by its O_PATH descriptor, before what is left to go. */
static int trusted_walk_follow(struct trusted_walk *w, int link, struct error *err)
{
    char target[PATH_MAX];
    ssize_t len = readlinkat(link, "", target, sizeof target - 1);

    if (len >= 0 && ++w->links > TRUSTED_FILE_LINKS_MAX)
        errno = ELOOP;
    if (len < 0 || w->links > TRUSTED_FILE_LINKS_MAX)
        return error_errno(err, "cannot read '%s'", w->path);
    target[len] = '\0';
    char *rest = memory_printf("%s/%s", target, w->rest);
    free(w->rest);
    w->rest = rest;
    return *target == '/' ? trusted_walk_root(w, err) : 0;
}

/* The descriptor of the file at the end of the way, checked once more because it is another one. */
static int trusted_walk_open(const struct trusted_walk *w, const char *name, const char *shown,
                             struct error *err)
{
    int fd = openat(w->dir, name, TRUSTED_FILE_FLAGS | O_NOFOLLOW);
    struct stat st;

    if (fd < 0 || fstat(fd, &st))
        error_errno(err, "cannot read '%s'", w->path);
    else if (!trusted_file_check(&st, shown, err))
        return fd;
    io_close(&fd);
    return -1;
}

/* Goes on by a name. Returns the descriptor of the file, -1 with the error set, or -2: not yet at
 * the end. */
static int trusted_walk_step(struct trusted_walk *w, const char *name, struct error *err)
{
    char *shown = memory_printf("%s%s%s", w->done, strcmp(w->done, "/") ? "/" : "", name);
    int fd = openat(w->dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC), rc = -2;
    bool last = !w->rest[strspn(w->rest, "/")];
    struct stat st;

    if (fd < 0 || fstat(fd, &st)) {
        rc = error_errno(err, "cannot read '%s'", w->path);
    } else if (trusted_file_check(&st, shown, err)) {
        rc = -1;
    } else if (S_ISLNK(st.st_mode)) {
        rc = trusted_walk_follow(w, fd, err) ? -1 : -2;
    } else if (S_ISDIR(st.st_mode) && !last) {
        trusted_walk_enter(w, &fd, shown);
        shown = NULL;
    } else if (!S_ISREG(st.st_mode) || !last) {
        rc = error_set(err, EXIT_FAILED, "cannot read '%s': not a regular file", w->path);
    } else {
        rc = trusted_walk_open(w, name, shown, err);
    }
    io_close(&fd);
    free(shown);
    return rc;
}

static int trusted_file_walk(const char *path, struct error *err)
{
    struct trusted_walk w = {.path = path, .dir = -1, .rest = memory_text(path)};
    int rc = trusted_walk_root(&w, err) ? -1 : -2;

    while (rc == -2) {
        char *start = w.rest + strspn(w.rest, "/");
        char *name = memory_printf("%.*s", (int)strcspn(start, "/"), start);
        memmove(w.rest, start + strlen(name), strlen(start + strlen(name)) + 1);
        rc = *name ? trusted_walk_step(&w, name, err)
                   : error_set(err, EXIT_FAILED, "cannot read '%s': not a regular file", path);
        free(name);
    }
    io_close(&w.dir);
    free(w.done);
    free(w.rest);
    return rc;
}

int trusted_file_open(const char *path, bool strict, struct error *err)
{
    if (strict)
        return trusted_file_walk(path, err);
    int fd = open(path, TRUSTED_FILE_FLAGS);
    struct stat st;
    if (fd < 0 || fstat(fd, &st))
        error_errno(err, "cannot read '%s'", path);
    else if (S_ISREG(st.st_mode))
        return fd;
    else
        error_set(err, EXIT_FAILED, "cannot read '%s': not a regular file", path);
    io_close(&fd);
    return -1;
}
