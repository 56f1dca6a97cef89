/* SPDX-License-Identifier: Apache-2.0 */
/* Variables in the text of a configuration. */
#ifndef FWSSH_ENGINE_ARCHIVE_CONF_VARIABLE_H
#define FWSSH_ENGINE_ARCHIVE_CONF_VARIABLE_H

#include <stddef.h>

/* The most that is read of a configuration. */
#define CONF_FILE_MAX (16u << 20)

/* The line of the first ${ that is not closed on its line, or in its quoted string; 0: none.
 * libconfuse would take all up to some later } for a name, without a word. Comments are blank. */
unsigned conf_variable_open(const char *text, size_t len);

#endif
