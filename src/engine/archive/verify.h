/* Checks a whole archive without applying it: every entry, size, CRC and hash. */
#ifndef FWSSH_ENGINE_ARCHIVE_VERIFY_H
#define FWSSH_ENGINE_ARCHIVE_VERIFY_H

#include "engine/archive/firmware.h"

/* Reads the opened firmware to its end. 0, or -1 with the error set (EXIT_MISMATCH on damage). */
int verify_resources(struct firmware *fw, struct error *err);

#endif
