/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records of an update that is put together on the device (PROTOCOL.md, "assemble"):
 *
 *   record = type (1 byte), length of the body (3 bytes, big-endian), body
 *
 * Numbers are sent seven bits at a time, the low ones first; a signed one is folded (0, -1, 1, -2
 * become 0, 1, 2, 3). A hash is its low bytes, the lowest first.
 */
#ifndef FWSSH_WIRE_ASSEMBLY_H
#define FWSSH_WIRE_ASSEMBLY_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ASSEMBLY_HEAD 4
#define ASSEMBLY_BODY_MAX (2u << 20)
/* Bytes of frames that the host may send before the device has granted more. */
#define ASSEMBLY_CREDIT (512u << 10)
/* Of the stream that one frame may stand for. */
#define ASSEMBLY_FRAME_MAX (512u << 10)
#define ASSEMBLY_FRAME_BASE_MAX (1u << 20)
/* Of a base that the literals of one frame may refer to. */
#define ASSEMBLY_WINDOW_MAX (1u << 20)
#define ASSEMBLY_PARTS_MAX 4096u
#define ASSEMBLY_NAME_MAX 512u
#define ASSEMBLY_GROUPS_MAX 262144u
/* Chunks that one question may name. */
#define ASSEMBLY_ASKED_MAX 262144u
/* Of the start of the stream that comes with the first question. */
#define ASSEMBLY_START_MAX (128u << 10)
/* Bytes of a group's hash. */
#define ASSEMBLY_GROUP_HASH 8

enum assembly_type {
    /* from the host */
    ASSEMBLY_LIST = 'L',
    ASSEMBLY_BASE = 'B',
    ASSEMBLY_CHUNKS = '2',
    ASSEMBLY_FINE = '3',
    ASSEMBLY_GO = 'G',
    ASSEMBLY_FRAME = 'd',
    ASSEMBLY_FRAME_BASE = 'D',
    ASSEMBLY_FILL = 'F',
    ASSEMBLY_END = 'Z',
    ASSEMBLY_WHOLE = 'W',
    /* from the device */
    ASSEMBLY_INFO = 'I',
    ASSEMBLY_PROGRESS = 'P',
    ASSEMBLY_ANSWER = 'A',
    ASSEMBLY_GRANT = 'C',
    ASSEMBLY_LATE = 'N',
    ASSEMBLY_TEXT = 'T',
};

/* Appends the head of a record; what follows in the buffer, up to assembly_end(), is its body, of
 * at most ASSEMBLY_BODY_MAX bytes. Returns the place to give to assembly_end(). */
size_t assembly_begin(struct buffer *b, enum assembly_type type);
void assembly_end(struct buffer *b, size_t place);

void assembly_put(struct buffer *b, uint64_t number);
void assembly_put_signed(struct buffer *b, int64_t number);
void assembly_put_hash(struct buffer *b, uint64_t hash, unsigned bytes);

/* Appends yes (1) and no (0) as the lengths of runs, of which the first is of yes. */
void assembly_put_runs(struct buffer *b, const uint8_t *yes, size_t count);

/* Appends a record whose body is one number. */
void assembly_add_number(struct buffer *b, enum assembly_type type, uint64_t number);

/* A record's body, or what is left of it. */
struct assembly_body {
    const uint8_t *bytes;
    size_t len;
    bool bad; /* something could not be read; stays set, and everything reads as 0 */
};

struct assembly_record {
    enum assembly_type type;
    struct assembly_body body; /* in the buffer that it was read from */
};

/* The record at the start of len bytes: 1, 0 if it is not complete, -1 if its body is too long. */
int assembly_next(const void *bytes, size_t len, struct assembly_record *record);

/* How many bytes are missing to the end of that record, as far as is known: its head comes first.
 */
size_t assembly_missing(const void *bytes, size_t len);

uint64_t assembly_get(struct assembly_body *body);
int64_t assembly_get_signed(struct assembly_body *body);
uint64_t assembly_get_hash(struct assembly_body *body, unsigned bytes);

/* The next len bytes, or NULL. */
const uint8_t *assembly_get_bytes(struct assembly_body *body, uint64_t len);

/* Reads runs of count elements up to the end of the body. Bad if they do not add up to that. */
void assembly_get_runs(struct assembly_body *body, uint8_t *yes, size_t count);

/* The low bytes of a hash. */
uint64_t assembly_cut_hash(uint64_t hash, unsigned bytes);

/*
 * How many bytes of a hash it takes until a sixteenth of a false match is expected among all pairs,
 * if the length tells about a byte more: 2 to 8.
 */
unsigned assembly_hash_bytes(uint64_t asked, uint64_t candidates);

#endif
