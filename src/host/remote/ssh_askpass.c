#include "host/remote/ssh_askpass.h"

#include "base/io.h"
#include "base/memory.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ssh asks up to three times for each of its keys. */
#define ASKPASS_ANSWERS 12

static int askpass_make_fifo(struct ssh_askpass *a, const char *passphrase, struct error *err)
{
    const char *base = getenv("XDG_RUNTIME_DIR");

    a->dir = memory_printf("%s/fwssh-XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(a->dir)) {
        error_errno(err, "cannot create a private directory for the passphrase");
        free(a->dir);
        a->dir = NULL;
        return -1;
    }
    a->fifo = memory_printf("%s/passphrase", a->dir);
    /* Opened for both directions, so the bytes wait in the kernel, never on a disk. */
    if (mkfifo(a->fifo, 0600) || (a->fd = open(a->fifo, O_RDWR | O_CLOEXEC | O_NONBLOCK)) < 0)
        return error_errno(err, "cannot create a pipe for the passphrase");
    for (int i = 0; i < ASKPASS_ANSWERS; i++)
        if (io_write_all(a->fd, passphrase, strlen(passphrase)) || io_write_all(a->fd, "\n", 1))
            return error_errno(err, "cannot store the passphrase in the pipe");
    return 0;
}

int ssh_askpass_open(struct ssh_askpass *a, const char *passphrase, struct error *err)
{
    char self[4096];

    *a = (struct ssh_askpass){.fd = -1};
    if (!passphrase)
        return 0;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n < 0)
        return error_errno(err, "cannot find this program's own path");
    self[n] = '\0';
    if (askpass_make_fifo(a, passphrase, err)) {
        ssh_askpass_close(a);
        return -1;
    }
    a->environment[0] = memory_printf("SSH_ASKPASS=%s", self);
    a->environment[1] = memory_text("SSH_ASKPASS_REQUIRE=force");
    a->environment[2] = memory_printf(SSH_ASKPASS_VARIABLE "=%s", a->fifo);
    return 0;
}

void ssh_askpass_close(struct ssh_askpass *a)
{
    io_close(&a->fd);
    if (a->fifo)
        unlink(a->fifo);
    if (a->dir)
        rmdir(a->dir);
    free(a->fifo);
    free(a->dir);
    for (size_t i = 0; i < sizeof a->environment / sizeof *a->environment; i++)
        free(a->environment[i]);
    *a = (struct ssh_askpass){.fd = -1};
}

/* One byte at a time: the next line is for the next prompt. */
static int askpass_read_line(int fd, char *line, size_t size)
{
    size_t len = 0;

    while (len + 1 < size && read(fd, line + len, 1) == 1)
        if (line[len++] == '\n') {
            line[len] = '\0';
            return 0;
        }
    return -1;
}

/* Any other question, such as whether to trust a host key, goes to the user. */
static int askpass_ask_person(const char *prompt, char *line, size_t size)
{
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);

    if (tty < 0)
        return -1;
    int rc = io_write_all(tty, prompt, strlen(prompt)) ? -1 : askpass_read_line(tty, line, size);
    close(tty);
    return rc;
}

int ssh_askpass_answer(const char *fifo, const char *prompt)
{
    char line[2048];
    int rc = -1;

    if (strstr(prompt, "passphrase") || strstr(prompt, "Passphrase")) {
        int fd = open(fifo, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd >= 0) {
            rc = askpass_read_line(fd, line, sizeof line);
            close(fd);
        }
    } else {
        rc = askpass_ask_person(prompt, line, sizeof line);
    }
    if (!rc)
        rc = io_write_all(STDOUT_FILENO, line, strlen(line));
    explicit_bzero(line, sizeof line);
    return rc ? EXIT_FAILED : EXIT_DONE;
}
