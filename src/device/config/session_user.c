#include "device/config/session_user.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

static int session_user_judge(const char *name, const struct passwd *user, struct error *err)
{
    if (user->pw_uid == 0 || user->pw_uid > INT_MAX)
        return error_set(err, EXIT_USAGE, "user '%s' (key session-user) has the number %u", name,
                         (unsigned)user->pw_uid);
    if (user->pw_gid != user->pw_uid)
        return error_set(err, EXIT_USAGE,
                         "user '%s' (key session-user) has the number %u and the group %u, but "
                         "needs a group of its own with the same number",
                         name, (unsigned)user->pw_uid, (unsigned)user->pw_gid);
    return (int)user->pw_uid;
}

int session_user_find(const char *passwd, const char *name, struct error *err)
{
    FILE *f = fopen(passwd, "re");
    struct passwd *user = NULL;

    while (f && (user = fgetpwent(f)) && strcmp(user->pw_name, name))
        continue;
    int result =
        user ? session_user_judge(name, user, err)
        : f  ? error_set(err, EXIT_USAGE, "no user '%s' in %s (key session-user)", name, passwd)
             : error_errno(err, "cannot read %s (key session-user)", passwd);
    if (f)
        fclose(f);
    return result;
}
