/* SPDX-License-Identifier: Apache-2.0 */
/* A directory for this user only, while ssh runs: for a socket, or a pipe. */
#ifndef FWSSH_HOST_REMOTE_PRIVATE_DIR_H
#define FWSSH_HOST_REMOTE_PRIVATE_DIR_H

#include "base/error.h"

/* what: it is for, for the message. Returns its path, which the caller frees after removing it, or
 * NULL with the error set. */
char *private_dir_make(const char *what, struct error *err);

#endif
