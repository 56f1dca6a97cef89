#include "device/session/sandbox.h"

#include "base/sanitizer.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
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
    if (setgroups(0, NULL) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
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

/* Takes away all access rights that the kernel's version of Landlock knows. */
static bool sandbox_landlock(void)
{
    static const uint64_t by_version[] = {
        (1ull << 13) - 1, /* 1 */
        (1ull << 14) - 1, /* 2: refer */
        (1ull << 15) - 1, /* 3: truncate */
        (1ull << 15) - 1, /* 4 */
        (1ull << 16) - 1, /* 5: ioctl */
    };
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    const long known = (long)(sizeof by_version / sizeof *by_version);

    if (version < 1)
        return false;
    struct landlock_ruleset_attr attr = {.handled_access_fs =
                                             by_version[(version < known ? version : known) - 1]};
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (ruleset < 0)
        return false;
    bool done = !syscall(SYS_landlock_restrict_self, ruleset, 0);
    close(ruleset);
    return done;
}

/* What libssh, OpenSSL, the C library and our event loop need, measured with strace, and what other
 * architectures have instead. */
static const int allowed[] = {
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(readv),
    SCMP_SYS(writev),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(sendto),
    SCMP_SYS(sendmsg),
    SCMP_SYS(recv),
    SCMP_SYS(send),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(ppoll_time64),
    SCMP_SYS(close),
    SCMP_SYS(shutdown),
    SCMP_SYS(setsockopt),
    SCMP_SYS(getsockopt),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(getrandom),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(clock_gettime64),
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(futex),
    SCMP_SYS(futex_time64),
    SCMP_SYS(sched_yield),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigreturn),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
};

/* The C library makes these calls only to inspect a descriptor, and can do without an answer. */
static const int pointless[] = {SCMP_SYS(newfstatat), SCMP_SYS(fstat), SCMP_SYS(fstat64),
                                SCMP_SYS(statx),      SCMP_SYS(lseek), SCMP_SYS(_llseek),
                                SCMP_SYS(ioctl),      SCMP_SYS(uname), SCMP_SYS(getrusage)};

/* fcntl(2) with only this command. */
static int sandbox_allow_fcntl(scmp_filter_ctx filter, int number, int command)
{
    struct scmp_arg_cmp is_command = {
        .arg = 1, .op = SCMP_CMP_EQ, .datum_a = (scmp_datum_t)command};

    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 1, is_command);
}

static int sandbox_rules(scmp_filter_ctx filter)
{
    struct scmp_arg_cmp not_exec = {
        .arg = 2, .op = SCMP_CMP_MASKED_EQ, .datum_a = PROT_EXEC, .datum_b = 0};
    static const int fcntls[] = {F_GETFL, F_SETFL, F_GETFD, F_SETFD};
    static const int memory[] = {SCMP_SYS(mmap), SCMP_SYS(mmap2), SCMP_SYS(mprotect)};
    int rc = 0;

    for (size_t i = 0; !rc && i < sizeof allowed / sizeof *allowed; i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
    for (size_t i = 0; !rc && i < sizeof pointless / sizeof *pointless; i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), pointless[i], 0);
    /* No memory may become executable. */
    for (size_t i = 0; !rc && i < sizeof memory / sizeof *memory; i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, memory[i], 1, not_exec);
    for (size_t i = 0; !rc && i < sizeof fcntls / sizeof *fcntls; i++) {
        rc = sandbox_allow_fcntl(filter, SCMP_SYS(fcntl), fcntls[i]);
        if (!rc)
            rc = sandbox_allow_fcntl(filter, SCMP_SYS(fcntl64), fcntls[i]);
    }
    return rc;
}

/* A forbidden call kills the process, or before Linux 4.14 its only thread. */
static bool sandbox_filter(uint32_t action)
{
    scmp_filter_ctx filter = seccomp_init(action);
    bool done = filter && !sandbox_rules(filter) && !seccomp_load(filter);

    if (filter)
        seccomp_release(filter);
    return done;
}

static bool sandbox_seccomp(void)
{
    return sandbox_filter(SCMP_ACT_KILL_PROCESS) || sandbox_filter(SCMP_ACT_KILL_THREAD);
}

int sandbox_enter(unsigned uid, struct buffer *missing, struct error *err)
{
    if (sandbox_drop_user(uid, missing, err) || sandbox_limit(err))
        return -1;
    if (SANITIZER_IS_ON)
        return 0;
    if (!sandbox_landlock())
        sandbox_miss(missing, "landlock");
    if (!sandbox_seccomp())
        sandbox_miss(missing, "seccomp");
    return 0;
}
