/* SPDX-License-Identifier: Apache-2.0 */
#include "device/receive/slot_file.h"

#include "base/io.h"
#include "base/memory.h"
#include "device/config/state_dir.h"
#include "device/slots/slot_driver.h"
#include "wire/slot_facts.h"

#include <stdlib.h>
#include <string.h>

#define SLOT_FILE_MAX 4096

static char *slot_file_name(const char *slot)
{
    return memory_printf("slot.%s.sha256", slot);
}

static bool slot_file_is_note(const char *name)
{
    const char *dot = strrchr(name, '.');

    return !strncmp(name, "slot.", strlen("slot.")) && !strcmp(dot, ".sha256");
}

/* Another version may have put more in there. */
static void slot_file_read(const struct device_config *config, struct facts *notes)
{
    struct facts all = {0};
    char *path = state_dir_path(config, SLOT_FILES_NAME);
    struct buffer text = {0};
    struct error ignored;

    if (!io_read_regular_file(path, SLOT_FILE_MAX, &text, &ignored))
        facts_parse(&all, buffer_text(&text));
    for (size_t i = 0; i < all.count; i++)
        if (slot_file_is_note(all.fact[i].name))
            facts_set(notes, all.fact[i].name, all.fact[i].value);
    facts_free(&all);
    buffer_free(&text);
    free(path);
}

static int slot_file_write(const struct device_config *config, const struct facts *notes,
                           struct error *err)
{
    struct buffer text = {0};

    facts_print(notes, &text);
    int rc = text.len ? state_dir_write(config, SLOT_FILES_NAME, text.data, text.len, err)
                      : state_dir_remove(config, SLOT_FILES_NAME, err);
    buffer_free(&text);
    return rc;
}

/* Copies the note of one slot, if there is one. */
static void slot_file_copy(const struct facts *from, const char *slot, struct facts *to)
{
    char *name = slot_file_name(slot);

    if (*slot && *facts_get(from, name))
        facts_set(to, name, facts_get(from, name));
    free(name);
}

/* On a full disk nothing can be written, but removed. */
static int slot_file_forget_all(const struct device_config *config, struct error *err)
{
    struct error removal;

    if (!state_dir_remove(config, SLOT_FILES_NAME, &removal))
        return 1;
    *err = removal;
    err->status = EXIT_REFUSED;
    return error_suffix(err, "nothing was done");
}

int slot_file_forget(const struct device_config *config, const char *active, struct error *err)
{
    struct facts notes = {0}, kept = {0};
    int rc = 0;

    slot_file_read(config, &notes);
    if (notes.count) {
        slot_file_copy(&notes, active, &kept);
        rc = slot_file_write(config, &kept, err) ? slot_file_forget_all(config, err) : 0;
    }
    facts_free(&kept);
    facts_free(&notes);
    return rc;
}

int slot_file_keep(const struct device_config *config, const char *sha256, struct error *err)
{
    struct facts notes = {0}, facts = {0};
    int rc = slot_driver_read(config, &facts, err);
    const char *next = facts_get(&facts, "next");

    if (!rc && *next && slot_facts_state(&facts) == SLOT_PENDING) {
        char *name = slot_file_name(next);
        slot_file_read(config, &notes);
        facts_set(&notes, name, sha256);
        free(name);
        rc = slot_file_write(config, &notes, err);
    }
    facts_free(&facts);
    facts_free(&notes);
    return rc;
}

void slot_file_add(const struct device_config *config, struct facts *facts)
{
    struct facts notes = {0};

    slot_file_read(config, &notes);
    for (size_t i = 0; i < notes.count; i++)
        facts_set(facts, notes.fact[i].name, notes.fact[i].value);
    char *name = slot_file_name(facts_get(facts, "active"));
    if (*facts_get(&notes, name))
        facts_set(facts, "sha256", facts_get(&notes, name));
    free(name);
    facts_free(&notes);
}
