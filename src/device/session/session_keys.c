/* SPDX-License-Identifier: Apache-2.0 */
#include "device/session/session.h"

#include "base/io.h"
#include "base/memory.h"
#include "device/monitor/record.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SESSION_KEYS_MAX (256u << 10)
#define SESSION_KEYS_ANSWER_MS 15000

/* Waits for the listener's answer to a question: a file descriptor, or -1. */
static int session_keys_wait(struct session *s)
{
    struct pollfd p = {.fd = s->listener, .events = POLLIN};
    int fds[RECORD_FDS];
    struct record r;

    if (poll(&p, 1, SESSION_KEYS_ANSWER_MS) <= 0 || record_receive(s->listener, &r, fds) <= 0)
        return -1;
    for (int i = r.type == RECORD_KEYS ? 1 : 0; i < RECORD_FDS; i++)
        io_close(&fds[i]);
    return r.type == RECORD_KEYS ? fds[0] : -1;
}

/* The answer replaces the one for another key. */
static void session_keys_ask(struct session *s, ssh_key key, const char *user,
                             const char *fingerprint)
{
    struct record r;
    struct buffer text = {0};
    struct error err;
    char *base64 = NULL;

    authorized_keys_free(&s->asked);
    if (ssh_pki_export_pubkey_base64(key, &base64) != SSH_OK)
        return;
    char *question = memory_printf("%s %s %s", user, fingerprint, base64);
    if (!strchr(user, ' ') && strlen(question) < sizeof r.text &&
        !record_send(s->listener, RECORD_ASK_KEYS, 0, question, NULL)) {
        int fd = session_keys_wait(s);
        if (fd >= 0 && !io_read_fd(fd, "authorized-keys-command", SESSION_KEYS_MAX, &text, &err))
            authorized_keys_add(&s->asked, "authorized-keys-command", buffer_text(&text), text.len);
        io_close(&fd);
    }
    buffer_free(&text);
    free(question);
    ssh_string_free_char(base64);
}

const struct authorized_key *session_keys_find(struct session *s, ssh_key key, const char *user,
                                               const char *fingerprint, const char **why)
{
    int64_t now = (int64_t)time(NULL);
    const struct authorized_key *found =
        authorized_keys_find(&s->brief.keys, key, s->peer, now, why);

    if (found || !s->brief.ask_keys || authorized_keys_is_certificate(key))
        return found;
    /* Clients ask whether a key is accepted, then send a signature: the second time the answer is
     * known. */
    found = authorized_keys_find(&s->asked, key, s->peer, now, why);
    if (found)
        return found;
    session_keys_ask(s, key, user, fingerprint);
    found = authorized_keys_find(&s->asked, key, s->peer, now, why);
    if (!found && s->asked.refused)
        *why =
            "not an authorized key; authorized-keys-command printed a line that is no usable key";
    return found;
}
