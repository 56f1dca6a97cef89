/* The host keys of this device as files; what is in them is the session program's business. */
#ifndef FWSSH_DEVICE_LISTEN_HOST_KEYS_H
#define FWSSH_DEVICE_LISTEN_HOST_KEYS_H

#include "base/buffer.h"
#include "device/config/device_config.h"

#define HOST_KEYS_MAX 3

struct host_keys {
    size_t count;
    struct buffer text[HOST_KEYS_MAX]; /* private keys as they are in their files */
    char *name[HOST_KEYS_MAX];         /* of the file */
    bool from_system;                  /* not our own one */
    bool volatile_key;                 /* made now and kept in memory only */
};

#define HOST_KEYS_KEEP 1u /* write a key that has to be made */
#define HOST_KEYS_OWN 2u  /* do not look into system-dir */

/*
 * Those of system-dir if at least one can be read; else the one in state-dir, which is made at the
 * first start. If it cannot be written there it is kept in memory only, with a warning: clients
 * will see another key after each start.
 */
int host_keys_load(struct host_keys *keys, const struct device_config *config, unsigned how,
                   struct error *err);
void host_keys_free(struct host_keys *keys);

/* Makes the key in state-dir unless there is one. */
int host_keys_init(const struct device_config *config, struct error *err);

#endif
