/* SPDX-License-Identifier: Apache-2.0 */
/* Finds out what the device lacks of a firmware, in up to three questions (PROTOCOL.md). */
#ifndef FWSSH_HOST_ADAPTIVE_ADAPTIVE_QUESTION_H
#define FWSSH_HOST_ADAPTIVE_ADAPTIVE_QUESTION_H

#include "host/adaptive/adaptive_base.h"
#include "host/adaptive/adaptive_dialog.h"
#include "host/adaptive/gap_list.h"

struct adaptive_question {
    struct adaptive_dialog *dialog;
    const struct firmware_stream *firmware;
    int base_fd;                /* its file; -1: none */
    struct adaptive_base *base; /* read from it while the device looks at what it holds */
    struct chunk_packer *packer;
    struct gap_list gaps;
    uint64_t candidates; /* bytes of the device that may match what is missing */
};

/* Asks for the groups of the firmware and of the base. Returns like adaptive_dialog_wait(). */
int adaptive_question_groups(struct adaptive_question *q, struct error *err);

/* Asks more finely for what is missing, as far as that pays. Returns the same. */
int adaptive_question_refine(struct adaptive_question *q, struct error *err);

#endif
