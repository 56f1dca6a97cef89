/* SPDX-License-Identifier: Apache-2.0 */
/* Another user instead of root. */
#ifndef FWSSH_BASE_BECOME_USER_H
#define FWSSH_BASE_BECOME_USER_H

#include <stdbool.h>

/* Becomes this user and group, and leaves all other groups; for good. What was to happen when the
 * parent dies (spawn.h) stays as it was. False, with errno, if that is not possible. */
bool become_user(unsigned id);

#endif
