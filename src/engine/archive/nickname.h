/* SPDX-License-Identifier: Apache-2.0 */
/* The 256 words of nicknames: the first two bytes of a UUID choose two of them. */
#ifndef FWSSH_ENGINE_ARCHIVE_NICKNAME_H
#define FWSSH_ENGINE_ARCHIVE_NICKNAME_H

extern const char *const nickname_words[256];

#endif
