/* SPDX-License-Identifier: Apache-2.0 */
#include "device/slots/grub_env.h"

#include "base/io.h"
#include "device/slots/boot_file.h"

#include <string.h>

static const char first_line[] = "# GRUB Environment Block\n";

/* text: the file, if it could be read; it is freed. */
static int grub_env_take(struct grub_env *e, const char *path, int rc, struct buffer *text,
                         struct error *err)
{
    if (!rc && (text->len != GRUB_ENV_SIZE || strncmp(text->data, first_line, strlen(first_line)) ||
                memchr(text->data, '\0', text->len)))
        rc = error_set(err, EXIT_FAILED, "%s is no environment block of GRUB", path);
    if (!rc)
        memcpy(e->block, text->data, GRUB_ENV_SIZE);
    e->block[GRUB_ENV_SIZE] = '\0';
    buffer_free(text);
    return rc;
}

int grub_env_read(struct grub_env *e, const char *path, struct error *err)
{
    struct buffer text = {0};
    int rc = boot_file_read(path, GRUB_ENV_SIZE, &text, err);

    return grub_env_take(e, path, rc, &text, err);
}

int grub_env_read_mounted(struct grub_env *e, const char *path, struct error *err)
{
    struct buffer text = {0};
    int rc = io_read_file(path, GRUB_ENV_SIZE, &text, err);

    return grub_env_take(e, path, rc, &text, err);
}

/* Where a line ends: at a newline that is not quoted. */
static size_t grub_env_line(const char *line)
{
    size_t len = 0;

    while (line[len] && line[len] != '\n')
        len += line[len] == '\\' && line[len + 1] ? 2 : 1;
    return len;
}

static const char *grub_env_next_line(const char *line)
{
    line += grub_env_line(line);
    return line + (*line == '\n');
}

/* The value's place in the block, or NULL. */
static const char *grub_env_find(const struct grub_env *e, const char *name, size_t *len)
{
    const char *line = e->block;
    size_t name_len = strlen(name);

    for (; *line; line = grub_env_next_line(line))
        if (!strncmp(line, name, name_len) && line[name_len] == '=') {
            *len = grub_env_line(line) - name_len - 1;
            return line + name_len + 1;
        }
    return NULL;
}

void grub_env_list(const struct grub_env *e, const char *suffix, struct buffer *out)
{
    size_t len = strlen(suffix);

    for (const char *line = e->block; *line; line = grub_env_next_line(line)) {
        size_t name = strcspn(line, "=\n");
        if (line[name] == '=' && name > len && !strncmp(line + name - len, suffix, len))
            buffer_printf(out, " %.*s", (int)(name - len), line);
    }
}

bool grub_env_get(const struct grub_env *e, const char *name, char *out, size_t size)
{
    size_t len, used = 0;
    const char *value = grub_env_find(e, name, &len);

    for (size_t i = 0; value && i < len && used + 1 < size; i++) {
        if (value[i] == '\\' && i + 1 < len)
            i++;
        out[used++] = value[i];
    }
    out[used] = '\0';
    return value != NULL;
}

int grub_env_overwrite(struct grub_env *e, const char *path, const char *name, const char *value,
                       struct error *err)
{
    size_t len;
    const char *old = grub_env_find(e, name, &len);

    if (!old || len != strlen(value))
        return error_set(err, EXIT_FAILED, "%s has no %s of %zu bytes", path, name, strlen(value));
    memcpy(e->block + (old - e->block), value, len);
    return boot_file_overwrite(path, e->block, GRUB_ENV_SIZE, err);
}
