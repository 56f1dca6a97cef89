/* SPDX-License-Identifier: Apache-2.0 */
/* Options in authorized_keys lines (sshd(8), AUTHORIZED_KEYS FILE FORMAT). */
#ifndef FWSSH_DEVICE_SESSION_KEY_OPTION_H
#define FWSSH_DEVICE_SESSION_KEY_OPTION_H

#include <stdbool.h>
#include <stdint.h>

/* Whether an option is known and forbids or allows only what is not offered anyway. */
bool key_option_is_harmless(const char *option);

/* Why an option is not acceptable: a static text, which names it only if it is one of OpenSSH's. */
const char *key_option_describe(const char *option);

/* Returns the value of NAME="VALUE" without its quotes and with \" unescaped, which the caller
 * frees; NULL if the option has another name or a value in another form. */
char *key_option_value(const char *option, const char *name);

/*
 * from: comma-separated patterns: addresses and networks (base/network.h), compared as numbers, or
 * texts with * and ? as wildcards; a leading ! denies. address: the client's, numeric. Host names
 * never match, because no name is looked up.
 */
bool key_option_from_matches(const char *patterns, const char *address);

/* False if a pattern that denies could fail to match what it means: a name, a misspelt address, or
 * wildcards for IPv6. */
bool key_option_from_is_enforceable(const char *patterns);

/* False if no address can match: all patterns deny, or are names. */
bool key_option_from_admits(const char *patterns);

/* expiry-time: YYYYMMDD[HHMM[SS]], in UTC with a trailing Z, else in local time. Returns 0 and the
 * seconds since 1970, or -1. */
int key_option_parse_time(const char *text, int64_t *seconds);

#endif
