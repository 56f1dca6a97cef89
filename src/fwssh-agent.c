/* fwssh-agent: fwssh-receive, fwpack and fwssh-hold in one program, chosen by its name or its first
 * argument. fwssh push --agentless brings it to devices without fwsshd. Options and wiring only. */
#include "fwssh-agent.h"

#include "base/io.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
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

static const char usage[] =
    "Usage: fwssh-agent fwssh-receive|fwpack|fwssh-hold [ARGUMENT...]\n"
    "       fwssh-agent stay | --version | --help\n"
    "\n"
    "Brought to a device and started by fwssh push --agentless.\n"
    "\n"
    "  stay  print our process id and SHA-256, and stay until nobody reads\n"
    "        our output, for others to be started from our directory\n";

static const struct part *part_find(const char *name)
{
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!strcmp(name, parts[i].name))
            return &parts[i];
    return NULL;
}

static int hash_self(char text[2 * crypto_hash_sha256_BYTES + 1])
{
    crypto_hash_sha256_state state;
    unsigned char piece[65536], hash[crypto_hash_sha256_BYTES];
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    ssize_t n = -1;

    crypto_hash_sha256_init(&state);
    while (fd >= 0 && (n = io_read_full(fd, piece, sizeof piece)) > 0)
        crypto_hash_sha256_update(&state, piece, (unsigned long long)n);
    io_close(&fd);
    crypto_hash_sha256_final(&state, hash);
    sodium_bin2hex(text, 2 * sizeof hash + 1, hash, sizeof hash);
    return n < 0 ? -1 : 0;
}

static int stay(void)
{
    char hash[2 * crypto_hash_sha256_BYTES + 1];
    struct pollfd output = {.fd = STDOUT_FILENO};

    if (hash_self(hash)) {
        fputs("fwssh: fwssh-agent cannot read itself through /proc\n", stderr);
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
        puts("fwssh-agent " FWSSH_VERSION);
        return 0;
    }
    fputs(usage, strcmp(word, "--help") ? stderr : stdout);
    return strcmp(word, "--help") ? 2 : 0;
}
