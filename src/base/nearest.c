/* SPDX-License-Identifier: Apache-2.0 */
#include "base/nearest.h"

#include <string.h>

#define NEAREST_WORD_MAX 32

static size_t nearest_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Damerau-Levenshtein distance: insertions, deletions, substitutions and swapped neighbours. */
static size_t nearest_distance(const char *a, const char *b, size_t len_a, size_t len_b)
{
    size_t d[NEAREST_WORD_MAX + 1][NEAREST_WORD_MAX + 1];

    for (size_t i = 0; i <= len_a; i++)
        d[i][0] = i;
    for (size_t j = 0; j <= len_b; j++)
        d[0][j] = j;
    for (size_t i = 1; i <= len_a; i++)
        for (size_t j = 1; j <= len_b; j++) {
            d[i][j] = nearest_min(nearest_min(d[i - 1][j], d[i][j - 1]) + 1,
                                  d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = nearest_min(d[i][j], d[i - 2][j - 2] + 1);
        }
    return d[len_a][len_b];
}

void nearest_try(struct nearest *n, const char *candidate)
{
    size_t len = strlen(n->word), other = strlen(candidate);

    if (len > NEAREST_WORD_MAX || other > NEAREST_WORD_MAX)
        return;
    size_t distance = nearest_distance(n->word, candidate, len, other);
    /* One letter may be wrong, and one more for every three. */
    if (distance > 1 + len / 3 || distance >= other || (n->best && distance >= n->distance))
        return;
    n->best = candidate;
    n->distance = distance;
}
