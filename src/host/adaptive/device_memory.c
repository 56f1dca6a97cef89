/* SPDX-License-Identifier: Apache-2.0 */
#include "host/adaptive/device_memory.h"

#include "base/io.h"
#include "base/memory.h"
#include "host/adaptive/cache_path.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MEMORY_DOES_NOT_SECONDS (7 * 86400)

/* The file, which the caller frees, or NULL. */
static char *device_path(const char *known_as)
{
    char *name = memory_printf("devices/%s", known_as);

    for (char *p = strchr(name, '/') + 1; *p; p++)
        if (*p == '/')
            *p = '_';
    char *path = cache_path(name);
    free(name);
    return path;
}

static const char *const memory_words[] = {
    [DEVICE_UNKNOWN] = "", [DEVICE_ASSEMBLES] = "yes", [DEVICE_DOES_NOT] = "no"};

static void memory_parse(const char *text, struct device_memory *m)
{
    char word[8] = "";
    double rate = 0;

    if (sscanf(text, "assemble %7s\nrate %lf\nruns %39s", word, &rate, m->runs) < 1)
        return;
    for (size_t i = DEVICE_ASSEMBLES; i <= DEVICE_DOES_NOT; i++)
        if (!strcmp(word, memory_words[i]))
            m->ability = (enum device_ability)i;
    m->rate = rate > 0 ? rate : 0;
}

struct device_memory device_memory_read(const char *known_as)
{
    struct device_memory m = {.ability = DEVICE_UNKNOWN};
    char *path = device_path(known_as);
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    char text[128] = "";
    struct stat st;

    if (fd >= 0 && !fstat(fd, &st) && read(fd, text, sizeof text - 1) > 0) {
        memory_parse(text, &m);
        if (m.ability == DEVICE_DOES_NOT && time(NULL) - st.st_mtime >= MEMORY_DOES_NOT_SECONDS)
            m.ability = DEVICE_UNKNOWN;
    }
    io_close(&fd);
    free(path);
    return m;
}

void device_memory_write(const char *known_as, const struct device_memory *m)
{
    char *path = device_path(known_as);
    struct error ignored;
    char text[128];

    if (path && m->ability != DEVICE_UNKNOWN) {
        int len = snprintf(text, sizeof text, "assemble %s\nrate %.0f\n%s%s\n",
                           memory_words[m->ability], m->rate, *m->runs ? "runs " : "", m->runs);
        cache_path_make(path);
        (void)io_write_file(path, text, (size_t)len, 0600, &ignored);
    }
    free(path);
}
