#include "host/adaptive/device_memory.h"

#include "base/io.h"
#include "base/memory.h"
#include "host/adaptive/cache_path.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MEMORY_DOES_NOT_SECONDS (7 * 86400)

static const char memory_yes[] = "assemble yes\n", memory_no[] = "assemble no\n";

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

enum device_memory device_memory_read(const char *known_as)
{
    char *path = device_path(known_as);
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    enum device_memory memory = DEVICE_UNKNOWN;
    char text[32] = "";
    struct stat st;

    if (fd >= 0 && !fstat(fd, &st) && read(fd, text, sizeof text - 1) > 0) {
        if (!strcmp(text, memory_yes))
            memory = DEVICE_ASSEMBLES;
        else if (!strcmp(text, memory_no) && time(NULL) - st.st_mtime < MEMORY_DOES_NOT_SECONDS)
            memory = DEVICE_DOES_NOT;
    }
    io_close(&fd);
    free(path);
    return memory;
}

void device_memory_write(const char *known_as, bool assembles)
{
    const char *text = assembles ? memory_yes : memory_no;
    char *path = device_path(known_as);
    struct error ignored;

    if (path && (!assembles || device_memory_read(known_as) != DEVICE_ASSEMBLES)) {
        cache_path_make(path);
        (void)io_write_file(path, text, strlen(text), 0600, &ignored);
    }
    free(path);
}
