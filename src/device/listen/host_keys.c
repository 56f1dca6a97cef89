/* SPDX-License-Identifier: Apache-2.0 */
#include "device/listen/host_keys.h"

#include "base/io.h"
#include "base/log.h"
#include "base/memory.h"
#include "device/config/log_events.h"
#include "device/config/state_dir.h"
#include "device/listen/session_tool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOST_KEY_NAME "ssh_host_ed25519_key"
#define HOST_KEY_ECDSA_NAME "ssh_host_ecdsa_key"
#define HOST_KEY_FILE_MAX 65536
/* So many damaged keys are kept. */
#define HOST_KEYS_ASIDE_MAX 100

/* Ways to load, besides HOST_KEYS_KEEP and HOST_KEYS_OWN. */
#define HOST_KEYS_ANEW 4u /* the key in state-dir is damaged */
#define HOST_KEYS_ANEW_ECDSA 8u

static void host_keys_add(struct host_keys *keys, const char *name, struct buffer *text)
{
    keys->name[keys->count] = memory_text(name);
    keys->text[keys->count++] = *text;
    *text = (struct buffer){0};
}

static void host_keys_from_system(struct host_keys *keys, const char *dir)
{
    static const char *const kinds[] = {"ed25519", "ecdsa", "rsa"};

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char *path = memory_printf("%s/ssh_host_%s_key", dir, kinds[i]);
        struct buffer text = {0};
        struct error err;
        if (access(path, F_OK) == 0) {
            if (io_read_regular_file(path, HOST_KEY_FILE_MAX, &text, &err))
                log_warning("%s; ignoring this host key", err.text);
            else
                host_keys_add(keys, path, &text);
        }
        buffer_free(&text);
        free(path);
    }
}

/* Keeps the damaged file under another name, for whoever wants to look at it. */
static int host_keys_set_aside(const char *path, struct error *err)
{
    struct stat st;
    char *aside = NULL;

    for (int i = 1; i <= HOST_KEYS_ASIDE_MAX; i++) {
        free(aside);
        aside = memory_printf("%s.damaged-%d", path, i);
        if (lstat(aside, &st) && errno == ENOENT)
            break;
    }
    int rc = rename(path, aside) ? error_errno(err, "cannot rename %s to %s", path, aside)
                                 : io_flush_directory_of(path, err);
    if (!rc)
        log_event(LOG_LEVEL_ERROR, EVENT_HOST_KEY_DAMAGED, NULL,
                  "the host key %s was damaged: it is now %s, and a new one is made. Clients see "
                  "another key than before",
                  path, aside);
    free(aside);
    return rc;
}

/* Makes a key. Whether it was stored: if not, another start makes another one. */
static int host_keys_make(const struct device_config *config, const char *path, bool keep,
                          struct buffer *text, bool *stored, struct error *err)
{
    struct error write_error;

    *stored = false;
    if (session_tool_make_key(config, text, err))
        return error_prefix(err, "cannot generate a host key");
    if (!keep)
        return 0;
    if (!state_dir_write(config, HOST_KEY_NAME, text->data, text->len, &write_error)) {
        *stored = true;
        log_event(LOG_LEVEL_INFO, EVENT_HOST_KEY_NEW, NULL,
                  "generated a host key for this device: %s", path);
        return 0;
    }
    log_warning("%s; keeping the host key in memory only: clients will see a different one after "
                "each start",
                write_error.text);
    return 0;
}

/* What is no file, or far too long, cannot be a key. */
static bool host_keys_is_no_key(const char *path)
{
    struct stat st;

    return !stat(path, &st) && (!S_ISREG(st.st_mode) || st.st_size > HOST_KEY_FILE_MAX);
}

/* A key in state-dir, which we have made ourselves. */
struct host_key_own {
    const char *name;      /* of the file */
    bool damaged;          /* it cannot be parsed */
    bool keep;             /* may be set aside, repaired, and stored */
    const char *otherwise; /* what follows if it cannot be read */
};

/* Reads the key: 1, 0 if there has to be a new one, and own->keep tells whether it may be stored.
 * Whatever is wrong with the file, it is no reason not to start. */
static int host_keys_read_own(const struct device_config *config, struct host_key_own *own,
                              const char *path, struct buffer *text)
{
    struct stat st;
    struct error err;

    if (own->keep)
        state_dir_repair(config, own->name, true);
    if (lstat(path, &st) && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    if (own->damaged || host_keys_is_no_key(path)) {
        if (!own->keep)
            log_event(LOG_LEVEL_ERROR, EVENT_HOST_KEY_DAMAGED, NULL,
                      "the host key %s is damaged: at the next start it will be set aside and a "
                      "new one made",
                      path);
        else if (!host_keys_set_aside(path, &err))
            return 0;
    } else if (!io_read_regular_file(path, HOST_KEY_FILE_MAX, text, &err)) {
        return 1;
    }
    if (own->keep)
        log_error("%s; %s", err.text, own->otherwise);
    own->keep = false;
    buffer_clear(text);
    return 0;
}

static int host_keys_own(struct host_keys *keys, const struct device_config *config, unsigned how,
                         struct error *err)
{
    char *path = state_dir_path(config, HOST_KEY_NAME);
    struct buffer text = {0};
    struct host_key_own own = {
        .name = HOST_KEY_NAME,
        .damaged = how & HOST_KEYS_ANEW,
        .keep = how & HOST_KEYS_KEEP,
        .otherwise = "using a host key in memory only: clients see another key than before"};
    bool stored = true;
    int rc = 0;

    if (!host_keys_read_own(config, &own, path, &text))
        rc = host_keys_make(config, path, own.keep, &text, &stored, err);
    keys->volatile_key = !stored;
    if (!rc)
        host_keys_add(keys, path, &text);
    buffer_free(&text);
    free(path);
    return rc;
}

/* Whether there is one already, of the system. */
static bool host_keys_have_ecdsa(const struct host_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++)
        if (strstr(keys->name[i], "/" HOST_KEY_ECDSA_NAME))
            return true;
    return false;
}

/* The key compatible: clients without Ed25519 need an ECDSA key, of the system or our own. It is
 * not made just for a check, and none is kept in memory only. */
static void host_keys_add_ecdsa(struct host_keys *keys, const struct device_config *config,
                                unsigned how)
{
    char *path = state_dir_path(config, HOST_KEY_ECDSA_NAME);
    struct buffer text = {0};
    struct host_key_own own = {.name = HOST_KEY_ECDSA_NAME,
                               .damaged = how & HOST_KEYS_ANEW_ECDSA,
                               .keep = how & HOST_KEYS_KEEP,
                               .otherwise = "no ECDSA host key for older clients (key compatible)"};
    struct error err;

    bool there = host_keys_read_own(config, &own, path, &text);
    if (!there && own.keep) {
        there = !session_tool_make_ecdsa_key(config, &text, &err) &&
                !state_dir_write(config, HOST_KEY_ECDSA_NAME, text.data, text.len, &err);
        if (!there)
            log_warning("%s; no ECDSA host key for older clients (key compatible)", err.text);
    }
    if (there)
        host_keys_add(keys, path, &text);
    if (text.data)
        explicit_bzero(text.data, text.len);
    buffer_free(&text);
    free(path);
}

static int host_keys_load(struct host_keys *keys, const struct device_config *config, unsigned how,
                          struct error *err)
{
    *keys = (struct host_keys){0};
    if (!(how & HOST_KEYS_OWN) && !config->own_host_key)
        host_keys_from_system(keys, config->system_dir);
    keys->from_system = keys->count > 0;
    if (!keys->count && host_keys_own(keys, config, how, err))
        return -1;
    if (config->compatible && !host_keys_have_ecdsa(keys))
        host_keys_add_ecdsa(keys, config, how);
    return 0;
}

static bool host_keys_ecdsa_is_damaged(const struct device_config *config, const char *said)
{
    char *line = memory_printf("damaged-key %s/" HOST_KEY_ECDSA_NAME "\n", config->state_dir);
    bool damaged = strstr(said, line) != NULL;

    free(line);
    return damaged;
}

int host_keys_find(struct host_keys *keys, const struct device_config *config, unsigned how,
                   uint64_t *told, struct buffer *report, struct error *err)
{
    for (;;) {
        buffer_clear(report);
        if (host_keys_load(keys, config, how, err))
            return -1;
        bool good = !session_tool_check(config, keys, told, report, err);
        const char *said = buffer_text(report);
        if (good && (how & HOST_KEYS_ANEW_ECDSA || !host_keys_ecdsa_is_damaged(config, said)))
            return 0;
        if (good) {
            host_keys_free(keys);
            how |= HOST_KEYS_ANEW_ECDSA;
            continue;
        }
        /* Anything else than keys that cannot be parsed is not cured by another key. */
        bool damaged = strstr(said, "damaged-key ") && !strstr(said, "host-key ");
        bool from_system = keys->from_system;
        host_keys_free(keys);
        if (damaged && from_system) {
            log_warning("no usable host key in %s (key system-dir); using our own",
                        config->system_dir);
            how |= HOST_KEYS_OWN;
        } else if (damaged && !(how & HOST_KEYS_ANEW)) {
            how |= HOST_KEYS_ANEW;
        } else {
            return -1;
        }
    }
}

static void host_keys_restore_one(const struct device_config *config, const char *name,
                                  const char *path, const struct buffer *text)
{
    char *own = state_dir_path(config, name);
    struct stat st;
    struct error err;

    if (!strcmp(own, path) && lstat(path, &st) && errno == ENOENT) {
        if (state_dir_write(config, name, text->data, text->len, &err))
            log_warning("the host key %s is gone: %s", path, err.text);
        else
            log_warning("the host key %s was gone and is written again", path);
    }
    free(own);
}

void host_keys_restore(const struct host_keys *keys, const struct device_config *config)
{
    for (size_t i = 0; i < keys->count; i++) {
        host_keys_restore_one(config, HOST_KEY_NAME, keys->name[i], &keys->text[i]);
        host_keys_restore_one(config, HOST_KEY_ECDSA_NAME, keys->name[i], &keys->text[i]);
    }
}

void host_keys_free(struct host_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (keys->text[i].data)
            explicit_bzero(keys->text[i].data, keys->text[i].len);
        buffer_free(&keys->text[i]);
        free(keys->name[i]);
    }
    *keys = (struct host_keys){0};
}
