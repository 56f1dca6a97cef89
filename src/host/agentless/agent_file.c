#include "host/agentless/agent_file.h"

#include "base/io.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Our names are Debian's, but for x86_64. */
static const struct {
    const char *machine, *arch;
} machines[] = {
    {"aarch64", "arm64"}, {"x86_64", "x86_64"}, {"armv7l", "armhf"}, {"armv8l", "armhf"}};

#define MACHINES (sizeof machines / sizeof *machines)

static int agent_file_hash(struct agent_file *f)
{
    crypto_hash_sha256_state state;
    unsigned char piece[65536], hash[crypto_hash_sha256_BYTES];
    ssize_t n;

    crypto_hash_sha256_init(&state);
    while ((n = io_read_full(f->fd, piece, sizeof piece)) > 0) {
        crypto_hash_sha256_update(&state, piece, (unsigned long long)n);
        f->size += (uint64_t)n;
    }
    crypto_hash_sha256_final(&state, hash);
    sodium_bin2hex(f->hash, sizeof f->hash, hash, sizeof hash);
    return n < 0 || lseek(f->fd, 0, SEEK_SET) ? -1 : 0;
}

int agent_file_open(struct agent_file *f, const char *machine, const char *dir, struct error *err)
{
    size_t i = 0;

    *f = AGENT_FILE_NONE;
    while (i < MACHINES && strcmp(machine, machines[i].machine))
        i++;
    if (i == MACHINES)
        return error_set(err, EXIT_FAILED,
                         "the device's machine is '%s', and there is no fwssh-agent for it (only "
                         "for aarch64, armv7l and x86_64)",
                         machine);
    f->arch = machines[i].arch;
    char *path = memory_printf("%s/%s/fwssh-agent", dir ? dir : FWSSH_AGENT_DIR, f->arch);
    f->fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc = 0;
    if (f->fd < 0 && errno == ENOENT)
        rc = error_set(err, EXIT_FAILED,
                       "there is no %s on this machine; make it with make static ARCH=%s, or say "
                       "where it is (--agent-dir)",
                       path, f->arch);
    else if (f->fd < 0 || agent_file_hash(f))
        rc = error_errno(err, "cannot read %s", path);
    free(path);
    return rc;
}

void agent_file_close(struct agent_file *f)
{
    io_close(&f->fd);
}
