/* SPDX-License-Identifier: Apache-2.0 */
/*
 * old_kernel CALL[,CALL...] PROGRAM [ARGUMENT...]: runs a program that meets an older kernel: these
 * system calls do not exist. Two names are not calls: kill_process (the action that ends a whole
 * process, Linux 4.14) and newnet (a kernel without network namespaces).
 */
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* linux/seccomp.h: how libseccomp finds out which actions the kernel has. */
#define GET_ACTION_AVAIL 2

static int forbid(scmp_filter_ctx filter, const char *name)
{
    struct scmp_arg_cmp newnet = {
        .op = SCMP_CMP_MASKED_EQ, .datum_a = CLONE_NEWNET, .datum_b = CLONE_NEWNET};
    struct scmp_arg_cmp asks = {.op = SCMP_CMP_EQ, .datum_a = GET_ACTION_AVAIL};

    if (!strcmp(name, "newnet"))
        return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(unshare), 1, newnet);
    if (!strcmp(name, "kill_process"))
        return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(seccomp), 1, asks);
    int call = seccomp_syscall_resolve_name(name);
    return call == __NR_SCMP_ERROR ? -1 : seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), call, 0);
}

int main(int argc, char **argv)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    char *rest = argc > 2 ? argv[1] : NULL;

    if (!filter || !rest)
        return 2;
    /* As root, so that the programs under test meet what they would. */
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, geteuid() != 0);
    for (char *name; (name = strsep(&rest, ","));)
        if (forbid(filter, name)) {
            fprintf(stderr, "old_kernel: cannot forbid %s\n", name);
            return 2;
        }
    if (seccomp_load(filter))
        return 2;
    execvp(argv[2], argv + 2);
    perror(argv[2]);
    return 2;
}
