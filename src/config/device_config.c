#include "config/device_config.h"

#include "base/memory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static cfg_opt_t device_config_rows[] = {
    CFG_INT("port", 8989, CFGF_NONE),
    CFG_STR_LIST("listen-address", "{\"::\", \"0.0.0.0\"}", CFGF_NONE),
    CFG_STR_LIST("authorized-keys", "{}", CFGF_NONE),
    CFG_STR_LIST("authorized-keys-files", "{\"/etc/fwssh/authorized_keys\"}", CFGF_NONE),
    CFG_STR("system-dir", "/etc/ssh", CFGF_NONE),
    CFG_STR("state-dir", "/var/lib/fwssh", CFGF_NONE),
    CFG_STR("device", "uboot-env", CFGF_NONE),
    CFG_STR("uboot-env-config", "/etc/fw_env.config", CFGF_NONE),
    CFG_STR("task", "upgrade", CFGF_NONE),
    CFG_STR("updater", "auto", CFGF_NONE),
    CFG_STR_LIST("updater-options", "{}", CFGF_NONE),
    CFG_STR_LIST("firmware-public-keys", "{}", CFGF_NONE),
    CFG_STR("reboot-command", "/sbin/reboot", CFGF_NONE),
    CFG_STR("lock-file", "/run/lock/fwssh-DEVICE.lock", CFGF_NONE),
    CFG_STR("receive-program", FWSSH_LIBEXECDIR "/fwssh-receive", CFGF_NONE),
    CFG_STR("session-program", FWSSH_LIBEXECDIR "/fwssh-session", CFGF_NONE),
    CFG_INT("max-sessions", 4, CFGF_NONE),
    CFG_INT("max-unauthenticated", 10, CFGF_NONE),
    CFG_INT("login-grace-time", 30, CFGF_NONE),
    CFG_INT("idle-timeout", 120, CFGF_NONE),
    CFG_STR_LIST("ciphers", "{\"chacha20-poly1305@openssh.com\", \"aes256-ctr\", \"aes128-ctr\"}",
                 CFGF_NONE),
    CFG_STR_LIST("macs", "{\"hmac-sha2-256-etm@openssh.com\", \"hmac-sha2-512-etm@openssh.com\"}",
                 CFGF_NONE),
    CFG_STR_LIST("kex",
                 "{\"curve25519-sha256\", \"curve25519-sha256@libssh.org\", "
                 "\"diffie-hellman-group16-sha512\", \"diffie-hellman-group18-sha512\"}",
                 CFGF_NONE),
    CFG_STR("log-level", "info", CFGF_NONE),
    CFG_STR("log-to", "stderr", CFGF_NONE),
    CFG_END(),
};

static int device_config_range(cfg_t *cfg, cfg_opt_t *opt, long low, long high)
{
    long value = cfg_opt_getnint(opt, 0);

    if (value >= low && value <= high)
        return 0;
    cfg_error(cfg, "%s is %ld, but must be %ld to %ld", cfg_opt_name(opt), value, low, high);
    return -1;
}

static int device_config_check_port(cfg_t *cfg, cfg_opt_t *opt)
{
    return device_config_range(cfg, opt, 1, 65535);
}

static int device_config_check_count(cfg_t *cfg, cfg_opt_t *opt)
{
    return device_config_range(cfg, opt, 1, 1000);
}

static int device_config_check_seconds(cfg_t *cfg, cfg_opt_t *opt)
{
    return device_config_range(cfg, opt, 1, 86400);
}

static int device_config_check_word(cfg_t *cfg, cfg_opt_t *opt)
{
    const char *value = cfg_opt_getnstr(opt, cfg_opt_size(opt) - 1);

    if (value && *value)
        return 0;
    cfg_error(cfg, "%s must not be empty", cfg_opt_name(opt));
    return -1;
}

static int device_config_check_address(cfg_t *cfg, cfg_opt_t *opt)
{
    const char *value = cfg_opt_getnstr(opt, cfg_opt_size(opt) - 1);
    struct in6_addr address;

    if (inet_pton(AF_INET, value, &address) == 1 || inet_pton(AF_INET6, value, &address) == 1)
        return 0;
    cfg_error(cfg, "listen-address '%s' is not an IPv4 or IPv6 address", value);
    return -1;
}

static int device_config_check_log_level(cfg_t *cfg, cfg_opt_t *opt)
{
    if (log_level_parse(cfg_opt_getnstr(opt, 0)) >= 0)
        return 0;
    cfg_error(cfg, "log-level must be error, warning, info or debug");
    return -1;
}

static int device_config_check_log_to(cfg_t *cfg, cfg_opt_t *opt)
{
    const char *value = cfg_opt_getnstr(opt, 0);

    if (!strcmp(value, "stderr") || !strcmp(value, "syslog"))
        return 0;
    cfg_error(cfg, "log-to must be stderr or syslog");
    return -1;
}

static int device_config_check_path(cfg_t *cfg, cfg_opt_t *opt)
{
    const char *value = cfg_opt_getnstr(opt, cfg_opt_size(opt) - 1);

    if (value && *value == '/')
        return 0;
    cfg_error(cfg, "%s must be an absolute path, but is '%s'", cfg_opt_name(opt),
              value ? value : "");
    return -1;
}

static int device_config_check_device(cfg_t *cfg, cfg_opt_t *opt)
{
    if (!strcmp(cfg_opt_getnstr(opt, 0), "uboot-env"))
        return 0;
    return device_config_check_path(cfg, opt);
}

static void device_config_watch(cfg_t *cfg)
{
    static const struct {
        const char *key;
        cfg_validate_callback_t check;
    } checks[] = {
        {"port", device_config_check_port},
        {"listen-address", device_config_check_address},
        {"authorized-keys-files", device_config_check_path},
        {"system-dir", device_config_check_path},
        {"state-dir", device_config_check_path},
        {"device", device_config_check_device},
        {"uboot-env-config", device_config_check_path},
        {"task", device_config_check_word},
        {"updater", device_config_check_word},
        {"reboot-command", device_config_check_word},
        {"lock-file", device_config_check_path},
        {"receive-program", device_config_check_path},
        {"session-program", device_config_check_path},
        {"max-sessions", device_config_check_count},
        {"max-unauthenticated", device_config_check_count},
        {"login-grace-time", device_config_check_seconds},
        {"idle-timeout", device_config_check_seconds},
        {"log-level", device_config_check_log_level},
        {"log-to", device_config_check_log_to},
    };

    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        cfg_set_validate_func(cfg, checks[i].key, checks[i].check);
}

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
        /* A dollar sign would be the beginning of ${NAME}. */
        if (strchr("\"\\$", *text))
            buffer_add(out, "\\", 1);
        buffer_add(out, text, 1);
    }
    buffer_add(out, "\"", 1);
}

/* KEY=VALUE becomes a line of the file's language: a list in braces as it is, anything else one
 * quoted text. */
static int device_config_override(cfg_t *cfg, const char *text, struct error *err)
{
    const char *equals = strchr(text, '=');
    struct buffer line = {0};

    if (!equals || equals == text)
        return error_set(err, EXIT_USAGE, "-o needs KEY=VALUE, but got '%s'", text);
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
        return error_set(err, EXIT_USAGE, "option -o %s is wrong: see the line above", text);
    return 0;
}

static void device_config_fill(struct device_config *c)
{
    cfg_t *cfg = c->cfg;

    c->port = (int)cfg_getint(cfg, "port");
    c->listen_address = device_config_list(cfg, "listen-address");
    c->authorized_keys = device_config_list(cfg, "authorized-keys");
    c->authorized_keys_files = device_config_list(cfg, "authorized-keys-files");
    c->system_dir = cfg_getstr(cfg, "system-dir");
    c->state_dir = cfg_getstr(cfg, "state-dir");
    c->device = cfg_getstr(cfg, "device");
    c->uboot_env_config = cfg_getstr(cfg, "uboot-env-config");
    c->task = cfg_getstr(cfg, "task");
    c->updater = cfg_getstr(cfg, "updater");
    c->updater_options = device_config_list(cfg, "updater-options");
    c->firmware_public_keys = device_config_list(cfg, "firmware-public-keys");
    c->reboot_command = cfg_getstr(cfg, "reboot-command");
    c->lock_file = cfg_getstr(cfg, "lock-file");
    c->receive_program = cfg_getstr(cfg, "receive-program");
    c->session_program = cfg_getstr(cfg, "session-program");
    c->max_sessions = (int)cfg_getint(cfg, "max-sessions");
    c->max_unauthenticated = (int)cfg_getint(cfg, "max-unauthenticated");
    c->login_grace_time = (int)cfg_getint(cfg, "login-grace-time");
    c->idle_timeout = (int)cfg_getint(cfg, "idle-timeout");
    c->ciphers = device_config_list(cfg, "ciphers");
    c->macs = device_config_list(cfg, "macs");
    c->kex = device_config_list(cfg, "kex");
    c->log_level = (enum log_level)log_level_parse(cfg_getstr(cfg, "log-level"));
    c->log_to_syslog = !strcmp(cfg_getstr(cfg, "log-to"), "syslog");
}

static int device_config_read(cfg_t *cfg, const char *path, struct error *err)
{
    const char *file = path ? path : DEVICE_CONFIG_PATH;

    if (!path && access(file, F_OK))
        return 0;
    switch (cfg_parse(cfg, file)) {
    case CFG_SUCCESS:
        return 0;
    case CFG_FILE_ERROR:
        error_errno(err, "cannot read the configuration %s", file);
        err->status = EXIT_USAGE;
        return -1;
    default:
        return error_set(err, EXIT_USAGE, "the configuration %s is wrong: see the line above",
                         file);
    }
}

int device_config_load(struct device_config *c, const char *path, const struct text_list *overrides,
                       struct error *err)
{
    *c = (struct device_config){.cfg = cfg_init(device_config_rows, CFGF_NONE)};
    device_config_watch(c->cfg);
    if (device_config_read(c->cfg, path, err))
        goto failed;
    for (size_t i = 0; i < overrides->count; i++)
        if (device_config_override(c->cfg, overrides->item[i], err))
            goto failed;
    device_config_fill(c);
    return 0;
failed:
    device_config_free(c);
    return -1;
}

void device_config_free(struct device_config *c)
{
    free(c->listen_address.item);
    free(c->authorized_keys.item);
    free(c->authorized_keys_files.item);
    free(c->updater_options.item);
    free(c->firmware_public_keys.item);
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
            else
                device_config_quote(out, cfg_opt_getnstr(opt, i));
        }
        buffer_add_text(out, list ? "}\n" : "\n");
    }
}
