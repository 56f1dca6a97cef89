/* SPDX-License-Identifier: Apache-2.0 */
#include "host/agentless/agent_file.h"

#include "base/io.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* Our names are Debian's, but for x86_64. */
static const struct {
    const char *machine, *arch;
} machines[] = {
    {"aarch64", "arm64"}, {"x86_64", "x86_64"}, {"armv7l", "armhf"}, {"armv8l", "armhf"}};

#define MACHINES (sizeof machines / sizeof *machines)

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
    else if (f->fd < 0 || file_hash(f->fd, f->hash, &f->size))
        rc = error_errno(err, "cannot read %s", path);
    free(path);
    return rc;
}

void agent_file_close(struct agent_file *f)
{
    io_close(&f->fd);
}
