/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that a session needs to know. The listener writes it into a sealed memory file that
 * the session reads once, so the session opens no files of its own.
 *
 * Format: items one after another, each LE32 key, LE32 length, and that many bytes.
 */
#ifndef FWSSH_DEVICE_MONITOR_BRIEF_H
#define FWSSH_DEVICE_MONITOR_BRIEF_H

#include "base/buffer.h"
#include "base/error.h"

#include <stddef.h>

/* File descriptors of a session process, in addition to 0 to 2. */
#define BRIEF_FD_SOCKET 3
#define BRIEF_FD_LISTENER 4
#define BRIEF_FD_BRIEF 5

#define BRIEF_MAX (4u << 20) /* bytes */

enum brief_key {
    BRIEF_HOST_KEY_NAME = 1, /* path of the key file that follows */
    BRIEF_HOST_KEY,          /* contents of a private key file */
    BRIEF_KEYS_NAME,         /* source of the next lines: a path or configuration key */
    BRIEF_KEYS_TEXT,         /* lines in authorized_keys format */
    BRIEF_CIPHERS,           /* comma-separated */
    BRIEF_MACS,
    BRIEF_KEX,
    BRIEF_GRACE_SECONDS, /* decimal */
    BRIEF_IDLE_SECONDS,
    BRIEF_LOG_LEVEL, /* decimal, enum log_level */
    BRIEF_ASK_KEYS,  /* 1: ask about unknown keys with RECORD_ASK_KEYS */
    BRIEF_COMPLAIN,  /* 1: log what is wrong with the lines that follow */
    BRIEF_UID,       /* decimal; the user a session started by root becomes */
};

/* nobody and nogroup on Debian. */
#define BRIEF_UID_DEFAULT 65534

/* Append an item: bytes, a text without its NUL, a number in decimal. */
void brief_add(struct buffer *b, enum brief_key key, const void *data, size_t len);
void brief_add_text(struct buffer *b, enum brief_key key, const char *text);
void brief_add_number(struct buffer *b, enum brief_key key, int number);

struct brief_item {
    enum brief_key key;
    const char *data; /* points into the buffer; not NUL-terminated */
    size_t len;
};

/* Reads the next item at *at, which starts at 0, and advances it. Returns 1, 0 at the end, or -1
 * with the error set. */
int brief_next(const struct buffer *b, size_t *at, struct brief_item *item, struct error *err);

/* Returns a sealed memory file with the bytes, positioned at its start; the caller closes it. -1
 * with the error set. */
int brief_to_fd(const struct buffer *b, struct error *err);

#endif
