/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adapters: programs named fwssh-updater-NAME, each of which puts another updater (RAUC, SWUpdate)
 * behind five verbs: describe, write, status, confirm, revert. fwssh-updater(7) is the contract.
 */
#ifndef FWSSH_DEVICE_UPDATERS_UPDATER_ADAPTER_H
#define FWSSH_DEVICE_UPDATERS_UPDATER_ADAPTER_H

#include "device/updaters/updater_driver.h"

/*
 * Runs a verb other than write, without input, for at most that many seconds. reason: why, for
 * revert; else "". Returns 0 with its output in r, or -1 with the error set, EXIT_REFUSED or
 * EXIT_MISMATCH if its exit status says so; run_free() in any case.
 */
int updater_adapter_ask(const struct updater *u, const char *verb, const char *reason, int seconds,
                        struct run_result *r, struct error *err);

#endif
