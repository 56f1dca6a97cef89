/* `fwssh status`, `confirm`, `revert`, `reboot`, `activate` and `log`: one request to each device.
 */
#ifndef FWSSH_HOST_COMMAND_ASK_H
#define FWSSH_HOST_COMMAND_ASK_H

#include "host/command/push_options.h"

/* The command's word, which is the request's name, too; 0 if it is none. */
int ask_is_word(const char *word);

/* The exit status: that of the one device, or EXIT_SOME_FAILED. */
int ask_run(const struct push_options *o, const char *word);

#endif
