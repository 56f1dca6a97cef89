#include "device/receive/request.h"

#include "base/io.h"
#include "base/memory.h"
#include "base/number.h"
#include "device/receive/stage.h"
#include "device/slots/slot_driver.h"
#include "device/updaters/updater_path.h"

#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#define LAST_UPDATE_MAX 2048

static const struct {
    const char *name;
    enum request_verb verb;
} request_verbs[] = {
    {"status", REQUEST_STATUS},     {"log", REQUEST_LOG},       {"confirm", REQUEST_CONFIRM},
    {"revert", REQUEST_REVERT},     {"reboot", REQUEST_REBOOT}, {"update", REQUEST_UPDATE},
    {"activate", REQUEST_ACTIVATE},
};

#define REQUEST_VERBS (sizeof request_verbs / sizeof *request_verbs)

static void request_list_verbs(struct buffer *text)
{
    for (size_t i = 0; i < REQUEST_VERBS; i++)
        buffer_printf(text, "%s%s", i ? " " : "", request_verbs[i].name);
}

static int request_find_verb(struct request *q, const char *word, struct error *err)
{
    struct buffer known = {0};

    for (size_t i = 0; i < REQUEST_VERBS; i++)
        if (!strcmp(word, request_verbs[i].name)) {
            q->verb = request_verbs[i].verb;
            q->name = request_verbs[i].name;
            return 0;
        }
    request_list_verbs(&known);
    error_set(err, EXIT_USAGE, "unknown request '%.40s'; this device knows: %s", word,
              buffer_text(&known));
    buffer_free(&known);
    return -1;
}

static int request_text(char *to, size_t size, const char *name, const char *value,
                        struct error *err)
{
    if (strlen(value) >= size)
        return error_set(err, EXIT_USAGE, "%s is too long", name);
    snprintf(to, size, "%s", value);
    return 0;
}

static int request_flag(bool *to, const char *name, const char *value, struct error *err)
{
    *to = !strcmp(value, "yes");
    if (!*to && strcmp(value, "no"))
        return error_set(err, EXIT_USAGE, "%s must be yes or no", name);
    return 0;
}

/* Blanks are sent as '_'. */
static int request_reason(struct request *q, const char *value, struct error *err)
{
    if (request_text(q->reason, sizeof q->reason, "reason", value, err))
        return -1;
    for (char *p = q->reason; *p; p++)
        if (*p == '_')
            *p = ' ';
    return 0;
}

/* The values of update and revert. */
static int request_value(struct request *q, const char *name, const char *value, struct error *err)
{
    bool update = q->verb == REQUEST_UPDATE;

    if (update && !strcmp(name, "size")) {
        if (number_parse_decimal(value, strlen(value), &q->size) || !q->size || q->size > INT64_MAX)
            return error_set(err, EXIT_USAGE, "size must be a number of bytes");
        return 0;
    }
    if (update && !strcmp(name, "task"))
        return request_text(q->task, sizeof q->task, name, value, err);
    if (update && !strcmp(name, "reboot"))
        return request_flag(&q->reboot, name, value, err);
    if (update && !strcmp(name, "stage"))
        return request_flag(&q->stage, name, value, err);
    if (q->verb == REQUEST_REVERT && !strcmp(name, "reason"))
        return request_reason(q, value, err);
    return error_set(err, EXIT_USAGE, "the request %s has no '%.40s'", q->name, name);
}

static int request_words(struct request *q, char *text, struct error *err)
{
    char *version = strsep(&text, " ");

    if (strcmp(version, REQUEST_VERSION))
        return error_set(err, EXIT_USAGE,
                         "unknown protocol '%.40s'; this device speaks " REQUEST_VERSION, version);
    char *verb = text ? strsep(&text, " ") : (char *)"";
    if (request_find_verb(q, verb, err))
        return -1;
    for (char *word; (word = strsep(&text, " "));) {
        char *value = strchr(word, '=');
        if (!value)
            return error_set(err, EXIT_USAGE, "'%.40s' is not NAME=VALUE", word);
        *value++ = '\0';
        if (request_value(q, word, value, err))
            return -1;
    }
    if (q->verb == REQUEST_UPDATE && !q->size)
        return error_set(err, EXIT_USAGE, "the request update needs a size");
    return 0;
}

int request_parse(const char *line, size_t len, struct request *q, struct error *err)
{
    *q = (struct request){.name = "", .reboot = true};
    /* What is wrong is quoted in logs and on terminals. */
    for (size_t i = 0; i < len; i++)
        if (line[i] < 0x20 || line[i] > 0x7e)
            return error_set(err, EXIT_USAGE, "a request is one line of printable ASCII");
    char *text = memory_printf("%.*s", (int)len, line);
    int rc = request_words(q, text, err);
    free(text);
    return rc;
}

int request_check_task(const struct device_config *config, const struct request *q,
                       struct error *err)
{
    const struct text_list *allowed = &config->allowed_tasks;

    if (!*q->task || (!allowed->count && !strcmp(q->task, config->task)))
        return 0;
    for (size_t i = 0; i < allowed->count; i++)
        if (!strcmp(q->task, allowed->item[i]))
            return 0;
    return error_set(err, EXIT_REFUSED,
                     "the device does not let task '%s' be asked for (key allowed-tasks); nothing "
                     "was done",
                     q->task);
}

/* A file system that forgets. */
static bool request_is_volatile(const char *path)
{
    struct statfs fs;

    return !statfs(path, &fs) && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
}

static void request_last_update(const struct device_config *config, struct facts *facts)
{
    char *path = memory_printf("%s/last-update", config->state_dir);
    struct buffer text = {0};
    struct error ignored;

    if (!io_read_file(path, LAST_UPDATE_MAX, &text, &ignored) && text.len) {
        text.data[strcspn(text.data, "\n")] = '\0';
        facts_set(facts, "last-update", text.data);
    }
    buffer_free(&text);
    free(path);
}

static void request_abilities(const struct device_config *config, bool volatile_key,
                              struct facts *facts)
{
    struct buffer verbs = {0}, tasks = {0};
    char *updater = updater_path_find(config);
    const char *name = updater && strrchr(updater, '/') ? strrchr(updater, '/') + 1 : updater;

    request_list_verbs(&verbs);
    if (name && !strcmp(name, "fwpack"))
        buffer_add_text(&verbs, " stage");
    facts_set(facts, "can", buffer_text(&verbs));
    facts_set(facts, "staged", stage_is_there(config) ? "yes" : "no");
    facts_set(facts, "fwsshd", FWSSH_VERSION);
    facts_set(facts, "updater", name ? name : "missing");
    facts_set(facts, "task", config->task);
    for (size_t i = 0; i < config->allowed_tasks.count; i++)
        buffer_printf(&tasks, "%s%s", i ? " " : "", config->allowed_tasks.item[i]);
    facts_set(facts, "allowed-tasks", tasks.len ? buffer_text(&tasks) : config->task);
    facts_set(facts, "host-key", volatile_key ? "volatile" : "kept");
    buffer_free(&verbs);
    buffer_free(&tasks);
    free(updater);
}

int request_facts(const struct device_config *config, const struct request *q, bool volatile_key,
                  struct facts *facts, struct error *err)
{
    if (q->verb == REQUEST_STATUS) {
        if (slot_driver_read(config, facts, err))
            return -1;
        request_abilities(config, volatile_key || request_is_volatile(config->state_dir), facts);
    }
    request_last_update(config, facts);
    return 0;
}

static int request_revert(const struct device_config *config, const struct slot_driver *driver,
                          const struct request *q, bool *reboot, struct error *err)
{
    struct facts facts = {0};
    struct error ignored;

    if (driver->revert(config, *q->reason ? q->reason : "asked for over SSH", err))
        return -1;
    /* Where the update had not been started yet, what runs is what boots next. */
    *reboot = slot_driver_read(config, &facts, &ignored) || !*facts_get(&facts, "active") ||
              strcmp(facts_get(&facts, "active"), facts_get(&facts, "next")) != 0;
    facts_free(&facts);
    return 0;
}

int request_change(const struct device_config *config, const struct request *q, bool *reboot,
                   struct error *err)
{
    const struct slot_driver *driver = slot_driver_find(config, err);

    *reboot = false;
    if (!driver)
        return -1;
    return q->verb == REQUEST_CONFIRM ? driver->confirm(config, err)
                                      : request_revert(config, driver, q, reboot, err);
}
