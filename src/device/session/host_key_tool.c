/* SPDX-License-Identifier: Apache-2.0 */
#include "device/session/host_key_tool.h"

#include "base/io.h"
#include "base/log.h"
#include "device/monitor/brief.h"
#include "device/session/sandbox.h"
#include "device/session/session.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int host_key_generate(enum ssh_keytypes_e type, ssh_key *key)
{
#if LIBSSH_VERSION_INT < SSH_VERSION_INT(0, 12, 0)
    return ssh_pki_generate(type, 0, key);
#else
    return ssh_pki_generate_key(type, NULL, key);
#endif
}

int host_key_tool_make(enum ssh_keytypes_e type)
{
    ssh_key key = NULL;
    char *text = NULL;
    int status = EXIT_FAILED;

    if (host_key_generate(type, &key) != SSH_OK ||
        ssh_pki_export_privkey_base64(key, NULL, NULL, NULL, &text) != SSH_OK)
        fputs("cannot generate a host key\n", stderr);
    else if (!io_write_all(STDOUT_FILENO, text, strlen(text)))
        status = EXIT_DONE;
    if (text)
        explicit_bzero(text, strlen(text));
    ssh_string_free_char(text);
    ssh_key_free(key);
    return status;
}

static void host_key_print(ssh_key key)
{
    unsigned char *hash = NULL;
    size_t len = 0;
    char *base64 = NULL, *fingerprint = NULL;

    if (ssh_pki_export_pubkey_base64(key, &base64) == SSH_OK &&
        !ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &len))
        fingerprint = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, len);
    printf("host-key %s %s %s\n", ssh_key_type_to_char(ssh_key_type(key)), base64 ? base64 : "?",
           fingerprint ? fingerprint : "?");
    ssh_string_free_char(base64);
    ssh_string_free_char(fingerprint);
    ssh_clean_pubkey_hash(&hash);
}

static bool algorithm_may_be_missing(enum ssh_bind_options_e option, const char *name)
{
    return option == SSH_BIND_OPTIONS_KEY_EXCHANGE && *name &&
           strstr(SESSION_KEX_POST_QUANTUM, name);
}

/* libssh accepts a list if it supports any of its names, but a misspelt name must not be dropped
 * silently. */
static bool algorithms_are_known(char *list, enum ssh_bind_options_e option, const char *key)
{
    bool known = true;

    for (char *name; (name = strsep(&list, ","));) {
        ssh_bind bind = ssh_bind_new();
        bool ok = bind && (ssh_bind_options_set(bind, option, name) >= 0 ||
                           algorithm_may_be_missing(option, name));
        if (!ok)
            log_error("%s: libssh does not support '%s'", key, name);
        known = known && ok;
        ssh_bind_free(bind);
    }
    return known;
}

static bool brief_algorithms_are_known(struct session_brief *b)
{
    bool ciphers = algorithms_are_known(b->ciphers, SSH_BIND_OPTIONS_CIPHERS_C_S, "ciphers");
    bool macs = algorithms_are_known(b->macs, SSH_BIND_OPTIONS_HMAC_C_S, "macs");
    bool kex = algorithms_are_known(b->kex, SSH_BIND_OPTIONS_KEY_EXCHANGE, "kex");

    return ciphers && macs && kex;
}

/* Prints which parts of the sandbox sessions will lack. */
static int host_key_tool_try_sandbox(unsigned uid)
{
    struct buffer missing = {0};
    struct error err;
    int rc = sandbox_enter(uid, &missing, &err);

    if (rc)
        log_error("%s", err.text);
    else
        printf("sandbox %s\n", missing.len ? buffer_text(&missing) : "complete");
    fflush(stdout);
    buffer_free(&missing);
    return rc ? EXIT_FAILED : EXIT_DONE;
}

int host_key_tool_check(void)
{
    struct session s = {.socket = -1, .listener = -1};
    struct error err;
    int status = EXIT_FAILED;

    log_open("fwsshd", LOG_LEVEL_INFO, false);
    int rc = session_brief_read(&s.brief, BRIEF_FD_BRIEF, true, &err);
    fputs(buffer_text(&s.brief.damaged), stdout);
    fflush(stdout);
    if (rc) {
        log_error("%s", err.text);
        session_brief_free(&s.brief);
        return status;
    }
    for (size_t i = 0; i < s.brief.host_key_count; i++)
        host_key_print(s.brief.host_key[i]);
    printf("authorized-keys %zu\n", authorized_keys_count(&s.brief.keys, (int64_t)time(NULL)));
    printf("libssh %s\n", ssh_version(0));
    fflush(stdout);
    bool known = brief_algorithms_are_known(&s.brief);
    session_brief_free(&s.brief);
    /* Reads the brief once more, to have libssh accept the algorithms as a session would. */
    if (!known || lseek(BRIEF_FD_BRIEF, 0, SEEK_SET) < 0)
        return status;
    log_set_level(LOG_LEVEL_ERROR);
    if (session_setup(&s, &err))
        log_error("%s", err.text);
    else
        status = host_key_tool_try_sandbox(s.brief.uid);
    session_teardown(&s);
    return status;
}
