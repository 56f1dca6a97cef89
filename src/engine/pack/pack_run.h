/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of fwpack. */
#ifndef FWSSH_ENGINE_PACK_PACK_RUN_H
#define FWSSH_ENGINE_PACK_PACK_RUN_H

#include "engine/archive/meta.h"
#include "engine/pack/pack_options.h"

/* Runs the chosen command. identity gets what is known about the firmware that was read. */
int pack_run(struct pack_options *o, struct meta_identity *identity, struct error *err);

#endif
