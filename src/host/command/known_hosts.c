/* SPDX-License-Identifier: Apache-2.0 */
#include "host/command/known_hosts.h"

#include "base/io.h"
#include "base/memory.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORDS_MAX (64u << 20)
/* What a name of a device may have in it: known_hosts knows patterns, negations, markers and hashes
 * by other characters, and one of those would make a key count for other devices, too. */
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:%"
#define BLANKS " \t\r"
#define SSH_PORT 22
/* RFC 8709: the length of the name, the name, the length of the key, the key. */
#define ED25519_BLOB 51

static bool known_hosts_has_type(const char *type)
{
    static const char *const types[] = {"ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384",
                                        "ecdsa-sha2-nistp521", "ssh-rsa"};

    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (!strcmp(type, types[i]))
            return true;
    return false;
}

/* Whether the key is one of the type that is written before it: it begins with its name. */
static bool known_hosts_is_key(const char *type, const char *base64)
{
    size_t len = strlen(base64), wanted = strlen(type), size = 0;
    unsigned char *blob = memory_new(len + 1, 1);
    bool is = !sodium_base642bin(blob, len + 1, base64, len, NULL, &size, NULL,
                                 sodium_base64_VARIANT_ORIGINAL) &&
              size > 4 + wanted && !blob[0] && !blob[1] && !blob[2] && blob[3] == wanted &&
              !memcmp(blob + 4, type, wanted) &&
              (strcmp(type, "ssh-ed25519") != 0 || size == ED25519_BLOB);

    free(blob);
    return is;
}

static int known_hosts_add_names(struct buffer *out, char *names, int port, struct error *err)
{
    bool any = false;

    for (char *name; (name = strsep(&names, ","));) {
        if (!*name || name[strspn(name, NAME_CHARACTERS)])
            return error_set(err, EXIT_USAGE,
                             "'%s' is no name of a device (letters, digits and .-_:%%)", name);
        buffer_printf(out, port == SSH_PORT ? "%s%s" : "%s[%s]", any ? "," : "", name);
        if (port != SSH_PORT)
            buffer_printf(out, ":%d", port);
        any = true;
    }
    return 0;
}

static char *known_hosts_word(char **rest)
{
    char *word = NULL;

    while (*rest && (!word || !*word))
        word = strsep(rest, BLANKS);
    return word ? word : "";
}

/* Appends the line for a record; a blank one or a comment has none. */
static int known_hosts_add(struct buffer *out, char *line, int port, struct error *err)
{
    char *rest = line;
    char *names = known_hosts_word(&rest);

    if (!*names || *names == '#')
        return 0;
    const char *type = known_hosts_word(&rest), *key = known_hosts_word(&rest);
    if (known_hosts_has_type(names))
        return error_set(err, EXIT_USAGE, "the name of the device is missing before %s", names);
    if (!known_hosts_has_type(type))
        return error_set(err, EXIT_USAGE,
                         "'%s' is no type of a host key, such as ssh-ed25519 (NAME TYPE KEY)",
                         type);
    if (!known_hosts_is_key(type, key))
        return error_set(err, EXIT_USAGE, "the key of %s is damaged or cut off (%s)", names, type);
    if (known_hosts_add_names(out, names, port, err))
        return -1;
    buffer_printf(out, " %s %s\n", type, key);
    return 0;
}

/* Shows what is wrong with each line. Returns the number of such lines. */
static unsigned known_hosts_convert(struct buffer *out, const char *name, char *text, int port)
{
    unsigned number = 0, bad = 0;
    struct error err;

    for (char *line; (line = strsep(&text, "\n"));) {
        number++;
        if (!known_hosts_add(out, line, port, &err))
            continue;
        fprintf(stderr, "fwssh: %s:%u: %s\n", name, number, err.text);
        bad++;
    }
    return bad;
}

static int known_hosts_write(const char *path, const struct buffer *text, struct error *err)
{
    if (strcmp(path, "-"))
        return io_write_file(path, buffer_text(text), text->len, 0644, err);
    fputs(buffer_text(text), stdout);
    return 0;
}

static int known_hosts_read(const char *from, struct buffer *text, struct error *err)
{
    int rc = strcmp(from, "-") ? io_read_file(from, RECORDS_MAX, text, err)
                               : io_read_fd(0, "standard input", RECORDS_MAX, text, err);

    if (!rc && text->len && memchr(text->data, '\0', text->len))
        rc = error_set(err, EXIT_USAGE, "%s contains zero bytes", from);
    if (!rc && !text->len)
        rc = error_set(err, EXIT_USAGE, "%s is empty", from);
    return rc;
}

int known_hosts_run(const struct host_options *o)
{
    int port = o->alias ? SSH_PORT : o->reach.port ? o->reach.port : REACH_DEFAULT_PORT;
    struct buffer text = {0}, out = {0};
    struct error err = {.status = EXIT_DONE};
    unsigned bad = 0;

    if (!o->from) {
        error_set(&err, EXIT_USAGE, "known-hosts needs --from FILE");
    } else if (!known_hosts_read(o->from, &text, &err)) {
        bad = known_hosts_convert(&out, strcmp(o->from, "-") ? o->from : "standard input",
                                  text.data, port);
        if (bad)
            error_set(&err, EXIT_USAGE, "%u line%s with a mistake; nothing was written", bad,
                      bad == 1 ? "" : "s");
        else
            known_hosts_write(o->output_file, &out, &err);
    }
    if (err.status != EXIT_DONE)
        fprintf(stderr, "fwssh: %s\n", err.text);
    buffer_free(&text);
    buffer_free(&out);
    return (int)err.status;
}
