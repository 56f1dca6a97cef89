/* Finds, before anybody pushes, what an update would fail at. */
#ifndef FWSSH_DEVICE_RECEIVE_SELF_CHECK_H
#define FWSSH_DEVICE_RECEIVE_SELF_CHECK_H

#include "device/config/device_config.h"

/*
 * Calls tell() for each thing that has been looked at: the device, updater, lock, state-dir,
 * firmware keys, hooks and other commands, slots. problem: NULL, or one line with the next step.
 * Updater and slot driver are run, with their time limits. Nothing is written, except that the
 * lock's directory is created if it is missing. Returns the number of problems.
 */
unsigned self_check(const struct device_config *config,
                    void (*tell)(const char *what, const char *problem));

#endif
