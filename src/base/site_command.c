#include "base/site_command.h"

#include "base/io.h"
#include "base/memory.h"
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

size_t site_command_split(char *text, char *argv[SITE_COMMAND_WORDS_MAX + 1])
{
    size_t count = 0;

    for (char *word; (word = strsep(&text, " \t")) && count < SITE_COMMAND_WORDS_MAX;)
        if (*word)
            argv[count++] = word;
    argv[count] = NULL;
    return count;
}

pid_t site_command_start(const char *command, int output, int errors, char *const *env,
                         bool die_with_parent, struct error *err)
{
    char *copy = memory_text(command), *argv[SITE_COMMAND_WORDS_MAX + 1];

    site_command_split(copy, argv);
    struct spawn s = {.program = argv[0] ? argv[0] : "",
                      .argv = argv,
                      .fds = {-1, output, errors},
                      .fd_count = 3,
                      .extra_env = env,
                      .new_group = true,
                      .die_with_parent = die_with_parent};
    pid_t pid = spawn_start(&s, err);
    free(copy);
    return pid;
}

/* Until the command has closed its output, or its time is up. What does not fit is read and
 * dropped. */
static void site_command_listen(struct site_command_result *r, int fd, double end)
{
    size_t len = 0;
    char dropped[512];

    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        double left = end - io_now();
        int ready = left > 0 ? poll(&p, 1, (int)(left * 1000) + 1) : 0;
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0) {
            r->timed_out = true;
            break;
        }
        size_t room = SITE_COMMAND_TEXT_MAX - len;
        ssize_t n = read(fd, room ? r->text + len : dropped, room ? room : sizeof dropped);
        if (n <= 0)
            break;
        len += room ? (size_t)n : 0;
    }
    r->text[len] = '\0';
}

/* It may have closed its output and go on. */
static void site_command_await(struct site_command_result *r, pid_t pid, double end)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);

    while (!r->timed_out && fd >= 0) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        double left = end - io_now();
        int ready = left > 0 ? poll(&p, 1, (int)(left * 1000) + 1) : 0;
        if (ready > 0)
            break;
        r->timed_out = ready == 0;
    }
    io_close(&fd);
}

int site_command_run(const char *command, char *const *env, int seconds,
                     struct site_command_result *r, struct error *err)
{
    int out[2];

    *r = (struct site_command_result){0};
    if (pipe2(out, O_CLOEXEC))
        return error_errno(err, "cannot make a pipe");
    pid_t pid = site_command_start(command, out[1], out[1], env, true, err);
    close(out[1]);
    if (pid >= 0) {
        double end = io_now() + seconds;
        site_command_listen(r, out[0], end);
        site_command_await(r, pid, end);
        if (r->timed_out)
            kill(-pid, SIGKILL);
        r->status = spawn_wait(pid);
        kill(-pid, SIGKILL);
    }
    close(out[0]);
    return pid < 0 ? -1 : 0;
}
