/* SPDX-License-Identifier: Apache-2.0 */
#include "device/slots/loader_entry.h"

#include "base/bytes.h"
#include "base/io.h"
#include "base/memory.h"
#include "device/slots/boot_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define VARIABLE_MAX 4096
/* Before the value: its attributes. */
#define VARIABLE_HEAD 4
#define ENTRIES_MAX 256

/* Where the boot partitions are mounted, and where entries are on them. */
static const char *const loader_places[] = {"/efi", "/boot", "/boot/efi"};
static const struct {
    const char *directory, *suffix;
} loader_kinds[] = {{"loader/entries", ".conf"}, {"EFI/Linux", ".efi"}};

char *loader_variable(const char *name)
{
    char *path =
        memory_printf("/sys/firmware/efi/efivars/%s-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f", name);
    struct buffer raw = {0}, text = {0};
    struct error ignored;

    buffer_add_text(&text, "");
    if (!io_read_file(path, VARIABLE_MAX, &raw, &ignored))
        for (size_t at = VARIABLE_HEAD; at + 1 < raw.len; at += 2) {
            uint16_t c = bytes_le16((const uint8_t *)raw.data + at);
            if (!c)
                break;
            buffer_printf(&text, "%c", c > ' ' && c < 0x7f ? (char)c : '?');
        }
    char *value = memory_text(buffer_text(&text));
    buffer_free(&text);
    buffer_free(&raw);
    free(path);
    return value;
}

static size_t loader_digits(const char *text)
{
    return strspn(text, "0123456789");
}

/* Whether a counter begins here, and nothing follows it; left: its tries. */
static bool loader_parse_counter(const char *at, unsigned *left)
{
    size_t len = *at == '+' ? loader_digits(at + 1) : 0;

    if (!len || len > 9)
        return false;
    *left = (unsigned)strtoul(at + 1, NULL, 10);
    at += 1 + len;
    if (*at == '-' && loader_digits(at + 1))
        at += 1 + loader_digits(at + 1);
    return !*at;
}

/* path is copied. */
static struct loader_entry loader_entry_parse(const char *path)
{
    const char *base = path + strlen(path);

    while (base > path && base[-1] != '/' && base[-1] != '\\')
        base--;
    struct loader_entry entry = {.path = memory_text(path), .id = memory_text(base)};
    char *suffix = strrchr(entry.id, '.');
    if (suffix && (!strcasecmp(suffix, ".conf") || !strcasecmp(suffix, ".efi")))
        *suffix = '\0';
    char *counter = strrchr(entry.id, '+');
    if (counter && loader_parse_counter(counter, &entry.left)) {
        *counter = '\0';
        entry.counted = true;
    }
    return entry;
}

static void loader_entry_free(struct loader_entry *entry)
{
    free(entry->path);
    free(entry->id);
}

char *loader_variable_id(const char *name)
{
    char *value = loader_variable(name);
    struct loader_entry entry = loader_entry_parse(value);
    char *id = memory_text(entry.id);

    loader_entry_free(&entry);
    free(value);
    return id;
}

static bool loader_has_suffix(const char *name, const char *suffix)
{
    size_t len = strlen(name), end = strlen(suffix);

    return len > end && !strcasecmp(name + len - end, suffix);
}

/* A directory whose entries are added. */
struct loader_place {
    struct loader_entries *list;
    const char *directory, *suffix;
};

static void loader_entries_add(const char *name, void *data)
{
    const struct loader_place *place = data;
    struct loader_entries *list = place->list;

    if (list->count == ENTRIES_MAX || !loader_has_suffix(name, place->suffix))
        return;
    char *path = memory_printf("%s/%s", place->directory, name);
    list->entry = memory_resize(list->entry, ((size_t)list->count + 1) * sizeof *list->entry);
    list->entry[list->count++] = loader_entry_parse(path);
    free(path);
}

void loader_entries_read(struct loader_entries *list)
{
    struct error ignored;

    *list = (struct loader_entries){0};
    for (size_t i = 0; i < sizeof loader_places / sizeof *loader_places; i++)
        for (size_t k = 0; k < sizeof loader_kinds / sizeof *loader_kinds; k++) {
            char *directory = memory_printf("%s/%s", loader_places[i], loader_kinds[k].directory);
            struct loader_place place = {list, directory, loader_kinds[k].suffix};
            (void)boot_file_list(directory, loader_entries_add, &place, &ignored);
            free(directory);
        }
}

void loader_entries_free(struct loader_entries *list)
{
    for (int i = 0; i < list->count; i++)
        loader_entry_free(&list->entry[i]);
    free(list->entry);
    *list = (struct loader_entries){0};
}

static const char *loader_base(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* One partition may be mounted at two places. */
struct loader_entry *loader_entries_find(const struct loader_entries *list, const char *id)
{
    struct loader_entry *found = NULL;

    for (int i = 0; i < list->count && *id; i++) {
        struct loader_entry *entry = &list->entry[i];
        if (strcasecmp(entry->id, id) != 0)
            continue;
        if (found && strcmp(loader_base(found->path), loader_base(entry->path)) != 0)
            return NULL;
        found = found ? found : entry;
    }
    return found;
}

/* The directory of a path. */
static int loader_check_mount(const char *path, struct error *err)
{
    char *directory = memory_printf("%.*s", (int)(loader_base(path) - path), path);
    int rc = boot_file_check_mount(directory, err);

    free(directory);
    return rc ? error_prefix(err, "cannot confirm") : 0;
}

int loader_entry_bless(const struct loader_entry *entry, struct error *err)
{
    const char *counter = strrchr(entry->path, '+'), *suffix = strrchr(entry->path, '.');
    int rc;

    if (!entry->counted || !counter || !suffix)
        return 0;
    if (loader_check_mount(entry->path, err))
        return -1;
    char *good = memory_printf("%.*s%s", (int)(counter - entry->path), entry->path, suffix);
    if (!access(good, F_OK))
        rc = error_set(err, EXIT_REFUSED, "cannot confirm: %s is there as well as %s", good,
                       entry->path);
    else if (rename(entry->path, good))
        rc = error_errno(err, "cannot rename %s", entry->path);
    else
        rc = io_flush_directory_of(good, err);
    free(good);
    return rc;
}
