/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What several sources say of the slot that runs, in one vocabulary: the driver's. A word that
 * means none of its slots (RAUC's system0 beside nerves_fw_active) says nothing about them.
 */
#ifndef FWSSH_DEVICE_SLOTS_SLOT_WORDS_H
#define FWSSH_DEVICE_SLOTS_SLOT_WORDS_H

#include "base/error.h"

#include <stdbool.h>

/* What the one who decides says. */
struct slot_said {
    const char *running, *next; /* "" if it does not know */
    /* The names of all its slots, with blanks between them; NULL if nobody can list them: then what
     * looks like a name above, or like the first word that was added, is one. */
    const char *names;
    /* It has changed at this boot what boots next: that does not show what runs. */
    bool moves_at_boot;
    bool is_note; /* next is only a note, as far as anybody knows */
};

/* slot_words_free() in any case. */
struct slot_words {
    const struct slot_said *said;
    char *slot;     /* that runs, as the driver spells it; NULL if no source knows */
    char *conflict; /* the first contradiction, in words; NULL if there is none */
    const char *source;
};

/* Adds what a source says, the best one first. NULL or "" says nothing. */
void slot_words_add(struct slot_words *w, const char *word, const char *source);
void slot_words_free(struct slot_words *w);

/* The refusal where none knows. Returns -1 with the error set. */
int slot_words_refuse(struct error *err);

/* 'a' of a partition's name rootfs-a, rootfs_A, slot.a; '\0' for other names. */
char slot_words_letter(const char *partition);

#endif
