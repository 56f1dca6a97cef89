/* SPDX-License-Identifier: Apache-2.0 */
#include "device/session/sandbox.h"

#include "base/become_user.h"
#include "base/confine.h"
#include "base/sanitizer.h"

#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* More than a grown channel window and libssh's buffers need; a bound for clients that ignore the
 * window. */
#define SANDBOX_MEMORY_MAX (128u << 20)
#define SANDBOX_FILES_MAX 32

static void sandbox_miss(struct buffer *missing, const char *what)
{
    if (missing->len)
        buffer_add_text(missing, " ");
    buffer_add_text(missing, what);
}

static int sandbox_drop_user(unsigned uid, struct buffer *missing, struct error *err)
{
    if (geteuid() != 0) {
        sandbox_miss(missing, "own-user");
        return 0;
    }
    if (!become_user(uid))
        return error_errno(err, "the session cannot become user %u (key session-uid)", uid);
    return 0;
}

static int sandbox_limit(struct error *err)
{
    struct rlimit none = {0, 0}, files = {SANDBOX_FILES_MAX, SANDBOX_FILES_MAX},
                  memory = {SANDBOX_MEMORY_MAX, SANDBOX_MEMORY_MAX};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
        (!SANITIZER_IS_ON && (setrlimit(RLIMIT_NPROC, &none) || setrlimit(RLIMIT_NOFILE, &files) ||
                              setrlimit(RLIMIT_AS, &memory) || prctl(PR_SET_DUMPABLE, 0))))
        return error_errno(err, "the session cannot set its resource limits");
    return 0;
}

/* Besides what every process needs (base/confine.c): libssh's, measured with strace. */
static const int sockets[] = {
    SCMP_SYS(recvfrom), SCMP_SYS(recvmsg),    SCMP_SYS(sendto),
    SCMP_SYS(sendmsg),  SCMP_SYS(recv),       SCMP_SYS(send),
    SCMP_SYS(shutdown), SCMP_SYS(setsockopt), SCMP_SYS(getsockopt),
};

/* The C library makes these calls only to inspect a descriptor, and can do without an answer. */
static const int pointless[] = {SCMP_SYS(newfstatat), SCMP_SYS(fstat), SCMP_SYS(fstat64),
                                SCMP_SYS(statx),      SCMP_SYS(lseek), SCMP_SYS(_llseek),
                                SCMP_SYS(ioctl),      SCMP_SYS(uname), SCMP_SYS(getrusage)};

int sandbox_enter(unsigned uid, struct buffer *missing, struct error *err)
{
    if (sandbox_drop_user(uid, missing, err) || sandbox_limit(err))
        return -1;
    if (SANITIZER_IS_ON)
        return 0;
    const struct confine_calls also = {sockets, sizeof sockets / sizeof *sockets};
    const struct confine_calls without = {pointless, sizeof pointless / sizeof *pointless};
    if (!confine_files())
        sandbox_miss(missing, "landlock");
    if (!confine_to_calls(also, without))
        sandbox_miss(missing, "seccomp");
    return 0;
}
