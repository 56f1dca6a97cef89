#include "host/command/push_options.h"

#include "base/buffer.h"
#include "base/io.h"
#include "base/memory.h"
#include "base/number.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PASSPHRASE_MAX 1024
#define PUSH_HOSTS_MAX (1u << 20)

const char push_options_help[] =
    "  --firmware FILE        default: found in _build as MIX_TARGET and MIX_ENV say\n"
    "  --target TARGET        in place of MIX_TARGET\n"
    "  --port N               default: Port of ~/.ssh/config if it is not 22, else 8989\n"
    "  --user USER            any name will do on a device of ours\n"
    "  --user-dir DIR         use the keys id_* of this directory\n"
    "  --passphrase-file FILE passphrase of the key (- for standard input)\n"
    "  --passphrase TEXT      the same, but others may see it: better use an ssh agent\n"
    "  --wait[=SECONDS]       wait until the device runs the new firmware and it is confirmed "
    "(300)\n"
    "  --confirm              confirm it from here when the device is back (with --wait)\n"
    "  --stage                write the firmware now; fwssh activate boots it later\n"
    "  --task TASK            another task than the device's own, if it allows that\n"
    "  --hosts FILE           more hosts, one a line\n"
    "  --jobs N               devices at once, if there are several (8)\n"
    "  --canary N             the first N must be confirmed before the others begin\n"
    "  --max-failures N|N%    begin no more devices when more than that have failed\n"
    "  --force                push also to devices that run this firmware already\n"
    "  --reason TEXT          why, for revert\n"
    "  --no-reboot            write the firmware, but leave the reboot to later\n"
    "  --subsystem NAME       default nerves_firmware_ssh; fwup needs no header (port 22)\n"
    "  --exec                 ask by command instead of by subsystem (Dropbear)\n"
    "  --host-key-alias NAME  look up the host key under this name\n"
    "  --log-dir DIR          keep all that was printed and received, one file a push\n"
    "  --ssh COMMAND          the ssh to run (also: environment FWSSH_SSH)\n"
    "  --ssh-option OPT       passed to ssh as -o OPT; may be repeated\n"
    "  --json                 one JSON object a line on standard output\n"
    "  --quiet                errors only\n";

enum {
    OPT_FIRMWARE = 256,
    OPT_TARGET,
    OPT_PORT,
    OPT_USER,
    OPT_USER_DIR,
    OPT_PASSPHRASE,
    OPT_PASSPHRASE_FILE,
    OPT_NO_REBOOT,
    OPT_SUBSYSTEM,
    OPT_EXEC,
    OPT_ALIAS,
    OPT_LOG_DIR,
    OPT_SSH,
    OPT_SSH_OPTION,
    OPT_JSON,
    OPT_QUIET,
    OPT_WAIT,
    OPT_CONFIRM,
    OPT_STAGE,
    OPT_TASK,
    OPT_HOSTS,
    OPT_JOBS,
    OPT_CANARY,
    OPT_MAX_FAILURES,
    OPT_FORCE,
    OPT_REASON,
};

static const struct option names[] = {
    {"firmware", required_argument, NULL, OPT_FIRMWARE},
    {"target", required_argument, NULL, OPT_TARGET},
    {"port", required_argument, NULL, OPT_PORT},
    {"user", required_argument, NULL, OPT_USER},
    {"user-dir", required_argument, NULL, OPT_USER_DIR},
    {"passphrase", required_argument, NULL, OPT_PASSPHRASE},
    {"passphrase-file", required_argument, NULL, OPT_PASSPHRASE_FILE},
    {"no-reboot", no_argument, NULL, OPT_NO_REBOOT},
    {"subsystem", required_argument, NULL, OPT_SUBSYSTEM},
    {"exec", no_argument, NULL, OPT_EXEC},
    {"host-key-alias", required_argument, NULL, OPT_ALIAS},
    {"log-dir", required_argument, NULL, OPT_LOG_DIR},
    {"ssh", required_argument, NULL, OPT_SSH},
    {"ssh-option", required_argument, NULL, OPT_SSH_OPTION},
    {"json", no_argument, NULL, OPT_JSON},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"wait", optional_argument, NULL, OPT_WAIT},
    {"confirm", no_argument, NULL, OPT_CONFIRM},
    {"stage", no_argument, NULL, OPT_STAGE},
    {"task", required_argument, NULL, OPT_TASK},
    {"hosts", required_argument, NULL, OPT_HOSTS},
    {"jobs", required_argument, NULL, OPT_JOBS},
    {"canary", required_argument, NULL, OPT_CANARY},
    {"max-failures", required_argument, NULL, OPT_MAX_FAILURES},
    {"force", no_argument, NULL, OPT_FORCE},
    {"reason", required_argument, NULL, OPT_REASON},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int push_set_passphrase(struct push_options *o, char *text)
{
    free(o->passphrase);
    o->passphrase = memory_text(text);
    /* ps(1) shows arguments for as long as we run. */
    memset(text, '*', strlen(text));
    fputs("fwssh: --passphrase can be seen by others on this machine; an ssh agent (ssh-add) or "
          "--passphrase-file is better\n",
          stderr);
    return 0;
}

static int push_read_passphrase(struct push_options *o, const char *path, struct error *err)
{
    struct buffer text = {0};
    int rc = strcmp(path, "-") ? io_read_file(path, PASSPHRASE_MAX, &text, err)
                               : io_read_fd(0, "standard input", PASSPHRASE_MAX, &text, err);

    if (!rc) {
        free(o->passphrase);
        o->passphrase = memory_text(buffer_text(&text));
        o->passphrase[strcspn(o->passphrase, "\r\n")] = '\0';
    }
    if (text.data)
        explicit_bzero(text.data, text.len);
    buffer_free(&text);
    return rc;
}

static int push_set_port(struct push_options *o, const char *text, struct error *err)
{
    uint64_t port;

    if (number_parse_decimal(text, strlen(text), &port) || port < 1 || port > 65535)
        return error_set(err, EXIT_USAGE, "--port needs a number from 1 to 65535, but got '%s'",
                         text);
    o->port = (int)port;
    return 0;
}

static int push_count(int *to, const char *option, const char *text, int most, struct error *err)
{
    uint64_t number;

    if (number_parse_decimal(text, strlen(text), &number) || number < 1 || number > (uint64_t)most)
        return error_set(err, EXIT_USAGE, "%s needs a number from 1 to %d, but got '%s'", option,
                         most, text);
    *to = (int)number;
    return 0;
}

static int push_add_host(struct push_options *o, const char *host, struct error *err)
{
    if (*host == '-' || !*host)
        return error_set(err, EXIT_USAGE, "'%s' cannot be a host", host);
    o->hosts = memory_resize(o->hosts, (o->host_count + 1) * sizeof *o->hosts);
    o->hosts[o->host_count++] = host;
    return 0;
}

/* One a line; # begins a comment. */
static int push_read_hosts(struct push_options *o, const char *path, struct error *err)
{
    struct buffer text = {0};

    if (o->hosts_text)
        return error_set(err, EXIT_USAGE, "--hosts can be given once");
    if (strcmp(path, "-") ? io_read_file(path, PUSH_HOSTS_MAX, &text, err)
                          : io_read_fd(0, "standard input", PUSH_HOSTS_MAX, &text, err))
        return -1;
    char *rest = o->hosts_text = text.data ? text.data : memory_text("");
    for (char *line; (line = strsep(&rest, "\n"));) {
        line[strcspn(line, "#\r")] = '\0';
        line += strspn(line, " \t");
        line[strcspn(line, " \t")] = '\0';
        if (*line && push_add_host(o, line, err))
            return -1;
    }
    return o->host_count ? 0 : error_set(err, EXIT_USAGE, "there is no host in %s", path);
}

/* A number, or a part of all devices. */
static int push_set_max_failures(struct push_options *o, struct error *err)
{
    const char *text = o->max_failures_text;
    uint64_t number;

    if (!text)
        return 0;
    size_t len = strlen(text);
    bool percent = len && text[len - 1] == '%';
    if (number_parse_decimal(text, len - percent, &number) || number > (percent ? 100 : 100000))
        return error_set(err, EXIT_USAGE, "--max-failures needs a number or a percentage, not '%s'",
                         text);
    o->max_failures = (int)(percent ? number * o->host_count / 100 : number);
    return 0;
}

static int push_add_ssh_option(struct push_options *o, const char *text, struct error *err)
{
    if (o->ssh_option_count == PUSH_LIST_MAX)
        return error_set(err, EXIT_USAGE, "more than %d times --ssh-option", PUSH_LIST_MAX);
    o->ssh_options[o->ssh_option_count++] = text;
    return 0;
}

static int push_option(struct push_options *o, int c, struct error *err)
{
    const struct {
        int option;
        const char **value;
    } texts[] = {
        {OPT_FIRMWARE, &o->firmware},   {OPT_TARGET, &o->target},
        {OPT_USER, &o->user},           {OPT_USER_DIR, &o->user_dir},
        {OPT_SUBSYSTEM, &o->subsystem}, {OPT_ALIAS, &o->host_key_alias},
        {OPT_LOG_DIR, &o->log_dir},     {OPT_SSH, &o->ssh},
        {OPT_TASK, &o->task},           {OPT_REASON, &o->reason},
    };
    const struct {
        int option;
        bool *value;
    } flags[] = {
        {OPT_NO_REBOOT, &o->no_reboot}, {OPT_EXEC, &o->exec},       {OPT_JSON, &o->json},
        {OPT_QUIET, &o->quiet},         {OPT_CONFIRM, &o->confirm}, {OPT_STAGE, &o->stage},
        {OPT_FORCE, &o->force},
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].option == c) {
            *texts[i].value = optarg;
            return 0;
        }
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (flags[i].option == c) {
            *flags[i].value = true;
            return 0;
        }
    switch (c) {
    case 'h':
        o->help = true;
        return 0;
    case OPT_PORT:
        return push_set_port(o, optarg, err);
    case OPT_PASSPHRASE:
        return push_set_passphrase(o, optarg);
    case OPT_PASSPHRASE_FILE:
        return push_read_passphrase(o, optarg, err);
    case OPT_SSH_OPTION:
        return push_add_ssh_option(o, optarg, err);
    case OPT_WAIT:
        o->wait = PUSH_DEFAULT_WAIT;
        return optarg ? push_count(&o->wait, "--wait", optarg, 86400, err) : 0;
    case OPT_JOBS:
        return push_count(&o->jobs, "--jobs", optarg, 1000, err);
    case OPT_CANARY:
        return push_count(&o->canary, "--canary", optarg, 1000, err);
    case OPT_MAX_FAILURES:
        o->max_failures_text = optarg;
        return 0;
    case OPT_HOSTS:
        return push_read_hosts(o, optarg, err);
    default:
        return error_set(err, EXIT_USAGE, "wrong option; see fwssh --help");
    }
}

/* What the options want together. */
static int push_check_options(struct push_options *o, struct error *err)
{
    if (!o->host_count && push_add_host(o, PUSH_DEFAULT_HOST, err))
        return -1;
    if (o->user && strchr(o->user, '@'))
        return error_set(err, EXIT_USAGE, "--user '%s' must not hold an @", o->user);
    if ((o->task && strpbrk(o->task, " =\n")) || (o->task && strlen(o->task) > 63))
        return error_set(err, EXIT_USAGE, "'%s' cannot be a task", o->task);
    if (push_options_need_request(o) && (o->exec || strcmp(o->subsystem, PUSH_DEFAULT_SUBSYSTEM)))
        return error_set(err, EXIT_USAGE,
                         "--task and --stage go through the subsystem fwssh, and cannot be used "
                         "with --subsystem or --exec");
    if ((o->canary || o->confirm) && !o->wait)
        o->wait = PUSH_DEFAULT_WAIT;
    if (o->stage && (o->wait || o->no_reboot))
        return error_set(err, EXIT_USAGE,
                         "--stage does not reboot: it cannot be used with --wait "
                         "or --no-reboot");
    if (o->wait && o->no_reboot)
        return error_set(err, EXIT_USAGE, "--wait and --no-reboot exclude each other");
    return push_set_max_failures(o, err);
}

int push_options_parse(struct push_options *o, int argc, char **argv, struct error *err)
{
    int c;

    *o = (struct push_options){.subsystem = PUSH_DEFAULT_SUBSYSTEM,
                               .ssh = getenv("FWSSH_SSH"),
                               .jobs = PUSH_DEFAULT_JOBS,
                               .max_failures = -1};
    while ((c = getopt_long(argc, argv, "h", names, NULL)) != -1)
        if (push_option(o, c, err))
            return -1;
    for (; optind < argc; optind++)
        if (push_add_host(o, argv[optind], err))
            return -1;
    return push_check_options(o, err);
}

bool push_options_need_request(const struct push_options *o)
{
    return o->task || o->stage;
}

bool push_options_are_bare(const struct push_options *o)
{
    return !strcmp(o->subsystem, "fwup");
}

void push_options_free(struct push_options *o)
{
    if (o->passphrase)
        explicit_bzero(o->passphrase, strlen(o->passphrase));
    free(o->passphrase);
    o->passphrase = NULL;
    free(o->hosts);
    free(o->hosts_text);
}
