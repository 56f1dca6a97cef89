/* SPDX-License-Identifier: Apache-2.0 */
#include "device/session/authorized_keys.h"

#include "base/log.h"
#include "base/memory.h"
#include "device/session/key_option.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Warnings for each text; the number of the others is logged. */
#define AUTHORIZED_KEYS_WARNINGS_MAX 20

#define LINE_IS_PRIVATE                                                                            \
    "this is a private key; put the public key here (the .pub file), and do not leave the "        \
    "private one on the device"

/* A line that is being parsed. */
struct line {
    const char *name;
    unsigned number;
    unsigned warnings;
    const char *skip_to; /* the lines up to one that has this belong to a block; or NULL */
    char *text;          /* modified */
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

/* Takes the value of from; NULL, or why it is not acceptable. */
static const char *line_take_from(char *value, struct authorized_key *key)
{
    const char *why = NULL;

    if (key->from) /* both would have to match */
        why = "the option from is given twice";
    else if (!key_option_from_is_enforceable(value))
        why = "in from, a pattern with ! must be an address, ADDRESS/BITS, or an IPv4 address with "
              "* and ?";
    else if (!key_option_from_admits(value))
        why = "from admits no address (names are not looked up)";
    if (why)
        free(value);
    else
        key->from = value;
    return why;
}

/* Parses an option; NULL, or why the line is not acceptable. What has to be checked at login is
 * stored in the key. */
static const char *line_take_option(const char *option, struct authorized_key *key)
{
    char *value = key_option_value(option, "from");

    if (value)
        return line_take_from(value, key);
    value = key_option_value(option, "expiry-time");
    if (!value)
        return key_option_is_harmless(option) ? NULL : key_option_describe(option);
    int64_t when;
    bool good = !key_option_parse_time(value, &when) && when > 0; /* 0 means never */
    free(value);
    if (good && (!key->expires || when < key->expires))
        key->expires = when;
    return good ? NULL : "expiry-time needs YYYYMMDD[HHMM[SS]], with Z at the end for UTC";
}

/* NULL if all options are supported, else why one is not. */
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
        const char *why = line_take_option(start, key);
        if (why || last)
            return why;
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

static void line_refuse(struct authorized_keys *keys, struct line *l, const char *why)
{
    keys->refused++;
    if (keys->complain && l->warnings++ < AUTHORIZED_KEYS_WARNINGS_MAX)
        log_warning("%s:%u: ignoring this line: %s", l->name, l->number, why);
}

static bool type_is_certificate(const char *type)
{
    return strstr(type, "-cert-v01@openssh.com") != NULL;
}

/* libssh 0.11 no longer knows the name. */
static bool type_is_dsa(const char *type)
{
    return ssh_key_type_from_name(type) == SSH_KEYTYPE_DSS || !strcmp(type, "ssh-dss");
}

static bool type_is_known(const char *type)
{
    return ssh_key_type_from_name(type) != SSH_KEYTYPE_UNKNOWN || type_is_certificate(type) ||
           type_is_dsa(type);
}

/* The key of a line whose options have been taken; NULL, or why it is not acceptable. */
static const char *line_take_key(const char *type, const char *base64, struct authorized_key *key)
{
    enum ssh_keytypes_e kind = ssh_key_type_from_name(type);

    if (type_is_certificate(type))
        return "certificates are not accepted";
    if (authorized_keys_is_security_key(kind))
        return "security keys (sk-...) are not accepted, because a touch cannot be verified";
    if (type_is_dsa(type))
        return "DSA keys are not accepted";
    if (kind == SSH_KEYTYPE_UNKNOWN)
        return "neither a key type nor a supported option";
    if (ssh_pki_import_pubkey_base64(base64, kind, &key->key) != SSH_OK)
        return "not a valid public key; a key is one line, as in the .pub file";
    key->type = ssh_key_type_to_char(kind);
    key->rsa_bits = kind == SSH_KEYTYPE_RSA ? rsa_bits(base64) : 0;
    return NULL;
}

/* Parses the key and its options; NULL, or why the line is ignored. */
static const char *line_parse(const struct line *l, struct authorized_key *key)
{
    char *rest = l->text, *type = line_next_word(&rest);

    if (!type_is_known(type)) {
        const char *why = line_take_options(type, key);
        if (why)
            return why;
        type = line_next_word(&rest);
    }
    const char *why = line_take_key(type, line_next_word(&rest), key);
    if (!why)
        key->comment = memory_text(rest + strspn(rest, " \t"));
    return why;
}

/* Other things that people paste where a public key belongs, and the end of such a block. */
static const struct {
    const char *start, *word, *end, *why;
} line_blocks[] = {
    {"-- BEGIN ", "PRIVATE KEY", "-- END", LINE_IS_PRIVATE},
    {"-----BEGIN ", "PRIVATE KEY", "-----END", LINE_IS_PRIVATE},
    {"PuTTY-User-Key-File-", "", "Private-MAC:", LINE_IS_PRIVATE},
    {"-- BEGIN ", "", "-- END",
     "this is a public key in another format; convert it with ssh-keygen -i -f FILE"},
    {"-----BEGIN ", "", "-----END",
     "this is a key in another format; put the line of the .pub file here"},
    {"\xff\xfe", "", NULL, "this text is UTF-16; save it as ASCII or UTF-8"},
    {"\xfe\xff", "", NULL, "this text is UTF-16; save it as ASCII or UTF-8"},
};

static bool line_has_key_type(const char *text)
{
    char word[64];

    text += strspn(text, " \t");
    snprintf(word, sizeof word, "%.*s", (int)strcspn(text, " \t"), text);
    return type_is_known(word);
}

/* Whether the line belongs to such a block. The block counts as one line; one that is cut off ends
 * at the next key. */
static bool line_is_in_block(struct authorized_keys *keys, struct line *l)
{
    if (line_has_key_type(l->text)) {
        l->skip_to = NULL;
        return false;
    }
    if (l->skip_to) {
        if (strstr(l->text, l->skip_to))
            l->skip_to = NULL;
        return true;
    }
    for (size_t i = 0; i < sizeof line_blocks / sizeof *line_blocks; i++)
        if (strstr(l->text, line_blocks[i].start) && strstr(l->text, line_blocks[i].word)) {
            line_refuse(keys, l, line_blocks[i].why);
            l->skip_to = line_blocks[i].end;
            return true;
        }
    return false;
}

static void line_add(struct authorized_keys *keys, struct line *l)
{
    struct authorized_key key = {0};
    const char *why = line_parse(l, &key);

    if (why) {
        line_refuse(keys, l, why);
        free(key.from);
        return;
    }
    keys->key = memory_resize(keys->key, (keys->count + 1) * sizeof *keys->key);
    keys->key[keys->count++] = key;
}

static void line_take(struct authorized_keys *keys, struct line *l, const char *text, size_t len)
{
    l->number++;
    l->text = memory_new(len + 1, 1);
    memcpy(l->text, text, len);
    while (len && isspace((unsigned char)l->text[len - 1]))
        l->text[--len] = '\0';
    size_t blank = strspn(l->text, " \t");
    if (l->text[blank] && l->text[blank] != '#' && !line_is_in_block(keys, l))
        line_add(keys, l);
    explicit_bzero(l->text, len); /* it may be a private key */
    free(l->text);
}

void authorized_keys_add(struct authorized_keys *keys, const char *name, const char *text,
                         size_t len)
{
    struct line l = {.name = name};
    size_t mark = len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3) ? 3 : 0; /* of UTF-8 */

    text += mark;
    len -= mark;
    while (len) {
        const char *newline = memchr(text, '\n', len);
        size_t n = newline ? (size_t)(newline - text) : len;
        line_take(keys, &l, text, n);
        size_t used = newline ? n + 1 : len;
        text += used;
        len -= used;
    }
    if (keys->complain && l.warnings > AUTHORIZED_KEYS_WARNINGS_MAX)
        log_warning("%s: ignoring %u more lines", name, l.warnings - AUTHORIZED_KEYS_WARNINGS_MAX);
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

bool authorized_keys_is_security_key(enum ssh_keytypes_e type)
{
    return type == SSH_KEYTYPE_SK_ECDSA || type == SSH_KEYTYPE_SK_ECDSA_CERT01 ||
           type == SSH_KEYTYPE_SK_ED25519 || type == SSH_KEYTYPE_SK_ED25519_CERT01;
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

size_t authorized_keys_count(const struct authorized_keys *keys, int64_t now)
{
    size_t count = 0;

    for (size_t i = 0; i < keys->count; i++)
        count += !keys->key[i].expires || now < keys->key[i].expires;
    return count;
}

const struct authorized_key *authorized_keys_find(const struct authorized_keys *keys, ssh_key key,
                                                  const char *address, int64_t now,
                                                  const char **why)
{
    *why = "not an authorized key";
    /* libssh 0.11 treats a certificate as equal to its plain key and checks nothing else in it. */
    if (authorized_keys_is_certificate(key) || authorized_keys_is_security_key(ssh_key_type(key)))
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
