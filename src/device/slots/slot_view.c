/* SPDX-License-Identifier: Apache-2.0 */
#include "device/slots/slot_view.h"

#include "base/kernel_word.h"
#include "base/memory.h"
#include "base/reboot_param.h"
#include "device/slots/device_path.h"
#include "device/slots/nerves_vars.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CMDLINE "/proc/cmdline"

static bool slot_view_trial_waits(void)
{
    char param[REBOOT_PARAM_SIZE];

    reboot_param_read(param, sizeof param);
    return strstr(param, "tryboot");
}

void slot_view_open(struct slot_view *v, const struct device_config *config, struct facts *facts)
{
    struct error ignored;

    /* Once, and before a driver opens the U-Boot environment: the device's name may be in there,
     * and the library's lock is not for two. */
    *v = (struct slot_view){
        .config = config, .facts = facts, .device = device_path_find(config, &ignored)};
    v->has_table = !boot_table_read(&v->table, v->device);
    v->trial = boot_table_is_on_disk(v->device) && slot_view_trial_waits();
    v->remembers = boot_memory_read(&v->memory, config, facts_get(facts, "boot-id"));
    v->table_moved = v->has_table && (boot_table_has_moved(&v->table, v->memory.table) ||
                                      boot_table_differs_from_kernel(&v->table, v->device));
}

void slot_view_close(struct slot_view *v)
{
    boot_table_free(&v->table);
    boot_memory_free(&v->memory);
    free(v->device);
}

static char *slot_view_partition_name(const char *device)
{
    struct disk_partition root;

    if (boot_table_root(device, &root))
        return NULL;
    char *name = disk_map_uevent(&disk_map_system, root.device, "PARTNAME");
    char letter = name ? slot_words_letter(name) : '\0';
    free(name);
    return letter ? memory_printf("%c", letter) : NULL;
}

bool slot_view_is_told(const struct device_config *config)
{
    return strcmp(config->slot_driver, "auto") != 0 || *config->slot_command;
}

static void slot_view_remember(struct slot_view *v, const char *next)
{
    struct boot_memory now = {memory_text(next), memory_text(v->has_table ? v->table.mark : "")};

    /* Without a driver and a table there is nothing to remember. */
    if ((v->decided || *now.table) &&
        boot_memory_store(&now, v->config, facts_get(v->facts, "boot-id"))) {
        boot_memory_free(&v->memory);
        v->memory = now;
        v->remembers = true;
    } else {
        boot_memory_free(&now);
    }
}

static void slot_view_set(struct slot_view *v, const char *name, const char *value)
{
    if (*value)
        facts_set(v->facts, name, value);
}

/* The slot that lies first is "a", as for all who decide by a table; and what was to boot should
 * have booted. A script may fall back without saying so, or call its slots otherwise: beside what
 * it said, the place alone tells nothing. */
static void slot_view_compare_place(const struct slot_view *v, struct slot_words *words)
{
    bool is_note = words->said->is_note;
    struct disk_partition root;

    if (!v->has_table || !(is_note || *v->memory.slot) || slot_view_is_told(v->config) ||
        boot_table_root(v->device, &root))
        return;
    slot_words_add(words, boot_table_slot_at(&v->table, root.start),
                   "the partition that / is mounted from");
    slot_words_add(words, v->memory.slot, is_note ? NERVES_VARS_NOTE : "what decided at boot");
}

/* The words of all sources, the best one first. */
static void slot_view_collect(const struct slot_view *v, struct slot_words *words)
{
    char *ours = kernel_word(CMDLINE, "fwssh.slot");
    char *rauc = kernel_word(CMDLINE, "rauc.slot");
    char *partition = slot_view_partition_name(v->device);

    if (slot_view_is_told(v->config))
        slot_words_add(words, words->said->running, "");
    slot_words_add(words, ours, "the kernel's command line");
    slot_words_add(words, rauc, "rauc.slot on the kernel's command line");
    slot_words_add(words, partition, "the partition that / is mounted from");
    slot_words_add(words, words->said->running, "what decides what boots");
    if (!words->slot)
        slot_view_compare_place(v, words);
    if (!words->slot)
        slot_words_add(words, v->memory.slot, "");
    free(ours);
    free(rauc);
    free(partition);
}

void slot_view_settle(struct slot_view *v, const struct slot_said *said)
{
    struct slot_words words = {.said = said};

    if (!v->remembers)
        slot_view_remember(v, said->moves_at_boot ? "" : said->next);
    slot_view_collect(v, &words);
    slot_view_set(v, "active", words.slot ? words.slot : "");
    slot_view_set(v, "next", said->next);
    if (words.conflict && !slot_view_is_told(v->config))
        facts_set(v->facts, "conflict", words.conflict);
    slot_words_free(&words);
}

void slot_view_settle_text(struct slot_view *v, const char *text)
{
    struct facts said = {0};

    facts_parse(&said, text);
    slot_view_settle(v, &(struct slot_said){.running = facts_get(&said, "active"),
                                            .next = facts_get(&said, "next")});
    facts_parse(v->facts, text);
    facts_free(&said);
}

void slot_view_give_up(struct slot_view *v)
{
    if (!v->remembers)
        slot_view_remember(v, "");
}

char *slot_view_hint_table(const struct slot_view *v)
{
    const char *kind = v->table.gpt ? "gpt" : "mbr";

    if (!v->has_table || v->table.first < 0)
        return memory_text("");
    return memory_printf(". If the partition table decides, by the order of its two slots or by a "
                         "flag, set slot-driver = \"%s-order\" or \"%s-active\"",
                         kind, kind);
}

int slot_view_put_table_back(struct slot_view *v, struct error *err)
{
    if (!boot_table_has_moved(&v->table, v->memory.table) ||
        boot_table_restore(&v->table, v->memory.table))
        return error_set(err, EXIT_REFUSED,
                         "cannot revert on this device: the partition table decides what boots, "
                         "and what it was at boot is not known, or does not go with what was added "
                         "to it since then");
    return boot_table_write(&v->table, v->device, err);
}
