/* SPDX-License-Identifier: Apache-2.0 */
/* Whether this build has AddressSanitizer, which maps terabytes, and whose leak checker uses ptrace
 * and /proc: limits that forbid this are left out then. */
#ifndef FWSSH_BASE_SANITIZER_H
#define FWSSH_BASE_SANITIZER_H

#include <stdbool.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZER_IS_ON true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZER_IS_ON true
#endif
#endif
#ifndef SANITIZER_IS_ON
#define SANITIZER_IS_ON false
#endif

#endif
