/* What a transfer came to: from ssh's status and words to an exit status and one line that can be
 * acted on. */
#ifndef FWSSH_HOST_REMOTE_OUTCOME_H
#define FWSSH_HOST_REMOTE_OUTCOME_H

#include "host/remote/transfer.h"

/* The status is an enum exit_status; text gets the line. */
int outcome_judge(const struct transfer *t, const struct push_options *o,
                  const struct ssh_target *target, struct buffer *text);

#endif
