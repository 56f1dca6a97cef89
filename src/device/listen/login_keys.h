/* SPDX-License-Identifier: Apache-2.0 */
/* The authorized keys of configuration and files, as a session gets them. */
#ifndef FWSSH_DEVICE_LISTEN_LOGIN_KEYS_H
#define FWSSH_DEVICE_LISTEN_LOGIN_KEYS_H

#include "base/buffer.h"
#include "device/config/device_config.h"

#include <stdint.h>

/*
 * Adds them to a brief. Files are read each time, so changes need no reload. What is wrong with
 * files and lines is logged only if anything has changed since the digest in *told was taken (0:
 * never), so that strangers do not fill the log; *told is updated.
 */
void login_keys_add(struct buffer *brief, const struct device_config *config, uint64_t *told);

#endif
