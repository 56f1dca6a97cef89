/* SPDX-License-Identifier: Apache-2.0 */
#include "device/session/session_brief.h"

#include "base/io.h"
#include "base/memory.h"
#include "device/monitor/brief.h"

#include <stdlib.h>
#include <string.h>

static char *brief_copy(const struct brief_item *item)
{
    char *text = memory_new(item->len + 1, 1);

    memcpy(text, item->data, item->len);
    return text;
}

static void brief_replace(char **text, const struct brief_item *item)
{
    free(*text);
    *text = brief_copy(item);
}

static int brief_number(const struct brief_item *item)
{
    char *text = brief_copy(item);
    int value = atoi(text);

    free(text);
    return value;
}

static char *brief_kex(const struct brief_item *item)
{
    char *text = brief_copy(item), *rest = text;
    struct buffer list = {0};

    for (char *name; (name = strsep(&rest, ","));)
        buffer_printf(&list, "%s%s", list.len ? "," : "",
                      strcmp(name, "post-quantum") ? name : SESSION_KEX_POST_QUANTUM);
    free(text);
    return list.data ? list.data : memory_text("");
}

/* libssh 0.10 imports some keys (Ed25519 in PKCS#8) that it cannot use; a client that negotiates
 * one would be disconnected. */
static bool host_key_is_usable(ssh_key key)
{
    char *text = NULL;
    bool usable = ssh_pki_export_pubkey_base64(key, &text) == SSH_OK;

    ssh_string_free_char(text);
    return usable;
}

static void session_brief_host_key(struct session_brief *b, const struct brief_item *item,
                                   const char *name)
{
    char *text = brief_copy(item);
    ssh_key key = NULL;

    /* No passphrase: on a device there is nobody to ask. */
    if (b->host_key_count < SESSION_HOST_KEYS_MAX &&
        ssh_pki_import_privkey_base64(text, NULL, NULL, NULL, &key) == SSH_OK &&
        host_key_is_usable(key)) {
        b->host_key[b->host_key_count++] = key;
    } else {
        buffer_printf(&b->damaged, "damaged-key %s\n", name ? name : "");
        log_at(b->complain ? LOG_LEVEL_WARNING : LOG_LEVEL_DEBUG,
               "ignoring host key %s: damaged, in an unknown format, or protected by a passphrase",
               name ? name : "");
        ssh_key_free(key);
    }
    explicit_bzero(text, item->len);
    free(text);
}

static void session_brief_item(struct session_brief *b, const struct brief_item *item, char **name)
{
    switch (item->key) {
    case BRIEF_HOST_KEY:
        session_brief_host_key(b, item, *name);
        break;
    case BRIEF_HOST_KEY_NAME:
    case BRIEF_KEYS_NAME:
        brief_replace(name, item);
        break;
    case BRIEF_KEYS_TEXT:
        authorized_keys_add(&b->keys, *name ? *name : "authorized keys", item->data, item->len);
        break;
    case BRIEF_CIPHERS:
        brief_replace(&b->ciphers, item);
        break;
    case BRIEF_MACS:
        brief_replace(&b->macs, item);
        break;
    case BRIEF_KEX:
        free(b->kex);
        b->kex = brief_kex(item);
        break;
    case BRIEF_GRACE_SECONDS:
        b->grace_seconds = brief_number(item);
        break;
    case BRIEF_IDLE_SECONDS:
        b->idle_seconds = brief_number(item);
        break;
    case BRIEF_UID:
        b->uid = (unsigned)brief_number(item);
        break;
    case BRIEF_ASK_KEYS:
        b->ask_keys = brief_number(item) != 0;
        break;
    case BRIEF_COMPLAIN:
        b->keys.complain = brief_number(item) != 0;
        break;
    case BRIEF_LOG_LEVEL:
        b->log_level = (enum log_level)brief_number(item);
        break;
    }
}

int session_brief_read(struct session_brief *b, int fd, bool complain, struct error *err)
{
    struct buffer bytes = {0};
    struct brief_item item;
    char *name = NULL;
    size_t at = 0;
    int more;

    *b = (struct session_brief){.complain = complain,
                                .grace_seconds = 30,
                                .idle_seconds = 120,
                                .uid = BRIEF_UID_DEFAULT,
                                .log_level = LOG_LEVEL_INFO};
    int rc = io_read_fd(fd, "the session's brief", BRIEF_MAX, &bytes, err);
    while (!rc && (more = brief_next(&bytes, &at, &item, err)) != 0) {
        if (more < 0)
            rc = -1;
        else
            session_brief_item(b, &item, &name);
    }
    if (!rc && !b->host_key_count)
        rc = error_set(err, EXIT_FAILED, "no usable host key");
    if (!rc && (!b->ciphers || !b->macs || !b->kex))
        rc = error_set(err, EXIT_FAILED, "the session's brief lacks algorithms");
    if (bytes.data)
        explicit_bzero(bytes.data, bytes.len);
    buffer_free(&bytes);
    free(name);
    if (rc) {
        struct buffer damaged = b->damaged;
        b->damaged = (struct buffer){0};
        session_brief_free(b);
        b->damaged = damaged;
    }
    return rc;
}

void session_brief_free(struct session_brief *b)
{
    for (size_t i = 0; i < b->host_key_count; i++)
        ssh_key_free(b->host_key[i]);
    authorized_keys_free(&b->keys);
    free(b->ciphers);
    free(b->macs);
    free(b->kex);
    buffer_free(&b->damaged);
    *b = (struct session_brief){0};
}
