/* SPDX-License-Identifier: Apache-2.0 */
#include "device/receive/self_check.h"

#include "base/argv.h"
#include "base/device_lock.h"
#include "base/io.h"
#include "base/memory.h"
#include "base/reboot_param.h"
#include "device/receive/change.h"
#include "device/slots/device_path.h"
#include "device/slots/slot_driver.h"
#include "device/updaters/updater_driver.h"
#include "device/updaters/updater_path.h"
#include "wire/slot_facts.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define VERSION_TEXT_MAX 4096
#define VERSION_SECONDS 10
/* The kernel's first numbers are those of /dev/null and its kin, and of terminals. */
#define TERMINAL_MAJOR 5
#define INTERPRETER_MAX 256 /* as in the kernel */
#define FIRMWARE_KEY_FILE_MAX 4096
#define FIRMWARE_KEY_SIZE 32 /* bytes; 43 characters of base64, and a = */

struct self_check {
    const struct device_config *config;
    self_check_tell *tell;
    void *context;
    unsigned problems;
};

/* rc: 0, or -1 with the error set. */
static void self_check_report(struct self_check *s, const char *what, int rc,
                              const struct error *err)
{
    s->problems += rc != 0;
    s->tell(s->context, what, rc ? err->text : NULL);
}

static int self_check_writable(const char *path, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), read_only = 0, rc = 0;
    struct stat st;

    if (fd < 0 || fstat(fd, &st))
        rc = error_errno(err, "cannot read the device %s (key device)", path);
    else if (S_ISCHR(st.st_mode) && major(st.st_rdev) <= TERMINAL_MAJOR)
        rc = error_set(err, EXIT_FAILED, "%s (key device) is no disk; name the device's own", path);
    else if (access(path, W_OK))
        rc = error_errno(err, "cannot write to the device %s (key device)", path);
    else if (S_ISBLK(st.st_mode) && !ioctl(fd, BLKROGET, &read_only) && read_only)
        rc = error_set(err, EXIT_FAILED,
                       "the device %s (key device) is write-protected; check its switch, or "
                       "blockdev --getro",
                       path);
    io_close(&fd);
    return rc;
}

static void self_check_device(struct self_check *s)
{
    struct error err;
    char *path = device_path_find(s->config, &err);

    self_check_report(s, "device", path ? self_check_writable(path, &err) : -1, &err);
    free(path);
}

/* Whether it can be run at all: not for another architecture, no library is missing. */
static int self_check_version(const struct updater *u, struct error *err)
{
    char *argv[] = {u->program, "--version", NULL};
    struct run run = {.argv = argv,
                      .output = RUN_KEEP,
                      .errors = RUN_KEEP,
                      .keep = VERSION_TEXT_MAX,
                      .seconds = VERSION_SECONDS,
                      .detached = true};
    struct run_result result;
    char *what = memory_printf("%s --version (key updater)", u->program);
    int rc = run_expect(&run, what, &result, err);

    if (!rc && !result.text.len)
        rc = error_set(err, EXIT_FAILED, "%s printed nothing", what);
    if (rc)
        error_suffix(err, "install it anew");
    free(what);
    run_free(&result);
    return rc;
}

static void self_check_updater(struct self_check *s)
{
    struct updater u;
    struct error err;
    int rc = updater_find(&u, s->config, &err);

    /* An adapter has no version; it describes itself when it is identified. */
    if (!rc && !u.driver->is_adapter)
        rc = self_check_version(&u, &err);
    if (!rc)
        rc = updater_identify(&u, s->config, &err);
    self_check_report(s, "updater", rc, &err);
    updater_free(&u);
}

/* What is reserved for root counts for root only. Some file systems have no numbers. */
static bool self_check_is_full(const char *path)
{
    struct statvfs fs;

    return !statvfs(path, &fs) && fs.f_blocks && !(geteuid() ? fs.f_bavail : fs.f_bfree);
}

static int self_check_directory(const char *path, const char *key, struct error *err)
{
    struct stat st;

    if (stat(path, &st))
        return error_errno(err, "cannot use the directory %s (key %s); create it", path, key);
    if (!S_ISDIR(st.st_mode))
        return error_set(err, EXIT_FAILED, "%s (key %s) is not a directory", path, key);
    if (access(path, W_OK | X_OK))
        return error_errno(err, "cannot write to the directory %s (key %s)", path, key);
    if (self_check_is_full(path))
        return error_set(err, EXIT_FAILED, "the file system of %s (key %s) is full; make room",
                         path, key);
    return 0;
}

/* A file that is going to be written, and may be missing. */
static void self_check_file(struct self_check *s, const char *file, const char *key)
{
    char *copy = memory_text(file);
    struct error err;
    struct stat st;

    int rc = self_check_directory(dirname(copy), key, &err);
    if (!rc && !lstat(file, &st) && !S_ISREG(st.st_mode))
        rc = error_set(&err, EXIT_FAILED, "%s (key %s) is not a regular file; name another one",
                       file, key);
    self_check_report(s, key, rc, &err);
    free(copy);
}

/* The directory is created by whoever takes the lock first. */
static void self_check_lock(struct self_check *s)
{
    char *copy = memory_text(s->config->lock_file);
    struct error err;
    int rc = device_lock_make_directory(s->config->lock_file, &err) ||
                     self_check_directory(dirname(copy), "lock-file", &err)
                 ? -1
                 : 0;

    self_check_report(s, "lock-file", rc, &err);
    free(copy);
}

/* fwsshd creates the directory when it creates a host key in it. Some file systems, as /proc, have
 * directories that seem to be writable and are not. */
static int self_check_new_directory(const char *path, const char *key, struct error *err)
{
    char *copy = memory_text(path);
    int rc = self_check_directory(dirname(copy), key, err);

    free(copy);
    if (rc)
        return -1;
    if (mkdir(path, 0700) && errno != EEXIST)
        return error_errno(err, "cannot create the directory %s (key %s)", path, key);
    /* Not if something has come into it meanwhile. */
    (void)rmdir(path);
    return 0;
}

static void self_check_state(struct self_check *s)
{
    const char *path = s->config->state_dir;
    struct error err;
    int rc = access(path, F_OK) && errno == ENOENT
                 ? self_check_new_directory(path, "state-dir", &err)
                 : self_check_directory(path, "state-dir", &err);

    self_check_report(s, "state-dir", rc, &err);
}

static bool firmware_key_is_base64(const char *text)
{
    size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");

    text += len;
    text += *text == '=';
    while (isspace((unsigned char)*text))
        text++;
    return len == 43 && !*text;
}

static int self_check_firmware_key(const char *key, struct error *err)
{
    struct buffer text = {0};
    int rc = 0;

    if (firmware_key_is_base64(key))
        return 0;
    if (io_read_file(key, FIRMWARE_KEY_FILE_MAX, &text, err))
        rc = error_prefix(err, "key firmware-public-keys");
    else if (text.len != FIRMWARE_KEY_SIZE && !firmware_key_is_base64(buffer_text(&text)))
        rc = error_set(err, EXIT_FAILED,
                       "%s (key firmware-public-keys) is not a public key: 32 bytes, or 43 "
                       "characters of base64; create one with fwpack gen-keys",
                       key);
    buffer_free(&text);
    return rc;
}

static void self_check_firmware_keys(struct self_check *s)
{
    const struct text_list *keys = &s->config->firmware_public_keys;
    struct error err;

    for (size_t i = 0; i < keys->count; i++)
        self_check_report(s, "firmware-public-keys", self_check_firmware_key(keys->item[i], &err),
                          &err);
}

/* A script whose interpreter is missing is executable, and cannot be run. */
static int self_check_interpreter(const char *program, const char *key, struct error *err)
{
    char line[INTERPRETER_MAX] = "";
    int fd = open(program, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = fd < 0 ? 0 : io_read_full(fd, line, sizeof line - 1);

    io_close(&fd);
    if (n < 2 || strncmp(line, "#!", 2) != 0)
        return 0;
    char *interpreter = line + 2 + strspn(line + 2, " \t");
    interpreter[strcspn(interpreter, " \t\n")] = '\0';
    return access(interpreter, X_OK)
               ? error_errno(err, "cannot run %s (key %s): its interpreter %s", program, key,
                             interpreter)
               : 0;
}

/* A command, which may be "": is its program there? */
static void self_check_command(struct self_check *s, const char *key, const char *command)
{
    struct argv words = {0};
    struct error err;
    int rc = 0;

    argv_split(&words, command);
    if (words.count) {
        char *found = updater_path_search(words.word[0]);
        if (!found)
            rc = error_set(&err, EXIT_FAILED,
                           "cannot find the program %s (key %s), or it is not executable; install "
                           "it, or correct the key",
                           words.word[0], key);
        else if (!(rc = self_check_interpreter(found, key, &err)))
            rc = updater_path_check(s->config, words.word[0], key, &err);
        free(found);
        self_check_report(s, key, rc, &err);
    }
    argv_free(&words);
}

static void self_check_commands(struct self_check *s)
{
    const struct device_config *c = s->config;

    if (strcmp(c->reboot_command, REBOOT_BY_KERNEL))
        self_check_command(s, "reboot-command", c->reboot_command);
    self_check_command(s, "hook-precheck", c->hook_precheck);
    self_check_command(s, "hook-success", c->hook_success);
    self_check_command(s, "hook-failure", c->hook_failure);
    self_check_command(s, "slot-command", c->slot_command);
    self_check_command(s, "authorized-keys-command", c->keys_command);
    self_check_command(s, "receive-program", c->receive_program);
    if (!access(c->hold_program, F_OK)) /* without it, whole firmwares are taken */
        self_check_command(s, "hold-program", c->hold_program);
}

static void self_check_slots(struct self_check *s)
{
    struct facts facts = {0};
    struct error err;

    int rc = slot_driver_read(s->config, &facts, &err) || change_check(&facts, &err) ||
                     slot_driver_check_note(s->config, &facts, &err)
                 ? -1
                 : 0;

    bool unknown = !rc && slot_facts_state(&facts) == SLOT_UNKNOWN;
    self_check_report(s, unknown ? "slots: " SLOTS_ARE_UNKNOWN : "slots", rc, &err);
    facts_free(&facts);
}

unsigned self_check(const struct device_config *config, self_check_tell *tell, void *context)
{
    struct self_check s = {.config = config, .tell = tell, .context = context};

    self_check_device(&s);
    self_check_updater(&s);
    self_check_lock(&s);
    self_check_state(&s);
    if (*config->audit_file)
        self_check_file(&s, config->audit_file, "audit-file");
    if (*config->metrics_file)
        self_check_file(&s, config->metrics_file, "metrics-file");
    self_check_firmware_keys(&s);
    self_check_commands(&s);
    self_check_slots(&s);
    return s.problems;
}
