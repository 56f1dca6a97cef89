/* SPDX-License-Identifier: Apache-2.0 */
#include "device/listen/farewell.h"

#include "base/buffer.h"
#include "wire/software.h"

#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#define FAREWELL_DISCONNECT 1
#define FAREWELL_TOO_MANY_CONNECTIONS 12
/* A packet's length is a multiple of this, and its padding is between 4 and 11 bytes. */
#define FAREWELL_BLOCK 8
#define FAREWELL_PADDING_MIN 4

static void farewell_add_number(struct buffer *b, uint32_t n)
{
    const uint8_t bytes[] = {(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};

    buffer_add(b, bytes, sizeof bytes);
}

void farewell_send(int socket, const char *text)
{
    static const uint8_t zeros[2 * FAREWELL_BLOCK];
    struct buffer all = {0}, payload = {0};
    uint8_t kind = FAREWELL_DISCONNECT;

    buffer_add(&payload, &kind, 1);
    farewell_add_number(&payload, FAREWELL_TOO_MANY_CONNECTIONS);
    farewell_add_number(&payload, (uint32_t)strlen(text));
    buffer_add_text(&payload, text);
    farewell_add_number(&payload, 0); /* language */
    uint8_t padding = (uint8_t)(FAREWELL_BLOCK - (5 + payload.len) % FAREWELL_BLOCK);
    if (padding < FAREWELL_PADDING_MIN)
        padding += FAREWELL_BLOCK;
    buffer_add_text(&all, SOFTWARE_BANNER);
    farewell_add_number(&all, (uint32_t)(1 + payload.len + padding));
    buffer_add(&all, &padding, 1);
    buffer_add(&all, payload.data, payload.len);
    buffer_add(&all, zeros, padding);
    (void)send(socket, all.data, all.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)shutdown(socket, SHUT_WR);
    buffer_free(&payload);
    buffer_free(&all);
}
