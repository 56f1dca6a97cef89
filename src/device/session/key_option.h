/* Options of authorized_keys lines that have to be met (sshd(8), AUTHORIZED_KEYS FILE FORMAT). */
#ifndef FWSSH_DEVICE_SESSION_KEY_OPTION_H
#define FWSSH_DEVICE_SESSION_KEY_OPTION_H

#include <stdbool.h>
#include <stdint.h>

/* Whether an option is known and takes away, or allows, only what is not offered anyway. */
bool key_option_is_harmless(const char *option);

/*
 * The value of NAME="VALUE", its quotes taken off and \" undone; the caller frees it. NULL if the
 * option has another name or no value of that form.
 */
char *key_option_value(const char *option, const char *name);

/*
 * from: patterns with commas between them, * and ? for any characters, ADDRESS/BITS for networks, !
 * before one to forbid. address: of the client, numeric. Names of hosts never match: nothing is
 * looked up.
 */
bool key_option_from_matches(const char *patterns, const char *address);

/* expiry-time: YYYYMMDD[HHMM[SS]], of UTC with a Z behind it, else of local time. 0, or -1. */
int key_option_parse_time(const char *text, int64_t *seconds);

#endif
