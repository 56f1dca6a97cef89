/* SPDX-License-Identifier: Apache-2.0 */
#include "device/config/session_user.h"

#include "base/io.h"
#include "base/number.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>

#define PASSWD_MAX (1u << 20)

struct session_user {
    const char *name;
    uint64_t uid, gid;
};

/* NAME:PASSWORD:UID:GID:... fgetpwent(3) would do, but brings parts of NSS into a static program.
 */
static bool session_user_parse(struct session_user *u, char *line)
{
    u->name = strsep(&line, ":");
    (void)strsep(&line, ":");
    const char *uid = strsep(&line, ":"), *gid = strsep(&line, ":");

    return uid && gid && !number_parse_decimal(uid, strlen(uid), &u->uid) &&
           !number_parse_decimal(gid, strlen(gid), &u->gid);
}

static int session_user_judge(const struct session_user *u, struct error *err)
{
    unsigned long long uid = u->uid, gid = u->gid;

    if (!uid || uid > INT_MAX)
        return error_set(err, EXIT_USAGE, "user '%s' (key session-user) has the number %llu",
                         u->name, uid);
    if (gid != uid)
        return error_set(err, EXIT_USAGE,
                         "user '%s' (key session-user) has the number %llu and the group %llu, but "
                         "needs a group of its own with the same number",
                         u->name, uid, gid);
    return (int)uid;
}

int session_user_find(const char *passwd, const char *name, struct error *err)
{
    struct buffer text = {0};
    int result = -1;

    if (io_read_file(passwd, PASSWD_MAX, &text, err)) {
        error_suffix(err, "key session-user");
    } else {
        bool found = false;
        char *rest = text.data;
        for (char *line; !found && (line = strsep(&rest, "\n"));) {
            struct session_user u;
            found = session_user_parse(&u, line) && !strcmp(u.name, name);
            if (found)
                result = session_user_judge(&u, err);
        }
        if (!found)
            error_set(err, EXIT_USAGE, "no user '%s' in %s (key session-user)", name, passwd);
    }
    buffer_free(&text);
    return result;
}
