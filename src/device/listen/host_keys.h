/* The device's host keys as files. Only fwssh-session parses what is in them. */
#ifndef FWSSH_DEVICE_LISTEN_HOST_KEYS_H
#define FWSSH_DEVICE_LISTEN_HOST_KEYS_H

#include "base/buffer.h"
#include "device/config/device_config.h"

#define HOST_KEYS_MAX 3

struct host_keys {
    size_t count;
    struct buffer text[HOST_KEYS_MAX]; /* private key files, not parsed */
    char *name[HOST_KEYS_MAX];         /* path of the file */
    bool from_system;                  /* from system-dir, not our own */
    bool volatile_key;                 /* newly generated and kept only in memory */
};

#define HOST_KEYS_KEEP 1u /* store a newly generated key in state-dir */
#define HOST_KEYS_OWN 2u  /* ignore system-dir */

/*
 * Loads the keys in system-dir if at least one can be read, else the key in state-dir, which is
 * generated at the first start. If it cannot be stored there, it is kept only in memory, with a
 * warning: clients will see a different key after each start. how: HOST_KEYS_*. Returns 0 (release
 * with host_keys_free()), or -1 with the error set.
 */
int host_keys_load(struct host_keys *keys, const struct device_config *config, unsigned how,
                   struct error *err);
void host_keys_free(struct host_keys *keys);

/* Generates the key in state-dir unless it exists. Returns 0, or -1 with the error set. */
int host_keys_init(const struct device_config *config, struct error *err);

#endif
