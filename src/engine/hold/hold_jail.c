/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/hold/hold_jail.h"

#include "base/become_user.h"
#include "base/confine.h"
#include "base/sanitizer.h"

#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* Much more than it should ever take; the rest is for a library's tables. */
#define HOLD_MEMORY (256ull << 20)

/* Besides what every process needs: it reads the device, and a firmware's requirements may ask for
 * what a path is. */
static const int reading[] = {
    SCMP_SYS(pread64),    SCMP_SYS(lseek), SCMP_SYS(_llseek), SCMP_SYS(fstat),  SCMP_SYS(fstat64),
    SCMP_SYS(newfstatat), SCMP_SYS(statx), SCMP_SYS(stat),    SCMP_SYS(stat64), SCMP_SYS(fstatat64),
};

/* The C library looks for a time zone, a terminal and the kernel's version, and does without. */
static const int pointless[] = {SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(ioctl), SCMP_SYS(uname)};

int hold_jail_enter(int uid, struct error *err)
{
    const struct confine_calls also = {reading, sizeof reading / sizeof *reading};
    const struct confine_calls without = {pointless, sizeof pointless / sizeof *pointless};
    struct rlimit limit = {HOLD_MEMORY, HOLD_MEMORY};

    if (uid >= 0 && !geteuid() && !become_user((unsigned)uid))
        return error_errno(err, "cannot become user %d", uid);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (SANITIZER_IS_ON)
        return 0;
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void)setrlimit(RLIMIT_DATA, &limit);
    /* What the kernel does not have, the daemon has said at its start: a session needs it, too. */
    (void)confine_files();
    (void)confine_to_calls(also, without);
    return 0;
}
