/* SPDX-License-Identifier: Apache-2.0 */
#include "base/device_lock.h"

#include "base/buffer.h"
#include "base/disk_map.h"
#include "base/io.h"
#include "base/lock_holder.h"
#include "base/memory.h"
#include "base/number.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#define LOCK_TEXT_MAX 64
/* Behind the time in the lock file. */
#define LOCK_REBOOT " reboot"
#define LOCK_DISK_SECONDS 10
#define LOCK_LOOK_MS 100
/* Linux's devices.txt, character devices: memory. */
#define LOCK_MEMORY_MAJOR 1
/* In place of the number of a descriptor that was closed on the way here. */
#define LOCK_CLOSED "closed"

char *device_lock_path(const char *pattern, const char *device)
{
    static const char placeholder[] = "DEVICE";
    const char *at = strstr(pattern, placeholder);
    struct buffer name = {0};

    if (!at)
        return memory_text(pattern);
    buffer_add(&name, pattern, (size_t)(at - pattern));
    for (const char *p = device; *p; p++)
        buffer_add(&name, *p == '/' ? "_" : p, 1);
    buffer_add_text(&name, at + strlen(placeholder));
    return name.data;
}

static bool device_lock_is_ours(const struct stat *st)
{
    return st->st_uid == 0 || st->st_uid == geteuid();
}

/* A directory that others can write to must at least be sticky, as /run/lock is. */
static int device_lock_check_directory(const char *directory, struct error *err)
{
    struct stat st;

    if (stat(directory, &st))
        return error_errno(err, "cannot use the directory %s (key lock-file)", directory);
    if (!S_ISDIR(st.st_mode))
        return error_set(err, EXIT_FAILED, "%s (key lock-file) is not a directory", directory);
    if (device_lock_is_ours(&st) && (!(st.st_mode & 022) || st.st_mode & S_ISVTX))
        return 0;
    return error_set(err, EXIT_FAILED,
                     "others can change what is in %s (owner %u, mode %04o), so no lock file is "
                     "kept there; use another directory (key lock-file)",
                     directory, (unsigned)st.st_uid, (unsigned)(st.st_mode & 07777));
}

int device_lock_make_directory(const char *pattern, struct error *err)
{
    const char *slash = strrchr(pattern, '/');
    int rc = 0;

    if (!slash || slash == pattern)
        return 0;
    char *directory = memory_printf("%.*s", (int)(slash - pattern), pattern);
    if (mkdir(directory, 0700) && errno != EEXIST && errno != EROFS)
        rc = error_errno(err, "cannot create the directory %s (key lock-file)", directory);
    else
        rc = device_lock_check_directory(directory, err);
    free(directory);
    return rc;
}

static int device_lock_busy(int fd, struct error *err)
{
    char since[LOCK_TEXT_MAX + 1], holder[LOCK_HOLDER_SIZE];
    ssize_t n = pread(fd, since, LOCK_TEXT_MAX, 0);

    since[n > 0 ? n : 0] = '\0';
    lock_holder_find(fd, holder);
    if (strstr(since, LOCK_REBOOT))
        return error_set(err, EXIT_REFUSED,
                         "the device is about to reboot; try again when it is back%s%s",
                         *holder ? "; the lock is held by " : "", holder);
    return error_set(
        err, EXIT_REFUSED,
        "another update is running (started %s); wait for it to finish, then try again%s%s",
        *since ? since : "a moment ago", *holder ? "; the lock is held by " : "", holder);
}

static void device_lock_note_time(int fd)
{
    char text[LOCK_TEXT_MAX];
    time_t now = time(NULL);
    struct tm tm;

    gmtime_r(&now, &tm);
    size_t len = strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &tm);
    /* Only for the message that a second update gets; the lock works without it. */
    if (ftruncate(fd, 0) || pwrite(fd, text, len, 0) < 0)
        return;
}

void device_lock_note_reboot(int fd)
{
    char text[LOCK_TEXT_MAX + 1];
    ssize_t n = pread(fd, text, LOCK_TEXT_MAX - strlen(LOCK_REBOOT), 0);

    if (n >= 0 && pwrite(fd, LOCK_REBOOT, strlen(LOCK_REBOOT), n) < 0)
        return;
}

static int device_lock_refuse_file(const char *name, const struct stat *st, struct error *err)
{
    return error_set(err, EXIT_FAILED,
                     "the lock file %s is not ours (owner %u); remove it, or use a directory that "
                     "only root can write to (key lock-file)",
                     name, (unsigned)st->st_uid);
}

/* What another user has made is not read, and holds no update up without being named. */
static int device_lock_check_file(int fd, const char *name, struct error *err)
{
    struct stat st;

    if (fstat(fd, &st))
        return error_errno(err, "cannot look at the lock file %s", name);
    if (!S_ISREG(st.st_mode) || !device_lock_is_ours(&st))
        return device_lock_refuse_file(name, &st, err);
    /* Whoever can open a file can lock it. */
    if (st.st_mode & 077 && fchmod(fd, 0600))
        return error_errno(err, "cannot change the mode of the lock file %s", name);
    return 0;
}

static int device_lock_open(const char *name, struct error *err)
{
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);

    /* With fs.protected_regular, the file of somebody else cannot even be opened. */
    struct stat st;
    int saved = errno;
    if (fd < 0 && !lstat(name, &st) && !device_lock_is_ours(&st))
        return device_lock_refuse_file(name, &st, err);
    errno = saved;
    if (fd < 0)
        return error_errno(err, "cannot open the lock file %s (key lock-file)", name);
    if (device_lock_check_file(fd, name, err))
        io_close(&fd);
    return fd;
}

int device_lock_take(const char *pattern, const char *device, struct error *err)
{
    if (device_lock_make_directory(pattern, err))
        return -1;
    char *name = device_lock_path(pattern, device);
    int fd = device_lock_open(name, err);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB)) {
        if (errno == EWOULDBLOCK)
            device_lock_busy(fd, err);
        else
            error_errno(err, "cannot lock %s", name);
        io_close(&fd);
    } else if (fd >= 0) {
        device_lock_note_time(fd);
    }
    free(name);
    return fd;
}

/* 0 if nobody holds it, or -1 with the error set. A file that is none of ours stays as it is. */
static int device_lock_check_one(DIR *directory, const char *name, struct error *err)
{
    int fd = openat(dirfd(directory), name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    bool busy = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;
    int rc = busy ? device_lock_busy(fd, err) : 0;

    io_close(&fd);
    return rc;
}

int device_lock_check_all(const char *pattern, struct error *err)
{
    char *path = device_lock_path(pattern, "/*"); /* of devices' paths, which begin at the root */
    char *slash = strrchr(path, '/');
    struct dirent *entry;
    int rc = 0;

    if (slash)
        *slash = '\0';
    DIR *directory = opendir(!slash ? "." : slash == path ? "/" : path);
    while (directory && !rc && (entry = readdir(directory)))
        if (!fnmatch(slash ? slash + 1 : path, entry->d_name, 0))
            rc = device_lock_check_one(directory, entry->d_name, err);
    if (directory)
        closedir(directory);
    free(path);
    return rc;
}

void device_lock_export(int fd, const char *pattern)
{
    char number[16];

    if (fd < 0) {
        unsetenv(DEVICE_LOCK_FD_VARIABLE);
        return;
    }
    snprintf(number, sizeof number, "%d", fd);
    setenv(DEVICE_LOCK_FD_VARIABLE, number, 1);
    setenv(DEVICE_LOCK_FILE_VARIABLE, pattern, 1);
}

static int device_lock_number(const char *variable)
{
    const char *text = getenv(variable);
    uint64_t fd;

    return text && !number_parse_decimal(text, strlen(text), &fd) && fd <= 1023 ? (int)fd : -1;
}

int device_lock_exported(void)
{
    return device_lock_number(DEVICE_LOCK_FD_VARIABLE);
}

static bool device_lock_is_same(const struct stat *a, const struct stat *b)
{
    if (S_ISBLK(a->st_mode))
        return S_ISBLK(b->st_mode) && a->st_rdev == b->st_rdev;
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

void device_lock_look(void)
{
    static const char *const variables[] = {DEVICE_LOCK_FD_VARIABLE, DEVICE_LOCK_DISK_VARIABLE};

    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        int fd = device_lock_number(variables[i]);
        if (fd >= 0 && !io_is_open(fd))
            setenv(variables[i], LOCK_CLOSED, 1);
    }
}

/* An inherited descriptor counts if it is this very file or disk. A lock that a parent holds can be
 * taken again through the copy; one that nobody holds is held from now on. Where the descriptor was
 * closed on the way, the holder must be an ancestor. */
static bool device_lock_is_inherited(const char *variable, const struct stat *wanted)
{
    int fd = device_lock_number(variable);
    const char *text = getenv(variable);
    struct stat st;

    if (text && !strcmp(text, LOCK_CLOSED))
        return lock_holder_is_ancestor(wanted);
    return fd >= 0 && !fstat(fd, &st) && device_lock_is_same(wanted, &st) &&
           !flock(fd, LOCK_EX | LOCK_NB);
}

static bool device_lock_file_is_inherited(const char *name)
{
    struct stat st;

    return !stat(name, &st) && device_lock_is_inherited(DEVICE_LOCK_FD_VARIABLE, &st);
}

static bool device_lock_may_use_default(void)
{
    struct error ignored;

    /* A rescue system may have no /run. */
    if (geteuid() == 0)
        return !access("/run", W_OK);
    return (!device_lock_make_directory(DEVICE_LOCK_FILE, &ignored) &&
            !access(DEVICE_LOCK_DIRECTORY, W_OK));
}

int device_lock_join(const char *device, int *lock, struct error *err)
{
    const char *pattern = getenv(DEVICE_LOCK_FILE_VARIABLE);
    char *resolved = io_resolve(device);
    struct stat st;
    int rc = 0;

    *lock = -1;
    bool memory =
        !stat(resolved, &st) && S_ISCHR(st.st_mode) && major(st.st_rdev) == LOCK_MEMORY_MAJOR;
    /* Who cannot create lock files, as a user on a desk, has the disk's lock. */
    bool can = (pattern && *pattern) || device_lock_may_use_default();
    if (!pattern || !*pattern)
        pattern = DEVICE_LOCK_FILE;
    char *name = device_lock_path(pattern, resolved);
    if (can && !memory && !device_lock_file_is_inherited(name)) {
        *lock = device_lock_take(pattern, resolved, err);
        rc = *lock < 0 ? -1 : 0;
    }
    free(name);
    free(resolved);
    return rc;
}

/* Read-only: closing a node that was open for writing makes udevd look at the disk. */
static int device_lock_open_disk(const char *device, const struct stat *st, char **path)
{
    *path = memory_text(device);
    if (!S_ISBLK(st->st_mode))
        return open(device, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    dev_t disk = disk_map_whole_disk(&disk_map_system, st->st_rdev);
    char *name = disk == st->st_rdev ? NULL : disk_map_node(&disk_map_system, disk);
    if (name) {
        int fd = disk_map_open_node(name, disk, O_RDONLY);
        if (fd >= 0) {
            free(*path);
            *path = name;
            return fd;
        }
        free(name);
    }
    /* A container may have the partition's node only. */
    return disk_map_open_node(device, st->st_rdev, O_RDONLY);
}

/* 1: locked, 0: held by another program, whose name is put in holder; -1: with errno set. An
 * updater is not waited for: it takes long, and the slots are others when it has finished. */
static int device_lock_wait(int fd, char holder[LOCK_HOLDER_SIZE])
{
    double end = io_now() + LOCK_DISK_SECONDS;

    while (flock(fd, LOCK_EX | LOCK_NB)) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return -1;
        lock_holder_find(fd, holder);
        if (lock_holder_is_updater(holder) || io_now() >= end)
            return 0;
        (void)poll(NULL, 0, LOCK_LOOK_MS);
    }
    return 1;
}

/* fd: of what is locked; closed if that fails. */
static int device_lock_hold(int *fd, const char *path, struct error *err)
{
    char holder[LOCK_HOLDER_SIZE] = "";
    int got = device_lock_wait(*fd, holder);

    if (got > 0)
        return 0;
    if (got < 0)
        error_errno(err, "cannot lock %s", path);
    else if (lock_holder_is_updater(holder))
        error_set(err, EXIT_REFUSED,
                  "another update is running: %s is locked by %s; wait for it to finish, then try "
                  "again",
                  path, holder);
    else
        error_set(err, EXIT_REFUSED,
                  "%s is in use%s%s: its lock was not free within %d seconds; wait until the other "
                  "program has finished, then try again",
                  path, *holder ? " by " : "", holder, LOCK_DISK_SECONDS);
    io_close(fd);
    return -1;
}

int device_lock_disk(const char *device, int *lock, struct error *err)
{
    struct stat st;
    char *path;
    int rc = 0;

    *lock = -1;
    if (stat(device, &st) || (S_ISCHR(st.st_mode) && major(st.st_rdev) == LOCK_MEMORY_MAJOR))
        return 0;
    int fd = device_lock_open_disk(device, &st, &path);
    if (fd < 0 || fstat(fd, &st))
        rc = error_errno(err, "cannot open %s to lock it", path);
    else if (device_lock_is_inherited(DEVICE_LOCK_DISK_VARIABLE, &st))
        io_close(&fd);
    else
        rc = device_lock_hold(&fd, path, err);
    *lock = fd;
    free(path);
    return rc;
}
