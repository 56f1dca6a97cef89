/* SPDX-License-Identifier: Apache-2.0 */
/* Blanks out unknown sections in the meta.conf of a newer writer: libconfuse 3.3 cannot skip a
 * section that contains options. */
#ifndef FWSSH_ENGINE_ARCHIVE_CONF_UNKNOWN_H
#define FWSSH_ENGINE_ARCHIVE_CONF_UNKNOWN_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Overwrites unknown sections, including nested ones, with spaces; newlines stay, so that line
 * numbers are still right. is_known decides by a section's name. From the first syntax error on,
 * the text is left as it is, for the parser to report.
 */
void conf_unknown_blank(char *text, bool (*is_known)(const char *name, size_t len));

#endif
