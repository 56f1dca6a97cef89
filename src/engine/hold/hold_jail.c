#include "engine/hold/hold_jail.h"

#include "base/sanitizer.h"

#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* Much more than it should ever take; the rest is for a library's tables. */
#define HOLD_MEMORY (256ull << 20)

static int hold_become(int uid, struct error *err)
{
    uid_t id = (uid_t)uid;

    return setgroups(0, NULL) || setresgid(id, id, id) || setresuid(id, id, id)
               ? error_errno(err, "cannot become user %d", uid)
               : 0;
}

int hold_jail_enter(int uid, struct error *err)
{
    struct rlimit limit = {HOLD_MEMORY, HOLD_MEMORY};

    if (uid >= 0 && !geteuid() && hold_become(uid, err))
        return -1;
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (SANITIZER_IS_ON)
        return 0;
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void)setrlimit(RLIMIT_DATA, &limit);
    return 0;
}
