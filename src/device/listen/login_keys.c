/* SPDX-License-Identifier: Apache-2.0 */
#include "device/listen/login_keys.h"

#include "base/io.h"
#include "base/log.h"
#include "device/config/log_events.h"
#include "device/config/trusted_file.h"
#include "device/monitor/brief.h"

#include <string.h>
#include <unistd.h>

#define KEYS_FILE_MAX (1u << 20)

/* FNV-1a. What is compared is the device's own files, not what a stranger chooses. */
static uint64_t login_keys_digest(uint64_t digest, const void *data, size_t len)
{
    const uint8_t *p = data;

    for (size_t i = 0; i < len; i++)
        digest = (digest ^ p[i]) * 0x100000001b3;
    return digest;
}

static void login_keys_add_lines(struct buffer *items, const struct text_list *list)
{
    struct buffer lines = {0};

    for (size_t i = 0; i < list->count; i++)
        buffer_printf(&lines, "%s\n", list->item[i]);
    brief_add_text(items, BRIEF_KEYS_NAME, "authorized-keys");
    brief_add(items, BRIEF_KEYS_TEXT, lines.data, lines.len);
    buffer_free(&lines);
}

/* A file that cannot be used has a line in problems. */
static void login_keys_add_file(struct buffer *items, const char *path, bool strict,
                                struct buffer *problems)
{
    struct buffer text = {0};
    struct error err;
    int fd = trusted_file_open(path, strict, &err);

    if (fd < 0 || io_read_fd(fd, path, KEYS_FILE_MAX, &text, &err)) {
        buffer_printf(problems, "%s\n", err.text);
    } else {
        brief_add_text(items, BRIEF_KEYS_NAME, path);
        brief_add(items, BRIEF_KEYS_TEXT, text.data, text.len);
    }
    io_close(&fd);
    buffer_free(&text);
}

static void login_keys_warn(char *problems)
{
    for (char *line; (line = strsep(&problems, "\n"));)
        if (*line)
            log_event(LOG_LEVEL_WARNING, EVENT_KEY_FILE_IGNORED, NULL, "%s; ignoring this file",
                      line);
}

void login_keys_add(struct buffer *brief, const struct device_config *config, uint64_t *told)
{
    struct buffer items = {0}, problems = {0};
    uint64_t digest = 0xcbf29ce484222325;

    login_keys_add_lines(&items, &config->authorized_keys);
    for (size_t i = 0; i < config->authorized_keys_files.count; i++)
        login_keys_add_file(&items, config->authorized_keys_files.item[i], config->strict_modes,
                            &problems);
    digest = login_keys_digest(digest, items.data, items.len);
    digest = login_keys_digest(digest, problems.data, problems.len);
    if (digest != *told) {
        brief_add_number(brief, BRIEF_COMPLAIN, 1);
        login_keys_warn(problems.data);
    }
    *told = digest;
    buffer_add(brief, items.data, items.len);
    buffer_free(&items);
    buffer_free(&problems);
}
