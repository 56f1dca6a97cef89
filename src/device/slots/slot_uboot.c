/*
 * Slots in the U-Boot environment, as on Nerves devices: nerves_fw_active is the slot that boots
 * next, X.nerves_fw_* describe what is in slot X, nerves_fw_validated says whether the active one
 * is confirmed, and upgrade_available, bootcount and bootlimit count its boot attempts.
 */
#include "base/io.h"
#include "base/memory.h"
#include "device/slots/slot_driver.h"
#include "device/slots/uboot_vars.h"
#include "wire/slot_facts.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CMDLINE_WORD "fwssh.slot="
#define REASON_VARIABLE "fwssh_revert_reason"

static bool slot_uboot_is_there(const struct device_config *config)
{
    return !access(config->uboot_env_config, R_OK);
}

/* "" if it is not set; the caller frees it. */
static char *uboot_get(struct uboot_ctx *ctx, const char *name)
{
    char *value = libuboot_get_env(ctx, name);

    return value ? value : memory_text("");
}

/* The slot named on the kernel's command line, where our boot scripts put it, or NULL. */
static char *uboot_slot_of_cmdline(void)
{
    struct buffer text = {0};
    struct error ignored;
    char *slot = NULL;

    if (!io_read_file("/proc/cmdline", 65536, &text, &ignored)) {
        const char *at = strstr(buffer_text(&text), CMDLINE_WORD);
        if (at) {
            at += strlen(CMDLINE_WORD);
            slot = memory_printf("%.*s", (int)strcspn(at, " \n"), at);
        }
    }
    buffer_free(&text);
    return slot;
}

/* The slot in a file written since this boot ("BOOT-ID SLOT"), or NULL. */
static char *uboot_read_remembered(const char *path, const char *boot_id)
{
    struct buffer text = {0};
    struct error ignored;
    size_t len = strlen(boot_id);
    char *slot = NULL;

    if (len && !io_read_file(path, 256, &text, &ignored) &&
        !strncmp(buffer_text(&text), boot_id, len) && buffer_text(&text)[len] == ' ') {
        const char *at = buffer_text(&text) + len + 1;
        slot = memory_printf("%.*s", (int)strcspn(at, "\n"), at);
    }
    buffer_free(&text);
    return slot;
}

/*
 * Otherwise the slot that was active at the first query since the boot: fwsshd asks when it starts,
 * and every update before it writes. Stored in state-dir or, if that is not writable, next to the
 * lock file (in /run). "" if it cannot be stored at all: then the running slot is unknown.
 */
static char *uboot_remembered(const struct device_config *config, const char *boot_id,
                              const char *active)
{
    char *paths[] = {memory_printf("%s/running-slot", config->state_dir),
                     memory_printf("%s.running-slot", config->lock_file)};
    char *line = memory_printf("%s %s\n", boot_id, active), *slot = NULL;
    struct error ignored;

    for (size_t i = 0; i < 2 && !slot; i++)
        slot = uboot_read_remembered(paths[i], boot_id);
    for (size_t i = 0; i < 2 && !slot && *boot_id; i++)
        if (!io_write_file(paths[i], line, strlen(line), 0644, &ignored))
            slot = memory_text(active);
    free(line);
    free(paths[0]);
    free(paths[1]);
    return slot ? slot : memory_text("");
}

/* X.nerves_fw_FIELD becomes slot.X.FIELD. */
static void uboot_read_slots(struct uboot_ctx *ctx, struct facts *facts)
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

static void uboot_read_tries(struct uboot_ctx *ctx, struct facts *facts)
{
    char *validated = uboot_get(ctx, "nerves_fw_validated");
    char *available = uboot_get(ctx, "upgrade_available");
    char *count = uboot_get(ctx, "bootcount"), *limit = uboot_get(ctx, "bootlimit");
    bool no = !strcmp(validated, "0") || (!*validated && !strcmp(available, "1"));
    bool yes = !strcmp(validated, "1") || (!*validated && !strcmp(available, "0"));

    /* The variables describe the slot that boots next. */
    if (*facts_get(facts, "next") && slot_facts_state(facts) != SLOT_SETTLED)
        yes = no = false;
    facts_set(facts, "confirmed", no ? "no" : yes ? "yes" : "unknown");
    if (!strcmp(available, "1") && *limit) {
        long left = atol(limit) - atol(count);
        facts_printf(facts, "tries-left", "%ld", left > 0 ? left : 0);
    }
    free(validated);
    free(available);
    free(count);
    free(limit);
}

static void uboot_copy(struct uboot_ctx *ctx, struct facts *facts, const char *variable,
                       const char *fact)
{
    char *value = uboot_get(ctx, variable);

    if (*value)
        facts_set(facts, fact, value);
    free(value);
}

static int slot_uboot_read(const struct device_config *config, struct facts *facts,
                           struct error *err)
{
    struct uboot_ctx *ctx = uboot_vars_open(config->uboot_env_config, err);

    if (!ctx)
        return -1;
    char *next = uboot_get(ctx, "nerves_fw_active"), *running = uboot_slot_of_cmdline();
    if (!running)
        running = uboot_remembered(config, facts_get(facts, "boot-id"), next);
    facts_set(facts, "active", running);
    facts_set(facts, "next", next);
    uboot_read_tries(ctx, facts);
    uboot_read_slots(ctx, facts);
    uboot_copy(ctx, facts, "nerves_serial_number", "serial");
    uboot_copy(ctx, facts, REASON_VARIABLE, "reason");
    free(running);
    free(next);
    uboot_vars_close(ctx);
    return 0;
}

/* Reads the facts and opens the environment, for a change to it. */
static struct uboot_ctx *uboot_open_with_facts(const struct device_config *config,
                                               struct facts *facts, struct error *err)
{
    if (slot_driver_read(config, facts, err))
        return NULL;
    return uboot_vars_open(config->uboot_env_config, err);
}

static int uboot_set(struct uboot_ctx *ctx, const char *name, const char *value, struct error *err)
{
    if (libuboot_set_env(ctx, name, value) < 0)
        return error_set(err, EXIT_FAILED, "cannot set %s in the U-Boot environment", name);
    return 0;
}

/* Confirms the active slot: its boot attempts are no longer counted. */
static int uboot_settle(struct uboot_ctx *ctx, struct error *err)
{
    return uboot_set(ctx, "nerves_fw_validated", "1", err) ||
                   uboot_set(ctx, "upgrade_available", "0", err) ||
                   uboot_set(ctx, "bootcount", "0", err)
               ? -1
               : 0;
}

static int slot_uboot_confirm(const struct device_config *config, struct error *err)
{
    struct facts facts = {0};
    struct uboot_ctx *ctx = uboot_open_with_facts(config, &facts, err);
    int rc = -1;

    if (!ctx)
        goto cleanup;
    if (slot_facts_are_confirmed(&facts))
        rc = 0; /* nothing to write */
    else if (*facts_get(&facts, "next") && slot_facts_state(&facts) == SLOT_UNKNOWN)
        error_set(err, EXIT_REFUSED, "cannot tell which slot is running");
    else if (slot_facts_state(&facts) == SLOT_PENDING)
        error_set(
            err, EXIT_REFUSED,
            "slot %s is running, but slot %s boots next and has not been tested: reboot first",
            facts_get(&facts, "active"), facts_get(&facts, "next"));
    else
        rc = uboot_set(ctx, REASON_VARIABLE, "", err) || uboot_settle(ctx, err) ||
                     uboot_vars_store(ctx, err)
                 ? -1
                 : 0;
cleanup:
    if (ctx)
        uboot_vars_close(ctx);
    facts_free(&facts);
    return rc;
}

/* An update that has not booted yet is discarded; otherwise the other slot is chosen. */
static char *uboot_revert_target(const struct facts *facts, struct error *err)
{
    const char *active = facts_get(facts, "active");

    if (!*active) {
        error_set(err, EXIT_REFUSED, "cannot tell which slot is running");
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

static int slot_uboot_revert(const struct device_config *config, const char *reason,
                             struct error *err)
{
    struct facts facts = {0};
    struct uboot_ctx *ctx = uboot_open_with_facts(config, &facts, err);
    char *target = ctx ? uboot_revert_target(&facts, err) : NULL;
    int rc = -1;

    if (target)
        rc = uboot_set(ctx, "nerves_fw_active", target, err) ||
                     uboot_set(ctx, REASON_VARIABLE, reason, err) || uboot_settle(ctx, err) ||
                     uboot_vars_store(ctx, err)
                 ? -1
                 : 0;
    free(target);
    if (ctx)
        uboot_vars_close(ctx);
    facts_free(&facts);
    return rc;
}

const struct slot_driver slot_uboot = {
    .name = "uboot-env",
    .knows_confirmed = true,
    .is_there = slot_uboot_is_there,
    .read = slot_uboot_read,
    .confirm = slot_uboot_confirm,
    .revert = slot_uboot_revert,
};
