/* SPDX-License-Identifier: Apache-2.0 */
#include "base/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Takes away all access rights that the kernel's version of Landlock knows. */
bool confine_files(void)
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

/* What the C library and an event loop need, and what other architectures have instead. */
static const int allowed[] = {
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(readv),
    SCMP_SYS(writev),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(ppoll_time64),
    SCMP_SYS(close),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(getrandom),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_gettime64),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
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

/* fcntl(2) with only this command. */
static int confine_allow_fcntl(scmp_filter_ctx filter, int number, int command)
{
    struct scmp_arg_cmp is_command = {
        .arg = 1, .op = SCMP_CMP_EQ, .datum_a = (scmp_datum_t)command};

    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 1, is_command);
}

static int confine_rule_for_each(scmp_filter_ctx filter, uint32_t action,
                                 const struct confine_calls *calls)
{
    int rc = 0;

    for (size_t i = 0; !rc && i < calls->count; i++)
        rc = seccomp_rule_add(filter, action, calls->item[i], 0);
    return rc;
}

static int confine_rules(scmp_filter_ctx filter, const struct confine_calls *also,
                         const struct confine_calls *pointless)
{
    const struct confine_calls always = {allowed, sizeof allowed / sizeof *allowed};
    struct scmp_arg_cmp not_exec = {
        .arg = 2, .op = SCMP_CMP_MASKED_EQ, .datum_a = PROT_EXEC, .datum_b = 0};
    static const int fcntls[] = {F_GETFL, F_SETFL, F_GETFD, F_SETFD};
    static const int memory[] = {SCMP_SYS(mmap), SCMP_SYS(mmap2), SCMP_SYS(mprotect)};

    int rc = confine_rule_for_each(filter, SCMP_ACT_ALLOW, &always);
    if (!rc)
        rc = confine_rule_for_each(filter, SCMP_ACT_ALLOW, also);
    if (!rc)
        rc = confine_rule_for_each(filter, SCMP_ACT_ERRNO(ENOSYS), pointless);
    /* No memory may become executable. */
    for (size_t i = 0; !rc && i < sizeof memory / sizeof *memory; i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, memory[i], 1, not_exec);
    for (size_t i = 0; !rc && i < sizeof fcntls / sizeof *fcntls; i++) {
        rc = confine_allow_fcntl(filter, SCMP_SYS(fcntl), fcntls[i]);
        if (!rc)
            rc = confine_allow_fcntl(filter, SCMP_SYS(fcntl64), fcntls[i]);
    }
    return rc;
}

/* A forbidden call kills the process, or before Linux 4.14 its only thread. */
static bool confine_filter(uint32_t action, const struct confine_calls *also,
                           const struct confine_calls *pointless)
{
    scmp_filter_ctx filter = seccomp_init(action);
    bool done = filter && !confine_rules(filter, also, pointless) && !seccomp_load(filter);

    if (filter)
        seccomp_release(filter);
    return done;
}

bool confine_to_calls(struct confine_calls also, struct confine_calls pointless)
{
    return confine_filter(SCMP_ACT_KILL_PROCESS, &also, &pointless) ||
           confine_filter(SCMP_ACT_KILL_THREAD, &also, &pointless);
}
