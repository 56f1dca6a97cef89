/* SPDX-License-Identifier: Apache-2.0 */
/* Files of a user, where the XDG Base Directory Specification has them. */
#ifndef FWSSH_BASE_USER_PATH_H
#define FWSSH_BASE_USER_PATH_H

/* $VARIABLE/NAME, else $HOME/BELOW/NAME, which the caller frees; NULL if there is neither. A
 * relative directory counts as none. */
char *user_path(const char *variable, const char *below, const char *name);

#endif
