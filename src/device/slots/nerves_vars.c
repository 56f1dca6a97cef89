/* SPDX-License-Identifier: Apache-2.0 */
#include "device/slots/nerves_vars.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "device/slots/slot_words.h"
#include "wire/slot_facts.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REASON_VARIABLE "fwssh_revert_reason"

char *nerves_vars_get(struct uboot_ctx *ctx, const char *name)
{
    char *value = libuboot_get_env(ctx, name);

    return value ? value : memory_text("");
}

int nerves_vars_set(struct uboot_ctx *ctx, const char *name, const char *value, struct error *err)
{
    if (libuboot_set_env(ctx, name, value) < 0)
        return error_set(err, EXIT_FAILED, "cannot set %s in the U-Boot environment", name);
    return 0;
}

static bool nerves_vars_is(struct uboot_ctx *ctx, const char *name, const char *value)
{
    char *has = nerves_vars_get(ctx, name);
    bool same = !strcmp(has, value);

    free(has);
    return same;
}

/* Only if it is there: a new variable would mask another. NULL removes it. */
static int nerves_vars_change(struct uboot_ctx *ctx, const char *name, const char *value,
                              struct error *err)
{
    return nerves_vars_is(ctx, name, "") ? 0 : nerves_vars_set(ctx, name, value, err);
}

/* X.nerves_fw_FIELD becomes slot.X.FIELD. */
static void nerves_vars_read_slots(struct uboot_ctx *ctx, struct facts *facts)
{
    static const char *const fields[] = {"product", "version", "platform", "architecture", "uuid"};

    for (void *entry = NULL; (entry = libuboot_iterator(ctx, entry));) {
        const char *name = libuboot_getname(entry);
        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
            char *wanted = memory_printf("%c.nerves_fw_%s", *name, fields[i]);
            char *fact = memory_printf("slot.%c.%s", *name, fields[i]);
            if (!strcmp(name, wanted))
                facts_set(facts, fact, libuboot_getvalue(entry));
            free(fact);
            free(wanted);
        }
    }
}

char *nerves_vars_list_slots(struct uboot_ctx *ctx, const char *next)
{
    static const char infix[] = ".nerves_fw_";
    struct buffer names = {0};

    if (*next)
        buffer_printf(&names, "%s %s", next, slot_facts_other(next));
    for (void *entry = NULL; (entry = libuboot_iterator(ctx, entry));) {
        const char *name = libuboot_getname(entry);
        if (*name && !strncmp(name + 1, infix, strlen(infix)))
            buffer_printf(&names, " %c", *name);
    }
    return names.data;
}

static void nerves_vars_copy(struct uboot_ctx *ctx, struct facts *facts, const char *variable,
                             const char *fact)
{
    char *value = nerves_vars_get(ctx, variable);

    if (*value)
        facts_set(facts, fact, value);
    free(value);
}

/* X.nerves_fw_validated, or NULL if no slot has it or the running one is unknown; then slots says
 * which of the two. */
static char *nerves_vars_validated_name(struct uboot_ctx *ctx, const char *active, bool *slots)
{
    *slots = false;
    for (char slot = 'a'; slot <= 'z' && !*slots; slot++) {
        char *name = memory_printf("%c.nerves_fw_validated", slot);
        *slots = !nerves_vars_is(ctx, name, "");
        free(name);
    }
    return *slots && *active ? memory_printf("%s.nerves_fw_validated", active) : NULL;
}

static const char *nerves_vars_yes(bool yes)
{
    return yes ? "yes" : "no";
}

/*
 * In the order of the firmware's own library: upgrade_available, then the running slot's variable,
 * then the one for all. Those for all describe the slot that boots next: before it has booted, they
 * say nothing about what runs.
 */
static const char *nerves_vars_confirmed(struct uboot_ctx *ctx, const struct facts *facts)
{
    bool slots, next_is_new = slot_facts_state(facts) == SLOT_PENDING;
    bool counts = !nerves_vars_is(ctx, "upgrade_available", "");
    bool one = !nerves_vars_is(ctx, "nerves_fw_validated", "");
    char *own = nerves_vars_validated_name(ctx, facts_get(facts, "active"), &slots);
    const char *confirmed = "unknown";

    if (counts && !next_is_new)
        confirmed = nerves_vars_yes(nerves_vars_is(ctx, "upgrade_available", "0"));
    else if (own && !counts)
        confirmed = nerves_vars_yes(nerves_vars_is(ctx, own, "1"));
    else if (one && !counts && !next_is_new)
        confirmed = nerves_vars_yes(nerves_vars_is(ctx, "nerves_fw_validated", "1"));
    else if (!counts && !slots && !one)
        confirmed = "none";
    free(own);
    return confirmed;
}

/* To U-Boot, a limit of 0 is none. */
static bool nerves_vars_count_left(struct uboot_ctx *ctx, long *left)
{
    char *count = nerves_vars_get(ctx, "bootcount"), *limit = nerves_vars_get(ctx, "bootlimit");
    bool counts = atol(limit) > 0 && nerves_vars_is(ctx, "upgrade_available", "1");

    *left = atol(limit) - atol(count);
    free(count);
    free(limit);
    return counts;
}

bool nerves_vars_are_past_limit(struct uboot_ctx *ctx)
{
    long left;

    return nerves_vars_count_left(ctx, &left) && left < 0;
}

static void nerves_vars_read_tries(struct uboot_ctx *ctx, struct facts *facts)
{
    long left;

    if (nerves_vars_count_left(ctx, &left))
        facts_printf(facts, "tries-left", "%ld", left > 0 ? left : 0);
}

void nerves_vars_describe(struct uboot_ctx *ctx, struct facts *facts)
{
    facts_set(facts, "confirmed", nerves_vars_confirmed(ctx, facts));
    nerves_vars_read_tries(ctx, facts);
    nerves_vars_read_slots(ctx, facts);
    nerves_vars_copy(ctx, facts, "nerves_serial_number", "serial");
    nerves_vars_copy(ctx, facts, REASON_VARIABLE, "reason");
}

bool nerves_vars_are_beside(const struct device_config *config)
{
    return !access(config->uboot_env_config, R_OK);
}

/* NULL if there is no environment beside, or none that can be read. */
static struct uboot_ctx *nerves_vars_open_beside(const struct device_config *config)
{
    struct error ignored;

    return nerves_vars_are_beside(config) ? uboot_vars_open(config->uboot_env_config, &ignored)
                                          : NULL;
}

void nerves_vars_describe_beside(const struct device_config *config, struct facts *facts)
{
    struct uboot_ctx *ctx = nerves_vars_open_beside(config);

    if (!ctx)
        return;
    nerves_vars_describe(ctx, facts);
    uboot_vars_close(ctx);
}

static bool nerves_vars_have_confirmation(struct uboot_ctx *ctx)
{
    bool slots;

    free(nerves_vars_validated_name(ctx, "", &slots));
    return slots || !nerves_vars_is(ctx, "nerves_fw_validated", "") ||
           !nerves_vars_is(ctx, "upgrade_available", "");
}

static int nerves_vars_set_confirmed(struct uboot_ctx *ctx, const char *active, struct error *err)
{
    bool slots;
    char *own = nerves_vars_validated_name(ctx, active, &slots);
    int rc = nerves_vars_set_reason(ctx, "", err) || (own && nerves_vars_set(ctx, own, "1", err)) ||
                     nerves_vars_settle(ctx, err) ||
                     (!nerves_vars_have_confirmation(ctx) &&
                      nerves_vars_set(ctx, "nerves_fw_validated", "1", err))
                 ? -1
                 : 0;

    free(own);
    return rc;
}

int nerves_vars_confirm(const struct device_config *config, const char *active, struct error *err)
{
    struct uboot_ctx *ctx = uboot_vars_open(config->uboot_env_config, err);

    if (!ctx)
        return -1;
    int rc = nerves_vars_set_confirmed(ctx, active, err) || uboot_vars_store(ctx, err) ? -1 : 0;
    uboot_vars_close(ctx);
    return rc;
}

int nerves_vars_note_beside(const struct device_config *config, const char *next,
                            const char *reason, struct error *err)
{
    if (!nerves_vars_are_beside(config))
        return 0;
    struct uboot_ctx *ctx = uboot_vars_open(config->uboot_env_config, err);
    if (!ctx)
        return -1;
    bool noted = !nerves_vars_is(ctx, NERVES_VARS_NOTE, "");
    int rc = (noted && nerves_vars_set(ctx, NERVES_VARS_NOTE, next, err)) ||
                     nerves_vars_set_reason(ctx, reason, err) || uboot_vars_store(ctx, err)
                 ? -1
                 : 0;
    uboot_vars_close(ctx);
    return rc;
}

char *nerves_vars_read_note_beside(const struct device_config *config)
{
    struct uboot_ctx *ctx = nerves_vars_open_beside(config);

    if (!ctx)
        return memory_text("");
    char *note = nerves_vars_get(ctx, NERVES_VARS_NOTE);
    uboot_vars_close(ctx);
    return note;
}

bool nerves_vars_show_a_script(struct uboot_ctx *ctx)
{
    static const char *const signs[] = {"upgrade_available", "bootcount", "bootlimit", "bootcmd",
                                        "nerves_fw_validated"};

    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (!nerves_vars_is(ctx, signs[i], ""))
            return true;
    return false;
}

bool nerves_vars_show_a_script_beside(const struct device_config *config)
{
    struct uboot_ctx *ctx = nerves_vars_open_beside(config);
    bool shows = ctx ? nerves_vars_show_a_script(ctx) : nerves_vars_are_beside(config);

    if (ctx)
        uboot_vars_close(ctx);
    return shows;
}

int nerves_vars_settle(struct uboot_ctx *ctx, struct error *err)
{
    return nerves_vars_change(ctx, "nerves_fw_validated", "1", err) ||
                   nerves_vars_change(ctx, "upgrade_available", "0", err) ||
                   nerves_vars_change(ctx, "bootcount", "0", err)
               ? -1
               : 0;
}

int nerves_vars_set_reason(struct uboot_ctx *ctx, const char *reason, struct error *err)
{
    return *reason ? nerves_vars_set(ctx, REASON_VARIABLE, reason, err)
                   : nerves_vars_change(ctx, REASON_VARIABLE, NULL, err);
}

/* An update that has not booted yet is discarded; otherwise the other slot is chosen. */
char *nerves_vars_revert_target(const struct facts *facts, struct error *err)
{
    const char *active = facts_get(facts, "active");

    if (!*active) {
        slot_words_refuse(err);
        return NULL;
    }
    /* A name of somebody else's (RAUC's system0) is not for the switch. */
    if (active[1] || active[0] < 'a' || active[0] > 'z') {
        error_set(err, EXIT_REFUSED,
                  "cannot revert on this device: slot %s is none of its switch's", active);
        return NULL;
    }
    if (slot_facts_state(facts) == SLOT_PENDING)
        return memory_text(active);
    for (char slot = 'a'; slot <= 'z'; slot++) {
        /*
         * An update removes the version before it writes, and sets it when everything is written.
         */
        char *version = memory_printf("slot.%c.version", slot);
        bool full = *facts_get(facts, version) != '\0';
        free(version);
        if (full && *active != slot)
            return memory_printf("%c", slot);
    }
    error_set(err, EXIT_REFUSED, "no other slot with a firmware to revert to");
    return NULL;
}
