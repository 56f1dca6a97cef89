/* SPDX-License-Identifier: Apache-2.0 */
/* The relay with a libssh that does at any time what the real one does rarely: a request for data
 * handles packets, which calls the data callback and may bring the end of the input. */
#include "check.h"

#include "device/session/relay.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STREAM_SIZE (3u << 20)

static struct relay relay;
static int pipe_end;
static struct {
    uint8_t bytes[STREAM_SIZE];
    size_t arrived, total;     /* on the network so far, and in all */
    size_t packet;             /* bytes of one packet */
    size_t held_from, held_to; /* in libssh's buffer */
    bool eof_sent;
} peer;

/* Passes the next packet to the callback; what that does not take stays in the buffer. */
static void peer_packet(void)
{
    if (peer.arrived < peer.total) {
        size_t n =
            peer.total - peer.arrived < peer.packet ? peer.total - peer.arrived : peer.packet;
        peer.arrived += n;
        peer.held_to += n;
        int taken = relay_take(&relay, peer.bytes + peer.held_from,
                               (uint32_t)(peer.held_to - peer.held_from));
        peer.held_from += (size_t)taken;
    }
    if (peer.arrived == peer.total && !peer.eof_sent) {
        peer.eof_sent = true;
        relay.eof = true;
    }
}

int ssh_channel_poll(ssh_channel channel, int is_stderr)
{
    (void)channel;
    (void)is_stderr;
    if (peer.held_from == peer.held_to)
        peer_packet();
    if (peer.held_from < peer.held_to)
        return (int)(peer.held_to - peer.held_from);
    return peer.eof_sent ? SSH_EOF : 0;
}

int ssh_channel_read_timeout(ssh_channel channel, void *dest, uint32_t count, int is_stderr,
                             int timeout)
{
    size_t n = peer.held_to - peer.held_from;

    (void)channel;
    (void)is_stderr;
    (void)timeout;
    peer_packet(); /* it may look at the network first */
    n = peer.held_to - peer.held_from < count ? peer.held_to - peer.held_from : count;
    memcpy(dest, peer.bytes + peer.held_from, n);
    peer.held_from += n;
    return (int)n;
}

int ssh_channel_read_nonblocking(ssh_channel channel, void *dest, uint32_t count, int is_stderr)
{
    return ssh_channel_read_timeout(channel, dest, count, is_stderr, 0);
}

uint32_t ssh_channel_window_size(ssh_channel channel)
{
    (void)channel;
    return 0;
}

int ssh_channel_write(ssh_channel channel, const void *data, uint32_t len)
{
    (void)channel;
    (void)data;
    return (int)len;
}

int ssh_channel_write_stderr(ssh_channel channel, const void *data, uint32_t len)
{
    return ssh_channel_write(channel, data, len);
}

int ssh_get_status(ssh_session session)
{
    (void)session;
    return 0;
}

static void begin(size_t total, size_t packet)
{
    int in[2], out[2], err[2];

    assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC) | pipe2(err, O_CLOEXEC), 0);
    close(out[1]);
    close(err[1]);
    relay_open(&relay, out[0], err[0], in[1]);
    pipe_end = in[0];
    memset(&peer, 0, sizeof peer);
    for (size_t i = 0; i < sizeof peer.bytes; i++)
        peer.bytes[i] = (uint8_t)(i * 2654435761u >> 13);
    peer.total = total;
    peer.packet = packet;
}

/* Runs as the session does, with a reader that takes at most reads bytes per round. All data must
 * arrive, in order. */
static void check_all_arrives(size_t reads)
{
    uint8_t *got = malloc(STREAM_SIZE);
    size_t len = 0;
    bool done = false;

    for (int round = 0; round < 100000 && !done; round++) {
        if (round % 3)
            peer_packet();
        if (round % 7 == 3 && !relay.sink_full && !relay.kept_len && !relay.eof)
            relay_pull(&relay, NULL, true);
        relay_flush(&relay, NULL);
        done = relay_input_is_done(&relay, NULL);
        ssize_t n = done ? 0 : read(pipe_end, got + len, relay.sink_full ? reads : 0);
        if (n > 0)
            len += (size_t)n;
        relay.sink_full = false;
    }
    assert_true(done);
    close(relay.in);
    relay.in = -1;
    for (ssize_t n; (n = read(pipe_end, got + len, STREAM_SIZE - len)) > 0;)
        len += (size_t)n;
    assert_int_equal(len, peer.total);
    assert_memory_equal(got, peer.bytes, len);
    free(got);
    close(pipe_end);
    relay_close(&relay);
}

TEST(data_that_comes_with_the_end_is_not_lost)
{
    begin(788, 788);
    check_all_arrives(65536);
}

TEST(packets_of_all_sizes_keep_their_order)
{
    static const size_t packets[] = {1000, 32768, 32758, 131071, 300000, 1300000};

    for (size_t i = 0; i < sizeof packets / sizeof *packets; i++) {
        begin(2500000, packets[i]);
        check_all_arrives(65536);
        begin(2500000, packets[i]);
        check_all_arrives(4096);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_that_comes_with_the_end_is_not_lost),
        cmocka_unit_test(packets_of_all_sizes_keep_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
