/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an SSH server calls itself (RFC 4253, section 4.2). The number after fwssh_ says what its
 * subsystem fwssh understands, so that a client knows it before it logs in: 2 is the first with
 * "assemble"; before that, there was none.
 */
#ifndef FWSSH_WIRE_SOFTWARE_H
#define FWSSH_WIRE_SOFTWARE_H

#include <stdbool.h>

#define SOFTWARE_VERSION "fwssh_2"
/* With the line end that is sent. */
#define SOFTWARE_BANNER "SSH-2.0-" SOFTWARE_VERSION "\r\n"
#define SOFTWARE_MAX 247

/* Whether the server that calls itself so may know the request "assemble": a fwsshd that
 * says so, or a server that can offer any subsystem. */
bool software_may_assemble(const char *software);

/* Whether it is a fwsshd, which has the subsystem fwssh, and says so. */
bool software_is_fwsshd(const char *software);

#endif
