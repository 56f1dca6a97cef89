/*
 * All that a session has to know, written by the listener into a memory file that the session reads
 * once: so a session opens no file of its own. A list of items, each a key, a length and bytes.
 */
#ifndef FWSSH_DEVICE_MONITOR_BRIEF_H
#define FWSSH_DEVICE_MONITOR_BRIEF_H

#include "base/buffer.h"
#include "base/error.h"

#include <stddef.h>

/* Descriptors of a session process, besides 0 to 2. */
#define BRIEF_FD_SOCKET 3
#define BRIEF_FD_MONITOR 4
#define BRIEF_FD_BRIEF 5

#define BRIEF_MAX (4u << 20)

enum brief_key {
    BRIEF_HOST_KEY_NAME = 1, /* the file of the key that follows */
    BRIEF_HOST_KEY,          /* a private key file's bytes */
    BRIEF_KEYS_NAME,         /* the file (or configuration key) of the lines that follow */
    BRIEF_KEYS_TEXT,         /* lines of authorized_keys */
    BRIEF_CIPHERS,           /* with commas */
    BRIEF_MACS,
    BRIEF_KEX,
    BRIEF_GRACE_SECONDS, /* decimal */
    BRIEF_IDLE_SECONDS,
    BRIEF_LOG_LEVEL, /* a number, enum log_level */
    BRIEF_ASK_KEYS,  /* 1: unknown keys are asked about with RECORD_ASK_KEYS */
    BRIEF_UID,       /* decimal; what a session started by root becomes */
};

/* Debian's nobody and nogroup. */
#define BRIEF_UID_DEFAULT 65534

void brief_add(struct buffer *b, enum brief_key key, const void *data, size_t len);
void brief_add_text(struct buffer *b, enum brief_key key, const char *text);
void brief_add_number(struct buffer *b, enum brief_key key, int number);

struct brief_item {
    enum brief_key key;
    const char *data; /* the buffer's; not NUL-terminated */
    size_t len;
};

/* Goes through a brief: 1, 0 at the end, -1 with the error set. *at begins at 0. */
int brief_next(const struct buffer *b, size_t *at, struct brief_item *item, struct error *err);

/* A sealed memory file with the bytes, positioned at its start; -1 with the error set. */
int brief_to_fd(const struct buffer *b, struct error *err);

#endif
