/* SPDX-License-Identifier: Apache-2.0 */
#include "base/words.h"

#include <string.h>

bool words_contain(const char *list, const char *word)
{
    size_t len = strlen(word);

    for (const char *at = list; len && (at = strstr(at, word)); at += len)
        if ((at == list || at[-1] == ' ') && (at[len] == ' ' || !at[len]))
            return true;
    return false;
}
