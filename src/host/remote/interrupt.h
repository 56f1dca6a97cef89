/* SIGINT, SIGTERM and SIGHUP, which are only counted. */
#ifndef FWSSH_HOST_REMOTE_INTERRUPT_H
#define FWSSH_HOST_REMOTE_INTERRUPT_H

#include <stdbool.h>

/* From now on these signals are counted instead of ending the program. */
void interrupt_watch(void);

/* Whether one has arrived; how many. */
bool interrupt_came(void);
int interrupt_count(void);

/* Waits for the given seconds, or until one arrives. */
void interrupt_pause(double seconds);

#endif
