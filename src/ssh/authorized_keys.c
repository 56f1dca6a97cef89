#include "ssh/authorized_keys.h"

#include "base/log.h"
#include "base/memory.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* One line while it is taken apart. */
struct line {
    const char *name;
    unsigned number;
    char *text; /* modified */
};

/* What these take away is not offered anyway. */
static bool option_is_harmless(const char *option)
{
    static const char *const harmless[] = {
        "restrict",           "no-pty",     "no-agent-forwarding",
        "no-port-forwarding", "no-user-rc", "no-X11-forwarding",
    };

    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
        if (!strcasecmp(option, harmless[i]))
            return true;
    return false;
}

/* The end of a word in which blanks between double quotes count as text. */
static char *line_word_end(char *p)
{
    bool quoted = false;

    for (; *p && (quoted || (*p != ' ' && *p != '\t')); p++) {
        if (*p == '\\' && p[1] == '"')
            p++;
        else if (*p == '"')
            quoted = !quoted;
    }
    return p;
}

static char *line_next_word(char **rest)
{
    char *word = *rest + strspn(*rest, " \t");
    char *end = line_word_end(word);

    *rest = *end ? end + 1 : end;
    *end = '\0';
    return word;
}

/* NULL if all options are harmless, else the first one that is not. */
static const char *line_check_options(char *options)
{
    bool quoted = false;
    char *start = options;

    for (char *p = options;; p++) {
        if (*p == '\\' && p[1] == '"') {
            p++;
            continue;
        }
        if (*p == '"')
            quoted = !quoted;
        if (*p && (*p != ',' || quoted))
            continue;
        bool last = !*p;
        *p = '\0';
        if (!option_is_harmless(start))
            return start;
        if (last)
            return NULL;
        start = p + 1;
    }
}

/* The modulus takes what the names and lengths (4 + 7, 4 + 3, 4) and its leading zero leave of the
 * blob. RFC 4253, 6.6 */
static unsigned rsa_bits(const char *base64)
{
    size_t len = strcspn(base64, "=");
    size_t blob = len * 3 / 4;

    return blob > 23 ? (unsigned)(blob - 23) * 8 : 0;
}

static void line_refuse(struct authorized_keys *keys, const struct line *l, const char *why,
                        const char *what)
{
    keys->refused++;
    log_warning("%s:%u: this key is not used: %s%s", l->name, l->number, why, what);
}

static bool type_is_certificate(const char *type)
{
    return strstr(type, "-cert-v01@openssh.com") != NULL;
}

static void line_add(struct authorized_keys *keys, const struct line *l)
{
    char *rest = l->text, *type = line_next_word(&rest);
    ssh_key key = NULL;

    if (ssh_key_type_from_name(type) == SSH_KEYTYPE_UNKNOWN) {
        const char *bad = line_check_options(type);
        if (bad) {
            line_refuse(keys, l, "not a key type, nor an option that is honoured: ", bad);
            return;
        }
        type = line_next_word(&rest);
    }
    enum ssh_keytypes_e kind = ssh_key_type_from_name(type);
    const char *base64 = line_next_word(&rest);
    if (type_is_certificate(type)) {
        line_refuse(keys, l, "certificates are not accepted", "");
        return;
    }
    if (kind == SSH_KEYTYPE_UNKNOWN || kind == SSH_KEYTYPE_DSS ||
        ssh_pki_import_pubkey_base64(base64, kind, &key) != SSH_OK) {
        line_refuse(keys, l, "it cannot be read as a public key", "");
        return;
    }
    keys->key = memory_resize(keys->key, (keys->count + 1) * sizeof *keys->key);
    keys->key[keys->count++] = (struct authorized_key){
        .key = key,
        .comment = memory_text(rest + strspn(rest, " \t")),
        .type = ssh_key_type_to_char(kind),
        .rsa_bits = kind == SSH_KEYTYPE_RSA ? rsa_bits(base64) : 0,
    };
}

void authorized_keys_add(struct authorized_keys *keys, const char *name, const char *text,
                         size_t len)
{
    struct line l = {.name = name};

    while (len) {
        const char *newline = memchr(text, '\n', len);
        size_t n = newline ? (size_t)(newline - text) : len;
        l.number++;
        l.text = memory_new(n + 1, 1);
        memcpy(l.text, text, n);
        while (n && isspace((unsigned char)l.text[n - 1]))
            l.text[--n] = '\0';
        size_t blank = strspn(l.text, " \t");
        if (l.text[blank] && l.text[blank] != '#')
            line_add(keys, &l);
        free(l.text);
        size_t used = newline ? (size_t)(newline - text) + 1 : len;
        text += used;
        len -= used;
    }
}

void authorized_keys_free(struct authorized_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++) {
        ssh_key_free(keys->key[i].key);
        free(keys->key[i].comment);
    }
    free(keys->key);
    *keys = (struct authorized_keys){0};
}

bool authorized_keys_is_certificate(ssh_key key)
{
    const char *type = ssh_key_type_to_char(ssh_key_type(key));

    return !type || type_is_certificate(type);
}

const struct authorized_key *authorized_keys_find(const struct authorized_keys *keys, ssh_key key)
{
    /* libssh 0.11 calls a certificate equal to its plain key, and checks nothing else of it. */
    if (authorized_keys_is_certificate(key))
        return NULL;
    for (size_t i = 0; i < keys->count; i++)
        if (!ssh_key_cmp(keys->key[i].key, key, SSH_KEY_CMP_PUBLIC))
            return &keys->key[i];
    return NULL;
}
