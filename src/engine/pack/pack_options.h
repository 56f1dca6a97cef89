/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of fwpack: fwup's options (docs/fw-format.md, "Command line"), and commands as
 * words. */
#ifndef FWSSH_ENGINE_PACK_PACK_OPTIONS_H
#define FWSSH_ENGINE_PACK_PACK_OPTIONS_H

#include "base/error.h"
#include "engine/apply/apply.h"
#include "engine/apply/report.h"
#include "engine/archive/keys.h"

#include <stdbool.h>
#include <stdint.h>

enum pack_command {
    PACK_NONE,
    PACK_APPLY,
    PACK_ACTIVATE,
    PACK_CREATE,
    PACK_LIST,
    PACK_METADATA,
    PACK_SIGN,
    PACK_VERIFY,
    PACK_GEN_KEYS,
    PACK_CARDS,
    PACK_CARD,
    PACK_SPARSE_CHECK,
    PACK_VERSION,
    PACK_HELP,
};

struct pack_options {
    bool words; /* a command word was used: all exit statuses, not just 0 and 1 */
    enum pack_command command;
    const char *device, *conf, *input, *output, *task;
    const char *metadata_key, *reboot_param_path, *sparse_path;
    bool no_reboot_param;
    uint64_t sparse_size, max_blocks;
    int level; /* of compression */
    bool has_private_key;
    uint8_t private_key[KEYS_PRIVATE_SIZE];
    struct public_keys keys;
    bool has_more_keys; /* than there is room for */
    const char *minimum_version[APPLY_MINIMA];
    const char *stage_path;            /* apply all but on-finish */
    const char *pending_path, *use_up; /* switch_record.h */
    const char *sign_command, *attach; /* ways to sign without a local key */
    bool digest;                       /* with sign: write the data to be signed */
    bool require_signature;
    bool end_of_archive, exit_handshake, enable_trim, minimize, unmount, unsafe;
    int verify_writes; /* -1: on for devices */
    bool numeric, quiet, yes;
    struct report report;
};

/* 0, or -1 with the error set: EXIT_USAGE if the usage should be shown. */
int pack_options_parse(struct pack_options *o, int argc, char **argv, struct error *err);
void pack_options_usage(void);

/* The exit status of a usage error. */
enum exit_status pack_usage_status(const struct pack_options *o);

#endif
