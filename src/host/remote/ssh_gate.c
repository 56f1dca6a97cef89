/* SPDX-License-Identifier: Apache-2.0 */
#include "host/remote/ssh_gate.h"

#include "base/clean.h"
#include "base/io.h"
#include "base/memory.h"
#include "host/remote/interrupt.h"
#include "host/remote/ssh_run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* For a device that is connected, and for sudo, which may wait a moment after a wrong password. */
#define GATE_SECONDS 60

static ssize_t gate_read_line(int fd, char *text, size_t size)
{
    size_t len = 0;

    while (len < size) {
        ssize_t n = read(fd, text + len, 1);
        if (n < 0 && errno == EINTR && !interrupt_came())
            continue;
        if (n <= 0)
            return -1;
        if (text[len] == '\n')
            return (ssize_t)len;
        len++;
    }
    return -1;
}

/* Without an echo, at the terminal, whatever standard input is. */
static int gate_ask(const struct ssh_gate *g, struct error *err)
{
    struct ssh_secret *s = g->secret;
    struct termios before, silent;
    int fd = s ? open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY) : -1;

    if (fd < 0 || tcgetattr(fd, &before)) {
        io_close(&fd);
        return error_set(err, EXIT_ACCESS,
                         "sudo on the device wants a password for %s, and %s; log in as root, or "
                         "allow it there without (NOPASSWD)",
                         g->account,
                         s ? "there is no terminal to ask for it"
                           : "with several hosts nobody is asked for it");
    }
    /* First the echo: whoever answers at once must neither be shown nor lose what was typed. */
    silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(fd, TCSAFLUSH, &silent);
    dprintf(fd, "fwssh: sudo on the device wants the password for %s: ", g->account);
    ssize_t len = gate_read_line(fd, s->text, sizeof s->text - 1);
    tcsetattr(fd, TCSAFLUSH, &before);
    dprintf(fd, "\n");
    io_close(&fd);
    if (len < 0)
        return interrupt_came() ? error_set(err, EXIT_INTERRUPTED, "interrupted")
                                : error_set(err, EXIT_ACCESS, "no password was given");
    s->text[len] = '\0';
    s->known = true;
    return 0;
}

/* sudo has asked. Returns 0 if it has got an answer. */
static int gate_answer(struct ssh_run *r, const struct ssh_gate *g, struct error *err)
{
    if (!g->secret || !g->secret->known)
        if (gate_ask(g, err))
            return -1;
    ssh_run_say(r, g->secret->text);
    ssh_run_say(r, "\n");
    buffer_clear(&r->text[1]);
    return 0;
}

static int gate_wrong(const struct ssh_gate *g, struct error *err)
{
    if (g->secret)
        explicit_bzero(g->secret, sizeof *g->secret);
    return error_set(err, EXIT_ACCESS, "sudo on the device does not accept the password for %s",
                     g->account);
}

/* A line of what came on standard error: the first, or the last. The caller frees it. */
static char *gate_line(const struct ssh_run *r, bool first)
{
    const char *found = "";

    for (const char *p = buffer_text(&r->text[1]); *p; p += strcspn(p, "\r\n")) {
        p += strspn(p, "\r\n");
        if (*p && (!*found || !first))
            found = p;
    }
    char *line = memory_printf("%.*s", (int)strcspn(found, "\r\n"), found);
    clean_line(line);
    return line;
}

/* ssh has ended, of which the caller finds the reason, or sudo, which gives one in its own words.
 */
static int gate_closed(const struct ssh_run *r, const struct ssh_gate *g, bool answered,
                       struct error *err)
{
    const char *said = buffer_text(&r->text[1]);

    if (!g->prompt || strstr(said, "fwssh: ") || !(answered || strstr(said, "sudo: ")))
        return 0;
    if (answered && strstr(said, "incorrect password"))
        return gate_wrong(g, err);
    char *line = gate_line(r, true);
    error_set(err, EXIT_ACCESS, "sudo on the device does not make %s root: %s", g->account, line);
    free(line);
    return -1;
}

/* by_order: the user's limit is over, not our own. */
static int gate_late(const struct ssh_run *r, const struct ssh_gate *g, bool by_order,
                     struct error *err)
{
    if (by_order)
        return error_set(err, EXIT_UNREACHABLE, "the device did not answer in time");
    char *line = gate_line(r, false);

    error_set(err, EXIT_ACCESS, "the device did not start our program within %d s%s%s%s",
              GATE_SECONDS, g->prompt ? "; sudo may ask for something else than a password" : "",
              *line ? ": " : "", line);
    free(line);
    return -1;
}

static double gate_end(double until)
{
    double own = io_now() + GATE_SECONDS;

    return until > 0 && until < own ? until : own;
}

/* The marker is a line of its own. Removes it, and what was before. */
static bool gate_is_open(struct ssh_run *r, const struct ssh_gate *g)
{
    size_t len = strlen(g->marker);
    const char *text = buffer_text(&r->text[0]), *at = text;

    while ((at = strstr(at, g->marker)) && !(at[len] == '\n' && (at == text || at[-1] == '\n')))
        at += len;
    if (!at)
        return false;
    buffer_drop(&r->text[0], (size_t)(at - text) + len + 1);
    buffer_clear(&r->text[1]);
    return true;
}

int ssh_gate_pass(struct ssh_run *r, const struct ssh_gate *g, double until, struct error *err)
{
    double end = gate_end(until);
    bool answered = false;

    while (!gate_is_open(r, g)) {
        bool asked = g->prompt && r->text[1].len && strstr(buffer_text(&r->text[1]), g->prompt);
        if (asked && answered)
            return gate_wrong(g, err);
        if (asked) {
            if (gate_answer(r, g, err))
                return -1;
            answered = true;
            end = gate_end(until);
        }
        int event = ssh_run_next(r, false, end, err);
        if (event < 0)
            return -1;
        if (event == SSH_RUN_INTERRUPTED)
            return 0;
        if (event == SSH_RUN_LATE)
            return gate_late(r, g, until > 0 && io_now() >= until, err);
        if (event == SSH_RUN_ENDED)
            return gate_closed(r, g, answered, err);
    }
    return 0;
}
