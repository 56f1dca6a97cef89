/* SPDX-License-Identifier: Apache-2.0 */
/* Words of the kernel's command line. */
#ifndef FWSSH_BASE_KERNEL_WORD_H
#define FWSSH_BASE_KERNEL_WORD_H

/* The value of the last word NAME=VALUE in the file, which is /proc/cmdline but in tests; NULL if
 * there is none. The caller frees it. */
char *kernel_word(const char *cmdline, const char *name);

#endif
