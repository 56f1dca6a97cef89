#include "host/remote/interrupt.h"

#include "base/io.h"

#include <poll.h>
#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t interrupts;

static void interrupt_handle(int sig)
{
    (void)sig;
    interrupts++;
}

void interrupt_watch(void)
{
    struct sigaction action = {.sa_handler = interrupt_handle};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

bool interrupt_came(void)
{
    return interrupts != 0;
}

int interrupt_count(void)
{
    return interrupts;
}

void interrupt_pause(double seconds)
{
    double end = io_now() + seconds;

    for (double left = seconds; left > 0 && !interrupts; left = end - io_now())
        (void)poll(NULL, 0, left < 0.1 ? (int)(left * 1000) + 1 : 100);
}
