/* The commands of fwpack. */
#ifndef FWSSH_PACK_PACK_RUN_H
#define FWSSH_PACK_PACK_RUN_H

#include "archive/meta.h"
#include "pack/pack_options.h"

/* Runs the chosen command. uuid gets the UUID of the firmware that was read, "" if none was. */
int pack_run(struct pack_options *o, char uuid[META_UUID_SIZE], struct error *err);

#endif
