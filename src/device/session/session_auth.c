/* SPDX-License-Identifier: Apache-2.0 */
#include "device/session/session.h"

#include "base/log.h"
#include "device/monitor/record.h"

#include <stdio.h>
#include <string.h>

static void auth_fingerprint(ssh_key key, char *text, size_t size)
{
    unsigned char *hash = NULL;
    size_t len = 0;
    char *shown = NULL;

    if (!ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &len))
        shown = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, len);
    snprintf(text, size, "%s %s", ssh_key_type_to_char(ssh_key_type(key)), shown ? shown : "?");
    ssh_string_free_char(shown);
    ssh_clean_pubkey_hash(&hash);
}

static int auth_deny(struct session *s, const char *user, const char *fingerprint, const char *why)
{
    char text[600];

    s->tries++;
    snprintf(text, sizeof text, "user '%.64s', key %s: %s", user, fingerprint, why);
    record_send(s->listener, RECORD_DENIED, (uint32_t)s->tries, text, NULL);
    return SSH_AUTH_DENIED;
}

static void auth_accept(struct session *s, const struct authorized_key *key,
                        const char *fingerprint)
{
    char text[600];

    if (s->authenticated)
        return;
    s->authenticated = true;
    snprintf(text, sizeof text, "key %s%s%.200s", fingerprint, *key->comment ? " " : "",
             key->comment);
    record_send(s->listener, RECORD_AUTHENTICATED, 0, text, NULL);
    if (key->rsa_bits && key->rsa_bits < 2040)
        log_warning("this login used an RSA key of only about %u bits; create a new key with "
                    "ssh-keygen -t ed25519",
                    key->rsa_bits);
}

/*
 * Called first to ask whether a key would be accepted (STATE_NONE), then with a signature that
 * libssh has verified (STATE_VALID). Any user name is accepted, as by the nerves_firmware_ssh
 * server.
 */
static int auth_pubkey(ssh_session ssh, const char *user, struct ssh_key_struct *key, char state,
                       void *data)
{
    struct session *s = data;
    char fingerprint[128];

    (void)ssh;
    if (s->tries >= SESSION_TRIES_MAX || s->authenticated)
        return SSH_AUTH_DENIED;
    auth_fingerprint(key, fingerprint, sizeof fingerprint);
    if (state != SSH_PUBLICKEY_STATE_NONE && state != SSH_PUBLICKEY_STATE_VALID)
        return auth_deny(s, user, fingerprint, "bad signature");
    if (authorized_keys_is_certificate(key))
        return auth_deny(s, user, fingerprint, "certificates are not accepted");
    if (authorized_keys_is_security_key(ssh_key_type(key)))
        return auth_deny(s, user, fingerprint, "security keys (sk-...) are not accepted");
    const char *why;
    const struct authorized_key *found = session_keys_find(s, key, user, fingerprint, &why);
    if (!found)
        return auth_deny(s, user, fingerprint, why);
    if (state == SSH_PUBLICKEY_STATE_VALID)
        auth_accept(s, found, fingerprint);
    return SSH_AUTH_SUCCESS;
}

/* Without this callback, libssh would pass tokens of an unauthenticated client to the Kerberos
 * library, whatever methods are offered. No mechanism is accepted. */
static ssh_string auth_no_gssapi(ssh_session ssh, const char *user, int count, ssh_string *oids,
                                 void *data)
{
    (void)ssh;
    (void)count;
    (void)oids;
    auth_deny(data, user, "none", "GSSAPI is not offered");
    return NULL;
}

static int auth_service(ssh_session ssh, const char *service, void *data)
{
    struct session *s = data;

    (void)ssh;
    (void)service; /* libssh knows one only */
    if (!s->asked_service)
        s->before = s->packets;
    s->asked_service = true;
    return 0;
}

static ssh_channel auth_open_channel(ssh_session ssh, void *data)
{
    struct session *s = data;

    (void)ssh;
    return s->authenticated ? session_channel_open(s) : NULL;
}

void session_auth_watch(struct session *s)
{
    s->callbacks = (struct ssh_server_callbacks_struct){
        .userdata = s,
        .auth_pubkey_function = auth_pubkey,
        .gssapi_select_oid_function = auth_no_gssapi,
        .service_request_function = auth_service,
        .channel_open_request_session_function = auth_open_channel,
    };
    ssh_callbacks_init(&s->callbacks);
    ssh_set_server_callbacks(s->ssh, &s->callbacks);
    ssh_set_auth_methods(s->ssh, SSH_AUTH_METHOD_PUBLICKEY);
    ssh_set_counters(s->ssh, NULL, &s->packets);
}
