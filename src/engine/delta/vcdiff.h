/*
 * Decodes VCDIFF patches (RFC 3284) as xdelta3 makes them: the default code table, no secondary
 * compression, xdelta3's checksums (Adler-32 of each window) and application header. What a patch
 * copies from its source is read in order of place, in large pieces, and only that.
 */
#ifndef FWSSH_ENGINE_DELTA_VCDIFF_H
#define FWSSH_ENGINE_DELTA_VCDIFF_H

#include "base/source.h"
#include "engine/delta/delta_source.h"

#define VCDIFF_WINDOW_MAX (64u << 20)

struct vcdiff;

/* patch and source stay the caller's. expected: the size of the target, which it may not exceed. */
struct vcdiff *vcdiff_new(struct source patch, struct delta_source *source, uint64_t expected);
void vcdiff_free(struct vcdiff *d);

/* The target's bytes: the count, 0 at the end of the patch, -1. */
ssize_t vcdiff_read(struct vcdiff *d, void *buf, size_t size, struct error *err);

#endif
