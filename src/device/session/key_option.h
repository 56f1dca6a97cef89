/* Options in authorized_keys lines (sshd(8), AUTHORIZED_KEYS FILE FORMAT). */
#ifndef FWSSH_DEVICE_SESSION_KEY_OPTION_H
#define FWSSH_DEVICE_SESSION_KEY_OPTION_H

#include <stdbool.h>
#include <stdint.h>

/* Whether an option is known and forbids or allows only what is not offered anyway. */
bool key_option_is_harmless(const char *option);

/* Returns the value of NAME="VALUE" without its quotes and with \" unescaped, which the caller
 * frees; NULL if the option has another name or a value in another form. */
char *key_option_value(const char *option, const char *name);

/* from: comma-separated patterns with * and ? as wildcards, ADDRESS/BITS for a network; a leading !
 * denies. address: the client's, numeric. Host names never match, because no name is looked up. */
bool key_option_from_matches(const char *patterns, const char *address);

/* expiry-time: YYYYMMDD[HHMM[SS]], in UTC with a trailing Z, else in local time. Returns 0 and the
 * seconds since 1970, or -1. */
int key_option_parse_time(const char *text, int64_t *seconds);

#endif
