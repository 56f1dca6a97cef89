/* SPDX-License-Identifier: Apache-2.0 */
/* A growable byte buffer with one owner. Once allocated, it is NUL-terminated after len bytes. */
#ifndef FWSSH_BASE_BUFFER_H
#define FWSSH_BASE_BUFFER_H

#include <stddef.h>

struct buffer {
    char *data; /* NULL while empty */
    size_t len;
    size_t cap;
};

void buffer_free(struct buffer *b);
void buffer_clear(struct buffer *b);

/*
 * These exit the program when memory runs out: no caller keeps more than a few hundred kilobytes.
 */
void buffer_add(struct buffer *b, const void *data, size_t len);
void buffer_add_text(struct buffer *b, const char *text);
void buffer_printf(struct buffer *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Removes the first len bytes; there must be that many. */
void buffer_drop(struct buffer *b, size_t len);

/* The contents as a C string ("" while empty), valid until the next change. */
const char *buffer_text(const struct buffer *b);

#endif
