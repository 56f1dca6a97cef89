#include "device/listen/host_keys.h"

#include "base/io.h"
#include "base/log.h"
#include "base/memory.h"
#include "device/listen/session_tool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOST_KEY_FILE_MAX 65536

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
            if (io_read_file(path, HOST_KEY_FILE_MAX, &text, &err))
                log_warning("%s; ignoring this host key", err.text);
            else
                host_keys_add(keys, path, &text);
        }
        buffer_free(&text);
        free(path);
    }
}

static char *host_keys_state_path(const struct device_config *config)
{
    return memory_printf("%s/ssh_host_ed25519_key", config->state_dir);
}

static int host_keys_make(const struct device_config *config, const char *path, struct buffer *text,
                          struct error *err)
{
    struct error write_error;

    if (session_tool_make_key(config, text, err))
        return error_prefix(err, "cannot generate a host key");
    if (mkdir(config->state_dir, 0755) && errno != EEXIST)
        error_errno(&write_error, "cannot create %s (key state-dir)", config->state_dir);
    else if (!io_write_file(path, text->data, text->len, 0600, &write_error)) {
        log_info("generated a host key for this device: %s", path);
        return 0;
    }
    log_warning("%s; keeping the host key in memory only: clients will see a different one after "
                "each start",
                write_error.text);
    return 1;
}

/* The key compatible: clients without Ed25519 need an ECDSA key, of the system or our own. It is
 * not made just for a check. */
static void host_keys_add_ecdsa(struct host_keys *keys, const struct device_config *config,
                                unsigned how)
{
    char *path = memory_printf("%s/ssh_host_ecdsa_key", config->state_dir);
    struct buffer text = {0};
    struct error err;
    bool exists = access(path, F_OK) == 0;
    int rc = 0;

    for (size_t i = 0; i < keys->count; i++)
        rc = rc || strstr(keys->name[i], "/ssh_host_ecdsa_key");
    if (!rc && exists)
        rc = io_read_file(path, HOST_KEY_FILE_MAX, &text, &err);
    else if (!rc && how & HOST_KEYS_KEEP) {
        (void)mkdir(config->state_dir, 0755);
        rc = session_tool_make_ecdsa_key(config, &text, &err) ||
                     io_write_file(path, text.data, text.len, 0600, &err)
                 ? -1
                 : 0;
    }
    if (rc < 0)
        log_warning("%s; no ECDSA host key for older clients (key compatible)", err.text);
    else if (text.len)
        host_keys_add(keys, path, &text);
    if (text.data)
        explicit_bzero(text.data, text.len);
    buffer_free(&text);
    free(path);
}

int host_keys_load(struct host_keys *keys, const struct device_config *config, unsigned how,
                   struct error *err)
{
    char *path = host_keys_state_path(config);
    struct buffer text = {0};
    int rc = 0;

    *keys = (struct host_keys){0};
    if (!(how & HOST_KEYS_OWN))
        host_keys_from_system(keys, config->system_dir);
    keys->from_system = keys->count > 0;
    if (!keys->count) {
        bool exists = access(path, F_OK) == 0;
        if (exists)
            rc = io_read_file(path, HOST_KEY_FILE_MAX, &text, err);
        else
            rc = how & HOST_KEYS_KEEP ? host_keys_make(config, path, &text, err)
                                      : session_tool_make_key(config, &text, err);
        keys->volatile_key = !exists && (rc > 0 || !(how & HOST_KEYS_KEEP));
        if (rc >= 0)
            host_keys_add(keys, path, &text);
    }
    buffer_free(&text);
    free(path);
    if (rc >= 0 && config->compatible)
        host_keys_add_ecdsa(keys, config, how);
    return rc < 0 ? -1 : 0;
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

int host_keys_init(const struct device_config *config, struct error *err)
{
    char *path = host_keys_state_path(config);
    struct buffer text = {0};
    int rc = access(path, F_OK) ? host_keys_make(config, path, &text, err) : 0;

    if (rc > 0)
        rc = error_set(err, EXIT_FAILED, "cannot write %s", path);
    buffer_free(&text);
    free(path);
    return rc;
}
