/* SPDX-License-Identifier: Apache-2.0 */
/* For programs that hold secrets, such as host keys. */
#ifndef FWSSH_BASE_NO_CORE_H
#define FWSSH_BASE_NO_CORE_H

/* No core file of this process, and no process of the same user may look into its memory. Programs
 * that it starts can raise their own limit again. */
void no_core(void);

#endif
