/* SPDX-License-Identifier: Apache-2.0 */
#include "device/config/device_config.h"

#include "base/comments.h"
#include "base/device_lock.h"
#include "base/io.h"
#include "base/memory.h"
#include "base/network.h"
#include "base/number.h"
#include "device/config/log_events.h"
#include "device/config/session_user.h"
#include "device/config/unknown_key.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Each value is checked while it is parsed, so that a mistake is reported with its own line:
 * libconfuse calls a validation function only after it has read the next key. */
static int device_config_refuse(cfg_t *cfg, cfg_opt_t *opt, const char *value, const char *expected)
{
    cfg_error(cfg, "%s is '%s', but must be %s", cfg_opt_name(opt), value, expected);
    return -1;
}

/* The range of a numeric key. */
struct device_config_range {
    uint64_t low, high;
    const char *expected;
};

static int device_config_number(cfg_t *cfg, cfg_opt_t *opt, const char *value, long *result,
                                const struct device_config_range *range)
{
    uint64_t number;

    if (number_parse_decimal(value, strlen(value), &number) || number < range->low ||
        number > range->high)
        return device_config_refuse(cfg, opt, value, range->expected);
    *result = (long)number;
    return 0;
}

static int device_config_port(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
    static const struct device_config_range range = {1, 65535, "a number from 1 to 65535"};

    return device_config_number(cfg, opt, value, result, &range);
}

static int device_config_count(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
    static const struct device_config_range range = {1, 1000, "a number from 1 to 1000"};

    return device_config_number(cfg, opt, value, result, &range);
}

static int device_config_seconds(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
    static const struct device_config_range range = {1, 86400, "1 to 86400 seconds"};

    return device_config_number(cfg, opt, value, result, &range);
}

static int device_config_seconds_or_none(cfg_t *cfg, cfg_opt_t *opt, const char *value,
                                         void *result)
{
    static const struct device_config_range range = {0, 86400, "0 to 86400 seconds"};

    return device_config_number(cfg, opt, value, result, &range);
}

static int device_config_bytes_or_none(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
    static const struct device_config_range range = {0, INT32_MAX, "0 to 2147483647 bytes"};

    return device_config_number(cfg, opt, value, result, &range);
}

static int device_config_megabytes(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
    static const struct device_config_range range = {0, 1 << 20, "0 to 1048576 MiB"};

    return device_config_number(cfg, opt, value, result, &range);
}

static int device_config_uid(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
    static const struct device_config_range range = {1, INT32_MAX,
                                                     "a numeric user ID other than 0 (root)"};

    return device_config_number(cfg, opt, value, result, &range);
}

static int device_config_word(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
    if (!*value)
        return device_config_refuse(cfg, opt, value, "non-empty");
    *(const char **)result = value;
    return 0;
}

static int device_config_path(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
    if (*value != '/')
        return device_config_refuse(cfg, opt, value, "an absolute path");
    *(const char **)result = value;
    return 0;
}

static int device_config_device(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
    if (strcmp(value, "uboot-env") && *value != '/')
        return device_config_refuse(cfg, opt, value, "an absolute path or uboot-env");
    *(const char **)result = value;
    return 0;
}

/* Absolute, or "": another directory is used. */
static int device_config_path_or_none(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
    if (!*value) {
        *(const char **)result = value;
        return 0;
    }
    return device_config_path(cfg, opt, value, result);
}

static int device_config_address(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
    struct in6_addr address;
    char text[INET6_ADDRSTRLEN] = "";
    size_t len = strcspn(value, "%");

    /* The interface after % may not be there yet. */
    if (len < sizeof text && (!value[len] || value[len + 1]))
        memcpy(text, value, len);
    bool six = inet_pton(AF_INET6, text, &address) == 1;
    if (!six && (value[len] || inet_pton(AF_INET, text, &address) != 1))
        return device_config_refuse(cfg, opt, value, "an IPv4 or IPv6 address");
    if (six && IN6_IS_ADDR_LINKLOCAL(&address) && !value[len])
        return device_config_refuse(cfg, opt, value,
                                    "an IPv4 or IPv6 address; one that is link-local needs its "
                                    "interface, as fe80::1%eth0");
    *(const char **)result = value;
    return 0;
}

static int device_config_network(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
    struct network n;

    if (network_parse(value, &n))
        return device_config_refuse(cfg, opt, value, "an address or ADDRESS/BITS");
    *(const char **)result = value;
    return 0;
}

/* One of a few words, which expected lists for the message. */
static int device_config_choice(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result,
                                const char *const *words, const char *expected)
{
    for (; *words; words++)
        if (!strcmp(value, *words)) {
            *(const char **)result = value;
            return 0;
        }
    return device_config_refuse(cfg, opt, value, expected);
}

static int device_config_log_level(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
    static const char *const words[] = {"error", "warning", "info", "debug", NULL};

    return device_config_choice(cfg, opt, value, result, words, "error, warning, info or debug");
}

static int device_config_log_to(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
    static const char *const words[] = {"stderr", "syslog", NULL};

    return device_config_choice(cfg, opt, value, result, words, "stderr or syslog");
}

static int device_config_log_format(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
    static const char *const words[] = {"text", "json", NULL};

    return device_config_choice(cfg, opt, value, result, words, "text or json");
}

static int device_config_slot_driver(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
    static const char *const words[] = {"auto",      "uboot-env",  "mbr-order",    "mbr-active",
                                        "gpt-order", "gpt-active", "gpt-priority", "systemd-boot",
                                        "grubenv",   "ops.fw",     "updater",      "command",
                                        NULL};

    return device_config_choice(
        cfg, opt, value, result, words,
        "auto, uboot-env, mbr-order, mbr-active, gpt-order, gpt-active, gpt-priority, "
        "systemd-boot, grubenv, ops.fw, updater or command");
}

static int device_config_unconfirmed(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
    static const char *const words[] = {"warn", "refuse", "ignore", NULL};

    return device_config_choice(cfg, opt, value, result, words, "warn, refuse or ignore");
}

static int device_config_adaptive(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
    static const char *const words[] = {"yes", "coarse", "no", NULL};

    return device_config_choice(cfg, opt, value, result, words, "yes, coarse or no");
}

static cfg_opt_t device_config_rows[] = {
    CFG_INT_CB("port", 8989, CFGF_NONE, device_config_port),
    CFG_STR_LIST_CB("listen-address", "{\"::\", \"0.0.0.0\"}", CFGF_NONE, device_config_address),
    CFG_STR_LIST("authorized-keys", "{}", CFGF_NONE),
    CFG_STR_LIST_CB("authorized-keys-files", "{\"/etc/fwssh/authorized_keys\"}", CFGF_NONE,
                    device_config_path),
    CFG_STR("authorized-keys-command", "", CFGF_NONE),
    CFG_INT_CB("authorized-keys-command-uid", 65534, CFGF_NONE, device_config_uid),
    CFG_BOOL("strict-modes", cfg_true, CFGF_NONE),
    CFG_STR_CB("system-dir", "/etc/ssh", CFGF_NONE, device_config_path),
    CFG_BOOL("own-host-key", cfg_false, CFGF_NONE),
    CFG_STR_CB("state-dir", "/var/lib/fwssh", CFGF_NONE, device_config_path),
    CFG_STR_CB("device", "uboot-env", CFGF_NONE, device_config_device),
    CFG_STR_CB("uboot-env-config", "/etc/fw_env.config", CFGF_NONE, device_config_path),
    CFG_STR_CB("slot-driver", "auto", CFGF_NONE, device_config_slot_driver),
    CFG_STR("slot-command", "", CFGF_NONE),
    CFG_STR("grubenv", "", CFGF_NONE),
    CFG_STR_CB("ops-firmware", "/usr/share/fwup/ops.fw", CFGF_NONE, device_config_path),
    CFG_STR_CB("unconfirmed", "warn", CFGF_NONE, device_config_unconfirmed),
    CFG_STR("watchdog", "", CFGF_NONE),
    CFG_STR_LIST("allowed-tasks", "{}", CFGF_NONE),
    CFG_STR_CB("task", "upgrade", CFGF_NONE, device_config_word),
    CFG_STR_CB("updater", "auto", CFGF_NONE, device_config_word),
    CFG_STR_LIST("updater-options", "{}", CFGF_NONE),
    CFG_STR_LIST("firmware-public-keys", "{}", CFGF_NONE),
    CFG_STR_LIST("adaptive-sources", "{}", CFGF_NONE),
    CFG_BOOL("updater-network", cfg_false, CFGF_NONE),
    CFG_INT_CB("updater-timeout", 600, CFGF_NONE, device_config_seconds),
    CFG_STR_CB("spool-dir", "", CFGF_NONE, device_config_path_or_none),
    CFG_INT_CB("spool-max", 0, CFGF_NONE, device_config_megabytes),
    CFG_STR_CB("adaptive", "yes", CFGF_NONE, device_config_adaptive),
    CFG_STR("minimum-version", "", CFGF_NONE),
    CFG_BOOL("refuse-older", cfg_false, CFGF_NONE),
    CFG_STR_CB("reboot-command", "/sbin/reboot", CFGF_NONE, device_config_word),
    CFG_STR("hook-precheck", "", CFGF_NONE),
    CFG_STR("hook-success", "", CFGF_NONE),
    CFG_STR("hook-failure", "", CFGF_NONE),
    CFG_INT_CB("hook-timeout", 30, CFGF_NONE, device_config_seconds),
    CFG_STR("audit-file", "", CFGF_NONE),
    CFG_INT_CB("audit-file-size", 1048576, CFGF_NONE, device_config_bytes_or_none),
    CFG_STR_CB("metrics-file", "", CFGF_NONE, device_config_path_or_none),
    CFG_STR_CB("lock-file", DEVICE_LOCK_FILE, CFGF_NONE, device_config_path),
    CFG_STR_CB("receive-program", FWSSH_LIBEXECDIR "/fwssh-receive", CFGF_NONE, device_config_path),
    CFG_STR_CB("session-program", FWSSH_LIBEXECDIR "/fwssh-session", CFGF_NONE, device_config_path),
    CFG_STR_CB("hold-program", FWSSH_LIBEXECDIR "/fwssh-hold", CFGF_NONE, device_config_path),
    CFG_INT_CB("session-uid", 65534, CFGF_NONE, device_config_uid),
    CFG_STR("session-user", "", CFGF_NONE),
    CFG_INT_CB("max-sessions", 4, CFGF_NONE, device_config_count),
    CFG_INT_CB("max-unauthenticated", 10, CFGF_NONE, device_config_count),
    CFG_INT_CB("max-unauthenticated-per-source", 5, CFGF_NONE, device_config_count),
    CFG_INT_CB("max-penalty", 60, CFGF_NONE, device_config_seconds_or_none),
    CFG_STR_LIST_CB("penalty-exempt", "{}", CFGF_NONE, device_config_network),
    CFG_INT_CB("login-grace-time", 30, CFGF_NONE, device_config_seconds),
    CFG_INT_CB("idle-timeout", 120, CFGF_NONE, device_config_seconds),
    CFG_STR_LIST("ciphers", "{\"chacha20-poly1305@openssh.com\", \"aes256-ctr\", \"aes128-ctr\"}",
                 CFGF_NONE),
    CFG_STR_LIST("macs", "{\"hmac-sha2-256-etm@openssh.com\", \"hmac-sha2-512-etm@openssh.com\"}",
                 CFGF_NONE),
    CFG_STR_LIST("kex",
                 "{\"post-quantum\", \"curve25519-sha256\", \"curve25519-sha256@libssh.org\", "
                 "\"diffie-hellman-group16-sha512\", \"diffie-hellman-group18-sha512\"}",
                 CFGF_NONE),
    CFG_BOOL("compatible", cfg_false, CFGF_NONE),
    CFG_STR_CB("log-level", "info", CFGF_NONE, device_config_log_level),
    CFG_STR_CB("log-to", "stderr", CFGF_NONE, device_config_log_to),
    CFG_STR_CB("log-format", "text", CFGF_NONE, device_config_log_format),
    CFG_END(),
};

void text_list_add(struct text_list *list, const char *item)
{
    list->item = memory_resize(list->item, (list->count + 1) * sizeof *list->item);
    list->item[list->count++] = item;
}

char *text_list_join(const struct text_list *list)
{
    struct buffer text = {0};

    for (size_t i = 0; i < list->count; i++)
        buffer_printf(&text, "%s%s", i ? "," : "", list->item[i]);
    return text.data ? text.data : memory_text("");
}

static struct text_list device_config_list(cfg_t *cfg, const char *key)
{
    struct text_list list = {0};

    for (unsigned i = 0; i < cfg_size(cfg, key); i++)
        text_list_add(&list, cfg_getnstr(cfg, key, i));
    return list;
}

static void device_config_quote(struct buffer *out, const char *text)
{
    buffer_add(out, "\"", 1);
    for (; *text; text++) {
        /* A dollar sign would start ${NAME}. */
        if (strchr("\"\\$", *text))
            buffer_add(out, "\\", 1);
        buffer_add(out, text, 1);
    }
    buffer_add(out, "\"", 1);
}

static bool device_config_is_key(const char *name, size_t len)
{
    for (const cfg_opt_t *row = device_config_rows; row->name; row++)
        if (strlen(row->name) == len && !memcmp(row->name, name, len))
            return true;
    return false;
}

static void device_config_tell_unknown(const void *file, const char *name, size_t len, int line)
{
    log_event(LOG_LEVEL_WARNING, EVENT_UNKNOWN_KEY, NULL, "%s:%d: unknown key '%.*s'; ignoring it",
              (const char *)file, line, (int)len, name);
}

/*
 * KEY=VALUE becomes a line in the file's syntax: a list in braces as it is, anything else quoted.
 */
static int device_config_override(cfg_t *cfg, const char *text, enum device_config_rigour rigour,
                                  struct error *err)
{
    const char *equals = strchr(text, '=');
    struct buffer line = {0};

    if (!equals || equals == text)
        return error_set(err, EXIT_USAGE, "-o needs KEY=VALUE, but got '%s'", text);
    if (rigour == DEVICE_CONFIG_LENIENT && !device_config_is_key(text, (size_t)(equals - text))) {
        log_event(LOG_LEVEL_WARNING, EVENT_UNKNOWN_KEY, NULL, "unknown key in -o %s; ignoring it",
                  text);
        return 0;
    }
    const char *value = equals + 1;
    buffer_add(&line, text, (size_t)(equals - text));
    buffer_add_text(&line, " = ");
    if (*value == '{')
        buffer_add_text(&line, value);
    else
        device_config_quote(&line, value);
    buffer_add_text(&line, "\n");
    int rc = cfg_parse_buf(cfg, buffer_text(&line));
    buffer_free(&line);
    if (rc != CFG_SUCCESS)
        return error_set(err, EXIT_USAGE, "invalid option -o %s; see the line above", text);
    return 0;
}

static void device_config_fill(struct device_config *c)
{
    cfg_t *cfg = c->cfg;

    c->port = (int)cfg_getint(cfg, "port");
    c->listen_address = device_config_list(cfg, "listen-address");
    c->authorized_keys = device_config_list(cfg, "authorized-keys");
    c->authorized_keys_files = device_config_list(cfg, "authorized-keys-files");
    c->keys_command = cfg_getstr(cfg, "authorized-keys-command");
    c->keys_command_uid = (int)cfg_getint(cfg, "authorized-keys-command-uid");
    c->strict_modes = cfg_getbool(cfg, "strict-modes");
    c->system_dir = cfg_getstr(cfg, "system-dir");
    c->own_host_key = cfg_getbool(cfg, "own-host-key");
    c->state_dir = cfg_getstr(cfg, "state-dir");
    c->device = cfg_getstr(cfg, "device");
    c->uboot_env_config = cfg_getstr(cfg, "uboot-env-config");
    c->slot_driver = cfg_getstr(cfg, "slot-driver");
    c->slot_command = cfg_getstr(cfg, "slot-command");
    c->ops_firmware = cfg_getstr(cfg, "ops-firmware");
    c->grubenv = cfg_getstr(cfg, "grubenv");
    c->unconfirmed = cfg_getstr(cfg, "unconfirmed");
    c->watchdog = cfg_getstr(cfg, "watchdog");
    c->allowed_tasks = device_config_list(cfg, "allowed-tasks");
    c->task = cfg_getstr(cfg, "task");
    c->updater = cfg_getstr(cfg, "updater");
    c->updater_options = device_config_list(cfg, "updater-options");
    c->firmware_public_keys = device_config_list(cfg, "firmware-public-keys");
    c->adaptive_sources = device_config_list(cfg, "adaptive-sources");
    c->updater_network = cfg_getbool(cfg, "updater-network");
    c->updater_timeout = (int)cfg_getint(cfg, "updater-timeout");
    c->spool_dir = cfg_getstr(cfg, "spool-dir");
    c->spool_max = (int)cfg_getint(cfg, "spool-max");
    c->refuse_older = cfg_getbool(cfg, "refuse-older");
    c->minimum_version = cfg_getstr(cfg, "minimum-version");
    c->reboot_command = cfg_getstr(cfg, "reboot-command");
    c->hook_precheck = cfg_getstr(cfg, "hook-precheck");
    c->hook_success = cfg_getstr(cfg, "hook-success");
    c->hook_failure = cfg_getstr(cfg, "hook-failure");
    c->hook_timeout = (int)cfg_getint(cfg, "hook-timeout");
    c->audit_file_size = (int)cfg_getint(cfg, "audit-file-size");
    c->audit_file = cfg_getstr(cfg, "audit-file");
    c->metrics_file = cfg_getstr(cfg, "metrics-file");
    c->lock_file = cfg_getstr(cfg, "lock-file");
    c->receive_program = cfg_getstr(cfg, "receive-program");
    c->session_program = cfg_getstr(cfg, "session-program");
    c->hold_program = cfg_getstr(cfg, "hold-program");
    c->adaptive = cfg_getstr(cfg, "adaptive");
    c->session_uid = (int)cfg_getint(cfg, "session-uid");
    c->max_sessions = (int)cfg_getint(cfg, "max-sessions");
    c->max_unauthenticated = (int)cfg_getint(cfg, "max-unauthenticated");
    c->max_per_source = (int)cfg_getint(cfg, "max-unauthenticated-per-source");
    c->max_penalty = (int)cfg_getint(cfg, "max-penalty");
    c->penalty_exempt = device_config_list(cfg, "penalty-exempt");
    c->login_grace_time = (int)cfg_getint(cfg, "login-grace-time");
    c->idle_timeout = (int)cfg_getint(cfg, "idle-timeout");
    c->ciphers = device_config_list(cfg, "ciphers");
    c->macs = device_config_list(cfg, "macs");
    c->kex = device_config_list(cfg, "kex");
    c->compatible = cfg_getbool(cfg, "compatible");
    c->log_level = (enum log_level)log_level_parse(cfg_getstr(cfg, "log-level"));
    c->log_to_syslog = !strcmp(cfg_getstr(cfg, "log-to"), "syslog");
    c->log_json = !strcmp(cfg_getstr(cfg, "log-format"), "json");
}

/* libconfuse's scanner stays inside an unterminated string or comment, even for the next file and
 * for the defaults (where it aborts). Only freeing a configuration resets it. */
static void device_config_reset_scanner(void)
{
    static cfg_opt_t none[] = {CFG_END()};

    cfg_free(cfg_init(none, CFGF_NONE));
}

/* To the log, wherever that is, with file and line. */
__attribute__((format(printf, 2, 0))) static void
device_config_complain(cfg_t *cfg, const char *format, va_list args)
{
    char text[512];

    vsnprintf(text, sizeof text, format, args);
    log_event(LOG_LEVEL_ERROR, EVENT_CONFIGURATION_ERROR, NULL, "%s:%d: %s",
              cfg && cfg->filename ? cfg->filename : "configuration", cfg ? cfg->line : 0, text);
}

static cfg_t *device_config_new(void)
{
    device_config_reset_scanner();
    cfg_t *cfg = cfg_init(device_config_rows, CFGF_NONE);
    cfg_set_error_function(cfg, device_config_complain);
    return cfg;
}

/* Used instead of cfg_parse_buf(3), which would call the file [buf] in its messages. */
static int device_config_parse(cfg_t *cfg, const struct buffer *text)
{
    FILE *f = fmemopen(text->data, text->len, "r");

    if (!f)
        return CFG_FILE_ERROR;
    int rc = cfg_parse_fp(cfg, f);
    fclose(f);
    return rc;
}

/* The text of a file, which may be empty, is changed. */
static int device_config_read_text(cfg_t *cfg, const char *file, struct buffer *text,
                                   enum device_config_rigour rigour, struct error *err)
{
    if (memchr(text->data, '\0', text->len))
        return error_set(err, EXIT_USAGE, "%s contains zero bytes", file);
    if (!comments_blank(text->data, text->len))
        return error_set(err, EXIT_USAGE, "%s: unterminated string or comment", file);
    if (rigour == DEVICE_CONFIG_LENIENT)
        unknown_key_blank((char *)buffer_text(text), device_config_is_key,
                          device_config_tell_unknown, file);
    cfg->filename = memory_text(file);
    if (device_config_parse(cfg, text) != CFG_SUCCESS)
        return error_set(err, EXIT_USAGE, "invalid configuration %s; see the line above", file);
    return 0;
}

static int device_config_read(cfg_t *cfg, const char *path, enum device_config_rigour rigour,
                              struct error *err)
{
    const char *file = path ? path : DEVICE_CONFIG_PATH;

    if (!path && access(file, F_OK))
        return 0;
    struct buffer text = {0};
    int rc = io_read_file(file, DEVICE_CONFIG_MAX, &text, err);
    if (rc)
        err->status = EXIT_USAGE;
    else if (text.len)
        rc = device_config_read_text(cfg, file, &text, rigour, err);
    buffer_free(&text);
    return rc;
}

/* The number takes the name's place, also for those that the configuration is handed to. A device
 * whose user is missing can still be reached. */
static int device_config_find_user(cfg_t *cfg, enum device_config_rigour rigour, struct error *err)
{
    const char *name = cfg_getstr(cfg, "session-user");

    if (!*name)
        return 0;
    int uid = session_user_find("/etc/passwd", name, err);
    if (uid >= 0) {
        cfg_setint(cfg, "session-uid", uid);
    } else if (rigour == DEVICE_CONFIG_STRICT) {
        err->status = EXIT_USAGE;
        return -1;
    } else {
        log_warning("%s; using session-uid (%ld)", err->text, cfg_getint(cfg, "session-uid"));
    }
    return 0;
}

int device_config_load(struct device_config *c, const char *path, const struct text_list *overrides,
                       enum device_config_rigour rigour, struct error *err)
{
    *c = (struct device_config){.cfg = device_config_new()};
    if (device_config_read(c->cfg, path, rigour, err))
        goto failed;
    for (size_t i = 0; i < overrides->count; i++)
        if (device_config_override(c->cfg, overrides->item[i], rigour, err))
            goto failed;
    if (device_config_find_user(c->cfg, rigour, err))
        goto failed;
    device_config_fill(c);
    return 0;
failed:
    device_config_free(c);
    return -1;
}

int device_config_load_fd(struct device_config *c, int fd, struct error *err)
{
    *c = (struct device_config){.cfg = device_config_new()};
    FILE *f = fdopen(fd, "r");
    int rc = f ? cfg_parse_fp(c->cfg, f) : CFG_FILE_ERROR;
    if (f)
        fclose(f);
    if (rc != CFG_SUCCESS) {
        device_config_free(c);
        return error_set(err, EXIT_USAGE, "cannot read the configuration passed by fwsshd");
    }
    device_config_fill(c);
    return 0;
}

void device_config_free(struct device_config *c)
{
    free(c->listen_address.item);
    free(c->authorized_keys.item);
    free(c->authorized_keys_files.item);
    free(c->allowed_tasks.item);
    free(c->updater_options.item);
    free(c->firmware_public_keys.item);
    free(c->adaptive_sources.item);
    free(c->penalty_exempt.item);
    free(c->ciphers.item);
    free(c->macs.item);
    free(c->kex.item);
    if (c->cfg)
        cfg_free(c->cfg);
    *c = (struct device_config){0};
}

void device_config_print(const struct device_config *c, struct buffer *out)
{
    for (cfg_opt_t *opt = c->cfg->opts; opt->name; opt++) {
        bool list = opt->flags & CFGF_LIST;
        buffer_printf(out, "%s = %s", cfg_opt_name(opt), list ? "{" : "");
        for (unsigned i = 0; i < cfg_opt_size(opt); i++) {
            if (i)
                buffer_add_text(out, ", ");
            if (opt->type == CFGT_INT)
                buffer_printf(out, "%ld", cfg_opt_getnint(opt, i));
            else if (opt->type == CFGT_BOOL)
                buffer_add_text(out, cfg_opt_getnbool(opt, i) ? "true" : "false");
            else
                device_config_quote(out, cfg_opt_getnstr(opt, i));
        }
        buffer_add_text(out, list ? "}\n" : "\n");
    }
}
