/* The 256 words of which two, chosen by the first bytes of a UUID, make a firmware's nickname. */
#ifndef FWSSH_ENGINE_ARCHIVE_NICKNAME_H
#define FWSSH_ENGINE_ARCHIVE_NICKNAME_H

extern const char *const nickname_words[256];

#endif
