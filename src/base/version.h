/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The versions of firmware, compared to refuse older ones (fwsshd.conf(5), "Versions"):
 *
 *   version = [letters] number *("." number) ["-" pre-release] ["-" N "-g" HEX ["-dirty"]]
 *             ["+" build]
 *
 * in that order of weight: letters that must be the same on both sides (a leading v counts for
 * nothing), numbers of any length and count (a missing one is 0), a pre-release as in semver.org
 * (before the release), and the number of commits after it that git-describe(1) writes. The build
 * counts for nothing. What require-fwup-version compares is another matter (engine/archive/conf.h).
 */
#ifndef FWSSH_BASE_VERSION_H
#define FWSSH_BASE_VERSION_H

#include <stdbool.h>

/* Bytes of the longest version that is compared, with its final zero. */
#define VERSION_SIZE 256

/* Whether it can be compared with any other, at least if the letters are the same. */
bool version_is_valid(const char *text);

/* Sets *order to -1, 0 or 1, like strcmp(3). Returns 0, or -1 if the two cannot be compared. */
int version_compare(const char *a, const char *b, int *order);

#endif
