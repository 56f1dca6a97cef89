#include "device/session/authorized_keys.h"

#include "base/log.h"
#include "base/memory.h"
#include "device/session/key_option.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* A line that is being parsed. */
struct line {
    const char *name;
    unsigned number;
    char *text; /* modified */
};

/* The end of a word, which may contain blanks between double quotes. */
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

/* Parses an option; false if it is unknown or invalid. What has to be checked at login is stored in
 * the key. */
static bool line_take_option(const char *option, struct authorized_key *key)
{
    char *value = key_option_value(option, "from");

    if (value) {
        if (key->from) /* both would have to match */
            free(value);
        else
            key->from = value;
        return key->from == value;
    }
    value = key_option_value(option, "expiry-time");
    if (!value)
        return key_option_is_harmless(option);
    int64_t when;
    bool good = !key_option_parse_time(value, &when) && when > 0; /* 0 means never */
    free(value);
    if (good && (!key->expires || when < key->expires))
        key->expires = when;
    return good;
}

/* NULL if all options are supported, else the first one that is not. */
static const char *line_take_options(char *options, struct authorized_key *key)
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
        if (!line_take_option(start, key))
            return start;
        if (last)
            return NULL;
        start = p + 1;
    }
}

/* From the size of the blob (RFC 4253, section 6.6) less all that is not modulus: "ssh-rsa" (4 +
 * 7), the exponent (4 + 3), the length of the modulus (4) and its leading zero. */
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
    log_warning("%s:%u: ignoring this key: %s%s", l->name, l->number, why, what);
}

static bool type_is_certificate(const char *type)
{
    return strstr(type, "-cert-v01@openssh.com") != NULL;
}

/* Parses the key and its options; false if the line is ignored. */
static bool line_parse(struct authorized_keys *keys, const struct line *l,
                       struct authorized_key *key)
{
    char *rest = l->text, *type = line_next_word(&rest);

    if (ssh_key_type_from_name(type) == SSH_KEYTYPE_UNKNOWN) {
        const char *bad = line_take_options(type, key);
        if (bad) {
            line_refuse(keys, l, "neither a key type nor a supported option: ", bad);
            return false;
        }
        type = line_next_word(&rest);
    }
    enum ssh_keytypes_e kind = ssh_key_type_from_name(type);
    const char *base64 = line_next_word(&rest);
    if (type_is_certificate(type)) {
        line_refuse(keys, l, "certificates are not accepted", "");
        return false;
    }
    if (kind == SSH_KEYTYPE_UNKNOWN || kind == SSH_KEYTYPE_DSS ||
        ssh_pki_import_pubkey_base64(base64, kind, &key->key) != SSH_OK) {
        line_refuse(keys, l, "not a valid public key", "");
        return false;
    }
    key->comment = memory_text(rest + strspn(rest, " \t"));
    key->type = ssh_key_type_to_char(kind);
    key->rsa_bits = kind == SSH_KEYTYPE_RSA ? rsa_bits(base64) : 0;
    return true;
}

static void line_add(struct authorized_keys *keys, const struct line *l)
{
    struct authorized_key key = {0};

    if (!line_parse(keys, l, &key)) {
        free(key.from);
        return;
    }
    keys->key = memory_resize(keys->key, (keys->count + 1) * sizeof *keys->key);
    keys->key[keys->count++] = key;
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
        free(keys->key[i].from);
    }
    free(keys->key);
    *keys = (struct authorized_keys){0};
}

bool authorized_keys_is_certificate(ssh_key key)
{
    const char *type = ssh_key_type_to_char(ssh_key_type(key));

    return !type || type_is_certificate(type);
}

/* NULL if the options of a key allow a login from this address at this time, else the reason. */
static const char *authorized_key_unmet(const struct authorized_key *key, const char *address,
                                        int64_t now)
{
    if (key->expires && now >= key->expires)
        return "the key has expired (expiry-time)";
    if (key->from && !key_option_from_matches(key->from, address))
        return "the key is not allowed from this address (from)";
    return NULL;
}

const struct authorized_key *authorized_keys_find(const struct authorized_keys *keys, ssh_key key,
                                                  const char *address, int64_t now,
                                                  const char **why)
{
    *why = "not an authorized key";
    /* libssh 0.11 treats a certificate as equal to its plain key and checks nothing else in it. */
    if (authorized_keys_is_certificate(key))
        return NULL;
    for (size_t i = 0; i < keys->count; i++) {
        if (ssh_key_cmp(keys->key[i].key, key, SSH_KEY_CMP_PUBLIC))
            continue;
        const char *unmet = authorized_key_unmet(&keys->key[i], address, now);
        if (!unmet)
            return &keys->key[i];
        *why = unmet;
    }
    return NULL;
}
