/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The channel window. libssh 0.10 allows about 640 kB in flight, which limits the throughput when
 * the round trip takes more than a few milliseconds. A sender that waits for the window shows as
 * bursts of about that size with silence between them, while our sink has room. Only then is the
 * window enlarged, so that other sessions stay small. Later versions have a fixed window of 2 MiB.
 */
#include "device/session/relay.h"

#define WINDOW_BURST 400000u
/* Seconds. With a shorter round trip the small window allows more than 60 MB/s, and a busy machine
 * causes such pauses, too. */
#define WINDOW_SILENCE 0.008
#define WINDOW_BURSTS 3

void relay_window_before(struct relay *r, double now)
{
    if (r->waiting == 0)
        r->waiting = now;
}

#if LIBSSH_VERSION_INT < SSH_VERSION_INT(0, 11, 0)
static void relay_window_judge(struct relay *r, double silent)
{
    if (r->grown || silent < WINDOW_SILENCE)
        return;
    r->full_bursts = r->burst >= WINDOW_BURST ? r->full_bursts + 1 : 0;
    r->burst = 0;
    r->grown = r->full_bursts >= WINDOW_BURSTS;
}
#endif

void relay_window_after(struct relay *r, ssh_channel channel, bool readable, double now)
{
    if (!readable)
        return;
#if LIBSSH_VERSION_INT < SSH_VERSION_INT(0, 11, 0)
    if (!r->sink_full)
        relay_window_judge(r, now - r->waiting);
    bool due = r->since_grow >= RELAY_KEPT_SIZE / 2 || r->full_bursts == WINDOW_BURSTS;
    if (r->grown && due && !r->sink_full && !r->kept_len && !r->eof) {
        r->since_grow = 0;
        r->full_bursts++;
        relay_pull(r, channel, true);
    }
#else
    (void)channel;
    (void)now;
#endif
    r->waiting = 0;
}
