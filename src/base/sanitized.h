/* Whether this program is built with AddressSanitizer, which maps terabytes, and whose leak checker
 * uses ptrace and /proc. */
#ifndef FWSSH_BASE_SANITIZED_H
#define FWSSH_BASE_SANITIZED_H

#include <stdbool.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

#endif
