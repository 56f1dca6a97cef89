#include "push/push_options.h"

#include "base/buffer.h"
#include "base/io.h"
#include "base/memory.h"
#include "base/number.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PASSPHRASE_MAX 1024

const char push_options_help[] =
    "  --firmware FILE        default: found in _build as MIX_TARGET and MIX_ENV say\n"
    "  --target TARGET        in place of MIX_TARGET\n"
    "  --port N               default: Port of ~/.ssh/config if it is not 22, else 8989\n"
    "  --user USER            any name will do on a device of ours\n"
    "  --user-dir DIR         use the keys id_* of this directory\n"
    "  --passphrase-file FILE passphrase of the key (- for standard input)\n"
    "  --passphrase TEXT      the same, but others may see it: better use an ssh agent\n"
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
    };
    const struct {
        int option;
        bool *value;
    } flags[] = {
        {OPT_NO_REBOOT, &o->no_reboot},
        {OPT_EXEC, &o->exec},
        {OPT_JSON, &o->json},
        {OPT_QUIET, &o->quiet},
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
    default:
        return error_set(err, EXIT_USAGE, "wrong option; see fwssh --help");
    }
}

int push_options_parse(struct push_options *o, int argc, char **argv, struct error *err)
{
    int c;

    *o = (struct push_options){.subsystem = PUSH_DEFAULT_SUBSYSTEM, .ssh = getenv("FWSSH_SSH")};
    while ((c = getopt_long(argc, argv, "h", names, NULL)) != -1)
        if (push_option(o, c, err))
            return -1;
    for (; optind < argc; optind++) {
        if (o->host_count == PUSH_LIST_MAX)
            return error_set(err, EXIT_USAGE, "more than %d hosts", PUSH_LIST_MAX);
        if (argv[optind][0] == '-' || !argv[optind][0])
            return error_set(err, EXIT_USAGE, "'%s' cannot be a host", argv[optind]);
        o->hosts[o->host_count++] = argv[optind];
    }
    if (!o->host_count)
        o->hosts[o->host_count++] = PUSH_DEFAULT_HOST;
    if (o->user && strchr(o->user, '@'))
        return error_set(err, EXIT_USAGE, "--user '%s' must not hold an @", o->user);
    return 0;
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
}
