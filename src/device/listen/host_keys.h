/* SPDX-License-Identifier: Apache-2.0 */
/* The device's host keys as files. Only fwssh-session parses what is in them. */
#ifndef FWSSH_DEVICE_LISTEN_HOST_KEYS_H
#define FWSSH_DEVICE_LISTEN_HOST_KEYS_H

#include "base/buffer.h"
#include "device/config/device_config.h"

#include <stdint.h>

#define HOST_KEYS_MAX 3

struct host_keys {
    size_t count;
    struct buffer text[HOST_KEYS_MAX]; /* private key files, not parsed */
    char *name[HOST_KEYS_MAX];         /* path of the file */
    bool from_system;                  /* from system-dir, not our own */
    bool volatile_key;                 /* newly generated and kept only in memory */
};

#define HOST_KEYS_KEEP 1u /* store a newly generated key in state-dir, and repair that file */
#define HOST_KEYS_OWN 2u  /* ignore system-dir */

/*
 * Finds the keys: those in system-dir if at least one of them can be used, else the key in
 * state-dir, which is generated at the first start. One that cannot be parsed is set aside under
 * another name and made anew; that is logged as an error. If it cannot be read, or a new one cannot
 * be stored, there is one in memory only, and clients see a different key after each start. how:
 * HOST_KEYS_*. told and report get what the check of the keys prints (session_tool_check()).
 * Returns 0 (release with host_keys_free()), or -1 with the error set.
 */
int host_keys_find(struct host_keys *keys, const struct device_config *config, unsigned how,
                   uint64_t *told, struct buffer *report, struct error *err);

/* Before the keys are found again: writes those of state-dir whose file is gone. */
void host_keys_restore(const struct host_keys *keys, const struct device_config *config);

void host_keys_free(struct host_keys *keys);

#endif
