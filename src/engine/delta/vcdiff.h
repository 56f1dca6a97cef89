/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decodes VCDIFF patches (RFC 3284) as xdelta3 makes them: the default code table, no secondary
 * compression, xdelta3's checksums (Adler-32 of each window) and application header. Only those
 * parts of the source that a patch copies are read, in ascending order and in large pieces.
 */
#ifndef FWSSH_ENGINE_DELTA_VCDIFF_H
#define FWSSH_ENGINE_DELTA_VCDIFF_H

#include "base/source.h"
#include "engine/delta/delta_source.h"

#define VCDIFF_WINDOW_MAX (64u << 20)

struct vcdiff;

/* The caller keeps patch and source. expected: the size that the target must not exceed. */
struct vcdiff *vcdiff_new(struct source patch, struct delta_source *source, uint64_t expected);
void vcdiff_free(struct vcdiff *d);

/* Reads bytes of the target: the count, 0 at the end of the patch, -1 with the error set. */
ssize_t vcdiff_read(struct vcdiff *d, void *buf, size_t size, struct error *err);

/* Walks all windows and instructions of a patch without its source: whether it can be decoded, and
 * makes exactly expected bytes. Windows that need no source are decoded, and their checksums
 * checked. 0, or -1 with EXIT_MISMATCH. */
int vcdiff_check(struct source patch, uint64_t expected, struct error *err);

#endif
