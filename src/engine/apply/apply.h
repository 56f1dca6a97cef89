/* SPDX-License-Identifier: Apache-2.0 */
/* Applies a task of an archive to a medium, from the archive's first byte to the boot switch. */
#ifndef FWSSH_ENGINE_APPLY_APPLY_H
#define FWSSH_ENGINE_APPLY_APPLY_H

#include "base/source.h"
#include "engine/apply/report.h"
#include "engine/archive/keys.h"
#include "engine/archive/meta.h"
#include "engine/medium/block_cache.h"
#include "engine/medium/medium.h"

/* A device can have two version floors: minimum-version and refuse-older. */
#define APPLY_MINIMA 2

struct staged;

struct apply_request {
    struct source archive;
    const struct public_keys *keys; /* NULL or empty: nothing is verified */
    const char *task;
    const char *minimum_version[APPLY_MINIMA]; /* of the firmware's meta-version; NULL: any */
    struct medium *medium;
    bool verify, minimize;
    bool need_version;      /* refuse firmware whose version cannot be compared */
    const char *stage_path; /* stop before on-finish and save what activation needs */
    /* Activation: on-finish only, of exactly this task, if all of this is on the medium. */
    const struct staged *staged;
    bool whole_input;    /* read the source, which must have an end, to it before on-finish */
    bool end_of_archive; /* before that, read to the end of the archive, and report that */
    bool unsafe;
    /* Called before a task that changes anything is chosen: 0 if the medium may be written. */
    int (*lock)(void *data, struct error *err);
    void *lock_data;
    const char *reboot_param_path; /* NULL: the default */
    bool no_reboot_param;          /* nobody would pass it on: refuse a task that sets one */
    /* Called with true when the boot switch is about to be written, and with false if that failed
     * and was undone; may be NULL. */
    void (*tell_switching)(bool begins);
    /* Called when everything else is on the medium and verified, before the first operation of
     * on-finish; a failure ends the task there. Called with false if the switch then failed and was
     * undone; may be NULL. */
    int (*before_switch)(void *data, bool begins, struct error *err);
    void *before_switch_data;
    void (*tell_complete)(void); /* for end_of_archive; may be NULL */
    /* Called when it fails before the first operation of the task; may be NULL. */
    void (*tell_untouched)(void);
};

/*
 * 0 when everything is on the medium. On failure the boot switch has not been touched, unless it
 * was the medium that failed while writing that very block. identity is filled in as soon as it is
 * known.
 */
int apply_run(const struct apply_request *request, struct report *report,
              struct meta_identity *identity, struct error *err);

#endif
