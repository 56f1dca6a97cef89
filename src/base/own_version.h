/* SPDX-License-Identifier: Apache-2.0 */
/* What this build is called: packaging/version.sh. */
#ifndef FWSSH_BASE_OWN_VERSION_H
#define FWSSH_BASE_OWN_VERSION_H

extern const char own_version[];

#endif
