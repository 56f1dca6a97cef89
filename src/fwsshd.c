/* SPDX-License-Identifier: Apache-2.0 */
/* fwsshd: the SSH server on a device that receives firmware updates. Options and wiring only. */
#include "base/device_lock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/no_core.h"
#include "base/option_error.h"
#include "base/own_version.h"
#include "device/config/last_good.h"
#include "device/config/log_events.h"
#include "device/config/state_dir.h"
#include "device/listen/listener.h"
#include "device/receive/self_check.h"
#include "device/receive/updater_jail.h"
#include "device/updaters/updater_path.h"
#include "device/updaters/version_floor.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "Usage: fwsshd [-f FILE] [-o KEY=VALUE]... [-t | --init-host-key]\n"
    "       fwsshd --version | --help\n"
    "\n"
    "Receives firmware updates over SSH and passes them to an updater. Runs in the foreground.\n"
    "\n"
    "  -f FILE           configuration file (default " DEVICE_CONFIG_PATH ")\n"
    "  -o KEY=VALUE      set a configuration key\n"
    "  -t                check configuration and keys, print the resulting values, and exit\n"
    "  --init-host-key   print the public key of the host key in state-dir; generate it if "
    "missing\n"
    "\n"
    "SIGHUP reloads configuration and keys; SIGTERM stops fwsshd after the running update.\n";

enum mode { MODE_RUN, MODE_TEST, MODE_INIT };

static int parse_options(struct listener *l, enum mode *mode, int argc, char **argv,
                         struct error *err)
{
    static const struct option names[] = {
        {"init-host-key", no_argument, NULL, 'I'},
        {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int c;

    *mode = MODE_RUN;
    opterr = 0;
    while ((c = getopt_long(argc, argv, ":f:o:th", names, NULL)) != -1) {
        switch (c) {
        case 'f':
            l->config_path = optarg;
            break;
        case 'o':
            text_list_add(&l->overrides, optarg);
            break;
        case 't':
            *mode = MODE_TEST;
            break;
        case 'I':
            *mode = MODE_INIT;
            break;
        case 'V':
            printf("fwsshd %s\n", own_version);
            exit(io_end_output("fwsshd", EXIT_DONE));
        case 'h':
            fputs(usage, stdout);
            exit(io_end_output("fwsshd", EXIT_DONE));
        default:
            return option_error(err, c, argv, names, "fwsshd --help");
        }
    }
    return optind < argc ? error_set(err, EXIT_USAGE, "unexpected argument '%s'", argv[optind]) : 0;
}

/* Calls told() for each "host-key TYPE BASE64 FINGERPRINT" line of the report. */
static void each_host_key(char *report, void (*told)(const char *type, const char *base64,
                                                     const char *fingerprint))
{
    char *rest = report;

    for (char *line; (line = strsep(&rest, "\n"));) {
        char *word = strsep(&line, " ");
        if (!word || strcmp(word, "host-key") || !line)
            continue;
        const char *type = strsep(&line, " "), *base64 = strsep(&line, " ");
        told(type, base64 ? base64 : "", line ? line : "");
    }
}

static void log_host_key(const char *type, const char *base64, const char *fingerprint)
{
    (void)base64;
    const struct log_field fields[] = {LOG_TEXT("type", type), LOG_TEXT("fingerprint", fingerprint),
                                       LOG_FIELDS_END};

    log_event(LOG_LEVEL_INFO, EVENT_HOST_KEY, fields, "host key %s %s", type, fingerprint);
}

/* "sandbox WORDS": the parts of the sandbox that are missing here. */
static void log_sandbox(const char *report)
{
    const char *line = strstr(report, "\nsandbox ");

    if (!line)
        return;
    line += strlen("\nsandbox ");
    int len = (int)strcspn(line, "\n");
    if (strncmp(line, "complete", (size_t)len))
        log_event(LOG_LEVEL_INFO, EVENT_SANDBOX_MISSING, NULL, "session sandbox is missing: %.*s",
                  len, line);
}

static void print_host_key(const char *type, const char *base64, const char *fingerprint)
{
    (void)fingerprint;
    printf("%s %s\n", type, base64);
}

/* "authorized-keys COUNT" */
static bool report_has_keys(const char *report)
{
    const char *line = strstr(report, "authorized-keys ");

    return line && atoi(line + strlen("authorized-keys ")) > 0;
}

static void print_check(void *context, const char *what, const char *problem)
{
    (void)context;
    if (problem)
        fprintf(stderr, "FAIL %s: %s\n", what, problem);
    else
        printf("# ok %s\n", what);
}

static const char unsigned_firmware[] =
    "firmware-public-keys is empty: any firmware is accepted, signed or not";

static void print_signatures(const struct device_config *config)
{
    const char *signatures = updater_path_signatures(config);
    bool off = !strcmp(signatures, "off");

    printf("# signatures=%s%s%s\n", signatures, off ? ": " : "", off ? unsigned_firmware : "");
}

/* What works only once somebody pushes. */
static int test_device(const struct listener *l, const char *report)
{
    bool keys = *l->config.keys_command || report_has_keys(report);
    bool nowhere = !l->config.listen_address.count;
    struct error err;

    fflush(stdout);
    if (nowhere)
        print_check(NULL, "listen-address",
                    "is empty, so nobody can connect; name an address, or leave the key out");
    print_check(NULL, "authorized-keys",
                keys ? NULL
                     : "no usable key, so nobody can log in; add your public key to a file of "
                       "authorized-keys-files, or to authorized-keys");
    bool versions = !version_floor_test(&l->config, &err);
    print_check(NULL, "versions", versions ? NULL : err.text);
    bool device = !self_check(&l->config, print_check, NULL);
    return device && keys && versions && !nowhere ? EXIT_DONE : EXIT_FAILED;
}

static int test_configuration(struct listener *l)
{
    struct buffer report = {0}, text = {0};
    struct error err;
    int status = EXIT_DONE;

    if (listener_load(l, LISTENER_TEST, &report, &err)) {
        log_error("%s", err.text);
        status = EXIT_USAGE;
    } else {
        device_config_print(&l->config, &text);
        fputs(buffer_text(&text), stdout);
        if (l->keys.volatile_key)
            puts("# host-key: will be generated in state-dir at the first start");
        for (const char *line = buffer_text(&report); *line;) {
            size_t len = strcspn(line, "\n");
            if (strncmp(line, "host-key ", 9) || !l->keys.volatile_key)
                printf("# %.*s\n", (int)len, line);
            line += len + (line[len] == '\n');
        }
        print_signatures(&l->config);
        status = test_device(l, buffer_text(&report));
    }
    buffer_free(&report);
    buffer_free(&text);
    return status;
}

static int init_host_key(struct listener *l)
{
    struct buffer report = {0};
    struct error err;
    int status = EXIT_FAILED;

    if (last_good_load(&l->config, l->config_path, &l->overrides, &err) < 0 ||
        host_keys_find(&l->keys, &l->config, HOST_KEYS_KEEP | HOST_KEYS_OWN, &l->keys_told, &report,
                       &err)) {
        log_error("%s", err.text);
    } else if (l->keys.volatile_key) {
        log_error("the host key could not be stored; see above");
    } else {
        each_host_key(report.data, print_host_key);
        status = EXIT_DONE;
    }
    buffer_free(&report);
    return status;
}

/* Before the configuration is known: the last -o KEY=VALUE with this key= has this value. */
static bool is_overridden(const struct text_list *overrides, const char *key, const char *value)
{
    bool is = false;

    for (size_t i = 0; i < overrides->count; i++)
        if (!strncmp(overrides->item[i], key, strlen(key)))
            is = !strcmp(overrides->item[i] + strlen(key), value);
    return is;
}

static int serve(struct listener *l)
{
    struct buffer report = {0};
    struct error err;

    log_open("fwsshd", LOG_LEVEL_INFO, is_overridden(&l->overrides, "log-to=", "syslog"));
    log_set_json(is_overridden(&l->overrides, "log-format=", "json"));
    if (listener_load(l, LISTENER_START, &report, &err)) {
        log_event(LOG_LEVEL_ERROR, EVENT_CONFIGURATION_ERROR, NULL, "%s", err.text);
        buffer_free(&report);
        return EXIT_USAGE;
    }
    log_open("fwsshd", l->config.log_level, l->config.log_to_syslog);
    log_sandbox(buffer_text(&report));
    state_dir_repair_all(&l->config);
    /* Also for running-slot, which may be kept there. */
    if (device_lock_make_directory(l->config.lock_file, &err))
        log_warning("%s", err.text);
    each_host_key(report.data, log_host_key);
    buffer_free(&report);
    if (!l->config.updater_network && !updater_jail_takes_network())
        log_info("updaters keep network access: cannot create a network namespace");
    if (!strcmp(updater_path_signatures(&l->config), "off"))
        log_event(LOG_LEVEL_WARNING, EVENT_SIGNATURES_OFF, NULL, "signatures=off: %s",
                  unsigned_firmware);
    return listener_run(l);
}

int main(int argc, char **argv)
{
    struct listener l = {.reboot_lock = -1};
    struct error err;
    enum mode mode;
    int status;

    io_open_standard();
    no_core();
    signal(SIGPIPE, SIG_IGN);
    log_open("fwsshd", LOG_LEVEL_INFO, false);
    if (parse_options(&l, &mode, argc, argv, &err)) {
        fprintf(stderr, "fwsshd: %s\n", err.text);
        return EXIT_USAGE;
    }
    if (mode == MODE_TEST)
        status = test_configuration(&l);
    else if (mode == MODE_INIT)
        status = init_host_key(&l);
    else
        status = serve(&l);
    host_keys_free(&l.keys);
    device_config_free(&l.config);
    free(l.overrides.item);
    return io_end_output("fwsshd", status);
}
