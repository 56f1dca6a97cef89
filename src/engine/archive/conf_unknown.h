/*
 * Sections that this program does not know, in a meta.conf of a newer writer: they are to be passed
 * over, which libconfuse 3.3 cannot do when there are options in them.
 */
#ifndef FWSSH_ENGINE_ARCHIVE_CONF_UNKNOWN_H
#define FWSSH_ENGINE_ARCHIVE_CONF_UNKNOWN_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Overwrites unknown sections, also those inside known ones, with blanks; newlines stay, so that
 * lines are still counted rightly. is_known tells a section's name. From the first thing that is
 * not in order the text is left as it is, for the parser to complain about.
 */
void conf_unknown_blank(char *text, bool (*is_known)(const char *name, size_t len));

#endif
