/* SPDX-License-Identifier: Apache-2.0 */
/* A file with a host key, on its way from the brief to libssh's server. */
#include "fuzz.h"

#include "base/log.h"
#include "device/monitor/brief.h"
#include "device/session/session_brief.h"

#include <libssh/server.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    log_set_level(LOG_LEVEL_ERROR);
    return ssh_init();
}

/* A key that is kept must be one that libssh takes and can show to a client. */
static void fuzz_use(struct session_brief *b)
{
    unsigned char *hash = NULL;
    size_t len = 0;
    char *base64 = NULL;
    ssh_bind bind = ssh_bind_new();

    if (b->host_key_count != 1 || !ssh_key_is_private(b->host_key[0]) ||
        ssh_pki_export_pubkey_base64(b->host_key[0], &base64) != SSH_OK ||
        ssh_get_publickey_hash(b->host_key[0], SSH_PUBLICKEY_HASH_SHA256, &hash, &len))
        __builtin_trap();
    if (bind && ssh_bind_options_set(bind, SSH_BIND_OPTIONS_IMPORT_KEY, b->host_key[0]) >= 0)
        b->host_key[0] = NULL; /* libssh owns it now */
    ssh_bind_free(bind);
    ssh_string_free_char(base64);
    ssh_clean_pubkey_hash(&hash);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer bytes = {0};
    struct session_brief brief;
    struct error err;

    if (size > 65536) /* the limit of host_keys.c */
        return 0;
    brief_add_text(&bytes, BRIEF_CIPHERS, "aes256-ctr");
    brief_add_text(&bytes, BRIEF_MACS, "hmac-sha2-256-etm@openssh.com");
    brief_add_text(&bytes, BRIEF_KEX, "curve25519-sha256");
    brief_add(&bytes, BRIEF_HOST_KEY, data, size);
    int fd = brief_to_fd(&bytes, &err);
    buffer_free(&bytes);
    if (fd < 0)
        abort();
    if (!session_brief_read(&brief, fd, true, &err))
        fuzz_use(&brief);
    session_brief_free(&brief);
    close(fd);
    return 0;
}
