/* SPDX-License-Identifier: Apache-2.0 */
/* The key session-user: a user by name, in place of the number session-uid. */
#ifndef FWSSH_DEVICE_CONFIG_SESSION_USER_H
#define FWSSH_DEVICE_CONFIG_SESSION_USER_H

#include "base/error.h"

/* Looks the name up in a file like /etc/passwd; NSS, which a static program lacks, is not asked.
 * Sessions become the user and a group of the same number, so its own group must have that number,
 * too, and not be another's. Returns the number, or -1 with the error set (EXIT_USAGE). */
int session_user_find(const char *passwd, const char *name, struct error *err);

#endif
