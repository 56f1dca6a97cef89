/* fwssh-receive: one update over standard input and output. Options and wiring only. */
#include "base/device_lock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/number.h"
#include "device/receive/confirm_guard.h"
#include "device/receive/hook.h"
#include "device/receive/reboot.h"
#include "device/receive/receive.h"
#include "device/receive/request.h"
#include "device/slots/device_path.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "Usage: fwssh-receive [-f FILE] [-o KEY=VALUE]... -s SUBSYSTEM [--stderr] [--result-fd N]\n"
    "       fwssh-receive [-f FILE] [-o KEY=VALUE]... --confirm | --confirm-within SECONDS |\n"
    "                     --revert REASON | --status\n"
    "       fwssh-receive -t | --version | --help\n"
    "\n"
    "Receives one firmware update on standard input, as fwsshd starts it, or sshd with a line\n"
    "  Subsystem nerves_firmware_ssh /usr/libexec/fwssh-receive -s nerves_firmware_ssh\n"
    "\n"
    "  -f FILE          configuration (default " DEVICE_CONFIG_PATH ")\n"
    "  -o KEY=VALUE     sets a key of the configuration\n"
    "  -s SUBSYSTEM     nerves_firmware_ssh (header, then data), fwup (data only) or fwssh\n"
    "                   (requests)\n"
    "  --confirm        for the device's start-up scripts: the running firmware is to stay\n"
    "  --revert REASON  the firmware before it is to boot next; the script reboots\n"
    "  --confirm-within SECONDS  reboots if it is not confirmed by then; feeds the watchdog\n"
    "  --status         prints what the device knows of its slots\n"
    "  -t               checks the configuration and prints what is in force\n"
    "  --stderr         messages go to standard error; sshd would drop them there\n"
    "  --result-fd N    the listener's socket for the result\n"
    "  --config-fd N    the listener's configuration, in place of -f and -o\n"
    "  --volatile-host-key  the listener's host key does not survive a reboot\n";

struct options {
    const char *config, *subsystem;
    struct text_list overrides;
    bool use_stderr, test, volatile_key;
    const char *local; /* a request of the device itself: its name */
    const char *reason;
    int confirm_seconds;
    int result_fd, config_fd;
};

static int parse_options(struct options *o, int argc, char **argv)
{
    static const struct option names[] = {
        {"stderr", no_argument, NULL, 'E'},
        {"result-fd", required_argument, NULL, 'R'},
        {"config-fd", required_argument, NULL, 'C'},
        {"volatile-host-key", no_argument, NULL, 'K'},
        {"confirm", no_argument, NULL, 'c'},
        {"confirm-within", required_argument, NULL, 'W'},
        {"revert", required_argument, NULL, 'r'},
        {"status", no_argument, NULL, 'S'},
        {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    uint64_t number;
    int c;

    *o = (struct options){.result_fd = -1, .config_fd = -1};
    while ((c = getopt_long(argc, argv, "f:o:s:th", names, NULL)) != -1) {
        switch (c) {
        case 'f':
            o->config = optarg;
            break;
        case 'o':
            text_list_add(&o->overrides, optarg);
            break;
        case 's':
            o->subsystem = optarg;
            break;
        case 't':
            o->test = true;
            break;
        case 'E':
            o->use_stderr = true;
            break;
        case 'R':
        case 'C':
            if (number_parse_decimal(optarg, strlen(optarg), &number) || number > 1023)
                return EXIT_USAGE;
            *(c == 'R' ? &o->result_fd : &o->config_fd) = (int)number;
            break;
        case 'K':
            o->volatile_key = true;
            break;
        case 'c':
            o->local = "confirm";
            break;
        case 'W':
            if (number_parse_decimal(optarg, strlen(optarg), &number) || number > 86400)
                return EXIT_USAGE;
            o->local = "confirm-within";
            o->confirm_seconds = (int)number;
            break;
        case 'r':
            o->local = "revert";
            o->reason = optarg;
            break;
        case 'S':
            o->local = "status";
            break;
        case 'V':
            puts("fwssh-receive " FWSSH_VERSION);
            exit(EXIT_DONE);
        case 'h':
            fputs(usage, stdout);
            exit(EXIT_DONE);
        default:
            return EXIT_USAGE;
        }
    }
    return optind < argc || (!o->subsystem && !o->test && !o->local) ? EXIT_USAGE : EXIT_DONE;
}

/* Of what was refused before it had the device, and of other requests, nobody is told. */
static void tell_hook(const struct device_config *config, struct result *result, int lock,
                      const char *device)
{
    if (lock >= 0 && result_is_update(result))
        hook_tell(config, device, result);
}

/* The listener logs and reboots. It has the result before the hook begins, in which we may be
 * killed. If it is gone, the reboot is ours. */
static void finish_with_listener(const struct device_config *config, int listener,
                                 struct result *result, int lock, const char *device)
{
    int handed = result->reboot ? lock : -1;
    struct error err;

    bool told = !result_send(listener, result, handed);
    tell_hook(config, result, lock, device);
    if (told && *result->note)
        (void)result_send(listener, result, handed);
    if (!told && result->reboot && reboot_later(config->reboot_command, lock, &err))
        log_error("%s", err.text);
}

static void finish_alone(const struct device_config *config, struct result *result, int lock,
                         const char *device)
{
    char text[700];
    struct error err;

    tell_hook(config, result, lock, device);
    result_describe(result, text, sizeof text);
    log_at(result->status && !result->asked ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, "%s", text);
    if (*result->note)
        log_info("%s", result->note);
    if (result->reboot && reboot_later(config->reboot_command, lock, &err)) {
        log_error("%s", err.text);
        result->status = EXIT_FAILED;
    }
}

static void finish(const struct device_config *config, const struct options *o,
                   struct result *result, int lock, const char *device)
{
    result_keep(result, config->state_dir);
    if (o->result_fd >= 0)
        finish_with_listener(config, o->result_fd, result, lock, device);
    else
        finish_alone(config, result, lock, device);
}

static int print_configuration(const struct device_config *config)
{
    struct buffer text = {0};

    device_config_print(config, &text);
    fputs(buffer_text(&text), stdout);
    buffer_free(&text);
    return EXIT_DONE;
}

/* An update that runs writes the same environment. Where the device cannot be found, none does. */
static int change_locally(const struct device_config *config, const struct request *q,
                          struct error *err)
{
    struct error ignored;
    char *device = device_path_find(config, &ignored);
    int lock = device ? device_lock_take(config->lock_file, device, err) : -1;
    bool reboot;

    int rc = device && lock < 0 ? -1 : request_change(config, q, &reboot, err);
    io_close(&lock);
    free(device);
    return rc;
}

/* What a start-up script of the device asks for. */
static int run_local(const struct device_config *config, const struct options *o)
{
    struct request q = {.verb = !strcmp(o->local, "confirm")  ? REQUEST_CONFIRM
                                : !strcmp(o->local, "revert") ? REQUEST_REVERT
                                                              : REQUEST_STATUS};
    struct facts facts = {0};
    struct buffer text = {0};
    struct error err;

    if (!strcmp(o->local, "confirm-within"))
        return confirm_guard_run(config, o->confirm_seconds);
    snprintf(q.reason, sizeof q.reason, "%s", o->reason ? o->reason : "");
    int rc = q.verb == REQUEST_STATUS ? request_facts(config, &q, false, &facts, &err)
                                      : change_locally(config, &q, &err);
    if (rc)
        fprintf(stderr, "fwssh-receive: %s\n", err.text);
    facts_print(&facts, &text);
    fputs(buffer_text(&text), stdout);
    buffer_free(&text);
    facts_free(&facts);
    return rc ? (int)err.status : EXIT_DONE;
}

int main(int argc, char **argv)
{
    struct device_config config;
    struct options o;
    struct client client;
    struct result result;
    struct error err;
    char *device;
    int lock;

    signal(SIGPIPE, SIG_IGN);
    if (parse_options(&o, argc, argv)) {
        fputs("fwssh-receive: wrong or missing options; see fwssh-receive --help\n", stderr);
        return EXIT_USAGE;
    }
    /* Without a listener standard error leads nowhere (sshd drops it), so the log goes to syslog.
     */
    log_open("fwssh-receive", LOG_LEVEL_INFO, o.result_fd < 0 && !o.test && !o.local);
    client_open(&client, o.use_stderr, o.result_fd, 30);
    if (o.config_fd >= 0 ? device_config_load_fd(&config, o.config_fd, &err)
                         : device_config_load(&config, o.config, &o.overrides, &err)) {
        client_complain(&client, err.text);
        return EXIT_USAGE;
    }
    if (o.test || o.local) {
        int status = o.test ? print_configuration(&config) : run_local(&config, &o);
        free(o.overrides.item);
        device_config_free(&config);
        return status;
    }
    client.idle_timeout = config.idle_timeout;
    const struct subsystem *subsystem = subsystem_find(o.subsystem);
    if (!subsystem) {
        client_complain(&client, "there is no subsystem of that name");
        return EXIT_USAGE;
    }
    receive_run(&config, subsystem, o.volatile_key, &client, &result, &lock, &device);
    finish(&config, &o, &result, lock, device);
    client_close(&client);
    io_close(&lock);
    free(device);
    free(o.overrides.item);
    device_config_free(&config);
    return (int)result.status;
}
