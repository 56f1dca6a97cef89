/* SPDX-License-Identifier: Apache-2.0 */
#include "device/config/last_good.h"

#include "base/comments.h"
#include "base/io.h"
#include "base/memory.h"
#include "device/config/log_events.h"
#include "device/config/state_dir.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LAST_GOOD_KEY "state-dir"
#define LAST_GOOD_DEFAULT "/var/lib/fwssh"

static const char *const last_good_names[LAST_GOOD_FILES] = {LAST_GOOD_NAME, LAST_GOOD_OWN_NAME};

static const char *last_good_source(const char *path)
{
    return path ? path : DEVICE_CONFIG_PATH;
}

/* A file that is there, belongs to us, and cannot be written by others. */
static char *last_good_in(const char *directory, int which)
{
    char *path = memory_printf("%s/%s", directory, last_good_names[which]);
    struct stat st;

    if (!lstat(path, &st) && S_ISREG(st.st_mode) && st.st_size && st.st_uid == geteuid() &&
        !(st.st_mode & 0022))
        return path;
    free(path);
    return NULL;
}

/* state-dir = "..." at the start of a line of a file whose other parts may be anything. */
static char *last_good_state_dir_of(const char *path)
{
    struct buffer text = {0};
    struct error ignored;
    char *found = NULL;

    if (!io_read_file(path, DEVICE_CONFIG_MAX, &text, &ignored) && text.len)
        (void)comments_blank(text.data, text.len);
    for (const char *line = buffer_text(&text); *line && !found;) {
        size_t len = strcspn(line, "\n");
        char *copy = memory_printf("%.*s", (int)len, line), *p = copy + strspn(copy, " \t");
        size_t key = strlen(LAST_GOOD_KEY);
        if (!strncmp(p, LAST_GOOD_KEY, key)) {
            p += key + strspn(p + key, " \t=\"'");
            p[strcspn(p, "\"'; \t")] = '\0';
            if (*p == '/')
                found = memory_text(p);
        }
        free(copy);
        line += len + (line[len] == '\n');
    }
    buffer_free(&text);
    return found;
}

static const char *last_good_override(const struct text_list *overrides)
{
    const char *value = NULL;

    for (size_t i = 0; i < overrides->count; i++)
        if (!strncmp(overrides->item[i], LAST_GOOD_KEY "=", strlen(LAST_GOOD_KEY) + 1))
            value = overrides->item[i] + strlen(LAST_GOOD_KEY) + 1;
    return value;
}

char *last_good_find(const char *path, const struct text_list *overrides, int which)
{
    const char *override = last_good_override(overrides);

    if (override)
        return last_good_in(override, which);
    char *directory = last_good_state_dir_of(last_good_source(path));
    char *found = directory ? last_good_in(directory, which) : NULL;
    free(directory);
    return found ? found : last_good_in(LAST_GOOD_DEFAULT, which);
}

int last_good_check(const char *path, const struct text_list *overrides, struct error *err)
{
    struct stat st;

    if (stat(last_good_source(path), &st) || st.st_size)
        return 0;
    for (int i = 0; i < LAST_GOOD_FILES; i++) {
        char *good = last_good_find(path, overrides, i);
        if (good)
            error_set(err, EXIT_USAGE, "%s is empty", last_good_source(path));
        free(good);
        if (good)
            return -1;
    }
    return 0;
}

static void last_good_keep_as(const struct device_config *config, const char *name,
                              const struct buffer *text)
{
    char *good = state_dir_path(config, name);
    struct buffer kept = {0};
    struct error err;

    bool same = !io_read_regular_file(good, DEVICE_CONFIG_MAX, &kept, &err) &&
                kept.len == text->len && !memcmp(kept.data, text->data, text->len);
    if (!same && state_dir_write(config, name, text->data, text->len, &err))
        log_warning("%s; there will be no configuration to fall back to", err.text);
    buffer_free(&kept);
    free(good);
}

void last_good_keep(const struct device_config *config, const char *path)
{
    struct buffer text = {0};
    struct error ignored;

    if (!access(last_good_source(path), F_OK) &&
        !io_read_file(last_good_source(path), DEVICE_CONFIG_MAX, &text, &ignored) && text.len)
        for (int i = 0; i < LAST_GOOD_FILES; i++)
            last_good_keep_as(config, last_good_names[i], &text);
    buffer_free(&text);
}

int last_good_load(struct device_config *config, const char *path,
                   const struct text_list *overrides, struct error *err)
{
    struct error second;
    int rc = -1;

    if (!last_good_check(path, overrides, err) &&
        !device_config_load(config, path, overrides, DEVICE_CONFIG_LENIENT, err))
        return 0;
    for (int i = 0; rc && i < LAST_GOOD_FILES; i++) {
        char *good = last_good_find(path, overrides, i);
        rc =
            good ? device_config_load(config, good, overrides, DEVICE_CONFIG_LENIENT, &second) : -1;
        if (!rc)
            log_event(LOG_LEVEL_ERROR, EVENT_LAST_GOOD, NULL,
                      "%s; using the last good configuration, %s", err->text, good);
        free(good);
    }
    return rc ? -1 : 1;
}
