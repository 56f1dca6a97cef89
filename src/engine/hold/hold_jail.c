#include "engine/hold/hold_jail.h"

#include <grp.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* Much more than it should ever take; the rest is for a library's tables. */
#define HOLD_MEMORY (256ull << 20)

/* The address sanitizer needs terabytes of it. gcc and clang say differently that it is there. */
#if defined(__SANITIZE_ADDRESS__)
#define HOLD_SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HOLD_SANITIZED true
#endif
#endif
#ifndef HOLD_SANITIZED
#define HOLD_SANITIZED false
#endif

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
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (!HOLD_SANITIZED)
        (void)setrlimit(RLIMIT_DATA, &limit);
    return 0;
}
