/* SPDX-License-Identifier: Apache-2.0 */
#include "base/become_user.h"

#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

bool become_user(unsigned id)
{
    pid_t parent = getppid();
    int at_its_death = 0;

    (void)prctl(PR_GET_PDEATHSIG, &at_its_death);
    if (setgroups(0, NULL) || setresgid(id, id, id) || setresuid(id, id, id))
        return false;
    /* The kernel forgets it when the user changes. */
    if (at_its_death && prctl(PR_SET_PDEATHSIG, at_its_death))
        return false;
    if (at_its_death && getppid() != parent)
        (void)raise(at_its_death);
    return true;
}
