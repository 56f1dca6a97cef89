/* SPDX-License-Identifier: Apache-2.0 */
#include "device/slots/boot_memory.h"

#include "base/io.h"
#include "base/memory.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BOOT_MEMORY_MAX 65536
/* In place of an empty word. */
#define BOOT_MEMORY_NONE "-"

/* A file that others can write says nothing. */
static bool boot_memory_is_ours(int fd)
{
    struct stat st;

    return !fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
           !(st.st_mode & (S_IWGRP | S_IWOTH));
}

static bool boot_memory_load(const char *path, struct buffer *text)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct error ignored;
    bool loaded = fd >= 0 && boot_memory_is_ours(fd) &&
                  !io_read_fd(fd, path, BOOT_MEMORY_MAX, text, &ignored);

    io_close(&fd);
    return loaded;
}

#define BOOT_MEMORY_PLACES 2

static char *boot_memory_path(const struct device_config *config, int place)
{
    return place ? memory_printf("%s.running-slot", config->lock_file)
                 : memory_printf("%s/running-slot", config->state_dir);
}

static char *boot_memory_word(const char *word)
{
    return memory_text(strcmp(word, BOOT_MEMORY_NONE) ? word : "");
}

/* BOOT-ID SLOT TABLE */
static bool boot_memory_parse(struct boot_memory *m, char *text, const char *boot_id)
{
    char *rest = NULL;
    const char *boot = strtok_r(text, " \n", &rest);
    const char *slot = strtok_r(NULL, " \n", &rest);
    const char *table = strtok_r(NULL, " \n", &rest);

    if (!table || strcmp(boot, boot_id) != 0)
        return false;
    *m = (struct boot_memory){boot_memory_word(slot), boot_memory_word(table)};
    return true;
}

bool boot_memory_read(struct boot_memory *m, const struct device_config *config,
                      const char *boot_id)
{
    bool found = false;

    for (int i = 0; i < BOOT_MEMORY_PLACES && !found; i++) {
        char *path = boot_memory_path(config, i);
        struct buffer text = {0};
        found =
            boot_memory_load(path, &text) && text.len && boot_memory_parse(m, text.data, boot_id);
        buffer_free(&text);
        free(path);
    }
    if (!found)
        *m = (struct boot_memory){memory_text(""), memory_text("")};
    return found;
}

bool boot_memory_store(const struct boot_memory *m, const struct device_config *config,
                       const char *boot_id)
{
    /* A slot's name of several words would be read back as something else. */
    bool plain = *m->slot && !strpbrk(m->slot, " \t\r\n");
    char *line = memory_printf("%s %s %s\n", boot_id, plain ? m->slot : BOOT_MEMORY_NONE,
                               *m->table ? m->table : BOOT_MEMORY_NONE);
    struct error ignored;
    bool stored = false;

    for (int i = 0; i < BOOT_MEMORY_PLACES && !stored && *boot_id; i++) {
        char *path = boot_memory_path(config, i);
        stored = !io_write_file(path, line, strlen(line), 0644, &ignored);
        free(path);
    }
    free(line);
    return stored;
}

void boot_memory_free(struct boot_memory *m)
{
    free(m->slot);
    free(m->table);
    *m = (struct boot_memory){0};
}
