/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parameter of the next reboot, which a task leaves behind (reboot_param; docs/fw-format.md,
 * "Text and reboot parameter"): in a file that systemd reads, or else our own reboot by the kernel.
 */
#ifndef FWSSH_BASE_REBOOT_PARAM_H
#define FWSSH_BASE_REBOOT_PARAM_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define REBOOT_PARAM_SIZE 256

/* The value of reboot-command for a reboot without init. */
#define REBOOT_BY_KERNEL "kernel"

/* Where a parameter is written on this system. */
const char *reboot_param_path(void);

/* The parameter that is waiting; "" if there is none. */
void reboot_param_read(char *param, size_t size);

/* Removes it. Returns 0 also if there is none, or -1 with the error set. */
int reboot_param_remove(struct error *err);

/* Whether the kernel will get a parameter by this reboot command: false if its program is known not
 * to pass one on, true otherwise. */
bool reboot_param_is_passed_by(const char *command);

#endif
