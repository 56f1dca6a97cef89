/* SPDX-License-Identifier: Apache-2.0 */
/* fwssh-agent: fwsshd, fwssh-receive, fwpack and fwssh-hold in one program, chosen by its name or
 * its first argument, and the adapters for other updaters (fwssh-updater(7)). fwssh push
 * --agentless brings it to devices without fwsshd. Options and wiring only. */
#include "fwssh-agent.h"

#include "base/file_hash.h"
#include "base/io.h"
#include "base/own_version.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* How long a program may be started from the file of one that stays. */
#define STAY_MS (3600 * 1000)

static const struct part {
    const char *name;
    int (*main)(int argc, char **argv);
} parts[] = {
    {"fwssh-receive", receive_main},
    {"fwpack", pack_main},
    {"fwssh-hold", hold_main},
    {"fwsshd", listen_main},
};

/* Their lines, generated from the files at build time. */
static const char *const adapter_lines[] = {
#include "fwssh-adapter.sh.inc"
    NULL,
};
static const char *const image_lines[] = {
#include "fwssh-updater-image.inc"
    NULL,
};
static const char *const mender_lines[] = {
#include "fwssh-updater-mender.inc"
    NULL,
};
static const char *const rauc_lines[] = {
#include "fwssh-updater-rauc.inc"
    NULL,
};
static const char *const swupdate_lines[] = {
#include "fwssh-updater-swupdate.inc"
    NULL,
};

static const struct adapter {
    const char *name;
    const char *const *lines;
    mode_t mode;
} adapters[] = {
    {"fwssh-adapter.sh", adapter_lines, 0600},        {"fwssh-updater-image", image_lines, 0700},
    {"fwssh-updater-mender", mender_lines, 0700},     {"fwssh-updater-rauc", rauc_lines, 0700},
    {"fwssh-updater-swupdate", swupdate_lines, 0700},
};

static const char usage[] = "Usage: fwssh-agent fwssh-receive|fwpack|fwssh-hold [ARGUMENT...]\n"
                            "       fwssh-agent stay | --version | --help\n"
                            "\n"
                            "Brought to a device and started by fwssh push --agentless.\n"
                            "\n"
                            "  stay  write the adapters into this directory, print our process id\n"
                            "        and SHA-256, and stay until nobody reads our output, for\n"
                            "        others to be started from here\n";

static const struct part *part_find(const char *name)
{
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!strcmp(name, parts[i].name))
            return &parts[i];
    return NULL;
}

static int hash_self(char text[FILE_HASH_TEXT])
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    int rc = fd < 0 ? -1 : file_hash(fd, text, NULL);

    io_close(&fd);
    return rc;
}

static int write_adapter(const struct adapter *a)
{
    int fd = open(a->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, a->mode);
    int rc = fd < 0 ? -1 : 0;

    for (size_t i = 0; !rc && a->lines[i]; i++)
        rc = io_write_all(fd, a->lines[i], strlen(a->lines[i]));
    io_close(&fd);
    return rc;
}

/* Beside us, in the tmpfs. */
static int write_adapters(void)
{
    for (size_t i = 0; i < sizeof adapters / sizeof *adapters; i++)
        if (write_adapter(&adapters[i]))
            return -1;
    return 0;
}

static int stay(void)
{
    char hash[FILE_HASH_TEXT];
    struct pollfd output = {.fd = STDOUT_FILENO};

    if (hash_self(hash)) {
        fputs("fwssh: fwssh-agent cannot read itself through /proc\n", stderr);
        return 1;
    }
    if (write_adapters()) {
        fprintf(stderr, "fwssh: fwssh-agent cannot write its adapters: %s\n", strerror(errno));
        return 1;
    }
    printf("fwssh-agent %d %s\n", (int)getpid(), hash);
    if (!fflush(stdout))
        (void)poll(&output, 1, STAY_MS);
    return 0;
}

int main(int argc, char **argv)
{
    const char *called = argc ? argv[0] : "";
    const char *slash = strrchr(called, '/');
    const char *word = argc > 1 ? argv[1] : "";
    const struct part *part = part_find(slash ? slash + 1 : called);

    if (part)
        return part->main(argc, argv);
    part = part_find(word);
    if (part)
        return part->main(argc - 1, argv + 1);
    io_open_standard();
    signal(SIGPIPE, SIG_IGN);
    if (!strcmp(word, "stay"))
        return stay();
    if (!strcmp(word, "--version")) {
        printf("fwssh-agent %s\n", own_version);
        return 0;
    }
    bool asked = !strcmp(word, "--help") || !strcmp(word, "-h");
    fputs(usage, asked ? stdout : stderr);
    return asked ? 0 : 2;
}
