/* SPDX-License-Identifier: Apache-2.0 */
#include "base/lock_holder.h"

#include "base/io.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define HOLDER_LOCKS "/proc/locks"

/* False if the process is gone. A program can give itself any name, so only letters of it stay. */
static bool holder_describe(long pid, char text[LOCK_HOLDER_SIZE])
{
    char path[64], name[17] = "";

    snprintf(path, sizeof path, "/proc/%ld/comm", pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    if (!fgets(name, sizeof name, f))
        name[0] = '\0';
    fclose(f);
    name[strcspn(name, "\n")] = '\0';
    for (char *p = name; *p; p++)
        if (!isascii((unsigned char)*p) || !isprint((unsigned char)*p))
            *p = '?';
    snprintf(text, LOCK_HOLDER_SIZE, "process %ld (%s)", pid, name);
    return true;
}

/* proc(5), /proc/locks: "1: FLOCK  ADVISORY  WRITE 123 08:01:4711 0 EOF". 0 if there is none. */
static long holder_that_locked(const struct stat *st)
{
    char line[256];
    long found = 0;
    FILE *f = fopen(HOLDER_LOCKS, "re");

    while (f && !found && fgets(line, sizeof line, f)) {
        unsigned major, minor;
        unsigned long long inode;
        long pid;
        if (sscanf(line, "%*d: FLOCK %*s %*s %ld %x:%x:%llu", &pid, &major, &minor, &inode) == 4 &&
            pid > 0 && major == major(st->st_dev) && minor == minor(st->st_dev) &&
            inode == st->st_ino)
            found = pid;
    }
    if (f)
        fclose(f);
    return found;
}

static bool holder_has_open(const char *pid, const struct stat *wanted)
{
    char path[300];
    struct dirent *entry;
    struct stat st;
    bool found = false;

    snprintf(path, sizeof path, "/proc/%s/fd", pid);
    DIR *fds = opendir(path);
    while (fds && !found && (entry = readdir(fds))) {
        found = isdigit((unsigned char)*entry->d_name) &&
                !fstatat(dirfd(fds), entry->d_name, &st, 0) && st.st_dev == wanted->st_dev &&
                st.st_ino == wanted->st_ino;
    }
    if (fds)
        closedir(fds);
    return found;
}

/* A lock is inherited with its descriptor; /proc/locks still names the process that took it. */
static long holder_that_inherited(const struct stat *st)
{
    struct dirent *entry;
    long found = 0;
    DIR *all = opendir("/proc");

    while (all && !found && (entry = readdir(all)))
        if (isdigit((unsigned char)*entry->d_name) && atol(entry->d_name) != (long)getpid() &&
            holder_has_open(entry->d_name, st))
            found = atol(entry->d_name);
    if (all)
        closedir(all);
    return found;
}

/* proc(5), /proc/PID/stat: "123 (name) S 45 ..."; the name may have anything in it. 0: unknown. */
static long holder_parent(long pid)
{
    char path[64], text[512];
    long parent = 0;

    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *f = fopen(path, "re");
    size_t len = f ? fread(text, 1, sizeof text - 1, f) : 0;
    if (f)
        fclose(f);
    text[len] = '\0';
    const char *behind = strrchr(text, ')');
    return behind && sscanf(behind, ") %*c %ld", &parent) == 1 ? parent : 0;
}

bool lock_holder_is_ancestor(const struct stat *st)
{
    long holder = holder_that_locked(st);

    for (long pid = getppid(); holder && pid > 1; pid = holder_parent(pid))
        if (pid == holder)
            return true;
    return false;
}

void lock_holder_find(int fd, char text[LOCK_HOLDER_SIZE])
{
    struct stat st;

    text[0] = '\0';
    if (fstat(fd, &st))
        return;
    long pid = holder_that_locked(&st);
    if (pid && !holder_describe(pid, text)) {
        pid = holder_that_inherited(&st);
        if (pid)
            holder_describe(pid, text);
    }
}

void lock_holder_find_path(const char *path, char text[LOCK_HOLDER_SIZE])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    text[0] = '\0';
    if (fd >= 0)
        lock_holder_find(fd, text);
    io_close(&fd);
}

bool lock_holder_is_updater(const char *text)
{
    static const char *const names[] = {"(fwpack)", "(fwssh-receive)", "(fwup)"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strstr(text, names[i]))
            return true;
    return false;
}
