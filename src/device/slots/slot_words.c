/* SPDX-License-Identifier: Apache-2.0 */
#include "device/slots/slot_words.h"

#include "base/memory.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int slot_words_class(char c)
{
    return isdigit((unsigned char)c) ? 1 : isalpha((unsigned char)c) ? 2 : 0;
}

/* a and B, system0 and system1: they differ in the last letter or digit only. */
static bool slot_words_are_alike(const char *a, const char *b)
{
    size_t len = strlen(a);

    return len && len == strlen(b) && !strncasecmp(a, b, len - 1) && slot_words_class(a[len - 1]) &&
           slot_words_class(a[len - 1]) == slot_words_class(b[len - 1]);
}

/* The word in the case of a name that is like it. */
static char *slot_words_in_case_of(const char *word, const char *name)
{
    char *spelled = memory_text(name);
    size_t last = strlen(name) - 1;
    unsigned char c = (unsigned char)word[last];

    spelled[last] = (char)(isupper((unsigned char)name[last]) ? toupper(c) : tolower(c));
    return spelled;
}

static char *slot_words_spell_by_list(const char *word, const char *names)
{
    size_t len = strlen(word);

    for (const char *at = names; *at; at += strcspn(at, " ")) {
        at += strspn(at, " ");
        if (strcspn(at, " ") == len && !strncasecmp(at, word, len))
            return memory_printf("%.*s", (int)len, at);
    }
    return NULL;
}

/* The word as the driver spells it; NULL if it means none of its slots. */
static char *slot_words_spell(const struct slot_words *w, const char *word)
{
    const char *const known[] = {w->said->running, w->said->next, w->slot ? w->slot : ""};
    bool any = false;

    if (w->said->names)
        return slot_words_spell_by_list(word, w->said->names);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (slot_words_are_alike(word, known[i]))
            return slot_words_in_case_of(word, known[i]);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!strcmp(word, known[i]))
            return memory_text(word);
        any = any || *known[i];
    }
    return any ? NULL : memory_text(word);
}

void slot_words_add(struct slot_words *w, const char *word, const char *source)
{
    char *slot = word && *word ? slot_words_spell(w, word) : NULL;

    if (slot && !w->slot) {
        w->slot = slot;
        w->source = source;
        return;
    }
    if (slot && strcasecmp(w->slot, slot) != 0 && !w->conflict)
        w->conflict = memory_printf("%s says that slot %s runs, but %s says slot %s", w->source,
                                    w->slot, source, slot);
    free(slot);
}

void slot_words_free(struct slot_words *w)
{
    free(w->slot);
    free(w->conflict);
}

int slot_words_refuse(struct error *err)
{
    return error_set(err, EXIT_REFUSED,
                     "cannot tell which slot is running; set slot-driver, or a slot-command that "
                     "knows, in the device's configuration (docs/slots.md)");
}

char slot_words_letter(const char *partition)
{
    size_t len = strlen(partition);

    if (len < 3 || !strchr("-_.", partition[len - 2]) ||
        !isalpha((unsigned char)partition[len - 1]))
        return '\0';
    return (char)tolower((unsigned char)partition[len - 1]);
}
