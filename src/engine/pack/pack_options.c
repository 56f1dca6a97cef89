/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/pack/pack_options.h"

#include "base/nearest.h"
#include "base/number.h"
#include "base/option_error.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum pack_long {
    LONG_ATTACH = 256,
    LONG_DIGEST,
    LONG_ENABLE_TRIM,
    LONG_END_OF_ARCHIVE,
    LONG_EXIT_HANDSHAKE,
    LONG_MAX_SIZE,
    LONG_METADATA_KEY,
    LONG_MINIMIZE,
    LONG_MINIMUM_VERSION,
    LONG_NO_MINIMIZE,
    LONG_NO_REBOOT_PARAM,
    LONG_PENDING_VERSION,
    LONG_PRIVATE_KEY,
    LONG_PROGRESS_HIGH,
    LONG_PROGRESS_LOW,
    LONG_PUBLIC_KEY,
    LONG_REQUIRE_SIGNATURE,
    LONG_SIGN_COMMAND,
    LONG_SPARSE_CHECK,
    LONG_SPARSE_SIZE,
    LONG_STAGE,
    LONG_UNSAFE,
    LONG_USE_UP,
    LONG_VERIFY_WRITES,
    LONG_NO_VERIFY_WRITES,
    LONG_NO_EJECT,
    LONG_VERSION,
};

/* The ':' makes a missing value an error of its own; fwup does not. */
static const char short_options[] = ":acd:DEf:Fghi:lmno:p:P:qSs:t:VvUuyZz123456789";

static const struct option long_options[] = {
    {"apply", no_argument, NULL, 'a'},
    {"attach", required_argument, NULL, LONG_ATTACH},
    {"create", no_argument, NULL, 'c'},
    {"detect", no_argument, NULL, 'D'},
    {"digest", no_argument, NULL, LONG_DIGEST},
    {"eject", no_argument, NULL, 'E'},
    {"no-eject", no_argument, NULL, LONG_NO_EJECT},
    {"enable-trim", no_argument, NULL, LONG_ENABLE_TRIM},
    {"end-of-archive", no_argument, NULL, LONG_END_OF_ARCHIVE},
    {"exit-handshake", no_argument, NULL, LONG_EXIT_HANDSHAKE},
    {"framing", no_argument, NULL, 'F'},
    {"gen-keys", no_argument, NULL, 'g'},
    {"help", no_argument, NULL, 'h'},
    {"minimum-version", required_argument, NULL, LONG_MINIMUM_VERSION},
    {"metadata-key", required_argument, NULL, LONG_METADATA_KEY},
    {"list", no_argument, NULL, 'l'},
    {"max-size", required_argument, NULL, LONG_MAX_SIZE},
    {"metadata", no_argument, NULL, 'm'},
    {"minimize-writes", no_argument, NULL, LONG_MINIMIZE},
    {"no-minimize-writes", no_argument, NULL, LONG_NO_MINIMIZE},
    {"no-reboot-param", no_argument, NULL, LONG_NO_REBOOT_PARAM},
    {"pending-version", required_argument, NULL, LONG_PENDING_VERSION},
    {"private-key", required_argument, NULL, LONG_PRIVATE_KEY},
    {"private-key-file", required_argument, NULL, 's'},
    {"public-key", required_argument, NULL, LONG_PUBLIC_KEY},
    {"public-key-file", required_argument, NULL, 'p'},
    {"progress-low", required_argument, NULL, LONG_PROGRESS_LOW},
    {"progress-high", required_argument, NULL, LONG_PROGRESS_HIGH},
    {"quiet", no_argument, NULL, 'q'},
    {"reboot-param-path", required_argument, NULL, 'P'},
    {"require-signature", no_argument, NULL, LONG_REQUIRE_SIGNATURE},
    {"sparse-check", required_argument, NULL, LONG_SPARSE_CHECK},
    {"sparse-check-size", required_argument, NULL, LONG_SPARSE_SIZE},
    {"stage", required_argument, NULL, LONG_STAGE},
    {"sign", no_argument, NULL, 'S'},
    {"sign-command", required_argument, NULL, LONG_SIGN_COMMAND},
    {"task", required_argument, NULL, 't'},
    {"unmount", no_argument, NULL, 'u'},
    {"no-unmount", no_argument, NULL, 'U'},
    {"unsafe", no_argument, NULL, LONG_UNSAFE},
    {"use-up", required_argument, NULL, LONG_USE_UP},
    {"verbose", no_argument, NULL, 'v'},
    {"verify", no_argument, NULL, 'V'},
    {"verify-writes", no_argument, NULL, LONG_VERIFY_WRITES},
    {"no-verify-writes", no_argument, NULL, LONG_NO_VERIFY_WRITES},
    {"version", no_argument, NULL, LONG_VERSION},
    {NULL, 0, NULL, 0},
};

static const struct {
    const char *word;
    enum pack_command command;
} words[] = {
    {"apply", PACK_APPLY},   {"activate", PACK_ACTIVATE}, {"create", PACK_CREATE},
    {"list", PACK_LIST},     {"metadata", PACK_METADATA}, {"sign", PACK_SIGN},
    {"verify", PACK_VERIFY}, {"gen-keys", PACK_GEN_KEYS}, {"version", PACK_VERSION},
    {"help", PACK_HELP},
};

void pack_options_usage(void)
{
    printf(
        "Usage: %s [options] [file.fw]\n"
        "       fwpack create|apply|activate|list|metadata|verify|sign|gen-keys|version [options] "
        "[file.fw]\n"
        "\n"
        "Commands:\n"
        "  -a, --apply               apply a task of a firmware to a device or image (word: "
        "apply)\n"
        "  -c, --create              create a firmware from a configuration (word: create)\n"
        "  -l, --list                list the tasks (word: list)\n"
        "  -m, --metadata            print the metadata (word: metadata)\n"
        "  -S, --sign                sign a firmware (word: sign)\n"
        "  -V, --verify              check a firmware completely (word: verify)\n"
        "  -g, --gen-keys            generate a pair of signing keys (word: gen-keys)\n"
        "  -D, --detect              list memory cards;  -z: print the path of the only one\n"
        "  -h, --help, --version\n"
        "\n"
        "Options:\n"
        "  -d DEVICE                 device or image file to write (default: the only memory "
        "card, after asking)\n"
        "  -y                        do not ask\n"
        "  -f FILE                   configuration for create (default fwupdate.conf)\n"
        "  -i FILE, -o FILE          input, output (default: standard input, standard output)\n"
        "  -t, --task NAME           task to apply\n"
        "  -p, --public-key-file F   accept firmware signed with this key (up to 10)\n"
        "      --public-key TEXT     the same, the key in base64\n"
        "  -s, --private-key-file F  sign with this key\n"
        "      --private-key TEXT    the same, the key in base64\n"
        "      --sign-command CMD    sign with a command that reads meta.conf and writes the "
        "signature\n"
        "      --digest              with sign: write the data to be signed elsewhere\n"
        "      --attach FILE         with sign: add the signature that was made elsewhere\n"
        "      --require-signature   fail unless a public key is given\n"
        "      --metadata-key KEY    with -m: print only this value\n"
        "      --max-size N          use at most N blocks of 512 bytes\n"
        "      --stage FILE          apply all but on-finish, and save in FILE what activate "
        "needs\n"
        "      --minimum-version V   refuse firmware older than V, or without a version\n"
        "      --pending-version F   add the version to the file F right before the switch, or "
        "refuse\n"
        "      --use-up F            the same, but remove the file F: any version will do\n"
        "      --enable-trim         pass trims on to the device\n"
        "      --minimize-writes     skip writes that would change nothing\n"
        "      --[no-]verify-writes  read back what was written (default for devices)\n"
        "  -u, --unmount, -U, --no-unmount   unmount the device first, or not\n"
        "      --unsafe              allow functions that run programs and write to paths\n"
        "      --no-reboot-param     refuse a task with reboot_param: nobody would pass it on\n"
        "      --reboot-param-path P where reboot_param writes\n"
        "      --end-of-archive      the input may not end with the archive: needs its end record\n"
        "      --exit-handshake      end with byte 26 and the status, then wait for the end of "
        "input\n"
        "  -F, --framing             framed input and output\n"
        "  -n                        numeric progress;  -q, --quiet: none;  -v: verbose\n"
        "      --progress-low N, --progress-high N\n"
        "  -1 ... -9                 compression level for create (default 9)\n",
        "fwpack");
}

static int pack_number(const char *option, const char *text, uint64_t max, uint64_t *value,
                       struct error *err)
{
    if (number_parse(text, value) || *value > max)
        return error_set(err, EXIT_USAGE, "%s needs a number up to %llu, but got '%s'", option,
                         (unsigned long long)max, text);
    return 0;
}

static int pack_add_public_key(struct pack_options *o, const char *text, bool is_file,
                               struct error *err)
{
    uint8_t key[KEYS_PUBLIC_SIZE];

    if (is_file ? keys_read_file(text, key, sizeof key, err)
                : keys_parse(text, key, sizeof key, err))
        return -1;
    if (o->keys.count == KEYS_MAX)
        o->has_more_keys = true;
    else
        memcpy(o->keys.key[o->keys.count++], key, sizeof key);
    return 0;
}

static int pack_set_private_key(struct pack_options *o, const char *text, bool is_file,
                                struct error *err)
{
    o->has_private_key = true;
    return is_file ? keys_read_file(text, o->private_key, sizeof o->private_key, err)
                   : keys_parse(text, o->private_key, sizeof o->private_key, err);
}

static int pack_add_minimum(struct pack_options *o, const char *version, struct error *err)
{
    for (int i = 0; i < APPLY_MINIMA; i++)
        if (!o->minimum_version[i]) {
            o->minimum_version[i] = version;
            return 0;
        }
    return error_set(err, EXIT_USAGE, "--minimum-version can be given at most %d times",
                     APPLY_MINIMA);
}

static int pack_percent(const char *option, const char *text, int *percent, struct error *err)
{
    uint64_t value;

    if (pack_number(option, text, 100, &value, err))
        return -1;
    *percent = (int)value;
    return 0;
}

/* Options whose value may be invalid. */
static int pack_value_option(struct pack_options *o, int c, struct error *err)
{
    switch (c) {
    case 'p':
        return pack_add_public_key(o, optarg, true, err);
    case LONG_PUBLIC_KEY:
        return pack_add_public_key(o, optarg, false, err);
    case 's':
        return pack_set_private_key(o, optarg, true, err);
    case LONG_PRIVATE_KEY:
        return pack_set_private_key(o, optarg, false, err);
    case LONG_MINIMUM_VERSION:
        return pack_add_minimum(o, optarg, err);
    case LONG_MAX_SIZE:
        return pack_number("--max-size", optarg, UINT64_MAX / 512, &o->max_blocks, err);
    case LONG_SPARSE_SIZE:
        return pack_number("--sparse-check-size", optarg, UINT32_MAX, &o->sparse_size, err);
    case LONG_PROGRESS_LOW:
        return pack_percent("--progress-low", optarg, &o->report.low, err);
    case LONG_PROGRESS_HIGH:
        return pack_percent("--progress-high", optarg, &o->report.high, err);
    default:
        return error_set(err, EXIT_USAGE, "unknown option");
    }
}

static bool pack_command_option(struct pack_options *o, int c)
{
    static const struct {
        int option;
        enum pack_command command;
    } commands[] = {
        {'a', PACK_APPLY},
        {'c', PACK_CREATE},
        {'l', PACK_LIST},
        {'m', PACK_METADATA},
        {'S', PACK_SIGN},
        {'V', PACK_VERIFY},
        {'g', PACK_GEN_KEYS},
        {'D', PACK_CARDS},
        {'z', PACK_CARD},
        {'h', PACK_HELP},
        {LONG_VERSION, PACK_VERSION},
        {LONG_SPARSE_CHECK, PACK_SPARSE_CHECK},
    };

    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (commands[i].option == c) {
            o->command = commands[i].command;
            return true;
        }
    return false;
}

/* Options whose argument is taken as it is. */
static const struct {
    int option;
    size_t place; /* of a const char * in struct pack_options */
} text_options[] = {
    {'d', offsetof(struct pack_options, device)},
    {'f', offsetof(struct pack_options, conf)},
    {'i', offsetof(struct pack_options, input)},
    {'o', offsetof(struct pack_options, output)},
    {'t', offsetof(struct pack_options, task)},
    {'P', offsetof(struct pack_options, reboot_param_path)},
    {LONG_ATTACH, offsetof(struct pack_options, attach)},
    {LONG_STAGE, offsetof(struct pack_options, stage_path)},
    {LONG_PENDING_VERSION, offsetof(struct pack_options, pending_path)},
    {LONG_USE_UP, offsetof(struct pack_options, use_up)},
    {LONG_SIGN_COMMAND, offsetof(struct pack_options, sign_command)},
    {LONG_METADATA_KEY, offsetof(struct pack_options, metadata_key)},
};

static bool pack_text_option(struct pack_options *o, int c)
{
    for (size_t i = 0; i < sizeof text_options / sizeof *text_options; i++)
        if (text_options[i].option == c) {
            memcpy((char *)o + text_options[i].place, &optarg, sizeof optarg);
            return true;
        }
    return false;
}

static bool pack_flag_option(struct pack_options *o, int c)
{
    switch (c) {
    case LONG_DIGEST:
        o->digest = true;
        return true;
    case LONG_REQUIRE_SIGNATURE:
        o->require_signature = true;
        return true;
    case 'F':
        o->report.framing = true;
        return true;
    case 'n':
        o->report.progress = REPORT_NUMERIC;
        o->numeric = true;
        return true;
    case 'q':
        o->report.progress = REPORT_QUIET;
        o->quiet = true;
        return true;
    case 'v':
        o->report.verbose = true;
        return true;
    case 'u':
        o->unmount = true;
        return true;
    case LONG_ENABLE_TRIM:
        o->enable_trim = true;
        return true;
    case LONG_END_OF_ARCHIVE:
        o->end_of_archive = true;
        return true;
    case LONG_EXIT_HANDSHAKE:
        o->exit_handshake = true;
        return true;
    case LONG_MINIMIZE:
        o->minimize = true;
        return true;
    case LONG_UNSAFE:
        o->unsafe = true;
        return true;
    case LONG_VERIFY_WRITES:
        o->verify_writes = 1;
        return true;
    case LONG_NO_VERIFY_WRITES:
        o->verify_writes = 0;
        return true;
    case LONG_NO_MINIMIZE:
        o->minimize = false;
        return true;
    case LONG_NO_REBOOT_PARAM:
        o->no_reboot_param = true;
        return true;
    case 'U':
        o->unmount = false;
        return true;
    case 'y':
        o->yes = true;
        return true;
    case 'E':
    case 'Z':
    case LONG_NO_EJECT:
        return true; /* no effect here; accepted for scripts from other systems */
    default:
        return false;
    }
}

/* Options that mean more than "apply this file". */
static bool pack_breaks_easy_mode(int c)
{
    return (c < 256 && strchr("acFfgilmopsSV", c)) || c == LONG_PRIVATE_KEY ||
           c == LONG_SPARSE_CHECK;
}

static int pack_option(struct pack_options *o, int c, struct error *err)
{
    if (c >= '1' && c <= '9') {
        o->level = c - '0';
        return 0;
    }
    if (c == LONG_SPARSE_CHECK)
        o->sparse_path = optarg;
    if (pack_command_option(o, c) || pack_text_option(o, c) || pack_flag_option(o, c))
        return 0;
    return pack_value_option(o, c, err);
}

/* With a command word, usage errors have their own status; fwup's options have one for all
 * failures. */
enum exit_status pack_usage_status(const struct pack_options *o)
{
    return o->words ? EXIT_USAGE : EXIT_FAILED;
}

static int pack_check(const struct pack_options *o, const char *stray, struct error *err)
{
    if (stray)
        return error_set(err, pack_usage_status(o), "unexpected parameter: %s", stray);
    if (o->numeric && o->quiet)
        return error_set(err, pack_usage_status(o), "pick either -n or -q, but not both");
    if (o->command == PACK_NONE)
        return error_set(err, pack_usage_status(o), "specify one of -a, -c, -l, -m, -S, -V, or -z");
    if (o->stage_path && o->command != PACK_APPLY)
        return error_set(err, pack_usage_status(o), "--stage is only for apply");
    if ((o->pending_path || o->use_up) && o->command != PACK_APPLY && o->command != PACK_ACTIVATE)
        return error_set(err, pack_usage_status(o),
                         "--pending-version and --use-up are only for apply and activate");
    if (o->use_up && !o->pending_path)
        return error_set(err, pack_usage_status(o), "--use-up needs --pending-version");
    if (o->require_signature && !o->keys.count)
        return error_set(err, pack_usage_status(o), "--require-signature needs a public key (-p)");
    if (o->report.low > o->report.high)
        return error_set(err, pack_usage_status(o),
                         "--progress-low is greater than --progress-high");
    return 0;
}

static int pack_take_word(struct pack_options *o, int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof words / sizeof *words; i++)
        if (!strcmp(argv[1], words[i].word)) {
            o->words = true;
            o->command = words[i].command;
            argv[1] = argv[0]; /* getopt(3) takes the program's name from it */
            return 1;
        }
    return 0;
}

/* A word that looks like one of ours and is no file; fwup would take it for one. */
static bool pack_is_mistyped(const char *word, struct error *err)
{
    struct nearest near = {.word = word};

    if (*word == '-' || !access(word, F_OK))
        return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        nearest_try(&near, words[i].word);
    if (near.best)
        error_set(err, EXIT_USAGE, "unknown command '%s'; did you mean %s?", word, near.best);
    return near.best != NULL;
}

static bool pack_word_takes_file(const struct pack_options *o)
{
    return o->command != PACK_CREATE && o->command != PACK_GEN_KEYS && !o->input;
}

int pack_options_parse(struct pack_options *o, int argc, char **argv, struct error *err)
{
    bool easy = true;
    int c;

    *o = (struct pack_options){
        .conf = "fwupdate.conf",
        .level = 9,
        .unmount = true,
        .verify_writes = -1,
        .sparse_size = 4096,
        .report = {.program = "fwup", .high = 100},
    };
    if (argc < 2)
        return error_set(err, EXIT_USAGE, "%s", "");
    int skip = pack_take_word(o, argc, argv);
    if (!o->words && pack_is_mistyped(argv[1], err))
        o->words = true;
    if (o->words) {
        o->report.program = "fwpack";
        opterr = 0; /* the line is ours */
    }
    if (o->words && !skip)
        return -1;
    argc -= skip;
    argv += skip;
    while ((c = getopt_long(argc, argv, short_options + !o->words, long_options, NULL)) != -1) {
        easy = easy && !pack_breaks_easy_mode(c);
        if (c == '?' || c == ':')
            return o->words ? option_error(err, c, argv, long_options, "fwpack --help")
                            : error_set(err, EXIT_USAGE, "bad option");
        if (pack_option(o, c, err))
            return -1;
        /* Answered where it stands, as by fwup: whatever follows does not matter. */
        if (!o->words && (c == 'h' || c == LONG_VERSION))
            return 0;
    }
    const char *stray = optind < argc ? argv[optind] : NULL;
    bool takes_file = o->words ? pack_word_takes_file(o) : easy && o->command == PACK_NONE;
    if (stray && (o->words || optind + 1 == argc) && takes_file) {
        o->input = stray;
        stray = argv[optind + 1];
        if (!o->words) {
            o->command = PACK_APPLY;
            o->task = o->task ? o->task : "complete";
        }
    }
    /* Only now is it known how to report. */
    if (o->has_more_keys)
        report_info(&o->report, "only the first %d public keys are used", KEYS_MAX);
    return pack_check(o, stray, err);
}
