/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of fwsshd and fwssh-receive: fwsshd.conf (in libconfuse's syntax) and -o
 * KEY=VALUE. fwsshd.conf(5) describes the keys. */
#ifndef FWSSH_DEVICE_CONFIG_DEVICE_CONFIG_H
#define FWSSH_DEVICE_CONFIG_DEVICE_CONFIG_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/log.h"

#include <confuse.h>
#include <stdbool.h>
#include <stddef.h>

#define DEVICE_CONFIG_PATH "/etc/fwssh/fwsshd.conf"
#define DEVICE_CONFIG_MAX (1u << 20) /* bytes of a file */

struct text_list {
    size_t count;
    const char **item; /* owned by the configuration */
};

struct device_config {
    cfg_t *cfg;
    int port;
    struct text_list listen_address;
    struct text_list authorized_keys, authorized_keys_files;
    const char *keys_command; /* or "" */
    int keys_command_uid;     /* the user it runs as if fwsshd runs as root */
    const char *system_dir, *state_dir;
    bool own_host_key; /* nothing is taken from system_dir */
    const char *device, *uboot_env_config, *task;
    const char *slot_driver, *slot_command, *ops_firmware; /* slots/slot_driver.h */
    const char *grubenv;                                   /* a file, or "": in the known places */
    const char *unconfirmed;                               /* warn, refuse or ignore */
    const char *watchdog;                                  /* a device, or "" */
    struct text_list allowed_tasks;                        /* empty: only task */
    const char *updater;
    struct text_list updater_options, firmware_public_keys, adaptive_sources;
    const char *reboot_command, *lock_file;
    bool updater_network;        /* updaters may use the network */
    int updater_timeout;         /* seconds without a sign of life */
    const char *spool_dir;       /* or "": state_dir */
    int spool_max;               /* MiB; 0: half of what is free */
    const char *minimum_version; /* of a firmware, or "" */
    bool refuse_older;           /* than the newest one so far (updaters/version_floor.h) */
    const char *audit_file;      /* or "" */
    int audit_file_size;         /* bytes; 0: no limit */
    const char *metrics_file;    /* or "" */
    const char *hook_precheck, *hook_success, *hook_failure; /* commands, or "" */
    int hook_timeout;                                        /* seconds */
    const char *receive_program, *session_program, *hold_program;
    const char *own_program; /* that of fwssh-agent, which is fwpack and fwssh-hold, too; or NULL */
    const char *adaptive;    /* yes, coarse or no */
    bool strict_modes; /* check who may write to key files and programs (config/trusted_file.h) */
    int session_uid;   /* user and group that sessions become if fwsshd runs as root */
    int max_sessions, max_unauthenticated, max_per_source;
    int max_penalty, login_grace_time, idle_timeout; /* seconds */
    struct text_list penalty_exempt;                 /* addresses and networks (base/network.h) */
    struct text_list ciphers, macs, kex;
    bool compatible; /* also what older clients need (listen/session_tool.c) */
    enum log_level log_level;
    bool log_to_syslog, log_json;
};

/* What an unknown key is. Another version may know it: the image before meets the configuration of
 * the image after. */
enum device_config_rigour {
    DEVICE_CONFIG_STRICT,  /* an error */
    DEVICE_CONFIG_LENIENT, /* a warning in the log; it is ignored */
};

/*
 * Loads the configuration. path: NULL means DEVICE_CONFIG_PATH, which may then be missing (all keys
 * have defaults). overrides: KEY=VALUE texts. A mistake is logged with file, line and what is
 * expected; the error then has EXIT_USAGE. Returns 0 (release with
 * device_config_free()), or -1 with the error set.
 */
int device_config_load(struct device_config *c, const char *path, const struct text_list *overrides,
                       enum device_config_rigour rigour, struct error *err);

/* Loads what device_config_print() wrote from a descriptor, and closes it. */
int device_config_load_fd(struct device_config *c, int fd, struct error *err);
void device_config_free(struct device_config *c);

/* Appends all keys with their values, in the syntax of the file. */
void device_config_print(const struct device_config *c, struct buffer *out);

void text_list_add(struct text_list *list, const char *item);

/* The items, comma-separated; the caller frees the text. */
char *text_list_join(const struct text_list *list);

#endif
