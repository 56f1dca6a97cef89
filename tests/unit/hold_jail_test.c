/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/become_user.h"
#include "base/sanitizer.h"
#include "engine/hold/hold_jail.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs a probe in a jailed process. Returns its exit status, or 128 and the signal that killed it.
 */
static int jailed(int (*probe)(void))
{
    struct error err;
    int status;
    pid_t pid = fork();

    if (pid == 0)
        _exit(hold_jail_enter(-1, &err) ? 99 : probe());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int probe_read(void)
{
    char byte;
    int fds[2] = {0, 0};

    return pread(fds[0], &byte, 1, 0) == -2 || write(STDOUT_FILENO, "", 0) ? 1 : 0;
}

static int probe_open(void)
{
    return open("/dev/null", O_RDONLY) < 0 ? 0 : 1;
}

static int probe_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM, 0) < 0 ? 0 : 1;
}

static int probe_exec(void)
{
    char *argv[] = {(char *)"true", NULL};

    execv("/bin/true", argv);
    return 1;
}

static int probe_fork(void)
{
    return fork() < 0 ? 0 : 1;
}

static int probe_kill(void)
{
    return kill(getppid(), 0) ? 0 : 1;
}

static int probe_executable(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
               ? 0
               : 1;
}

TEST(what_it_may_do)
{
    assert_int_equal(jailed(probe_read), 0);
}

TEST(what_it_may_not_do)
{
    int (*const killed[])(void) = {probe_socket, probe_exec, probe_fork, probe_kill,
                                   probe_executable};

    if (SANITIZER_IS_ON)
        skip();
    assert_int_equal(jailed(probe_open), 0);
    for (size_t i = 0; i < sizeof killed / sizeof *killed; i++)
        assert_int_equal(jailed(killed[i]), 128 + SIGSYS);
}

static int probe_parent(void)
{
    int sig = 0;

    return geteuid() == 54321 && !prctl(PR_GET_PDEATHSIG, &sig) && sig == SIGKILL ? 0 : 1;
}

TEST(it_dies_with_its_parent_as_another_user)
{
    int status;

    if (geteuid())
        skip();
    pid_t pid = fork();
    if (pid == 0)
        _exit(prctl(PR_SET_PDEATHSIG, SIGKILL) || !become_user(54321) ? 99 : probe_parent());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_may_do),
        cmocka_unit_test(what_it_may_not_do),
        cmocka_unit_test(it_dies_with_its_parent_as_another_user),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
