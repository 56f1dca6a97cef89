/* SPDX-License-Identifier: Apache-2.0 */
#include "host/remote/interrupt.h"

#include "base/io.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

static volatile sig_atomic_t interrupts;

static void interrupt_handle(int sig)
{
    (void)sig;
    interrupts++;
}

static const int interrupt_signals[] = {SIGINT, SIGTERM, SIGHUP};

#define INTERRUPT_SIGNALS (sizeof interrupt_signals / sizeof *interrupt_signals)

void interrupt_watch(void)
{
    struct sigaction action = {.sa_handler = interrupt_handle};

    for (size_t i = 0; i < INTERRUPT_SIGNALS; i++)
        sigaction(interrupt_signals[i], &action, NULL);
}

bool interrupt_came(void)
{
    return interrupts != 0;
}

int interrupt_count(void)
{
    return interrupts;
}

int interrupt_poll(struct pollfd *p, nfds_t count, int timeout_ms)
{
    struct timespec timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000000L};
    sigset_t ours, before;

    sigemptyset(&ours);
    for (size_t i = 0; i < INTERRUPT_SIGNALS; i++)
        sigaddset(&ours, interrupt_signals[i]);
    /* Between the look and the wait none may arrive: the wait would not notice it. */
    sigprocmask(SIG_BLOCK, &ours, &before);
    int rc = -1;
    int code = EINTR;
    if (!interrupts) {
        rc = ppoll(p, count, timeout_ms < 0 ? NULL : &timeout, &before);
        code = errno;
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    errno = code;
    return rc;
}

void interrupt_pause(double seconds)
{
    double end = io_now() + seconds;

    for (double left = seconds; left > 0 && !interrupts; left = end - io_now())
        (void)interrupt_poll(NULL, 0, left < INT_MAX / 1000 ? (int)(left * 1000) + 1 : INT_MAX);
}
