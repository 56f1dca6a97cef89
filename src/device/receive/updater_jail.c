/* SPDX-License-Identifier: Apache-2.0 */
#include "device/receive/updater_jail.h"

#include "base/spawn.h"

#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

bool updater_jail_enter(void *data)
{
    const bool *network = data;

    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (!*network)
        (void)unshare(CLONE_NEWNET);
    return true;
}

bool updater_jail_takes_network(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(unshare(CLONE_NEWNET) ? 1 : 0);
    return pid > 0 && spawn_wait(pid) == 0;
}
