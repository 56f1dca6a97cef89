/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device holds that may come again: the ranges and files that a firmware's own tasks write,
 * for all slots, and the start of the stream, which the host has sent. Each byte has a place.
 */
#ifndef FWSSH_ENGINE_HOLD_HOLD_SOURCE_H
#define FWSSH_ENGINE_HOLD_HOLD_SOURCE_H

#include "engine/archive/firmware.h"
#include "engine/chunks/chunk_index.h"
#include "engine/fat/fat_file.h"
#include "engine/medium/disk_cipher.h"

#define HOLD_SOURCES_MAX 64
/* Of them, those that are given by the configuration. */
#define HOLD_GIVEN_MAX 16

struct hold_source {
    uint64_t place, len;
    char *resource;            /* owned; which one is written here */
    const uint8_t *bytes;      /* in memory; NULL: on the medium */
    int fd;                    /* of the medium; kept by the caller */
    struct fat_extent *extent; /* owned */
    size_t extents;
    struct disk_cipher *cipher; /* owned, or NULL */
};

struct hold_sources {
    int device;          /* opened for reading; -1: none */
    size_t count, first; /* those from first on are about to be overwritten */
    struct hold_source source[HOLD_SOURCES_MAX];
    uint64_t places; /* given away so far */
};

/* device: kept by the caller. start: the beginning of the stream, at place 0; kept by the caller.
 */
void hold_sources_open(struct hold_sources *s, int device, const uint8_t *start, size_t len);
void hold_sources_close(struct hold_sources *s);

/* Adds a whole device or file, opened for reading and kept by the caller. */
void hold_sources_add(struct hold_sources *s, int fd);

/*
 * Finds the sources that a firmware names: first what the task that fits does not write, then what
 * it writes. task: its name's beginning; if none fits, all sources count as the first kind.
 */
void hold_sources_find(struct hold_sources *s, const struct firmware *fw, const char *task);

/* Reads bytes at a place; false if they cannot be read. */
bool hold_sources_read(const struct hold_sources *s, uint64_t place, uint8_t *to, size_t len);

/*
 * Indexes the sources from one up to another, without the start of the stream. tick is called now
 * and then; other than 0 ends it. Returns what tick returned last.
 */
int hold_sources_index(const struct hold_sources *s, size_t from, size_t to,
                       struct chunk_index *index, int (*tick)(void *data, uint64_t bytes),
                       void *data);

#endif
