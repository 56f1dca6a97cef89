/* SPDX-License-Identifier: Apache-2.0 */
#include "host/remote/ssh_askpass.h"

#include "base/io.h"
#include "base/memory.h"
#include "host/remote/private_dir.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ssh asks once for each of its keys. */
#define ASKPASS_ANSWERS 12
/* The end of the command line of the ssh that may get the passphrase; its keys, a line each. */
#define ASKPASS_CALL_VARIABLE "FWSSH_ASKPASS_CALL"
#define ASKPASS_KEYS_VARIABLE "FWSSH_ASKPASS_KEYS"
#define ASKPASS_COMMAND_MAX (1u << 20)
#define ASKPASS_ASKED_MAX 65536

static char *askpass_file(const char *dir, const char *name)
{
    return memory_printf("%s/%s", dir, name);
}

static int askpass_make_fifo(struct ssh_askpass *a, const char *passphrase, struct error *err)
{
    a->dir = private_dir_make("the passphrase", err);
    if (!a->dir)
        return -1;
    /* Opened for both directions, so the bytes wait in the kernel, never on a disk. */
    char *fifo = askpass_file(a->dir, "passphrase");
    if (!mkfifo(fifo, 0600))
        a->fd = open(fifo, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    free(fifo);
    if (a->fd < 0)
        return error_errno(err, "cannot create a pipe for the passphrase");
    for (int i = 0; i < ASKPASS_ANSWERS; i++)
        if (io_write_all(a->fd, passphrase, strlen(passphrase)) || io_write_all(a->fd, "\n", 1))
            return error_errno(err, "cannot store the passphrase in the pipe");
    return 0;
}

static char *askpass_keys(const struct ssh_target *target)
{
    struct buffer text = {0};

    buffer_add_text(&text, ASKPASS_KEYS_VARIABLE "=");
    for (size_t i = 0; i < target->keys.count; i++)
        buffer_printf(&text, "%s\n", target->keys.word[i]);
    return text.data;
}

int ssh_askpass_open(struct ssh_askpass *a, const struct ssh_call *call, struct error *err)
{
    char self[4096];

    *a = (struct ssh_askpass){.fd = -1};
    if (!call->reach->passphrase)
        return 0;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n < 0)
        return error_errno(err, "cannot find this program's own path");
    self[n] = '\0';
    if (askpass_make_fifo(a, call->reach->passphrase, err)) {
        ssh_askpass_close(a);
        return -1;
    }
    a->environment[0] = memory_printf("SSH_ASKPASS=%s", self);
    a->environment[1] = memory_text("SSH_ASKPASS_REQUIRE=force");
    a->environment[2] = memory_printf(SSH_ASKPASS_VARIABLE "=%s", a->dir);
    a->environment[3] =
        memory_printf(ASKPASS_CALL_VARIABLE "=--\n%s\n%s\n", call->target->given, call->subsystem);
    a->environment[4] = askpass_keys(call->target);
    return 0;
}

void ssh_askpass_close(struct ssh_askpass *a)
{
    static const char *const files[] = {"passphrase", "asked"};

    io_close(&a->fd);
    for (size_t i = 0; a->dir && i < sizeof files / sizeof *files; i++) {
        char *path = askpass_file(a->dir, files[i]);
        unlink(path);
        free(path);
    }
    if (a->dir)
        rmdir(a->dir);
    free(a->dir);
    for (size_t i = 0; i < sizeof a->environment / sizeof *a->environment; i++)
        free(a->environment[i]);
    *a = (struct ssh_askpass){.fd = -1};
}

/* Whether the ssh that asks is the one that goes to the device: the end of its command line is the
 * one that ssh_command_arguments() has made. Its ProxyJump and ProxyCommand have other ones. */
static bool askpass_is_from_our_ssh(void)
{
    const char *end = getenv(ASKPASS_CALL_VARIABLE);
    struct buffer words = {0};
    struct error ignored;
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)getppid());
    bool ours = end && *end && !io_read_file(path, ASKPASS_COMMAND_MAX, &words, &ignored);
    for (size_t i = 0; i < words.len; i++)
        if (!words.data[i])
            words.data[i] = '\n';
    size_t len = ours ? strlen(end) : 0;
    ours = ours && words.len > len && words.data[words.len - len - 1] == '\n' &&
           !memcmp(words.data + words.len - len, end, len);
    buffer_free(&words);
    return ours;
}

/* A % in a configured name stands for something that ssh knows. */
static bool askpass_is_prompt_for(const char *key, const char *prompt)
{
    char *pattern = memory_printf("Enter passphrase for key '%.100s': ", key);
    bool open = strchr(pattern, '%') != NULL;

    for (char *p = pattern; open && *p; p++)
        if (*p == '%') {
            *p = '*';
            if (p[1])
                memmove(p + 1, p + 2, strlen(p + 2) + 1);
        }
    bool same = open ? !fnmatch(pattern, prompt, FNM_NOESCAPE) : !strcmp(pattern, prompt);
    free(pattern);
    return same;
}

static bool askpass_is_for_our_key(const char *prompt)
{
    const char *keys = getenv(ASKPASS_KEYS_VARIABLE);
    char *copy = memory_text(keys ? keys : ""), *rest = copy;
    bool found = false;

    for (char *key; !found && (key = strsep(&rest, "\n"));)
        found = *key && askpass_is_prompt_for(key, prompt);
    free(copy);
    return found;
}

/* Whether this question has been answered before; if not, it is remembered. ssh repeats one only if
 * the answer was wrong, and does not say so. */
static bool askpass_was_asked(const char *dir, const char *prompt)
{
    struct buffer asked = {0};
    struct error ignored;
    char *path = askpass_file(dir, "asked"), *line = memory_printf("%s\n", prompt);

    (void)io_read_file(path, ASKPASS_ASKED_MAX, &asked, &ignored);
    bool before = strstr(buffer_text(&asked), line) != NULL;
    int fd = before ? -1 : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd >= 0) {
        (void)io_write_all(fd, line, strlen(line));
        close(fd);
    }
    free(line);
    free(path);
    buffer_free(&asked);
    return before;
}

/* In OpenSSH's words, for the table of its failures. */
static void askpass_complain(const char *prompt)
{
    const char *key = strchr(prompt, '\'');

    fprintf(stderr, "Load key \"%.*s\": incorrect passphrase supplied to decrypt private key\n",
            key ? (int)strcspn(key + 1, "'\r\n") : 0, key ? key + 1 : "");
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

static int askpass_take_passphrase(const char *dir, char *line, size_t size)
{
    char *fifo = askpass_file(dir, "passphrase");
    int fd = open(fifo, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int rc = fd < 0 ? -1 : askpass_read_line(fd, line, size);

    io_close(&fd);
    free(fifo);
    return rc;
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

int ssh_askpass_answer(const char *dir, const char *prompt)
{
    char line[2048];
    int rc = -1;

    if (!askpass_is_for_our_key(prompt) || !askpass_is_from_our_ssh())
        rc = askpass_ask_person(prompt, line, sizeof line);
    else if (askpass_was_asked(dir, prompt))
        askpass_complain(prompt);
    else
        rc = askpass_take_passphrase(dir, line, sizeof line);
    if (!rc)
        rc = io_write_all(STDOUT_FILENO, line, strlen(line));
    explicit_bzero(line, sizeof line);
    return rc ? EXIT_FAILED : EXIT_DONE;
}
