/* Applying a task of an archive to a medium, from the first byte of the archive to the boot switch.
 */
#ifndef FWSSH_ENGINE_APPLY_APPLY_H
#define FWSSH_ENGINE_APPLY_APPLY_H

#include "base/source.h"
#include "engine/apply/report.h"
#include "engine/archive/keys.h"
#include "engine/archive/meta.h"
#include "engine/medium/block_cache.h"
#include "engine/medium/medium.h"

/* A device can have more than one reason to refuse what is old. */
#define APPLY_MINIMA 2

struct apply_request {
    struct source archive;
    const struct public_keys *keys; /* NULL or none: nothing is verified */
    const char *task;
    const char *minimum_version[APPLY_MINIMA]; /* of the firmware's meta-version; NULL: any */
    struct medium *medium;
    bool verify, minimize;
    const char *stage_path; /* stop before on-finish, and keep there what activating it needs */
    bool activate;          /* on-finish only, of the very task (staged.h) */
    bool whole_input;       /* the source is read to its end before on-finish: it must have one */
    bool unsafe;
    const char *reboot_param_path; /* NULL: the default */
    /* Called when what decides what boots is about to be written, and again with false when that
     * failed and all is as it was; may be NULL. */
    void (*tell_switching)(bool begins);
};

/*
 * 0 when all is on the medium. On failure the boot switch has not been touched unless the failure
 * came from the medium itself while that very block was written. identity is filled as soon
 * as it is known.
 */
int apply_run(const struct apply_request *request, struct report *report,
              struct meta_identity *identity, struct error *err);

#endif
