/* SPDX-License-Identifier: Apache-2.0 */
/* `fwssh gen-script`: writes upload.sh, which pushes without fwssh. */
#ifndef FWSSH_HOST_COMMAND_GEN_SCRIPT_H
#define FWSSH_HOST_COMMAND_GEN_SCRIPT_H

#include "host/command/host_options.h"

/* Writes it to o->output_file ("-": standard output). Returns the exit status. */
int gen_script_run(const struct host_options *o);

#endif
