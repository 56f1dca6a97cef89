/* SPDX-License-Identifier: Apache-2.0 */
/* Where fwssh keeps what it may lose: $XDG_CACHE_HOME/fwssh, else ~/.cache/fwssh. */
#ifndef FWSSH_HOST_ADAPTIVE_CACHE_PATH_H
#define FWSSH_HOST_ADAPTIVE_CACHE_PATH_H

/* The path of a file there, which the caller frees; NULL if there is no home. */
char *cache_path(const char *name);

/* Creates the directories above a path, for this user alone. That they cannot be created shows when
 * the file is. */
void cache_path_make(const char *path);

#endif
