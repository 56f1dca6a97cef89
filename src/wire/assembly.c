/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/assembly.h"

#include <string.h>

#define ASSEMBLY_MORE 0x80u
#define ASSEMBLY_LOW 0x7fu
#define ASSEMBLY_BITS_MAX 63u

size_t assembly_begin(struct buffer *b, enum assembly_type type)
{
    size_t place = b->len;
    const char head[ASSEMBLY_HEAD] = {(char)type};

    buffer_add(b, head, sizeof head);
    return place;
}

void assembly_end(struct buffer *b, size_t place)
{
    size_t len = b->len - place - ASSEMBLY_HEAD;

    for (int i = 1; i < ASSEMBLY_HEAD; i++)
        b->data[place + (size_t)i] = (char)(len >> 8 * (ASSEMBLY_HEAD - 1 - i));
}

void assembly_put(struct buffer *b, uint64_t number)
{
    char bytes[10];
    size_t len = 0;

    do {
        bytes[len++] =
            (char)((number & ASSEMBLY_LOW) | (number > ASSEMBLY_LOW ? ASSEMBLY_MORE : 0));
    } while (number >>= 7);
    buffer_add(b, bytes, len);
}

void assembly_put_signed(struct buffer *b, int64_t number)
{
    assembly_put(b, (uint64_t)number << 1 ^ (number < 0 ? UINT64_MAX : 0));
}

void assembly_put_hash(struct buffer *b, uint64_t hash, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        char byte = (char)(hash >> 8 * i);
        buffer_add(b, &byte, 1);
    }
}

void assembly_add_number(struct buffer *b, enum assembly_type type, uint64_t number)
{
    size_t place = assembly_begin(b, type);

    assembly_put(b, number);
    assembly_end(b, place);
}

void assembly_put_runs(struct buffer *b, const uint8_t *yes, size_t count)
{
    uint8_t current = 1;
    size_t run = 0;

    for (size_t i = 0; i < count; i++) {
        if (yes[i] == current) {
            run++;
            continue;
        }
        assembly_put(b, run);
        run = 1;
        current = !current;
    }
    assembly_put(b, run);
}

/* The length of the body, by the head. */
static size_t assembly_length(const uint8_t *head)
{
    return (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
}

size_t assembly_missing(const void *bytes, size_t len)
{
    size_t end = len < ASSEMBLY_HEAD ? ASSEMBLY_HEAD : ASSEMBLY_HEAD + assembly_length(bytes);

    return end > len ? end - len : 0;
}

int assembly_next(const void *bytes, size_t len, struct assembly_record *record)
{
    const uint8_t *head = bytes;

    if (len < ASSEMBLY_HEAD)
        return 0;
    size_t body = assembly_length(head);
    if (body > ASSEMBLY_BODY_MAX)
        return -1;
    if (len - ASSEMBLY_HEAD < body)
        return 0;
    *record = (struct assembly_record){.type = head[0],
                                       .body = {.bytes = head + ASSEMBLY_HEAD, .len = body}};
    return 1;
}

const uint8_t *assembly_get_bytes(struct assembly_body *body, uint64_t len)
{
    const uint8_t *bytes = body->bytes;

    if (body->bad || len > body->len) {
        body->bad = true;
        return NULL;
    }
    body->bytes += len;
    body->len -= (size_t)len;
    return bytes;
}

uint64_t assembly_get(struct assembly_body *body)
{
    uint64_t number = 0;

    for (unsigned shift = 0; shift < ASSEMBLY_BITS_MAX; shift += 7) {
        const uint8_t *byte = assembly_get_bytes(body, 1);
        if (!byte)
            return 0;
        number |= (uint64_t)(*byte & ASSEMBLY_LOW) << shift;
        if (!(*byte & ASSEMBLY_MORE))
            return number;
    }
    body->bad = true;
    return 0;
}

int64_t assembly_get_signed(struct assembly_body *body)
{
    uint64_t folded = assembly_get(body);

    return (int64_t)(folded >> 1) ^ -(int64_t)(folded & 1);
}

uint64_t assembly_get_hash(struct assembly_body *body, unsigned bytes)
{
    const uint8_t *from = assembly_get_bytes(body, bytes);
    uint64_t hash = 0;

    for (unsigned i = bytes; from && i--;)
        hash = hash << 8 | from[i];
    return hash;
}

void assembly_get_runs(struct assembly_body *body, uint8_t *yes, size_t count)
{
    uint8_t current = 1;
    size_t done = 0;

    while (body->len && !body->bad) {
        uint64_t run = assembly_get(body);
        if (run > count - done) {
            body->bad = true;
            return;
        }
        memset(yes + done, current, (size_t)run);
        done += (size_t)run;
        current = !current;
    }
    body->bad |= done != count;
}

uint64_t assembly_cut_hash(uint64_t hash, unsigned bytes)
{
    return bytes < 8 ? hash & ((1ull << 8 * bytes) - 1) : hash;
}

unsigned assembly_hash_bytes(uint64_t asked, uint64_t candidates)
{
    int bits = 4 - 8; /* a sixteenth; what the length tells */
    int wanted = bits;

    for (uint64_t n = asked; n > 1; n = n / 2 + n % 2)
        wanted++;
    for (uint64_t n = candidates; n > 1; n = n / 2 + n % 2)
        wanted++;
    unsigned bytes = wanted > 0 ? ((unsigned)wanted + 7) / 8 : 0;
    return bytes < 2 ? 2 : bytes > 8 ? 8 : bytes;
}
